"""The chain as it is written: durable, in batches, by several processes, and after a crash."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mailserver.audit.chain import GIVEN_UP_AFTER, Chain
from mailserver.audit.checkpoint import EVERY, check, create_key, load_key
from mailserver.audit.entry import OPERATOR, Entry, Event, decode, encode, link
from mailserver.audit.head import End, Head, HeadRow
from mailserver.model.errors import Conflict, Corrupt, MailError, Misconfigured
from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Guarded
from mailserver.store.audit import AuditRow
from tests.support.audit import Log


async def test_what_is_recorded_is_there(log: Log) -> None:
    chain, account = await log.chain(), new_account_id()
    await chain.record(
        Event.DOMAIN_ADDED, actor=OPERATOR, account_id=account, facts={"n": 1}, personal=b"sealed"
    )
    (row,) = await log.store.audit.rows(0, 10)
    entry = decode(row.entry)
    assert (entry.number, entry.event, entry.actor) == (1, Event.DOMAIN_ADDED, OPERATOR)
    assert (entry.account_id, entry.facts, entry.personal) == (account, {"n": 1}, b"sealed")
    assert row.account_id == account
    assert await log.store.audit.of_account(account, 10) == [row]
    assert (await log.verify()).last == 1


async def test_entries_that_come_together_are_all_there_once(log: Log) -> None:
    chain = await log.chain()
    await asyncio.gather(
        *(chain.record(Event.SIGN_IN, actor=OPERATOR, facts={"n": n}) for n in range(600))
    )
    rows = await log.store.audit.rows(0, 1_000)
    assert sorted(decode(row.entry).facts["n"] for row in rows) == list(range(600))
    assert (await log.verify()).last == 600


async def test_two_processes_write_one_chain(log: Log) -> None:
    one, other = await log.chain(), await log.chain()
    await asyncio.gather(
        *(chain.record(Event.SIGN_IN, actor=OPERATOR) for _ in range(10) for chain in (one, other))
    )
    assert (await log.verify()).last == 20


async def test_counting_what_is_old_disturbs_nobody_who_writes(log: Log) -> None:
    """Whoever looks at the head for a count must not make a stale head pass for the newest."""
    one, other = await log.chain(), await log.chain()
    await one.record(Event.SIGN_IN, actor=OPERATOR)
    await one.tend()
    await one.record(Event.SIGN_IN, actor=OPERATOR)
    await other.record(Event.SIGN_IN, actor=OPERATOR)
    log.clock.advance(EVERY)
    assert await one.prunable(log.clock.now()) == 1
    await one.record(Event.SIGN_IN, actor=OPERATOR)
    assert (await log.verify()).last == 4


async def test_a_chain_goes_on_after_a_restart(log: Log) -> None:
    first = await log.chain()
    await first.record(Event.SIGN_IN, actor=OPERATOR)
    await first.close()
    second = await log.chain()
    await second.record(Event.SIGN_IN, actor=OPERATOR)
    assert (await log.verify()).last == 2


async def announce(log: Log) -> Head:
    """Die between announcing a batch and writing it."""
    row = HeadRow(log.keystore, log.master)
    head = await row.read()
    assert head is not None
    lost = End(head.pending.number + 1, link(head.instance, 1, head.pending.hash, b"lost"))
    announced = Head(head.instance, head.base, head.pending, lost)
    assert await row.write(announced)
    return announced


async def test_a_crash_before_the_entries_is_no_tampering(log: Log) -> None:
    await (await log.chain()).record(Event.SIGN_IN, actor=OPERATOR)
    await announce(log)
    assert (await log.verify()).last == 1
    chain = await log.chain()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(chain.record(Event.SIGN_IN, actor=OPERATOR))
        await asyncio.sleep(0.2)
        assert not waiting.done(), "the other may still be writing"
        log.clock.advance(GIVEN_UP_AFTER)
    assert (await log.verify()).last == 2


async def test_entries_that_were_given_up_may_come_after_all(log: Log) -> None:
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    head_row = HeadRow(log.keystore, log.master)
    before = await head_row.read()
    assert before is not None
    # One process announces its entry, and is held up; a second one gives it up, announces its own
    # and dies; then the first one's entry arrives.
    entry = Entry(2, log.clock.now(), Event.SIGN_IN, OPERATOR, None, {}, b"")
    octets = encode(entry)
    late = End(2, link(before.instance, 2, before.pending.hash, octets))
    first = Head(before.instance, before.base, before.pending, late)
    assert await head_row.write(first)
    lost = End(2, link(before.instance, 2, before.pending.hash, b"lost"))
    assert await head_row.write(replace(first.given_up(), pending=lost))
    assert (await log.verify()).last == 1
    await log.store.audit.append(
        [
            AuditRow(
                *(2, None, entry.event.value, entry.at, Guarded(octets), late.hash),
                before.pending.hash,
            )
        ]
    )
    assert (await log.verify()).last == 2
    await (await log.chain()).record(Event.SIGN_IN, actor=OPERATOR)
    assert (await log.verify()).last == 3
    head = await head_row.read()
    assert head is not None
    assert head.abandoned == (), "its number is taken: it cannot come any more"


async def test_a_log_that_is_being_written_verifies(log: Log) -> None:
    chains = [await log.chain() for _ in range(2)]
    verified: list[int] = []

    async def verify() -> None:
        while not verified or verified[-1] < 200:
            verified.append((await log.verify()).last)

    async def write(chain: Chain) -> None:
        for _ in range(100):
            await chain.record(Event.SIGN_IN, actor=OPERATOR)

    await asyncio.gather(verify(), *map(write, chains))
    assert verified[-1] == 200


async def test_two_processes_may_sign_the_same_end(log: Log) -> None:
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    (mark,) = await log.store.audit.checkpoints()
    await log.store.audit.add_checkpoint(mark)
    assert await log.store.audit.checkpoints() == [mark]


async def test_a_crash_before_the_confirmation_is_no_tampering(log: Log) -> None:
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)  # and never tended
    head = await HeadRow(log.keystore, log.master).read()
    assert head is not None
    assert not head.settled
    again = await log.chain()
    await again.record(Event.SIGN_IN, actor=OPERATOR)
    assert (await log.verify()).last == 2


async def test_an_action_without_its_entry_fails(log: Log) -> None:
    chain = await log.chain()
    await log.store.close()
    with pytest.raises(MailError):
        await chain.record(Event.SIGN_IN, actor=OPERATOR)


async def test_a_log_that_was_cut_is_not_gone_on_with(log: Log) -> None:
    chain = await log.chain()
    for _ in range(3):
        await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.close()
    await log.tamper("DELETE FROM audit WHERE seq = 3")
    with pytest.raises(Corrupt):
        await log.chain()


async def test_checkpoints_are_signed_each_hour_where_there_is_something_new(log: Log) -> None:
    chain = await log.chain()
    await chain.tend()
    assert await log.store.audit.checkpoints() == []
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    assert [mark.number for mark in await log.store.audit.checkpoints()] == [1]
    log.clock.advance(EVERY)
    await chain.tend()
    log.clock.advance(EVERY)
    await chain.tend()
    assert [mark.number for mark in await log.store.audit.checkpoints()] == [1, 2]


async def test_checkpoints_are_signed_each_thousand_entries(log: Log) -> None:
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    await asyncio.gather(*(chain.record(Event.SIGN_IN, actor=OPERATOR) for _ in range(1_000)))
    await chain.tend()
    assert [mark.number for mark in await log.store.audit.checkpoints()] == [1, 1_001]
    assert (await log.verify()).checkpoints == 2


async def test_the_key_is_a_private_file(log: Log, tmp_path: Path) -> None:
    path = tmp_path / "audit.key"
    made = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert load_key(path).public == made.public
    with pytest.raises(Conflict):
        create_key(path)
    path.chmod(0o444)
    with pytest.raises(Misconfigured):
        load_key(path)
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    (mark,) = await log.store.audit.checkpoints()
    head = await HeadRow(log.keystore, log.master).read()
    assert head is not None
    assert check(log.key.public, head.instance, mark) == head.confirmed
    with pytest.raises(Corrupt):
        check(made.public, head.instance, mark)


@pytest.mark.parametrize("lost", ["log", "keystore"])
async def test_a_restored_database_is_gone_on_with_once_somebody_says_so(
    log: Log, lost: str
) -> None:
    chain = await log.chain()
    for _ in range(3):
        await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.close()
    row = HeadRow(log.keystore, log.master)
    older = await row.read()
    assert older is not None
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.close()
    if lost == "log":
        await log.tamper("DELETE FROM audit WHERE seq > 3")
    else:
        await row.read()
        assert await row.write(older)
    with pytest.raises(Corrupt):
        await log.chain()
    resumed = await Chain.resume(
        log.store.audit, log.keystore, log.master, key=log.key, clock=log.clock
    )
    await resumed.record(Event.SIGN_IN, actor=OPERATOR)
    await resumed.close()
    verified = await log.verify()
    assert (verified.first, verified.last) == (5, 6)
    (entry, _) = await log.store.audit.rows(4, 10)
    ends = (3, 4) if lost == "log" else (4, 3)
    facts = decode(entry.entry).facts
    assert (facts["log_ended"], facts["keystore_ended"]) == ends
    await (await log.chain()).record(Event.SIGN_IN, actor=OPERATOR)
