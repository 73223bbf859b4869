"""The key of one export: what lies of it on disk opens with this key alone, and goes with it.

    piece   version 1 ‖ nonce 12 ‖ AES-256-GCM(key, octets), bound to account, export and its name

The key is random, seals this export and nothing else, and is kept sealed for the account's owner.
Names tell the pieces apart, so that none passes for another; a piece that is written again gets
another nonce.
"""

from typing import Never

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT
from mailserver.crypto.secret import KEY_OCTETS, SecretKey
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId

_FORMAT_OCTET = bytes([FORMAT])


class ExportKey:
    """Seals and opens the pieces of one export, from any thread."""

    __slots__ = ("_bound", "_cipher", "_key")

    def __init__(self, octets: bytes, account: AccountId, export: ObjectId) -> None:
        """Take the 32 octets that `octets` returned."""
        self._key = SecretKey(octets)
        self._cipher = Aead(self._key.octets)
        self._bound = b"zegel export\x00" + account + export

    @classmethod
    def random(cls, account: AccountId, export: ObjectId) -> "ExportKey":
        """Make the key of a new export."""
        key = SecretKey.random()
        try:
            return cls(bytes(key.octets), account, export)
        finally:
            key.wipe()

    @property
    def octets(self) -> bytes:
        """The key itself, to be sealed for the owner."""
        return bytes(self._key.octets)

    def seal(self, name: str, octets: bytes) -> bytes:
        """Seal a piece; 29 octets more than `octets`."""
        return _FORMAT_OCTET + self._cipher.seal(octets, self._bound + name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Return a piece.

        Raises:
            Corrupt: it was altered, or is another piece's or export's.
        """
        if sealed[:1] != _FORMAT_OCTET:
            raise Corrupt(Condition.DAMAGED, "this export is damaged")
        return self._cipher.open(sealed[1:], self._bound + name.encode())

    def close(self) -> None:
        """Overwrite the key."""
        self._key.wipe()

    def __repr__(self) -> str:
        """Never show the key."""
        return "<key of an export>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a key is not pickled or copied")


__all__ = ["KEY_OCTETS", "ExportKey"]
