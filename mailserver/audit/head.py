"""Where the chain ends, as an authenticated row of the keystore says it (PRIVACY §17).

The log is in the main database and the head in the keystore, so no transaction holds both. The head
therefore names two ends: `confirmed`, which is written, and `pending`, which is being written. A
batch first makes itself pending (compare and swap, so that one node at a time writes), then writes
its entries, and a later step confirms it. After a crash the log ends at one of the two, and which
one it is tells whether the batch happened; anything else is tampering.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Self

from mailserver.audit.entry import GENESIS, HASH_OCTETS
from mailserver.crypto.context import Kind
from mailserver.model.errors import Condition, Conflict, Corrupt
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.keystore import Insert, Keystore, Replace, Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.master import MasterKeys

INSTANCE_OCTETS = 16
_INSTANCE_ROW = AccountId(bytes(16))
_ROW_ID = b"audit"
_NAME = ObjectId(hashlib.sha256(b"zegel audit head").digest()[:16])
_HEAD = struct.Struct(f">{INSTANCE_OCTETS}s" + f"Q{HASH_OCTETS}s" * 3)


@dataclass(frozen=True, slots=True)
class End:
    """A place in the chain: the number of an entry and its hash; number 0 is the beginning."""

    number: int
    hash: bytes


BEGINNING = End(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Head:
    """Which chain it is, where what is kept of it begins (behind `base`), and where it ends."""

    instance: bytes
    base: End
    confirmed: End
    pending: End

    @property
    def settled(self) -> bool:
        """Whether nothing is being written."""
        return self.pending == self.confirmed

    def encode(self) -> bytes:
        """Write it in its fixed width."""
        ends = (self.base, self.confirmed, self.pending)
        return _HEAD.pack(self.instance, *(part for end in ends for part in (end.number, end.hash)))

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            Corrupt: these octets are no head.
        """
        if len(octets) != _HEAD.size:
            raise Corrupt(Condition.DAMAGED, "the audit head is not of a format we know")
        instance, *parts = _HEAD.unpack(octets)
        base, confirmed, pending = (End(*parts[at : at + 2]) for at in (0, 2, 4))
        return cls(instance, base, confirmed, pending)


class HeadRow:
    """The head in its keystore row: read, made once, and moved by compare and swap."""

    def __init__(self, keystore: Keystore, master: MasterKeys) -> None:
        """Use that keystore; rows are guarded as the instance's own."""
        self._keystore = keystore
        self._guard = master.instance_guard
        self._sealed: Guarded | None = None

    async def read(self) -> Head | None:
        """Return the head as it stands now; None before the first chain.

        Raises:
            Corrupt: the row was edited, or put under another master key.
        """
        rows = await self._keystore.fresh(Rows.HEADS, _INSTANCE_ROW)
        self._sealed = next((row.sealed for row in rows if row.row_id == _ROW_ID), None)
        if self._sealed is None:
            return None
        return Head.decode(self._guard.open(Kind.CONFIGURATION, _NAME, self._sealed))

    async def write(self, head: Head) -> bool:
        """Put `head` in the place of what was read or written last; False where that is gone."""
        sealed = self._guard.seal(Kind.CONFIGURATION, _NAME, head.encode())
        row = Row(_INSTANCE_ROW, _ROW_ID, b"", self._guard.kid_of(sealed), sealed)
        was = self._sealed
        step = Insert(Rows.HEADS, row) if was is None else Replace(Rows.HEADS, row, was)
        try:
            await self._keystore.apply([step])
        except Conflict:
            return False
        self._sealed = sealed
        return True
