"""Records have numbers for good, and a state that tells what became of them."""

import pytest

from mailserver.model.errors import Absent, Conflict
from mailserver.model.ids import EpochId, ModSeq, new_object_id
from mailserver.model.record import RecordKind
from mailserver.model.sealed import Sealed
from mailserver.store.records import SealedRecord
from mailserver.store.store import Store
from tests.support.store import build


def _sealed(data: bytes) -> SealedRecord:
    return SealedRecord(new_object_id(), EpochId(1), Sealed(data))


async def test_a_record_comes_changes_and_goes(store: Store) -> None:
    house = await build(store)
    owner, kind = house.account, RecordKind.CARD
    made = await store.records.write(owner, kind, create=[_sealed(b"a"), _sealed(b"b")])
    assert made == [1, 2]
    first, rows = await store.records.listing(owner, kind)
    assert [(row.record_id, row.data) for row in rows] == [(1, b"a"), (2, b"b")]
    await store.records.write(
        owner, kind, update=[(made[0], _sealed(b"c"))], destroy=[made[1]], expected=first.modseq
    )
    state, told = await store.records.changes(owner, kind, first.modseq)
    assert state.modseq > first.modseq
    assert [(each.record_id, each.destroyed) for each in told] == [(1, False), (2, True)]
    assert await store.records.write(owner, kind, create=[_sealed(b"d")]) == [3]
    assert (await store.records.state(owner, RecordKind.IDENTITY)).modseq == 0
    change = (await store.changes.between(owner, ModSeq(state.modseq - 1), state.modseq))[0]
    assert change.records == [int(kind)]
    assert await store.check(quiet=True) == []


async def test_nothing_is_written_where_anything_cannot_be(store: Store) -> None:
    house = await build(store)
    owner, kind = house.account, RecordKind.CARD
    made = await store.records.write(owner, kind, create=[_sealed(b"a")])
    state = await store.records.state(owner, kind)
    with pytest.raises(Conflict):
        await store.records.write(owner, kind, destroy=made, expected=ModSeq(state.modseq + 1))
    with pytest.raises(Absent):
        await store.records.write(owner, kind, create=[_sealed(b"b")], destroy=[made[0], made[0]])
    assert await store.records.state(owner, kind) == state
