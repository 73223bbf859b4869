"""Every transcript, played every way, against a real server on a real store."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailserver.imap.bounds import Shared
from mailserver.mail.account import Account
from mailserver.model.errors import Absent
from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.runtime.listener import Listener
from tests.support.imap_server import PASSWORD, READER, ImapServer, serving
from tests.support.transcripts import Given, Mode, Transcript, Wire, parse, play, wire

FILES = sorted((Path(__file__).parents[2] / "transcripts" / "imap").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
async def test_transcript(path: Path, tmp_path: Path, mail_url: str, keystore_url: str) -> None:
    transcript = parse(path)
    async with serving(tmp_path, urls=(mail_url, keystore_url)) as (server, listener):
        for mode in sorted(transcript.modes, key=lambda mode: mode.value):
            await _play(transcript, mode, server, listener)
    assert server.budget.held_octets == 0


async def _play(
    transcript: Transcript, mode: Mode, server: ImapServer, listener: Listener[Shared]
) -> None:
    quota = {"quota_octets": transcript.quota_octets} if transcript.quota_octets else {}
    account = await server.add_reader(f"{mode.value}@example.org", **quota)
    for given in transcript.messages:
        await _put(account, given)
    if not transcript.recent:
        for mailbox in await account.mailboxes.listing():
            await account.mailboxes.open(mailbox.id, writable=True)
    for email in transcript.damaged:
        await server.damage(account, email)

    async def arrive(given: Given) -> None:
        await _put(account, given)

    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(wire(listener.port)) for _ in range(transcript.clients)
        ]
        for number, client in enumerate(clients):
            await _begin(client, "selected" if number else transcript.start)
        await play(transcript, mode, clients, arrive)
    await account.close()


async def _begin(client: Wire, start: str) -> None:
    if start == "connected":
        return
    await client.skip_to("* OK")
    await client.send(f'0 LOGIN {READER} "{PASSWORD}"\r\n'.encode(), Mode.WHOLE)
    await client.skip_to("0 OK")
    if start != "signed in":
        await client.send(b"1 SELECT INBOX\r\n", Mode.WHOLE)
        await client.skip_to("1 OK")


async def _put(account: Account, given: Given) -> None:
    try:
        mailbox = await account.mailboxes.named(given.mailbox)
    except Absent:
        mailbox = await account.mailboxes.create(given.mailbox)
    message = NewMessage(
        Plaintext(given.octets),
        given.flags,
        given.keywords,
        given.internaldate or datetime.now(UTC),
    )
    await account.messages.append(mailbox.id, [message])
