"""Signatures (Ed25519), keyed hashes (HMAC-SHA256) and comparison that tells no time.

Source: RFC 8032; RFC 2104.
"""

import hmac
from typing import Never, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt

SEED_OCTETS = 32
SIGNATURE_OCTETS = 64


class SigningKey:
    """An Ed25519 key that signs; made from a seed of 32 octets, which a secrets file keeps."""

    __slots__ = ("_private", "public")

    public: bytes
    """The 32 octets that verify."""

    def __init__(self, seed: SecretKey) -> None:
        """Load the key whose seed is given.

        Raises:
            ValueError: the seed is not 32 octets.
        """
        self._private = Ed25519PrivateKey.from_private_bytes(seed.octets)
        self.public = self._private.public_key().public_bytes_raw()

    @classmethod
    def random(cls) -> Self:
        """Make a key that is used once and never stored."""
        return cls(SecretKey.random(SEED_OCTETS))

    def sign(self, data: bytes) -> bytes:
        """Return the 64 octets that sign `data`."""
        return self._private.sign(data)

    def __repr__(self) -> str:
        """Name the public half only."""
        return f"<signing key of {self.public.hex()}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")


def verify(public: bytes, signature: bytes, data: bytes) -> None:
    """Check that the owner of `public` signed `data`.

    Raises:
        Corrupt: it did not, or `public` is no Ed25519 key.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise Corrupt(Condition.DAMAGED, "a signature does not hold") from None


def mac(key: bytes | bytearray, data: bytes) -> bytes:
    """Return the 32 octets of HMAC-SHA256; one call of OpenSSL, for it is on the delivery path."""
    return hmac.digest(key, data, "sha256")


def same(one: bytes | bytearray, other: bytes | bytearray) -> bool:
    """Compare in a time that depends on the lengths alone."""
    return hmac.compare_digest(one, other)
