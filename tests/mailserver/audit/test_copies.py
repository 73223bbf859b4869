"""Checkpoints on another machine: written once, waited for where it matters, and a proof later."""

from pathlib import Path

import pytest

from mailserver.audit.chain import Chain
from mailserver.audit.checkpoint import EVERY, written
from mailserver.audit.copies import Copies, known
from mailserver.audit.entry import OPERATOR, Event
from mailserver.audit.verify import ChainBroken, Tampering
from mailserver.model.errors import PeerFault, Transient
from tests.support.audit import Log


async def chain_with(log: Log, place: Path) -> Chain:
    return await log.chain(Copies(place))


async def test_a_role_event_waits_for_its_copy_and_others_do_not(log: Log, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    chain = await chain_with(log, place)
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    assert list(place.iterdir()) == []
    await chain.record(Event.ROLE_CHANGED, actor=OPERATOR)
    (mark,) = known(place)
    assert mark.number == 2
    assert (await log.verify(*known(place))).proved == 2
    await log.tamper("DELETE FROM audit WHERE seq = 2")
    await log.tamper("DELETE FROM audit_checkpoints")
    with pytest.raises(ChainBroken) as raised:
        await log.verify(mark)
    assert raised.value.tampering is Tampering.TRUNCATED


async def test_what_has_no_copy_does_not_happen_and_comes_with_the_next(
    log: Log, tmp_path: Path
) -> None:
    place = tmp_path / "away"
    chain = await chain_with(log, place)
    with pytest.raises(Transient):
        await chain.record(Event.FACTOR_CHANGED, actor=OPERATOR)
    await chain.record(Event.SIGN_IN, actor=OPERATOR)  # needs none
    assert (await log.verify()).last == 2
    place.mkdir()  # the mount is back
    await chain.record(Event.FACTOR_CHANGED, actor=OPERATOR)
    assert [mark.number for mark in known(place)] == [3]
    assert (await log.verify(*known(place))).proved == 3


async def test_an_hourly_checkpoint_is_copied_once_the_place_is_back(
    log: Log, tmp_path: Path
) -> None:
    place = tmp_path / "away"
    chain = await chain_with(log, place)
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    log.clock.advance(EVERY)
    place.mkdir()
    await chain.tend()
    (copy,) = place.iterdir()
    assert (copy.name, copy.stat().st_mode & 0o777) == ("entry-000000000001.json", 0o444)
    before = copy.stat().st_mtime_ns
    await (await chain_with(log, place)).tend()  # a copy is never written again
    assert copy.stat().st_mtime_ns == before


async def test_a_file_or_a_directory_is_read_and_nothing_else(log: Log, tmp_path: Path) -> None:
    chain = await log.chain()
    await chain.record(Event.SIGN_IN, actor=OPERATOR)
    await chain.tend()
    (mark,) = await log.store.audit.checkpoints()
    file = tmp_path / "head.json"
    file.write_text(written(mark))
    assert known(file) == [mark]
    (tmp_path / "none").mkdir()
    for nothing in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").write_text("")
        with pytest.raises(PeerFault):
            known(nothing)
