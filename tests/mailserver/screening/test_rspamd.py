"""rspamd, the real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, Transient
from mailserver.screening.opinion import Advice
from mailserver.screening.rspamd import Rspamd, Traits
from tests.support.scanners import GTUBE, rspamd, standing

TRAITS = Traits(
    Client("203.0.113.9", "mail.nobody.test", tls=None, esmtp=True, utf8=False),
    Address("who", "nowhere.test"),
    [Address("älice", "example.org")],
)


@pytest.fixture(scope="module")
def worker() -> Iterator[str]:
    with standing(rspamd()) as url:
        yield url


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Rspamd]:
    scanner = Rspamd(url, seconds=20.0)
    yield scanner
    await scanner.close()


def message(subject: str = "Hello", body: bytes = b"Words.") -> bytes:
    return f"Subject: {subject}\r\nFrom: a@b.test\r\n\r\n".encode() + body + b"\r\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("octets", "advice", "doubtful"),
    [
        (message(), Advice.ACCEPT, False),
        (message("our-doubt"), Advice.ACCEPT, True),
        (message("our-junk"), Advice.JUNK, False),
        (message(body=GTUBE), Advice.REJECT, False),
    ],
)
async def test_its_advice_is_ours(
    worker: str, octets: bytes, advice: Advice, *, doubtful: bool
) -> None:
    async with asking(worker) as scanner:
        opinion = await scanner.check(octets, TRAITS)
    assert (opinion.advice, opinion.doubtful) == (advice, doubtful)


@pytest.mark.long
async def test_its_reasons_have_words(worker: str) -> None:
    async with asking(worker) as scanner:
        opinion = await scanner.check(message("our-junk"), TRAITS)
    assert opinion.words().startswith("it says so itself")
    assert opinion.points == pytest.approx(7.6)


@pytest.mark.long
async def test_it_is_told_what_the_transaction_says(worker: str) -> None:
    async with asking(worker) as scanner:
        opinion = await scanner.check(message(), TRAITS)
    assert "it knows its client" in opinion.words()


async def test_one_that_is_not_there_is_told() -> None:
    async with asking("http://127.0.0.1:1") as scanner:
        with pytest.raises(Transient) as down:
            await scanner.check(message(), TRAITS)
    assert down.value.condition is Condition.UNAVAILABLE


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b'HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{"action": "unheard of", "score": 1}',
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_nothing_but_an_opinion_is_taken_for_one(answer: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server, asking(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as scanner:
        with pytest.raises(Transient):
            await scanner.check(message(), TRAITS)
