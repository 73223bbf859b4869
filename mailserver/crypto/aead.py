"""AES-256-GCM with a random nonce: the one cipher for everything small.

96 random bits a nonce allow 2^32 messages a key (NIST SP 800-38D §8.3); a content key ends after an
hour or 1,000 messages, and a session's key after a day.

Source: NIST SP 800-38D; RFC 5116 §5.2.
"""

import os
from typing import Never

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailserver.model.errors import Condition, Corrupt

NONCE_OCTETS = 12
TAG_OCTETS = 16
OVERHEAD_OCTETS = NONCE_OCTETS + TAG_OCTETS


class Aead:
    """One loaded key; loading costs as much as sealing 1 KB, so keep it while the key is used."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes | bytearray) -> None:
        """Load a key of 32 octets.

        Raises:
            ValueError: the key has another length; AES-128 is not offered.
        """
        if len(key) != 32:
            raise ValueError("an AES-256 key has 32 octets")
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes | bytearray, aad: bytes) -> bytes:
        """Return nonce ‖ ciphertext ‖ tag, 28 octets more than `plain`, bound to `aad`."""
        nonce = os.urandom(NONCE_OCTETS)
        return nonce + self._cipher.encrypt(nonce, plain, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            Corrupt: it was sealed under another key or for another place, or was altered.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:], aad)
        except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
            raise Corrupt(
                Condition.DAMAGED, "this object does not open: it is damaged or misplaced"
            ) from None

    def __repr__(self) -> str:
        """Never show the key."""
        return "<AES-256-GCM key>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")
