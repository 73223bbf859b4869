"""External accounts: fetched while their owner is away, by one worker at a time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from mailserver.model.errors import Absent, Conflict, MailError, Refused
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import External, Tls
from mailserver.store.accounts import AccountState
from mailserver.store.driver import Sql, fetch, run
from mailserver.transfer.external import LEASE, ExternalAccounts, Source
from tests.support.imap_script import PASSWORD, USER, Box, Held, Script, Talk, pretending
from tests.support.mail import MailNode, letter, messages

QUARTER = timedelta(minutes=15)


def services(mail: MailNode, **settings: Any) -> ExternalAccounts:
    node = mail.node
    chosen = External(**{"private_servers": True, **settings})
    parts = (node.store, node.keyring, node.chain, mail.deposits, node.offload, node.clock)
    return ExternalAccounts(*parts, chosen)


def source(script: Script, **other: Any) -> Source:
    password = Plaintext(PASSWORD.encode())
    return Source("127.0.0.1", script.port, Tls.NONE, USER, password, **other)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    boxes = {"INBOX": Box([Held(1, letter("one"), "\\Seen kw")]), "Other": Box()}
    async with pretending(Script(boxes)) as made:
        yield made


@pytest.fixture
async def owner(mail: MailNode) -> AccountId:
    """Somebody who is away."""
    return (await mail.node.user()).account_id


async def due(externals: ExternalAccounts) -> int:
    """Fetch what is due, to the end."""
    begun: list[Coroutine[Any, Any, None]] = []
    count = await externals.begin_due(begun.append)
    await asyncio.gather(*begun)
    return count


async def kept(mail: MailNode) -> list[tuple[object, ...]]:
    """Return every row of an external account or of a mark."""
    tables = ("external_accounts", "transfer_marks")
    reads = [Sql(f"SELECT * FROM {table}") for table in tables]
    return await mail.node.store.database.read(
        lambda c: [r for sql in reads for r in fetch(c, sql)]
    )


async def test_mail_is_fetched_while_its_owner_is_away(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    await externals.add(owner, source(script, into="From work"), QUARTER)
    assert await due(externals) == 1
    assert await due(externals) == 0  # not before a quarter of an hour is over
    script.boxes["INBOX"].messages.append(Held(2, letter("two")))
    mail.node.clock.advance(QUARTER)
    assert await due(externals) == 1
    (listed,) = await externals.listing(owner)
    assert (listed.last.ok, listed.last.words) == (True, "1 message fetched")
    assert listed.next_at == mail.node.clock.now() + QUARTER
    account = await mail.sign_in()
    first, second = await messages(account, "From work", content=True)
    assert first.octets is not None
    assert first.octets.reveal() == letter("one")
    assert first.keywords == {"kw"}
    assert second.octets is not None
    assert len(script.boxes["INBOX"].messages) == 2  # they stay there


async def test_what_was_fetched_is_deleted_there_where_that_is_wanted(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    external_id = await externals.add(owner, source(script, delete=True), QUARTER)
    outcome = await externals.fetch(owner, external_id)
    assert (outcome.ok, outcome.messages) == (True, 1)
    assert script.boxes["INBOX"].messages == []


async def test_a_server_that_fails_is_asked_ever_more_rarely(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    external_id = await externals.add(owner, source(script), QUARTER)

    async def refuse(talk: Talk, tag: bytes, command: bytes) -> bool:
        if command.startswith(b"AUTHENTICATE"):
            talk.say(tag + b" NO\r\n")
        return command.startswith(b"AUTHENTICATE")

    script.answer = refuse
    pauses = []
    for _ in range(9):
        outcome = await externals.fetch(owner, external_id)
        assert outcome.words == "the other server does not take this user name and password"
        (listed,) = await externals.listing(owner)
        pauses.append((listed.next_at - mail.node.clock.now()) / QUARTER)
    assert pauses == [2, 4, 8, 16, 32, 64, 96, 96, 96]
    script.answer = None
    assert (await externals.fetch(owner, external_id)).ok
    (listed,) = await externals.listing(owner)
    assert listed.next_at == mail.node.clock.now() + QUARTER


async def test_two_workers_never_fetch_one(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    ours, theirs = services(mail), services(mail)
    external_id = await ours.add(owner, source(script), QUARTER)
    begun: list[Coroutine[Any, Any, None]] = []
    assert await ours.begin_due(begun.append) == 1
    assert await due(theirs) == 0
    with pytest.raises(Conflict):
        await theirs.fetch(owner, external_id)
    begun[0].close()  # the process died
    mail.node.clock.advance(LEASE)
    assert await due(theirs) == 1
    (listed,) = await ours.listing(owner)
    assert listed.last.messages == 1


async def test_a_server_that_stops_gives_its_lease_back(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    heard = asyncio.Event()

    async def be_silent(talk: Talk, tag: bytes, command: bytes) -> bool:
        if command.startswith(b"EXAMINE"):
            heard.set()
        return heard.is_set()

    externals = services(mail)
    external_id = await externals.add(owner, source(script), QUARTER)
    script.answer = be_silent
    task = asyncio.create_task(externals.fetch(owner, external_id))
    await asyncio.wait_for(heard.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    script.answer = None
    assert await due(services(mail)) == 1


async def test_an_account_that_is_frozen_fetches_nothing(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    external_id = await externals.add(owner, source(script), QUARTER)
    await mail.node.store.accounts.set_state(owner, AccountState.FROZEN)
    connections = script.connections
    outcome = await externals.fetch(owner, external_id)
    assert (outcome.ok, outcome.words) == (False, "the account is not active")
    assert script.connections == connections


async def test_a_server_in_here_is_refused_unless_the_settings_say_so(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail, private_servers=False)
    with pytest.raises(Refused):
        await externals.add(owner, source(script), QUARTER)
    assert script.connections == 0
    # Nor is one that was added while they did.
    external_id = await services(mail).add(owner, source(script), QUARTER)
    outcome = await externals.fetch(owner, external_id)
    assert not outcome.ok
    assert script.connections == 1


async def test_bounds(mail: MailNode, script: Script, owner: AccountId) -> None:
    externals = services(mail, per_account=1)
    with pytest.raises(Refused, match="300 seconds"):
        await externals.add(owner, source(script), timedelta(seconds=299))
    await externals.add(owner, source(script), QUARTER)
    with pytest.raises(Conflict, match="too many"):
        await externals.add(owner, source(script), QUARTER)


async def test_removing_forgets_password_and_marks_and_nothing_else(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    external_id = await externals.add(owner, source(script), QUARTER)
    await externals.fetch(owner, external_id)
    await externals.remove(owner, external_id)
    assert await kept(mail) == []
    for act in (externals.remove, externals.fetch):
        with pytest.raises(Absent):
            await act(owner, external_id)
    with pytest.raises(Absent):
        await externals.remove(owner, ObjectId(bytes(16)))
    assert len(await messages(await mail.sign_in())) == 1


async def test_nothing_of_it_is_readable_in_the_database(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    await externals.add(owner, source(script, into="Geheim"), QUARTER)
    await due(externals)
    rows = await kept(mail)
    assert len(rows) == 2
    octets = b" ".join(value for row in rows for value in row if isinstance(value, bytes))
    for word in (USER.encode() + b'"', b"word", b"127.0.0.1", b"INBOX", b"Geheim", b"fetched"):
        assert word not in octets


async def test_a_settings_row_of_another_account_opens_nothing(
    mail: MailNode, script: Script, owner: AccountId
) -> None:
    externals = services(mail)
    await externals.add(owner, source(script), QUARTER)
    other = (await mail.node.user("bob@example.org")).account_id
    move = Sql("UPDATE external_accounts SET account_id = ?")
    await mail.node.store.database.write(lambda c: run(c, move, (other,)))
    with pytest.raises(MailError):
        await externals.listing(other)
