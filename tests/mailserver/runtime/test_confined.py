"""Confined programs: whatever one is made to do, it reaches nothing and is soon gone."""

import asyncio
import os
import resource
import time
from datetime import timedelta

import pytest

from mailserver.model.errors import Transient
from mailserver.runtime.confined import WAITING, Confined, ConfinedError
from tests.support.socket_spy import spying

INTRUDER = "tests.support.intruder"
REFUSED = ["connect", "send", "read", "write", "fork", "take", "free", "kill"]


def intruder(*, seconds: float = 20.0, at_once: int = 2) -> Confined:
    return Confined(INTRUDER, at_once=at_once, deadline=timedelta(seconds=seconds))


async def tried(what: str, *, seconds: float = 20.0) -> str:
    said = await intruder(seconds=seconds).ask(what.encode(), most_octets=10_000)
    return said.decode()


@pytest.mark.parametrize("what", REFUSED)
async def test_it_can_do_nothing_to_anybody(what: str) -> None:
    if what == "free" and os.geteuid() != 0:
        pytest.skip("who is not root cannot raise a limit anyhow")
    assert (await tried(what)).startswith("no: ")


async def test_it_does_not_get_root_back() -> None:
    assert (await tried("become")).startswith("no: ")


async def test_it_has_no_environment_and_three_pipes() -> None:
    assert await tried("environment") in ("", "LC_CTYPE")
    assert await tried("descriptors") == "0 1 2"


@pytest.mark.parametrize("what", ["spin", "sleep", "chatter"])
async def test_its_time_and_words_are_bounded(what: str) -> None:
    began = time.monotonic()
    with pytest.raises(ConfinedError):
        await tried(what, seconds=3.0)
    assert time.monotonic() - began < 15


async def test_a_program_that_is_not_there_is_said() -> None:
    nobody = Confined("tests.support.nobody", at_once=1, deadline=timedelta(seconds=20))
    with pytest.raises(ConfinedError):
        await nobody.ask(b"x" * 10_000_000, most_octets=10)


async def test_a_machine_without_room_is_busy() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # no pipe can be opened
    try:
        with pytest.raises(Transient):
            await intruder().ask(b"environment", most_octets=10)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_large_question_is_read_and_nothing_goes_over_the_network() -> None:
    with spying() as seen:
        said = await intruder().ask(b"environment " + b"x" * 8_000_000, most_octets=10_000)
    assert said in (b"", b"LC_CTYPE")
    assert seen == []


async def test_who_is_not_waited_for_ends_its_process() -> None:
    asking = asyncio.ensure_future(tried("sleep"))
    await asyncio.sleep(1.0)
    asking.cancel()
    await asyncio.wait([asking], timeout=10)
    assert asking.cancelled()


async def test_so_many_wait_and_no_more() -> None:
    one = intruder(at_once=1, seconds=1.5)
    asked = [asyncio.ensure_future(one.ask(b"sleep", most_octets=10)) for _ in range(WAITING + 1)]
    await asyncio.sleep(0.1)
    with pytest.raises(Transient):
        await one.ask(b"environment", most_octets=10)
    for each in asked:
        each.cancel()
    await asyncio.wait(asked)
