"""External accounts and marks of transfers: leases, and what is stored together."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.errors import Absent, Condition, Conflict, Refused
from mailserver.model.ids import ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.external import Ended, NewExternal
from mailserver.store.store import Store
from mailserver.store.transfers import Mark
from tests.support.store import House, build, opened

HERE, THERE = b"h" * 16, b"t" * 16
TEN = timedelta(minutes=10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as made:
        yield made


def a_new(external_id: ObjectId) -> NewExternal:
    return NewExternal(external_id, Guarded(b"settings"), Guarded(b"result"), 900)


async def an_external(store: Store, house: House) -> ObjectId:
    external_id = new_object_id()
    await store.externals.add(house.account, a_new(external_id), at_most=5)
    return external_id


async def test_what_is_due_is_leased_once_the_longest_due_first(
    store: Store, clock: ManualClock
) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    first = await an_external(store, ann)
    clock.advance(timedelta(seconds=1))
    second = await an_external(store, bob)
    until = clock.now() + TEN
    (one,) = await store.externals.lease_due(1, worker=HERE, until=until)
    assert (one.account_id, one.external_id) == (ann.account, first)
    assert (one.settings, one.interval_seconds) == (b"settings", 900)
    (two,) = await store.externals.lease_due(9, worker=THERE, until=until)
    assert two.external_id == second
    assert await store.externals.lease_due(9, worker=THERE, until=until) == []
    assert await store.externals.lease(ann.account, first, worker=THERE, until=until) is None
    clock.advance(TEN)
    assert len(await store.externals.lease_due(9, worker=THERE, until=clock.now() + TEN)) == 2


async def test_only_who_holds_the_lease_ends_it(store: Store, clock: ManualClock) -> None:
    ann = await build(store)
    external_id = await an_external(store, ann)
    until = clock.now() + TEN
    (row,) = await store.externals.lease_due(1, worker=HERE, until=until)
    ended = Ended(Guarded(b"went well"), 0, clock.now() + timedelta(hours=1))
    await store.externals.end(row, ended, worker=THERE)
    assert (await store.externals.get(ann.account, external_id)).result == b"result"
    await store.externals.end(row, ended, worker=HERE)
    found = await store.externals.get(ann.account, external_id)
    assert (found.result, found.next_at) == (b"went well", ended.next_at)
    assert await store.externals.lease_due(1, worker=THERE, until=until) == []
    assert await store.externals.lease(ann.account, external_id, worker=THERE, until=until)


async def test_bounds_and_absences(store: Store) -> None:
    ann = await build(store)
    await an_external(store, ann)
    with pytest.raises(Conflict) as refused:
        await store.externals.add(ann.account, a_new(new_object_id()), at_most=1)
    assert refused.value.condition is Condition.LIMIT
    for call in (
        store.externals.add(new_account_id(), a_new(new_object_id()), at_most=1),
        store.externals.get(ann.account, new_object_id()),
        store.externals.remove(ann.account, new_object_id(), b"s" * 16),
    ):
        with pytest.raises(Absent):
            await call


async def test_a_mark_is_stored_with_its_messages_or_not_at_all(store: Store) -> None:
    ann = await build(store, quota=2_500)
    source = b"s" * 16
    first = Mark(source, b"p" * 16, Guarded(b"one"))
    await store.emails.append_all([ann.email(), ann.email()], first)
    assert await store.transfers.marks(ann.account, source) == {b"p" * 16: b"one"}
    with pytest.raises(Refused):
        await store.emails.append_all([ann.email()], first._replace(state=Guarded(b"two")))
    assert await store.transfers.marks(ann.account, source) == {b"p" * 16: b"one"}
    await store.transfers.mark(ann.account, first._replace(state=Guarded(b"three")))
    assert await store.transfers.marks(ann.account, source) == {b"p" * 16: b"three"}
    await store.transfers.forget(ann.account, source)
    assert await store.transfers.marks(ann.account, source) == {}


async def test_an_email_may_enter_several_mailboxes_at_once(store: Store) -> None:
    ann = await build(store)
    email = ann.email(size=700)
    both = replace(email, also=(ann.archive,))
    (told,) = await store.emails.append_all([both])
    rows = [await store.mailboxes.get(ann.account, each) for each in (ann.inbox, ann.archive)]
    assert [(row.total, row.octets, row.uid_next) for row in rows] == [(1, 700, 2)] * 2
    assert (await store.accounts.get(ann.account)).used_octets == 700
    assert told.uid == 1


async def test_an_account_that_is_removed_takes_them_along(store: Store) -> None:
    ann = await build(store)
    external_id = await an_external(store, ann)
    await store.transfers.mark(ann.account, Mark(b"s" * 16, b"p" * 16, Guarded(b"x")))
    await store.accounts.remove(ann.account)
    with pytest.raises(Absent):
        await store.externals.get(ann.account, external_id)
    assert await store.transfers.marks(ann.account, b"s" * 16) == {}
