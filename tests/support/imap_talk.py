"""Short talks with an IMAP listener: bounds in milliseconds, a signed-in client, some mail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mailserver.imap.bounds import Bounds, Shared
from mailserver.mail.account import Account
from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.runtime.listener import Listener
from mailserver.runtime.settings import Endpoint
from tests.support.imap_server import PASSWORD, READER, ImapServer
from tests.support.transcripts import Mode, Wire, wire

LOOPBACK = Endpoint(host="127.0.0.1", port=0)


def bounds(**milliseconds: int) -> Bounds:
    """Bounds of which some are short; each is checked within some 30 ms."""
    short: dict[str, Any] = {n: timedelta(milliseconds=ms) for n, ms in milliseconds.items()}
    return replace(Bounds(turn=timedelta(milliseconds=30)), **short)


async def say(client: Wire, line: str, until: str) -> list[str]:
    """Send a line and return the lines up to the one that begins with `until`."""
    await client.send(line.encode() + b"\r\n", Mode.WHOLE)
    lines = []
    while (said := await client.line()) is not None:
        lines.append(said)
        if said.startswith(until):
            return lines
    raise AssertionError(f"closed after {lines}")


@asynccontextmanager
async def signed_in(server: ImapServer, listener: Listener[Shared]) -> AsyncIterator[Wire]:
    """Connect, sign in as the server's reader, select INBOX."""
    async with wire(listener.port) as client:
        await client.skip_to("* OK")
        await say(client, f'0 LOGIN {READER} "{PASSWORD}"', "0 OK")
        await say(client, "1 SELECT INBOX", "1 OK")
        yield client


async def put(account: Account, octets: bytes, count: int = 1) -> None:
    inbox = await account.mailboxes.named("INBOX")
    message = NewMessage(Plaintext(octets))
    await account.messages.append(inbox.id, [message] * count)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for is the server's own
            await asyncio.sleep(0.01)
