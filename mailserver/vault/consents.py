"""The keyed hashes of the consent ledger: whose, which course, and what a link in a letter opens.

They are made under the keys that former addresses are remembered by, of which none is ever lost:
a proof is kept for years, longer than a master key (PRIVACY §14).
"""

import base64
import binascii
import secrets
from typing import NamedTuple

from mailserver.crypto.sign import mac, same
from mailserver.model.errors import Absent, Condition
from mailserver.vault.guard import HASH_OCTETS
from mailserver.vault.master import MasterKeys

TOKEN_OCTETS = 32


class Name(NamedTuple):
    """A person under one of the keys."""

    subject: bytes
    key: bytes

    def course(self, purpose: str) -> bytes:
        """Return the name of the course of a purpose."""
        return _hash(self.key, b"consent course", self.subject, purpose.encode())


class ConsentKeys:
    """Makes and checks the names and tokens of the ledger."""

    def __init__(self, master: MasterKeys) -> None:
        """Take the keys of `master`: the current one, and all under which names may stand."""
        self._current = bytes(master.tomb_key)
        self._keys = tuple(bytes(key) for key in master.tomb_keys)

    def names(self, identity: str) -> tuple[Name, ...]:
        """Return a person's names, the one that is given now first.

        Args:
            identity: `account:` and its id in hex, or the key of an address.
        """
        keys = dict.fromkeys((self._current, *self._keys))
        return tuple(Name(_hash(key, b"consent of", identity.encode()), key) for key in keys)

    def link(self, subject: bytes, purpose: str) -> str:
        """Return what withdraws a person's consent to a purpose, for a URL; it never ends."""
        return _text(subject + _hash(self._current, b"consent link", subject, purpose.encode()))

    def linked(self, token: str, purpose: str) -> bytes:
        """Return whose link it is.

        Raises:
            Absent: we did not make it.
        """
        octets = _octets(token)
        subject, proof = octets[:HASH_OCTETS], octets[HASH_OCTETS:]
        for key in self._keys:
            if same(proof, _hash(key, b"consent link", subject, purpose.encode())):
                return subject
        raise Absent(Condition.NO_SUCH_MESSAGE, "this link is none of ours")

    @staticmethod
    def token() -> str:
        """Make what confirms a consent, for a URL."""
        return _text(secrets.token_bytes(TOKEN_OCTETS))

    def token_hash(self, token: str) -> bytes:
        """Return what stands for a token in the store; an unused one ends with its key."""
        return _hash(self._current, b"consent token", token.encode("utf-8", "replace"))


def _hash(key: bytes, what: bytes, *parts: bytes) -> bytes:
    return mac(key, b"\0".join((what, *parts)))[:HASH_OCTETS]


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _octets(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return b""
