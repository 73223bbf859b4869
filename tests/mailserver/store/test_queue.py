"""The queue's rows: leased once, given back, held, and gone with the message when all is done."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import QueueId, new_account_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.instants import to_microseconds
from mailserver.store.queue_rows import (
    INSTANCE,
    Act,
    Keep,
    QueueRow,
    QueueState,
    Recover,
    Settle,
    Steer,
    Tune,
)
from mailserver.store.store import Store
from tests.support.queue import LEASE, defer, destination, finish, lease, submission
from tests.support.store import build, opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        yield store


async def states(store: Store) -> dict[QueueState, int]:
    return await store.queue.counts()


async def test_each_recipient_is_leased_once_and_the_message_goes_with_the_last(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    house = await build(store)
    large = submission(
        ["a.test", "b.test"], clock.now(), account=house.account, body=b"x" * 200_000
    )
    await store.queue.enqueue(large)
    first, second = await lease(store, 10, clock.now())
    assert await lease(store, 10, clock.now()) == []
    assert (await store.queue.body(house.account, large.object_id)).body == large.body
    assert await finish(store, first)
    assert (await store.queue.body(house.account, large.object_id)).body == large.body
    assert await finish(store, second)
    with pytest.raises(Absent):
        await store.queue.body(house.account, large.object_id)
    assert await store.queue.rows(10) == []
    assert await store.queue.destinations(10) == []
    assert not [path for path in (tmp_path / "blobs").glob("*/**/*") if path.is_file()]


async def test_nothing_is_queued_for_an_account_that_is_gone(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    gone = submission(["a.test"], clock.now(), account=new_account_id(), body=b"x" * 200_000)
    with pytest.raises(Absent) as refused:
        await store.queue.enqueue(gone)
    assert refused.value.condition is Condition.NO_SUCH_USER
    assert not [path for path in (tmp_path / "blobs").glob("*/**/*") if path.is_file()]


async def test_erasing_an_account_empties_its_queue_and_no_other(
    store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    for house in (ann, bob):
        await store.queue.enqueue(
            submission(["a.test"], clock.now(), account=house.account, body=b"x" * 200_000)
        )
    (leased,) = [
        row for row in await lease(store, 10, clock.now()) if row.account_id == ann.account
    ]
    await store.accounts.remove(ann.account)
    assert [row.account_id for row in await store.queue.rows(10)] == [bob.account]
    assert len([path for path in (tmp_path / "blobs").glob("*/**/*") if path.is_file()]) == 1
    assert not await finish(store, leased)


async def test_a_lease_that_ends_unheard_gives_its_row_back(
    store: Store, clock: ManualClock
) -> None:
    await store.queue.enqueue(submission(["a.test"], clock.now()))
    (dead,) = await lease(store, 10, clock.now())
    clock.advance(LEASE - timedelta(seconds=1))
    assert await lease(store, 10, clock.now()) == []
    clock.advance(timedelta(seconds=1))
    (again,) = await lease(store, 10, clock.now())
    assert (again.queue_id, again.attempts) == (dead.queue_id, 2)
    # The first one was only slow. It may not put off what another is sending ...
    assert not await defer(store, dead, clock.now() + timedelta(hours=1))
    assert dead.lease is not None
    assert not await store.queue.settle(Settle(dead.name, dead.lease, done=False))
    # ... but where the recipient has the message, that is so.
    assert await finish(store, dead)
    assert not await finish(store, again)


async def test_leases_are_kept_alive_or_given_back_unused(store: Store, clock: ManualClock) -> None:
    await store.queue.enqueue(submission(["a.test", "b.test"], clock.now()))
    kept, given = await lease(store, 10, clock.now())
    assert kept.lease is not None
    assert given.lease is not None
    clock.advance(LEASE / 2)
    until = to_microseconds(clock.now() + LEASE)
    await store.queue.ask(Keep([(kept.name, kept.lease)], until))
    await store.queue.ask(Keep([(given.name, given.lease)], None))
    clock.advance(LEASE * 0.75)
    (again,) = await lease(store, 10, clock.now())
    assert (again.queue_id, again.attempts) == (given.queue_id, 1)


async def test_after_a_crash_everything_leased_comes_back_at_once(
    store: Store, clock: ManualClock
) -> None:
    await store.queue.enqueue(submission(["a.test", "b.test", "b.test"], clock.now()))
    assert len(await lease(store, 10, clock.now())) == 3
    await store.queue.ask(Recover())
    assert len(await lease(store, 10, clock.now())) == 3


async def test_a_deferred_row_waits_for_its_instant(store: Store, clock: ManualClock) -> None:
    await store.queue.enqueue(submission(["a.test"], clock.now()))
    (row,) = await lease(store, 10, clock.now())
    later = clock.now() + timedelta(minutes=7)
    assert await defer(store, row, later)
    assert await store.queue.next_turn() == to_microseconds(later)
    assert await lease(store, 10, clock.now()) == []
    clock.advance(timedelta(minutes=7))
    (again,) = await lease(store, 10, clock.now())
    assert again.item == b"guarded recipient, refused for now"
    assert again.attempts == 2


async def test_a_report_is_stored_with_the_word_it_reports_on_or_not_at_all(
    store: Store, clock: ManualClock
) -> None:
    await store.queue.enqueue(submission(["a.test"], clock.now()))
    (row,) = await lease(store, 10, clock.now())
    assert row.lease is not None
    stale = Settle(row.name, b"somebody else's" + b"!", done=False)
    for settle, stored in ((stale, False), (Settle(row.name, row.lease, done=False), True)):
        report = submission(["sender.test"], clock.now(), body=b"r" * 200_000)
        assert await store.queue.settle(settle, report) is stored
        if stored:
            assert [r.object_id for r in await store.queue.rows(10)] == [report.object_id]


async def test_one_destination_with_many_rows_keeps_no_other_waiting(
    store: Store, clock: ManualClock
) -> None:
    store.queue.per_destination = 5
    await store.queue.enqueue(submission(["slow.test"] * 500, clock.now()))
    clock.advance(timedelta(seconds=1))
    for n in range(20):
        await store.queue.enqueue(submission([f"other{n}.test"], clock.now()))
    served: Counter[bytes] = Counter()
    for _ in range(4):
        served.update(row.destination for row in await lease(store, 10, clock.now()))
    assert served.pop(destination("slow.test")) == 5
    assert len(served) == 20


async def test_destinations_with_backlogs_take_turns(store: Store, clock: ManualClock) -> None:
    for n in range(5):
        await store.queue.enqueue(submission([f"big{n}.test"] * 50, clock.now()))
        clock.advance(timedelta(seconds=1))
    await store.queue.enqueue(submission(["small.test"], clock.now()))
    seen: Counter[bytes] = Counter()
    for _ in range(6):
        clock.advance(timedelta(seconds=1))
        (row,) = await lease(store, 1, clock.now())
        seen[row.destination] += 1
        assert await finish(store, row)
    assert set(seen.values()) == {1}


async def test_paused_and_resting_destinations_have_no_turn(
    store: Store, clock: ManualClock
) -> None:
    async def tune(domain: str, *, paused: bool | None = None, rest: int | None = None) -> None:
        name = Guarded(b"guarded " + domain.encode())
        await store.queue.ask(Tune(destination(domain), name, paused, rest))

    await tune("paused.test", paused=True)
    await store.queue.enqueue(submission(["paused.test", "tired.test", "a.test"], clock.now()))
    await tune("tired.test", rest=to_microseconds(clock.now() + timedelta(minutes=5)))
    (row,) = await lease(store, 10, clock.now())
    assert row.destination == destination("a.test")
    clock.advance(timedelta(minutes=5))
    leased = await lease(store, 10, clock.now())
    assert destination("tired.test") in [row.destination for row in leased]
    await tune("paused.test", paused=False)
    (last,) = await lease(store, 10, clock.now())
    assert last.destination == destination("paused.test")
    await finish(store, last)
    await tune("paused.test", paused=True)  # an order stands even where nothing waits
    assert [d.paused for d in await store.queue.destinations(10)].count(1) == 1


async def test_what_is_held_waits_for_its_release(store: Store, clock: ManualClock) -> None:
    await store.queue.enqueue(submission(["a.test", "a.test"], clock.now()))
    rows = await store.queue.rows(10)
    names = [row.name for row in rows]
    assert len((await store.queue.ask(Steer(names, Act.HOLD))).changed) == 2
    assert await lease(store, 10, clock.now()) == []
    assert (await states(store)) == {QueueState.HELD: 2}
    await store.queue.ask(Steer(names[:1], Act.RELEASE))
    (row,) = await lease(store, 10, clock.now())
    assert row.queue_id == names[0].queue_id
    # What is being sent is out of anybody's hands.
    for act in Act:
        assert (await store.queue.ask(Steer([row.name], act))).changed == []
    await store.queue.ask(Steer(names[1:], Act.CANCEL))
    assert [left.queue_id for left in await store.queue.rows(10)] == [row.queue_id]


async def test_undo_takes_all_recipients_back_or_none(store: Store, clock: ManualClock) -> None:
    release = clock.now() + timedelta(seconds=10)
    for tried in (False, True):
        new = submission(["a.test", "b.test"], clock.now(), release=release)
        await store.queue.enqueue(new)
        if tried:
            clock.advance(timedelta(seconds=10))
            row = (await lease(store, 1, clock.now()))[0]
            await defer(store, row, clock.now())
        rows = await store.queue.submission_of(INSTANCE, new.rows[0].queue_id)
        names = [row.name for row in rows]
        undone = (await store.queue.ask(Steer(names, Act.UNDO))).changed
        assert len(undone) == (0 if tried else 2)
        assert len(await store.queue.rows(10)) == (2 if tried else 0)


async def test_retry_makes_a_waiting_row_due(store: Store, clock: ManualClock) -> None:
    release = clock.now() + timedelta(days=1)
    await store.queue.enqueue(submission(["a.test"], clock.now(), release=release))
    (row,) = await store.queue.rows(10)
    await store.queue.ask(Steer([row.name], Act.RETRY))
    assert [r.queue_id for r in await lease(store, 10, clock.now())] == [row.queue_id]


async def test_pages_list_every_row_once(store: Store, clock: ManualClock) -> None:
    await store.queue.enqueue(submission(["a.test", "b.test"] * 10, clock.now()))
    seen: list[QueueRow] = []
    while page := await store.queue.rows(7, seen[-1].queue_id if seen else QueueId(b"")):
        seen += page
    assert len({row.queue_id for row in seen}) == 20
    of_a = await store.queue.rows(100, destination=destination("a.test"))
    assert len(of_a) == 10
    assert len(await store.queue.rows(100, account_id=INSTANCE)) == 20
    assert await store.queue.row(seen[3].queue_id) == seen[3]
    with pytest.raises(Absent):
        await store.queue.row(QueueId(bytes(16)))


async def test_two_servers_lease_every_row_once(
    mail_url: str, store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    for _ in range(10):
        await store.queue.enqueue(submission([f"d{n % 7}.test" for n in range(30)], clock.now()))
    other = await Store.open(mail_url, tmp_path / "blobs", clock=clock)
    taken: Counter[QueueId] = Counter()

    async def work(mine: Store) -> None:
        empty = 0
        while empty < 5:
            rows = await lease(mine, 8, clock.now())
            empty = 0 if rows else empty + 1
            taken.update(row.queue_id for row in rows)
            await asyncio.gather(*(finish(mine, row) for row in rows))
            if not rows:
                await asyncio.sleep(0.02)

    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(work(mine) for mine in (store, other) for _ in range(3)))
    finally:
        await other.close()
    assert len(taken) == 300
    assert set(taken.values()) == {1}
    assert await store.queue.rows(10) == []
