"""ClamAV's daemon, the real one."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailserver.model.errors import Condition, Transient
from mailserver.screening.clamav import Clamd
from tests.support.scanners import EICAR, clamd, standing

SECONDS = 20.0


@pytest.fixture(scope="module")
def daemon() -> Iterator[str]:
    with standing(clamd()) as place:
        yield place


def attached(octets: bytes) -> bytes:
    return (
        b"Subject: x\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets)
    )


async def test_malware_is_found_and_named(daemon: str) -> None:
    assert (await Clamd(daemon, SECONDS).scan(attached(EICAR))).startswith("Eicar")


@pytest.mark.parametrize("octets", [b"", b"Subject: x\r\n\r\nHello\r\n", attached(bytes(3 << 20))])
async def test_what_is_clean_is_clean(daemon: str, octets: bytes) -> None:
    assert await Clamd(daemon, SECONDS).scan(octets) == ""


@pytest.mark.parametrize("place", ["unix:{}/nobody.sock", "127.0.0.1:1"])
async def test_one_that_is_not_there_is_told(tmp_path: Path, place: str) -> None:
    with pytest.raises(Transient) as down:
        await Clamd(place.format(tmp_path), SECONDS).scan(b"x")
    assert down.value.condition is Condition.UNAVAILABLE


@pytest.mark.parametrize(
    "reply", [b"", b"stream: OK, or so\0", b"INSTREAM size limit exceeded. ERROR\0", b"\xff" * 9000]
)
async def test_nothing_but_its_ok_is_taken_for_one(tmp_path: Path, reply: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(b"zINSTREAM\0") + 4 + 1 + 4)
        writer.write(reply)
        writer.close()

    path = tmp_path / "s"
    async with await asyncio.start_unix_server(answer, path):
        with pytest.raises(Transient):
            await Clamd(f"unix:{path}", SECONDS).scan(b"x")


async def test_one_that_never_answers_is_left(tmp_path: Path) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    path = tmp_path / "s"
    async with await asyncio.start_unix_server(wait, path):
        with pytest.raises(Transient):
            await Clamd(f"unix:{path}", 0.1).scan(b"x")
