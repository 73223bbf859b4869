"""Headers made to cost us: each is judged, screened and delivered, and holds nobody up meanwhile.

The loop is watched while a message comes in as a stranger's does, with every check on: a small
message that stops the loop for long, sent again and again, would stop the server.
"""

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mailserver.model.errors import MailError
from mailserver.runtime.clock import ManualClock
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import open_mail
from tests.support.screening import RECORDS, Mx, mx, stranger

HEADER_OCTETS = 250_000  # the bound is 256 KiB
LONGEST_STALL_SECONDS = 1.0  # of our own time, a third of it when the machine is quiet
WHOLE_SECONDS = 20.0
HEAD = (
    b"From: Bob <bob@there.test>\r\nTo: alice@example.org\r\n"
    b"Date: Thu, 1 Jan 2026 11:00:00 +0000\r\n"
)


def many(line: bytes) -> bytes:
    return HEAD + line * (HEADER_OCTETS // len(line)) + b"\r\nx\r\n"


def field(name: bytes, piece: bytes) -> bytes:
    folded = b"\r\n ".join([piece] * (HEADER_OCTETS // (len(piece) + 3)))
    return HEAD + name + b": " + folded + b"\r\n\r\nx\r\n"


def signature(selector: int, names: bytes) -> bytes:
    blob = base64.b64encode(bytes(256)).decode().encode()
    return (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=there.test; s=s%d; h=%b;"
        b" bh=%b; b=%b\r\n" % (selector, names, base64.b64encode(bytes(32)), blob)
    )


def chain(sets: int) -> bytes:
    blob = base64.b64encode(bytes(256))
    lines = [
        b"ARC-Seal: i=%d; a=rsa-sha256; cv=%b; d=there.test; s=a; b=%b\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=there.test; s=a; h=from; bh=%b; b=%b\r\n"
        b"ARC-Authentication-Results: i=%d; there.test; dkim=pass\r\n"
        % (n, b"none" if n == 1 else b"pass", blob, n, base64.b64encode(bytes(32)), blob, n)
        for n in range(1, sets + 1)
    ]
    return b"".join(reversed(lines)) + HEAD + b"\r\nx\r\n"


BOMBS = {
    "fields": HEAD + b"".join(b"F%d: x\r\n" % n for n in range(25_000)) + b"\r\nx\r\n",
    "one field often": many(b"A:\r\n"),
    "From fields": many(b"From: a@b.test\r\n"),
    "authors": field(b"From", b"a@b.test, c <d@e.test>,"),
    "authors of many domains": HEAD
    + b"From: "
    + b",\r\n ".join(b"a@d%d.test" % n for n in range(12_000))
    + b"\r\n\r\nx\r\n",
    "comments": field(b"From", b"(" * 900),
    "quotes": field(b"From", b'"\\' * 400),
    "angles": field(b"Reply-To", b"<" * 900),
    "encoded words": field(b"Subject", b"=?utf-8?b?w6k=?="),
    "half encoded words": field(b"Subject", b"=?a?q?"),
    "verdicts of others": many(b"Authentication-Results: mx.example.org; spf=pass\r\n"),
    "one long verdict": field(b"Authentication-Results", b"(a (b) c) x;"),
    "reasons that pretend to be ours": many(b"X-Zegel-Junk-Reason: none\r\n"),
    "signatures": b"".join(signature(n, b"from:to") for n in range(400)) + HEAD + b"\r\nx\r\n",
    "signatures of everything": b"".join(signature(n, b":".join([b"a"] * 900)) for n in range(8))
    + many(b"A: b\r\n")[: HEADER_OCTETS - 30_000]
    + b"\r\n\r\nx\r\n",
    "tags": field(b"DKIM-Signature", b"a=b;"),
    "a chain of fifty": chain(50),
    "a chain of ninety-nine": chain(99),
    "chains without order": many(b"ARC-Seal: i=1; a=b\r\n"),
    "received": many(b"Received: from a by b; Thu, 1 Jan 2026 11:00:00 +0000\r\n"),
    "labels": HEAD.replace(b"there.test", b".".join([b"a"] * 120)) + b"\r\nx\r\n",
    "references": field(b"References", b"<a@b.test>"),
    "parameters": field(b"Content-Type: text/plain; x", b"y*0*=utf-8''%C3%A9;"),
    "links": HEAD
    + b"Content-Type: text/html\r\n\r\n"
    + b'<a href="https://x.test/">https://y.test/</a>\r\n' * 4_000,
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS) as server:
        yield server


async def longest_stall(over: asyncio.Event) -> float:
    """Return how much this process did at most before its loop came round to us."""
    longest = 0.0
    while not over.is_set():
        before = time.process_time()
        await asyncio.sleep(0.002)
        longest = max(longest, time.process_time() - before)
    return longest


async def stall_of(door: Mx, message: bytes) -> float:
    """Have a message taken; returns its longest stall."""
    async with asyncio.timeout(WHOLE_SECONDS), asyncio.TaskGroup() as tasks:
        over = asyncio.Event()
        watching = tasks.create_task(longest_stall(over))
        with suppress(MailError):
            await door.take(message, client=stranger())
        over.set()
    return watching.result()


@pytest.mark.long
@pytest.mark.parametrize("name", BOMBS)
async def test_a_strangers_header_holds_nobody_up(
    tmp_path: Path, dns: DnsServer, name: str
) -> None:
    urls = [f"sqlite:///{tmp_path / each}.db" for each in ("mail", "keystore")]
    async with open_mail(urls[0], urls[1], tmp_path, ManualClock()) as mail:
        await (await mail.account()).close()
        async with mx(mail, dns, spam__greylisting=False) as door:
            stalled = await stall_of(door, BOMBS[name])
            if stalled >= LONGEST_STALL_SECONDS:  # by load, or by this header: then again
                stalled = min(stalled, await stall_of(door, BOMBS[name]))
    assert stalled < LONGEST_STALL_SECONDS
