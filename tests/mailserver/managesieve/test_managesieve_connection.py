"""What a connection bears: TLS, injection, silence, floods, revocation, shutdown, its limits."""

import asyncio
import socket
import ssl
from base64 import b64encode
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.managesieve.bounds import Bounds, Shared
from mailserver.managesieve.connection import Connection
from mailserver.model.errors import Misconfigured
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.limits import Connections
from mailserver.runtime.listener import Listener, listening
from mailserver.runtime.rates import Paces, Rates
from mailserver.runtime.settings import Endpoint, Tls
from mailserver.runtime.tls import ServerTls, create_self_signed
from tests.support.managesieve_server import READER, ManageSieveServer, serving
from tests.support.transcripts import Mode, Wire, wire
from tests.support.waiting import until

LOOPBACK = Endpoint(host="127.0.0.1", port=0)
PLAIN = b64encode(f"\0{READER}\0secret".encode()).decode()


def bounds(**milliseconds: int) -> Bounds:
    short: dict[str, Any] = {n: timedelta(milliseconds=ms) for n, ms in milliseconds.items()}
    return replace(Bounds(), **short)


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    create_self_signed(certificate, key, hostname="localhost")
    return ServerTls(certificate, key).context


def client_context() -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


async def say(client: Wire, line: str) -> str:
    """Send a line and return the last line of what answers it."""
    await client.send(line.encode() + b"\r\n", Mode.WHOLE)
    return await ended(client)


async def ended(client: Wire) -> str:
    while not (line := await client.line() or "<closed>").startswith(("OK", "NO", "BYE", "<")):
        continue
    return line


async def secured(listener: Listener[Shared]) -> tuple[Wire, asyncio.StreamWriter]:
    """Connect and take the connection to TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    client = Wire(reader, writer)
    await ended(client)
    assert await say(client, "STARTTLS") == 'OK "begin TLS"'
    await writer.start_tls(client_context())
    return client, writer


async def test_nobody_signs_in_without_tls(tmp_path: Path, context: ssl.SSLContext) -> None:
    async with (
        serving(tmp_path, tls=Tls.STARTTLS, context=context) as (server, listener),
        wire(listener.port) as client,
    ):
        await server.add_reader()
        offered = []
        while not (line := await client.line() or "").startswith("OK"):
            offered.append(line)
        assert '"SASL" ""' in offered
        assert '"STARTTLS"' in offered
        refused = await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"')
        assert refused == 'NO (ENCRYPT-NEEDED) "start TLS before you sign in"'


async def test_starttls_begins_anew(tmp_path: Path, context: ssl.SSLContext) -> None:
    async with serving(tmp_path, tls=Tls.STARTTLS, context=context) as (server, listener):
        await server.add_reader()
        client, _ = await secured(listener)
        offered = []
        while not (line := await client.line() or "").startswith("OK"):
            offered.append(line)
        assert '"SASL" "PLAIN"' in offered
        assert '"STARTTLS"' not in offered
        assert await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"') == 'OK "signed in"'
        assert (await say(client, "STARTTLS")).startswith("NO")
        await client.close()


async def test_what_was_sent_in_the_clear_behind_starttls_is_dropped(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    async with serving(tmp_path, tls=Tls.STARTTLS, context=context) as (_, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        client = Wire(reader, writer)
        await ended(client)
        await client.send(b'STARTTLS\r\nNOOP "injected"\r\n', Mode.WHOLE)
        assert await ended(client) == 'OK "begin TLS"'
        await writer.start_tls(client_context())
        assert await ended(client) == 'OK "Zegel is ready"'
        assert await say(client, 'NOOP "mine"') == 'OK (TAG "mine") "done"'
        await client.close()


async def test_a_handshake_that_fails_costs_only_itself(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    async with serving(tmp_path, tls=Tls.STARTTLS, context=context) as (_, listener):
        async with wire(listener.port) as client:
            await ended(client)
            await say(client, "STARTTLS")
            await client.send(b"this is no handshake\r\n", Mode.WHOLE)
            assert await ended(client) == "<closed>"
        async with wire(listener.port) as client:
            assert (await ended(client)).startswith("OK")


async def test_implicit_tls(tmp_path: Path, context: ssl.SSLContext) -> None:
    async with serving(tmp_path, tls=Tls.IMPLICIT, context=context) as (server, listener):
        await server.add_reader()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=client_context()
        )
        client = Wire(reader, writer)
        await ended(client)
        assert await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"') == 'OK "signed in"'
        await client.close()


async def signed_in(server: ManageSieveServer, client: Wire) -> None:
    await server.add_reader()
    await ended(client)
    assert await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"') == 'OK "signed in"'


async def test_a_revoked_app_password_ends_the_connection(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, listener), wire(listener.port) as client:
        account_id = await server.add_reader()
        await ended(client)
        await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"')
        await server.node.app_passwords.revoke(account_id, server.app_password)
        assert await ended(client) == 'BYE (TRYLATER) "your access ended"'
        assert await client.line() is None


async def test_a_stranger_holds_little(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, listener), wire(listener.port) as client:
        await ended(client)
        await client.send(b"CHECKSCRIPT {2000+}\r\n" + b"#" * 2_000 + b"\r\n", Mode.WHOLE)
        assert (await ended(client)).startswith("NO (QUOTA/MAXSIZE)")
        assert (await say(client, "NOOP")).startswith("OK")
        await client.send(b"x" * 10_000, Mode.WHOLE)
        assert await ended(client) == 'BYE "this line is too long"'


async def test_a_literal_over_the_limit_is_dropped_and_the_next_command_heard(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as (server, listener), wire(listener.port) as client:
        await signed_in(server, client)
        script = b"#" * 100_000
        await client.send(b'PUTSCRIPT "big" {100000+}\r\n' + script + b"\r\nNOOP\r\n", Mode.WHOLE)
        assert (await ended(client)).startswith("NO (QUOTA/MAXSIZE)")
        assert (await ended(client)).startswith("OK")
        assert await say(client, "LISTSCRIPTS") == "OK"


@pytest.mark.parametrize(
    ("bound", "why"),
    [("login", "too long without signing in"), ("inactivity", "nothing came for too long")],
)
async def test_who_says_nothing_is_let_go(tmp_path: Path, bound: str, why: str) -> None:
    async with (
        serving(tmp_path, bounds=bounds(**{bound: 100}, turn=60)) as (_, listener),
        wire(listener.port) as client,
    ):
        await ended(client)
        assert await ended(client) == f'BYE "{why}"'
        assert await client.line() is None


async def test_a_session_lives_a_day_at_most(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, bounds=bounds(life=100, turn=60)) as (_, listener),
        wire(listener.port) as client,
    ):
        await ended(client)
        assert await ended(client) == 'BYE "sign in again"'


async def test_an_exchange_that_is_not_ended_ends_in_time(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, bounds=bounds(command=100)) as (_, listener),
        wire(listener.port) as client,
    ):
        await ended(client)
        await client.send(b'AUTHENTICATE "PLAIN"\r\n', Mode.WHOLE)
        assert await ended(client) == 'BYE "the command took too long"'


async def test_t_rate_1_commands_over_the_rate_wait(tmp_path: Path) -> None:
    paces = Paces(commands=Rates(20, 5, SystemClock(), counts_loopback=True))
    loop = asyncio.get_running_loop()
    async with serving(tmp_path, paces=paces) as (_, listener), wire(listener.port) as client:
        await ended(client)
        began = loop.time()
        await client.send(b"NOOP\r\n" * 10, Mode.WHOLE)
        for _ in range(10):
            assert (await ended(client)).startswith("OK")
        assert loop.time() - began >= 0.2  # five were saved up; the others come twenty a second


async def test_who_does_not_read_is_not_written_to_for_ever(tmp_path: Path) -> None:
    async with serving(tmp_path, bounds=bounds(unread=100, turn=60)) as (server, listener):
        await server.add_reader()
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.connect(("127.0.0.1", listener.port))
        _, writer = await asyncio.open_connection(sock=deaf, limit=1)
        writer.write(f'AUTHENTICATE "PLAIN" "{PLAIN}"\r\n'.encode() + b"CAPABILITY\r\n" * 20_000)
        await until(lambda: not listener.connections)
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def test_there_is_room_for_so_many(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, connections=Connections(1, 1)) as (_, listener),
        wire(listener.port) as first,
        wire(listener.port) as second,
    ):
        assert (await ended(first)).startswith("OK")
        assert await ended(second) == 'BYE (TRYLATER) "too many connections"'
        assert await second.line() is None


async def test_a_stop_tells_everybody(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, listener), wire(listener.port) as client:
        await ended(client)
        closing = asyncio.create_task(listener.close())
        assert await ended(client) == 'BYE (TRYLATER) "the server is stopping"'
        await closing


async def test_a_mistake_of_ours_costs_one_client(tmp_path: Path) -> None:
    async def sign_in(*_: object) -> Any:
        raise ZeroDivisionError

    shared = Shared(sign_in, Connections(10, 10))
    async with listening("managesieve", Connection, LOOPBACK, Tls.NONE, shared) as listener:
        async with wire(listener.port) as client:
            await ended(client)
            said = await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"')
            assert said.startswith('BYE "we made a mistake; incident ')
        async with wire(listener.port) as client:
            assert (await ended(client)).startswith("OK")


async def test_a_listener_with_tls_needs_a_certificate() -> None:
    async def sign_in(*_: object) -> Any:
        raise AssertionError

    shared = Shared(sign_in, Connections(1, 1))
    with pytest.raises(Misconfigured):
        async with listening("managesieve", Connection, LOOPBACK, Tls.STARTTLS, shared):
            pass
