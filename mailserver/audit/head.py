"""Where the chain ends, as an authenticated row of the keystore says it (PRIVACY §17).

The log is in the main database and the head in the keystore, so no transaction holds both. The head
therefore names two ends: `confirmed`, which is written, and `pending`, which is being written. A
batch first makes itself pending (compare and swap, so that one node at a time writes), then writes
its entries, and a later step confirms it. After a crash the log ends at one of the two, and which
one it is tells whether the batch happened; anything else is tampering.

A batch whose writer does not come back is *abandoned*: another takes its numbers. Its own entries
may still arrive, before those of the other do, and then it is the other that failed. So the head
names what was abandoned until the next batch is written: from then on its numbers are taken.
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
_END = struct.Struct(f">Q{HASH_OCTETS}s")
ABANDONED = 16
"""So many ends are remembered; each took seconds to be given up."""


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
    abandoned: tuple[End, ...] = ()

    @property
    def ends(self) -> tuple[End, ...]:
        """Where the log may end."""
        return (self.confirmed, self.pending, *self.abandoned)

    @property
    def settled(self) -> bool:
        """Whether nothing is being written."""
        return self.pending == self.confirmed

    def encode(self) -> bytes:
        """Write it: the instance, then each end in its fixed width."""
        ends = (self.base, *self.ends)
        return self.instance + b"".join(_END.pack(end.number, end.hash) for end in ends)

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        """Read what `encode` wrote.

        Raises:
            Corrupt: these octets are no head.
        """
        instance, written = octets[:INSTANCE_OCTETS], octets[INSTANCE_OCTETS:]
        if len(written) % _END.size or len(written) < 3 * _END.size:
            raise Corrupt(Condition.DAMAGED, "the audit head is not of a format we know")
        base, confirmed, pending, *abandoned = (End(*each) for each in _END.iter_unpack(written))
        return cls(instance, base, confirmed, pending, tuple(abandoned))

    def given_up(self) -> "Head":
        """Return the head from which another batch takes the numbers of the pending one."""
        abandoned = (*self.abandoned, self.pending)[-ABANDONED:]
        return Head(self.instance, self.base, self.confirmed, self.confirmed, abandoned)

    def ending(self, end: End) -> "Head":
        """Return the head of a log that ends at `end` for certain."""
        return Head(self.instance, self.base, end, end)


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
