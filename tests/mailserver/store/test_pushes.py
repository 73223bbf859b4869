"""Push subscriptions: due when something changed, claimed by one, gone when they end."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.pushes import TO_VERIFY, UNVERIFIED
from mailserver.store.store import Store
from tests.support.store import House, build, opened

CELL = Guarded(b"subscription")
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as made:
        yield made


async def subscribed(store: Store, house: House, clock: ManualClock) -> ObjectId:
    name = new_object_id()
    await store.pushes.add(house.account, name, CELL, clock.now() + WEEK, at_most=5)
    return name


async def changed(store: Store, house: House) -> int:
    """Change something of an account; return its new MODSEQ."""
    before = (await store.catalogues.counters(house.account)).modseq
    await store.mailboxes.set_order(house.account, house.inbox, before)
    return (await store.catalogues.counters(house.account)).modseq


async def test_a_new_one_is_due_for_its_code_and_one_process_has_it(
    store: Store, clock: ManualClock
) -> None:
    ann = await build(store)
    name = await subscribed(store, ann, clock)
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    assert (row.account_id, row.subscription_id, row.subscription) == (ann.account, name, CELL)
    assert (row.told, row.failures, row.expires_at) == (TO_VERIFY, 0, clock.now() + WEEK)
    assert await store.pushes.claim_due(9, until=clock.now() + MINUTE) == []
    clock.advance(MINUTE)  # who had it died
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    await store.pushes.end(row, UNVERIFIED, 0, clock.now())
    await changed(store, ann)
    assert await store.pushes.claim_due(9, until=clock.now() + MINUTE) == []


async def test_a_verified_one_is_due_when_something_changed(
    store: Store, clock: ManualClock
) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    name, _ = await subscribed(store, ann, clock), await subscribed(store, bob, clock)
    for row in await store.pushes.claim_due(9, until=clock.now() + MINUTE):
        await store.pushes.end(row, UNVERIFIED, 0, clock.now())
    await store.pushes.verify(ann.account, name, Guarded(b"verified"))
    assert await store.pushes.claim_due(9, until=clock.now() + MINUTE) == []
    known = await changed(store, ann)
    await changed(store, bob)
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    assert (row.subscription_id, row.subscription) == (name, b"verified")
    await store.pushes.end(row, known, 0, clock.now() + MINUTE)
    await changed(store, ann)
    assert await store.pushes.claim_due(9, until=clock.now() + MINUTE) == []  # it has a pause
    clock.advance(MINUTE)
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    assert row.told == known


async def test_a_code_that_comes_back_early_is_not_forgotten(
    store: Store, clock: ManualClock
) -> None:
    ann = await build(store)
    name = await subscribed(store, ann, clock)
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    await store.pushes.verify(ann.account, name, CELL)
    await store.pushes.end(
        row, UNVERIFIED, 0, clock.now() + MINUTE
    )  # the push came to its end late
    await changed(store, ann)
    (row,) = await store.pushes.claim_due(9, until=clock.now() + MINUTE)
    assert row.told >= 0


async def test_an_account_has_so_many_and_each_ends(store: Store, clock: ManualClock) -> None:
    ann = await build(store)
    names = [await subscribed(store, ann, clock) for _ in range(5)]
    with pytest.raises(Conflict) as full:
        await subscribed(store, ann, clock)
    assert full.value.condition is Condition.LIMIT
    await store.pushes.remove(ann.account, names[0])
    await store.pushes.remove(ann.account, names[0])  # gone already
    await store.pushes.change(ann.account, names[1], Guarded(b"new"), clock.now() + MINUTE)
    for missing in (names[0], new_object_id()):
        with pytest.raises(Absent):
            await store.pushes.change(ann.account, missing, CELL, clock.now() + MINUTE)
        with pytest.raises(Absent):
            await store.pushes.verify(ann.account, missing, CELL)
    with pytest.raises(Absent):
        await store.pushes.add(new_account_id(), names[0], CELL, clock.now(), at_most=5)
    assert len(await store.pushes.listing(ann.account)) == 4
    clock.advance(MINUTE)
    assert len(await store.pushes.listing(ann.account)) == 3
    assert len(await store.pushes.claim_due(9, until=clock.now() + MINUTE)) == 3
    assert await store.pushes.sweep() == 1
    clock.advance(WEEK)
    assert await store.pushes.sweep() == 3
