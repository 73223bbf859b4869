"""What a connection bears: silence, floods, who does not read, shutdown, our own mistakes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.imap.bounds import Bounds, Shared
from mailserver.imap.connection import Connection
from mailserver.mail.account import Account
from mailserver.model.message import NO_KEYWORDS, Flag, StoreMode
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.limits import Limits
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.listener import listening
from mailserver.runtime.settings import Tls
from mailserver.vault.records import Scope
from tests.support import accounts
from tests.support.imap_server import PASSWORD, READER, SECRET, serving
from tests.support.imap_talk import LOOPBACK, bounds, eventually, put, say, signed_in
from tests.support.transcripts import Mode, Wire, wire

# --- time


async def test_who_does_not_sign_in_is_told_goodbye(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, bounds=bounds(login=50)) as (_, listener),
        wire(listener.port) as client,
    ):
        await client.skip_to("* OK")
        assert await client.line() == "* BYE too long without signing in"
        assert await client.line() is None


async def test_idle_is_not_renewed_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(inactivity=800)) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as client:
            for _ in range(5):
                await say(client, "a NOOP", "a OK")
                await asyncio.sleep(0.2)
            await say(client, "b IDLE", "+")
            assert (await client.line() or "").startswith("* BYE")


async def test_a_session_lives_a_day_at_most(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(life=1_000)) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as client:
            assert (await client.line() or "").startswith("* BYE sign in again")


async def test_a_long_idle_drops_what_was_opened(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(rest_after=50)) as (server, listener):
        account = await server.add_reader()
        await put(account, b"Subject: x\r\n\r\nx\r\n")
        lease = await server.mail.node.logins.app_password(
            server.reader, SECRET, scope=Scope.IMAP, peer=accounts.PEER
        )
        epochs = {row.epoch for row in await server.mail.node.store.epochs.rows(lease.account_id)}
        async with signed_in(server, listener) as client:
            await say(client, "a FETCH 1 BODY.PEEK[]", "a OK")
            assert not lease.account.unknown(epochs)
            await say(client, "b IDLE", "+")
            await eventually(lambda: lease.account.unknown(epochs) == epochs)
            await say(client, "DONE", "b OK")
            await say(client, "c FETCH 1 BODY.PEEK[]", "c OK")
        await lease.close()
        await account.close()


# --- clients that do not keep up


async def test_who_does_not_read_is_not_written_to_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(unread=100)) as (server, listener):
        account = await server.add_reader()
        await put(account, b"Subject: x\r\n\r\n" + b"0123456789abcde\n" * 60_000)
        async with signed_in(server, listener) as client:
            await client.send(b"a FETCH 1 BODY.PEEK[]\r\n" * 50, Mode.WHOLE)
            await eventually(lambda: listener.connections == 0)
        await account.close()


async def test_who_asks_and_never_reads_is_heard_no_further(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(unread=100)) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as client:
            await client.send(b"a CAPABILITY\r\n" * 200_000, Mode.WHOLE)
            await eventually(lambda: listener.connections == 0)


async def test_pipelined_commands_are_answered_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        account = await server.add_reader()
        await put(account, b"Subject: x\r\n\r\nx\r\n")
        async with signed_in(server, listener) as client:
            commands = [
                b"f%d FETCH 1 FLAGS\r\nn%d NOOP\r\nl%d LIST {5+}\r\nabcde %%\r\n" % (n, n, n)
                for n in range(300)
            ]
            await client.send(b"".join(commands), Mode.WHOLE)
            for n in range(300):
                assert (await client.line() or "") == "* 1 FETCH (FLAGS (\\Recent))"
                for tag in (f"f{n}", f"n{n}", f"l{n}"):
                    assert (await client.line() or "").startswith(f"{tag} OK")
        await account.close()


async def test_a_client_that_closed_its_half_still_gets_its_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        await (await server.add_reader()).close()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(f'a LOGIN {READER} "{PASSWORD}"\r\nb SELECT INBOX\r\n'.encode())
        writer.write_eof()
        said = await reader.read()
        assert b"\r\na OK" in said
        assert b"\r\nb OK" in said
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: listener.connections == 0)


# --- bounds


async def test_one_connection_too_many_is_turned_away(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, connections=Connections(10, 1)) as (_, listener),
        wire(listener.port) as first,
    ):
        await first.skip_to("* OK")
        async with wire(listener.port) as second:
            assert (await second.line() or "").startswith("* BYE [LIMIT]")
            assert await second.line() is None
        await say(first, "a LOGOUT", "a OK")
        await eventually(lambda: listener.connections == 0)
        async with wire(listener.port) as third:
            await third.skip_to("* OK")


async def test_literals_in_flight_share_a_budget(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as one, signed_in(server, listener) as other:
            await say(one, "a APPEND INBOX {10000000}", "+")
            assert server.budget.held_octets == 10_000_000
            (refused,) = await say(other, "a APPEND INBOX {10000000}", "a ")
            assert refused.startswith("a NO [LIMIT]")
            await say(other, "b NOOP", "b OK")
        await eventually(lambda: server.budget.held_octets == 0)


async def test_one_account_leaves_room_for_others(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        await (await server.add_reader()).close()
        server.budget.peer_octets = 5_000_000
        async with signed_in(server, listener) as one, signed_in(server, listener) as other:
            await say(one, "a APPEND INBOX {4000000}", "+")
            (refused,) = await say(other, "a APPEND INBOX {4000000}", "a ")
            assert refused.startswith("a NO [LIMIT]")
            assert server.budget.held_octets == 4_000_000
            await say(other, "b APPEND INBOX {1000000}", "+")
        await eventually(lambda: server.budget.held_octets == 0)


async def test_an_upload_that_stops_half_way_is_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(unread=100)) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as client:
            await say(client, "a APPEND INBOX {100}", "+")
            await client.send(b"half", Mode.WHOLE)
            assert (await client.line() or "").startswith("* BYE")
        await eventually(lambda: server.budget.held_octets == 0)


async def test_garbage_ends_the_connection(tmp_path: Path) -> None:
    limited = Bounds(machine=Limits(line_octets=1_000))
    async with serving(tmp_path, bounds=limited) as (_, listener), wire(listener.port) as client:
        await client.skip_to("* OK")
        await client.send(b"\x16\x03\x01" * 2_000, Mode.WHOLE)
        lines = [line async for line in _rest(client)]
        assert any(line.startswith("* BAD") for line in lines)
        assert lines[-1].startswith("* BYE")


async def _rest(client: Wire) -> AsyncIterator[str]:
    while (line := await client.line()) is not None:
        yield line


# --- other sessions, and the end


async def test_too_many_changes_to_keep_are_read_afresh(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        account = await server.add_reader()
        await put(account, b"Subject: x\r\n\r\nx\r\n", 3)
        inbox = await account.mailboxes.named("INBOX")
        async with signed_in(server, listener) as client:
            for number in range(1_001):
                mode = StoreMode.REMOVE if number % 2 else StoreMode.ADD
                await account.messages.store(inbox.id, [(2, 2)], mode, Flag.SEEN, NO_KEYWORDS)
            await account.messages.store(
                inbox.id, [(3, 3)], StoreMode.ADD, Flag.DELETED, NO_KEYWORDS
            )
            await account.messages.expunge(inbox.id)
            await put(account, b"Subject: y\r\n\r\ny\r\n")
            assert await say(client, "a NOOP", "a OK") == [
                "* 3 EXPUNGE",
                "* 3 EXISTS",
                "* 3 RECENT",
                "* 2 FETCH (FLAGS (\\Seen \\Recent))",
                "a OK NOOP completed",
            ]
        await account.close()


async def test_a_revoked_credential_ends_its_sessions(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        account = await server.add_reader()
        async with signed_in(server, listener) as client:
            await say(client, "a IDLE", "+")
            server.mail.node.sessions.revoke(account.account_id)
            assert (await client.line() or "").startswith("* BYE [UNAVAILABLE]")
            assert await client.line() is None


async def test_everybody_is_told_when_the_server_stops(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener):
        await (await server.add_reader()).close()
        async with signed_in(server, listener) as idling, wire(listener.port) as fresh:
            await say(idling, "a IDLE", "+")
            await fresh.skip_to("* OK")
            await listener.close()
            for client in (idling, fresh):
                assert (await client.line() or "").startswith("* BYE the server is stopping")
                assert await client.line() is None
        assert listener.connections == 0


async def test_a_command_that_does_not_end_holds_up_no_stop(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def never(login: str, secret: Plaintext, peer: str) -> Account:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    shared = Shared(never, Budget(1), Connections(2, 2), bounds(shutdown=50))
    async with (
        listening("imap", Connection, LOOPBACK, Tls.NONE, shared) as listener,
        wire(listener.port) as client,
    ):
        await client.skip_to("* OK")
        await client.send(b"a LOGIN b c\r\n", Mode.WHOLE)
        await started.wait()
        async with asyncio.timeout(30):
            await listener.close()
        await eventually(lambda: listener.connections == 0)


async def test_our_own_mistake_is_owned_up_to_without_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(login: str, secret: Plaintext, peer: str) -> Account:
        raise RuntimeError(f"canary {login} {secret.reveal()!r}")

    shared = Shared(broken, Budget(1), Connections(2, 2))
    async with (
        listening("imap", Connection, LOOPBACK, Tls.NONE, shared) as listener,
        wire(listener.port) as client,
    ):
        await client.skip_to("* OK")
        (said,) = await say(client, "a LOGIN someone hush", "a ")
        assert said.startswith("a NO [SERVERBUG] we made a mistake; incident ")
        await say(client, "b NOOP", "b OK")
    logged = capsys.readouterr().err
    assert said.rsplit(" ", 1)[1] in logged
    assert "RuntimeError" in logged
    assert "canary" not in logged
    assert "hush" not in logged
