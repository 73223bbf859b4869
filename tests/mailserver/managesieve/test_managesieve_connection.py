"""What a connection bears: TLS, injection, silence, floods, revocation, shutdown, its limits."""

import asyncio
import ssl
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.managesieve.bounds import Bounds, Shared
from mailserver.managesieve.listener import Listener, listening
from mailserver.model.errors import Misconfigured
from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Endpoint, Tls
from mailserver.runtime.tls import ServerTls, create_self_signed
from tests.support.managesieve_server import READER, ManageSieveServer, serving
from tests.support.transcripts import Mode, Wire, wire

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


async def secured(listener: Listener) -> tuple[Wire, asyncio.StreamWriter]:
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


@pytest.mark.parametrize("bound", ["login", "inactivity"])
async def test_who_says_nothing_is_let_go(tmp_path: Path, bound: str) -> None:
    async with (
        serving(tmp_path, bounds=bounds(**{bound: 100})) as (_, listener),
        wire(listener.port) as client,
    ):
        await ended(client)
        assert await ended(client) == 'BYE "nothing came for too long"'
        assert await client.line() is None


async def test_an_exchange_that_is_not_ended_ends_in_time(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, bounds=bounds(command=100)) as (_, listener),
        wire(listener.port) as client,
    ):
        await ended(client)
        await client.send(b'AUTHENTICATE "PLAIN"\r\n', Mode.WHOLE)
        assert await ended(client) == 'BYE "the command took too long"'


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
    async with listening(Endpoint(host="127.0.0.1", port=0), Tls.NONE, shared) as listener:
        async with wire(listener.port) as client:
            await ended(client)
            said = await say(client, f'AUTHENTICATE "PLAIN" "{PLAIN}"')
            assert said.startswith('BYE "we made a mistake; incident ')
        async with wire(listener.port) as client:
            assert (await ended(client)).startswith("OK")


async def test_a_listener_with_tls_needs_a_certificate() -> None:
    async def sign_in(*_: object) -> Any:
        raise AssertionError

    shared, address = Shared(sign_in, Connections(1, 1)), Endpoint(host="127.0.0.1", port=0)
    with pytest.raises(Misconfigured):
        async with listening(address, Tls.STARTTLS, shared):
            pass
