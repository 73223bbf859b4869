"""The outgoing queue: nothing lost, nothing tried before or after its time, nothing left behind."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.mail.backoff import JITTER, Schedule
from mailserver.mail.outgoing import LEASE, POLL, Outgoing
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply, Ret
from mailserver.model.errors import Absent
from mailserver.model.ids import QueueId, new_account_id
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.store.driver import Row, Sql, fetch, run
from mailserver.store.queue_rows import QueueState
from mailserver.store.store import Store
from tests.support.outgoing import (
    BUSY,
    GONE,
    MESSAGE,
    TAKEN,
    Guards,
    onward,
    outgoing,
    parcel,
)
from tests.support.store import House, build, opened

TABLES = ("queue", "queue_messages", "queue_destinations")


async def rows_of(store: Store, table: str) -> list[Row]:
    return await store.database.read(lambda c: fetch(c, Sql(f"SELECT * FROM {table}")))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def guards() -> Guards:
    return Guards()


@pytest.fixture
def offload() -> Iterator[Offload]:
    made = Offload(2)
    yield made
    made.close()


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        yield store


@pytest.fixture
async def house(store: Store) -> House:
    return await build(store)


@pytest.fixture
def queue(store: Store, guards: Guards, clock: ManualClock, offload: Offload) -> Outgoing:
    return outgoing(store, guards, clock, offload)


@pytest.mark.parametrize("octets", [100, 100_000, 700_000])
async def test_what_is_handed_over_comes_out_as_it_was(
    queue: Outgoing, guards: Guards, house: House, octets: int
) -> None:
    message = MESSAGE + b"x" * octets
    envelope = Envelope(
        Address("a b", "zegel.test"), Ret.HEADERS, "id+1", require_tls=True, smtputf8=True
    )
    to = [
        Onward(Address("bob", "there.test"), Notify.SUCCESS | Notify.FAILURE, "rfc822;Bob@x"),
        Onward(Address("żółw", "[192.0.2.1]")),
    ]
    given = replace(parcel(guards, house.account, to, message=message), envelope=envelope)
    ids = await queue.enqueue(given)
    dues = await queue.due(10)
    assert {due.queue_id for due in dues} == set(ids)
    assert sorted(str(due.recipient) for due in dues) == sorted(map(str, to))
    for due in dues:
        assert due.envelope == envelope
        assert (due.account_id, due.attempts, due.size_octets) == (house.account, 1, len(message))
        assert (await queue.content(due)).reveal() == message


async def test_the_instance_sends_its_own_mail(queue: Outgoing, guards: Guards) -> None:
    await queue.enqueue(parcel(guards, None, sender=None))
    (due,) = await queue.due(10)
    assert (due.account_id, due.envelope.sender) == (None, None)
    assert (await queue.content(due)).reveal() == MESSAGE


async def test_t_tls_6_the_row_is_empty_after_delivery(
    store: Store, queue: Outgoing, guards: Guards, house: House, tmp_path: Path
) -> None:
    to = ["a@there.test", "b@there.test", "c@else.test"]
    await queue.enqueue(parcel(guards, house.account, to, message=MESSAGE + b"x" * 300_000))
    dues = await queue.due(10)
    await queue.delivered(dues[0], TAKEN)
    await queue.failed(dues[1], GONE)
    await queue.delivered(dues[2], TAKEN)
    for table in ("queue", "queue_messages", "queue_destinations"):
        sql = Sql(f"SELECT * FROM {table}")
        assert await store.database.read(lambda c, sql=sql: fetch(c, sql)) == []  # type: ignore[misc]
    assert not [path for path in (tmp_path / "blobs").glob("*/**/*") if path.is_file()]


async def test_what_is_put_off_comes_again_later_and_later_until_it_expires(
    queue: Outgoing, guards: Guards, clock: ManualClock, house: House
) -> None:
    begun = clock.now()
    await queue.enqueue(parcel(guards, house.account))
    waits: list[timedelta] = []
    while True:
        (due,) = await queue.due(10)
        if clock.now() >= due.expires_at:
            break
        next_at = await queue.deferred(due, BUSY)
        waits.append(next_at - clock.now())
        clock.advance(waits[-1] - timedelta(seconds=1))
        assert await queue.due(10) == []
        clock.advance(timedelta(seconds=1))
    assert clock.now() - begun == timedelta(days=5)
    assert due.last_reply == BUSY
    assert due.attempts == len(waits) + 1
    assert waits[0] <= timedelta(minutes=5) * (1 + JITTER)
    assert max(waits) <= timedelta(hours=3) * (1 + JITTER)
    assert 40 < len(waits) < 70
    await queue.failed(due, BUSY)
    assert await queue.due(10) == []


def test_waits_are_never_the_same() -> None:
    schedule, clock = Schedule(), ManualClock()
    expires = clock.now() + schedule.life
    waits = {schedule.next_at(clock.now(), 5, expires) - clock.now() for _ in range(50)}
    assert len(waits) > 40
    assert schedule.next_at(expires, 5, expires) > expires
    assert schedule.next_at(clock.now(), 10_000, expires) <= expires
    assert not Schedule(warn_after=None).is_late(clock.now(), expires)


@pytest.mark.parametrize(
    ("notify", "warned"),
    [(None, True), (Notify.DELAY, True), (Notify.FAILURE, False), (Notify.NEVER, False)],
)
async def test_the_sender_is_warned_once_after_four_hours(
    queue: Outgoing,
    guards: Guards,
    clock: ManualClock,
    house: House,
    notify: Notify | None,
    warned: bool,
) -> None:
    await queue.enqueue(parcel(guards, house.account, [onward("bob@there.test", notify)]))
    warnings = []
    while clock.now() < ManualClock().now() + timedelta(hours=12):
        (due,) = await queue.due(1)
        report = parcel(guards, None, [str(due.envelope.sender)], sender=None) if due.warn else None
        if report is not None:
            warnings.append(clock.now())
        clock.advance(await queue.deferred(due, BUSY, report=report) - clock.now())
        for sent in await queue.due(10):
            if sent.envelope.sender is None:
                await queue.delivered(sent, TAKEN)
            else:
                await queue.give_back([sent])
    assert len(warnings) == (1 if warned else 0)
    if warned:
        assert warnings[0] >= ManualClock().now() + timedelta(hours=4)


async def test_nobody_is_warned_of_a_report(
    queue: Outgoing, guards: Guards, clock: ManualClock
) -> None:
    await queue.enqueue(parcel(guards, None, sender=None))
    clock.advance(timedelta(days=1))
    (due,) = await queue.due(1)
    assert not due.warn


async def test_undo_before_release_takes_everything_back_across_a_restart(
    mail_url: str, tmp_path: Path, guards: Guards, clock: ManualClock, offload: Offload
) -> None:
    release = clock.now() + timedelta(seconds=10)
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        house = await build(store)
        queue = outgoing(store, guards, clock, offload)
        to = ["a@there.test", "b@else.test"]
        ids = await queue.enqueue(parcel(guards, house.account, to, release_at=release))
        late = await queue.enqueue(parcel(guards, house.account, to, release_at=release))
        assert await queue.due(10) == []
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        queue = outgoing(store, guards, clock, offload)
        await queue.begin()
        assert await queue.due(10) == []
        with pytest.raises(Absent):
            await queue.undo(new_account_id(), ids[0])
        assert await queue.undo(house.account, ids[1])
        with pytest.raises(Absent):
            await queue.undo(house.account, ids[0])
        clock.advance(timedelta(seconds=10))
        dues = await queue.due(10)
        assert {due.queue_id for due in dues} == set(late)
        assert not await queue.undo(house.account, late[0])
        await queue.delivered(dues[0], TAKEN)
        await queue.give_back(dues[1:])  # nobody tried it, and yet its other half is gone
        assert not await queue.undo(house.account, dues[1].queue_id)


async def test_leases_live_while_they_are_tended(
    store: Store, queue: Outgoing, guards: Guards, clock: ManualClock, offload: Offload
) -> None:
    await queue.enqueue(parcel(guards, None))
    (due,) = await queue.due(10)
    other = outgoing(store, guards, clock, offload)
    for _ in range(10):
        clock.advance(LEASE / 2)
        await queue.tend()
        assert await other.due(10) == []
    clock.advance(LEASE)
    (again,) = await other.due(10)
    assert again.queue_id == due.queue_id
    await queue.deferred(due, BUSY)  # too late: it is the other's now
    await other.delivered(again, TAKEN)
    assert await store.queue.rows(10) == []


async def test_what_does_not_open_is_set_aside_and_the_rest_goes_on(
    store: Store, queue: Outgoing, guards: Guards, house: House
) -> None:
    bad = await queue.enqueue(parcel(guards, house.account, ["a@there.test"]))
    gone = await queue.enqueue(parcel(guards, (await build(store, "eve")).account))
    good = await queue.enqueue(parcel(guards, house.account, ["b@there.test"]))
    damage = Sql("UPDATE queue SET item = ? WHERE queue_id = ?")
    await store.database.write(lambda c: run(c, damage, (b"\x01damaged", bad[0])))
    guards.drop((await store.queue.row(gone[0])).account_id)
    assert [due.queue_id for due in await queue.due(10)] == good
    for ids in (bad, gone):
        assert (await store.queue.row(ids[0])).state == QueueState.HELD


async def test_waiting_ends_when_something_comes(
    queue: Outgoing, guards: Guards, clock: ManualClock
) -> None:
    loop = asyncio.get_running_loop()

    async def waited() -> float:
        begun = loop.time()
        await queue.wait()
        return loop.time() - begun

    polled = POLL.total_seconds()
    assert await waited() >= polled * 0.9
    woken = []
    for _ in range(3):  # in some rounds the machine may be busy elsewhere
        task = asyncio.create_task(waited())
        await asyncio.sleep(0.1)
        await queue.enqueue(parcel(guards, None, release_at=clock.now() + timedelta(seconds=1)))
        woken.append(await task)
    assert min(woken) < 0.8
    due = [await waited() for _ in range(3)]
    assert 0.9 < min(due) < polled * 0.9  # until the next one is due


async def test_a_resting_destination_has_no_turn(
    queue: Outgoing, guards: Guards, clock: ManualClock
) -> None:
    await queue.enqueue(parcel(guards, None, ["a@down.test", "b@up.test"]))
    await queue.rest("down.test", clock.now() + timedelta(minutes=5))
    assert [due.domain for due in await queue.due(10)] == ["up.test"]
    clock.advance(timedelta(minutes=5))
    assert "down.test" in [due.domain for due in await queue.due(10)]


async def test_ids_rise_in_time(queue: Outgoing, guards: Guards, clock: ManualClock) -> None:
    ids: list[QueueId] = []
    for _ in range(5):
        ids += await queue.enqueue(parcel(guards, None))
        clock.advance(timedelta(milliseconds=1))
    assert ids == sorted(ids)


async def test_replies_say_nothing_in_the_clear(
    store: Store, queue: Outgoing, guards: Guards
) -> None:
    """T-SEND-4 and T-CANARY on the rows themselves."""
    secret = RemoteReply("canary-reply", 450, "4.0.0", "canary-host.test")
    to = [Onward(Address("canary-local", "canary-domain.test"), None, "rfc822;canary-orcpt")]
    given = parcel(guards, None, to, sender=Address("canary-sender", "zegel.test"))
    await queue.enqueue(replace(given, envelope=replace(given.envelope, envid="canary-envid")))
    (due,) = await queue.due(1)
    await queue.deferred(due, secret)
    for table in ("queue", "queue_messages", "queue_destinations"):
        sql = Sql(f"SELECT * FROM {table}")
        rows = await store.database.read(lambda c, sql=sql: fetch(c, sql))  # type: ignore[misc]
        assert rows
        assert b"canary" not in b"".join(v for row in rows for v in row if isinstance(v, bytes))
