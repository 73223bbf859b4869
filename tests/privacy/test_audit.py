"""The audit log: each way to tamper with it is found, and erasing or pruning keeps it whole."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.audit.checkpoint import EVERY
from mailserver.audit.entry import OPERATOR, Event, link
from mailserver.audit.head import End, HeadRow
from mailserver.audit.subjects import Subject
from mailserver.audit.verify import ChainBroken, Tampering
from mailserver.crypto.sign import SigningKey
from mailserver.model.ids import new_account_id
from tests.support.audit import Log, open_log


@pytest.fixture
async def log(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    """A log of five entries and a checkpoint behind the third."""
    async with open_log(mail_url, keystore_url, tmp_path) as opened:
        chain = await opened.chain()
        for n in range(5):
            await chain.record(Event.SIGN_IN, actor=OPERATOR, facts={"n": n})
            if n == 2:
                await chain.tend()
        await chain.close()
        assert (await opened.verify()).last == 5
        yield opened


async def broken(log: Log) -> tuple[Tampering, int]:
    with pytest.raises(ChainBroken) as raised:
        await log.verify()
    return raised.value.tampering, raised.value.number


async def test_t_aud_1_an_edited_entry_is_found(log: Log) -> None:
    (_, row, *_) = await log.store.audit.rows(0, 5)
    forged = row.entry.replace(b'"n":1', b'"n":9', 1)
    await log.tamper("UPDATE audit SET entry = :entry WHERE seq = 2", entry=forged)
    assert await broken(log) == (Tampering.EDITED, 2)


async def test_t_aud_1_an_entry_edited_with_its_hash_is_found(log: Log) -> None:
    rows = await log.store.audit.rows(0, 5)
    forged = rows[1].entry.replace(b'"n":1', b'"n":9', 1)
    instance = b"?" * 16
    own = link(instance, 2, rows[0].hash, forged)
    await log.tamper(
        "UPDATE audit SET entry = :entry, hash = :hash WHERE seq = 2", entry=forged, hash=own
    )
    assert await broken(log) == (Tampering.EDITED, 2)


@pytest.mark.parametrize("column", ["at", "event", "subject"])
async def test_t_aud_1_what_stands_beside_an_entry_cannot_lie(log: Log, column: str) -> None:
    value: object = {"at": 1, "event": "other", "subject": b"x" * 16}[column]
    await log.tamper(f"UPDATE audit SET {column} = :value WHERE seq = 4", value=value)
    assert await broken(log) == (Tampering.EDITED, 4)


async def test_t_aud_1_a_deleted_entry_is_found(log: Log) -> None:
    await log.tamper("DELETE FROM audit WHERE seq = 2")
    assert await broken(log) == (Tampering.DELETED, 2)


async def test_t_aud_1_the_first_entry_cannot_go_unseen(log: Log) -> None:
    await log.tamper("DELETE FROM audit WHERE seq = 1")
    assert await broken(log) == (Tampering.DELETED, 1)


async def test_t_aud_1_reordered_entries_are_found(log: Log) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        await log.tamper("UPDATE audit SET seq = :new WHERE seq = :old", new=new, old=old)
    assert await broken(log) == (Tampering.REORDERED, 2)


@pytest.mark.parametrize("left", [0, 2, 4])
async def test_t_aud_1_a_truncated_log_is_found(log: Log, left: int) -> None:
    await log.tamper("DELETE FROM audit WHERE seq > :left", left=left)
    await log.tamper("DELETE FROM audit_checkpoints")
    assert await broken(log) == (Tampering.TRUNCATED, left + 1)


async def test_t_aud_1_an_added_entry_is_found(log: Log) -> None:
    await log.tamper(
        "INSERT INTO audit (seq, at, event, subject, prev_hash, entry, hash)"
        " SELECT 6, at, event, subject, hash, entry, hash FROM audit WHERE seq = 5"
    )
    assert (await broken(log))[0] in {Tampering.EXTENDED, Tampering.REORDERED}


async def test_t_aud_1_a_chain_written_anew_does_not_fit_its_checkpoint(log: Log) -> None:
    """Whoever has database and keystore may forge all but what was signed."""
    (mark,) = await log.store.audit.checkpoints()
    await log.tamper("UPDATE audit_checkpoints SET hash = :hash", hash=b"x" * 32)
    assert await broken(log) == (Tampering.CHECKPOINT, mark.number)


async def test_t_aud_1_a_checkpoint_under_another_key_is_found(log: Log) -> None:
    (mark,) = await log.store.audit.checkpoints()
    forged = SigningKey.random().sign(b"anything")
    await log.tamper("UPDATE audit_checkpoints SET signature = :s", s=forged)
    assert await broken(log) == (Tampering.CHECKPOINT, mark.number)


async def test_t_aud_1_a_head_from_elsewhere_proves_completeness(log: Log) -> None:
    (mark,) = await log.store.audit.checkpoints()
    assert not (await log.verify()).complete
    assert (await log.verify(mark)).complete
    await log.tamper("DELETE FROM audit_checkpoints")
    assert (await log.verify(mark)).complete


async def test_t_aud_1_a_chain_cut_back_with_its_keystore_does_not_reach_the_head_elsewhere(
    log: Log,
) -> None:
    """Whoever holds both databases and the master key cuts both back to an earlier checkpoint."""
    (mark,) = await log.store.audit.checkpoints()
    log.clock.advance(EVERY)
    await (await log.chain()).tend()
    later = (await log.store.audit.checkpoints())[-1]
    row = HeadRow(log.keystore, log.master)
    head = await row.read()
    assert head is not None
    assert later.number == head.confirmed.number > mark.number
    await log.tamper("DELETE FROM audit WHERE seq > :left", left=mark.number)
    await log.tamper("DELETE FROM audit_checkpoints WHERE seq > :left", left=mark.number)
    assert await row.write(head.ending(End(mark.number, mark.hash)))
    assert not (await log.verify()).complete
    assert (await log.verify(mark)).proved == mark.number
    with pytest.raises(ChainBroken) as raised:
        await log.verify(mark, later)
    assert raised.value.tampering is Tampering.TRUNCATED


async def test_t_aud_1_a_beginning_that_nobody_signed_is_found(log: Log) -> None:
    row = HeadRow(log.keystore, log.master)
    head = await row.read()
    rows = await log.store.audit.rows(0, 2)
    assert head is not None
    await log.tamper("DELETE FROM audit WHERE seq <= 2")
    assert await row.write(replace(head, base=End(2, rows[1].hash)))
    assert await broken(log) == (Tampering.CHECKPOINT, 2)


async def test_t_aud_2_erasing_a_person_keeps_the_log_whole(log: Log) -> None:
    chain, account = await log.chain(), new_account_id()
    personal = Subject(account, b"k" * 32).seal({"address": "alice@example.org"})
    await chain.record(Event.SIGN_IN, actor=OPERATOR, account_id=account, personal=personal)
    await chain.close()
    # The key goes with the account's keystore row: nothing of the log is touched.
    assert (await log.verify()).last == 6
    (row,) = await log.store.audit.of_account(account, 10)
    assert b"alice" not in bytes(row.entry)


async def test_t_aud_3_a_log_is_pruned_at_a_signed_segment(log: Log) -> None:
    """Three of five entries are signed: they go after a year, and no other."""
    log.clock.advance(timedelta(days=366))
    chain = await log.chain()
    assert await chain.prune(log.clock.now() - timedelta(days=365)) == 3
    verified = await log.verify()
    assert (verified.first, verified.last) == (4, 6)
    assert await chain.prune(log.clock.now() - timedelta(days=365)) == 0
    await log.tamper("DELETE FROM audit WHERE seq = 4")
    assert await broken(log) == (Tampering.DELETED, 4)
