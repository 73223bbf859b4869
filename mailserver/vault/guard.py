"""The guarded class: what the server must read while the reader is away, and its keyed hashes.

An account's guarded data is under its own guard key, which lies in its keystore row: erasing the
row erases it all, in every backup. The instance's data is under the master key.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Never

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, NO_SUITE, FieldId, Origin, context
from mailserver.crypto.context import Kind as Kind  # what callers name guarded data by
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.secret import overwrite
from mailserver.crypto.sign import mac
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded

__all__ = ["HASH_OCTETS", "AccountGuard", "InstanceGuard", "Kind"]  # `mail` may not import crypto

HASH_OCTETS = 16

_FORMAT_OCTET = bytes([FORMAT])
_KID = struct.Struct(">I")
_INSTANCE = AccountId(bytes(16))


class AccountGuard:
    """Seals and opens one account's guarded data, under keys derived from its guard key."""

    __slots__ = ("_account", "_audit", "_cipher", "_names", "_threads", "_words")

    def __init__(self, guard_key: bytes | bytearray, account: AccountId) -> None:
        """Derive the account's guard keys."""
        self._account = account
        seal_key = hkdf(guard_key, b"seal")
        self._cipher = Aead(seal_key)
        overwrite(seal_key)
        self._names = hkdf(guard_key, b"names")
        self._threads = hkdf(guard_key, b"threads")
        self._audit = hkdf(guard_key, b"audit")
        self._words = hkdf(guard_key, b"words")

    def seal(
        self, kind: Kind, object_id: ObjectId, data: bytes, field: FieldId = FieldId.VALUE
    ) -> Guarded:
        """Guard `data` as the object `object_id` of that kind; it opens as nothing else."""
        return Guarded(
            _FORMAT_OCTET + self._cipher.seal(data, self._context(kind, object_id, field))
        )

    def open(
        self, kind: Kind, object_id: ObjectId, guarded: Guarded, field: FieldId = FieldId.VALUE
    ) -> bytes:
        """Return what was guarded.

        Raises:
            Corrupt: it was altered, or is another object's, kind's or account's.
        """
        return self._cipher.open(_without_format(guarded), self._context(kind, object_id, field))

    def seal_name(self, kind: Kind, name: str) -> Guarded:
        """Guard a name (mailbox, keyword, subscription), bound to its own `name_hash`."""
        return self.seal(kind, ObjectId(self.name_hash(name)), name.encode())

    def open_name(self, kind: Kind, name_hash: bytes, guarded: Guarded) -> str:
        """Return the name that stands in a row beside its `name_hash`.

        Raises:
            Corrupt: it was altered, or put beside another hash.
        """
        return self.open(kind, ObjectId(name_hash), guarded).decode()

    def name_hash(self, name: str) -> bytes:
        """Return 16 octets, equal for equal names of this account; they tell no more."""
        return mac(self._names, name.encode())[:HASH_OCTETS]

    def thread_hash(self, message_id: bytes) -> bytes:
        """Return 16 octets, equal for equal Message-IDs of this account; they tell no more."""
        return mac(self._threads, message_id)[:HASH_OCTETS]

    def correspondent_hash(self, address: Address) -> bytes:
        """Return 16 octets that stand for somebody this account writes to or hears from."""
        return self.name_hash(f"sent to\0{address.key}")

    def word_hashes(self, words: Iterable[str], octets: int) -> list[bytes]:
        """Return so many octets for each word, equal for equal words of this account only."""
        key = self._words
        return [mac(key, word.encode("utf-8", "replace"))[:octets] for word in words]

    @property
    def audit_key(self) -> bytearray:
        """The key of this account's personal fields in the audit log; not to be changed."""
        return self._audit

    def close(self) -> None:
        """Overwrite the derived keys; the guard is not used afterwards."""
        for key in (self._names, self._threads, self._audit, self._words):
            overwrite(key)

    def _context(self, kind: Kind, object_id: ObjectId, field: FieldId) -> bytes:
        return context(kind, Origin.GUARD, self._account, object_id, field, FORMAT, 0, NO_SUITE)

    def __repr__(self) -> str:
        """Name the account, never the key."""
        return f"<guard of account {self._account.hex()}>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a guard is not pickled or copied")


class InstanceGuard:
    """Seals and opens the server's own secrets (DKIM keys, configuration), key number in front."""

    __slots__ = ("_ciphers", "_current", "_names")

    def __init__(self, ciphers: Mapping[int, Aead], current: int, names: bytearray) -> None:
        """Open with any of `ciphers`, seal with the one numbered `current`, hash under `names`."""
        self._ciphers = dict(ciphers)
        self._current = current
        self._names = names

    def seal(self, kind: Kind, object_id: ObjectId, data: bytes) -> Guarded:
        """Guard `data` as the object `object_id` of that kind."""
        kid = self._current
        sealed = self._ciphers[kid].seal(data, _instance_context(kind, object_id, kid))
        return Guarded(_FORMAT_OCTET + _KID.pack(kid) + sealed)

    def open(self, kind: Kind, object_id: ObjectId, guarded: Guarded) -> bytes:
        """Return what was guarded.

        Raises:
            Corrupt: it was altered, is another object or kind, or its master key is gone.
        """
        octets = _without_format(guarded)
        kid = self.kid_of(guarded)
        if kid not in self._ciphers:
            raise Corrupt(Condition.KEY_MISMATCH, "guarded data names a master key we do not have")
        return self._ciphers[kid].open(octets[_KID.size :], _instance_context(kind, object_id, kid))

    @property
    def current(self) -> int:
        """The number of the master key that it seals under."""
        return self._current

    def name_hash(self, name: str) -> bytes:
        """Return 16 octets, equal for equal names of this server; they tell no more.

        The oldest master key makes them, so that they change only when that is retired.
        """
        return mac(self._names, name.encode())[:HASH_OCTETS]

    @property
    def prefix(self) -> bytes:
        """How everything begins that it seals now."""
        return _FORMAT_OCTET + _KID.pack(self._current)

    def kid_of(self, guarded: Guarded) -> int:
        """Return the number of the master key it is under, for a rotation to find what is left.

        Raises:
            Corrupt: it is too short to name one.
        """
        try:
            return int(_KID.unpack_from(guarded, 1)[0])
        except struct.error:
            raise Corrupt(Condition.DAMAGED, "guarded data is cut short") from None

    def __repr__(self) -> str:
        """Never show a key."""
        return "<guard of the instance>"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied."""
        raise TypeError("a guard is not pickled or copied")


def _instance_context(kind: Kind, object_id: ObjectId, kid: int) -> bytes:
    return context(
        kind, Origin.INSTANCE, _INSTANCE, object_id, FieldId.VALUE, FORMAT, kid, NO_SUITE
    )


def _without_format(guarded: Guarded) -> bytes:
    if guarded[:1] != _FORMAT_OCTET:
        raise Corrupt(Condition.DAMAGED, "guarded data of an unknown format")
    return guarded[1:]
