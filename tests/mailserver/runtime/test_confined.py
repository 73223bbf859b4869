"""Confined programs: whatever one is made to do, it reaches nothing and is soon gone."""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mailserver.model.errors import Transient
from mailserver.runtime import landlock
from mailserver.runtime.confined import WAITING, Confined, ConfinedError
from tests.support.socket_spy import spying

INTRUDER = "tests.support.intruder"
AS_SOMEBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
REFUSED = [
    *("connect", "send", "read", "write", "exchange", "exchange_socket", "fork", "take", "free"),
]


def intruder(*, seconds: float = 20.0, at_once: int = 2) -> Confined:
    return Confined(INTRUDER, at_once=at_once, deadline=timedelta(seconds=seconds))


async def tried(what: str, *, seconds: float = 20.0) -> str:
    said = await intruder(seconds=seconds).ask(what.encode(), most_octets=10_000)
    return said.decode()


@pytest.mark.parametrize("what", REFUSED)
async def test_it_can_do_nothing_to_anybody(what: str) -> None:
    assert (await tried(what)).startswith("no: ")


@pytest.mark.skipif(os.geteuid() != 0, reason="there is no root to get back, and to be safe from")
@pytest.mark.parametrize("what", ["become", "kill"])
async def test_what_began_as_root_is_nobody(what: str) -> None:
    assert (await tried(what)).startswith("no: ")


@pytest.fixture
def spoilable() -> Iterator[Path]:
    """A file that anybody may spoil."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "file"
        path.write_text("words")
        path.chmod(0o666)
        path.parent.chmod(0o777)
        yield path
        assert path.read_text() == "words"


needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")


@needs_landlock
@pytest.mark.parametrize("what", ["remove", "empty"])
async def test_what_anybody_may_spoil_it_cannot(spoilable: Path, what: str) -> None:
    assert (await tried(f"{what} {spoilable}")).startswith("no: ")


@needs_landlock
@pytest.mark.parametrize("what", [*(each for each in REFUSED if each != "fork"), "remove", "empty"])
async def test_who_is_not_root_gives_up_as_much(spoilable: Path, what: str) -> None:
    said = await asyncio.to_thread(
        subprocess.run,
        [*AS_SOMEBODY, sys.executable, "-I", "-B", "-m", INTRUDER],
        input=f"{what} {spoilable}".encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    # It may fork here: where root is who takes another name, its processes are not counted.
    if b"unshare" in said.stderr:
        pytest.skip("a user namespace takes more rights here")
    assert said.stdout.startswith(b"no: "), said


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
