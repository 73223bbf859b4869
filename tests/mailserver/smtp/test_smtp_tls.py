import asyncio
import ssl
import warnings
from pathlib import Path

import pytest
import uvloop

from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Service
from tests.support.smtp import Client, Gate, Mailroom, Tls, policy, serving, shared


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


async def send(client: Client, body: bytes = b"hello\r\n") -> bytes:
    """Hold a whole transaction and return the last reply."""
    assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"250")
    assert (await client.ask(b"RCPT TO:<bob@zegel.test>")).startswith(b"250")
    assert (await client.ask(b"DATA")).startswith(b"354")
    return await client.ask(body + b".")


async def test_starttls_begins_anew(tls: Tls) -> None:
    room = Mailroom()
    async with (
        serving(Listener.mx(room, policy(Service.MX), shared(), tls=tls.server)) as port,
        await Client.connect(port) as client,
    ):
        assert b"250 STARTTLS\r\n" in await client.greet()
        assert (await client.ask(b"STARTTLS now")).startswith(b"501 5.5.4")
        assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"250")
        await client.start_tls(tls.client)
        assert (await client.ask(b"RCPT TO:<bob@zegel.test>")).startswith(b"503")
        assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"503 5.5.1 Say who")
        assert b"STARTTLS" not in await client.ask(b"EHLO client.example")
        assert (await client.ask(b"STARTTLS")).startswith(b"503")
        assert (await send(client)).startswith(b"250 2.0.0 Ok: id ")
    assert b"with ESMTPS id" in room.taken[0].received


async def test_commands_behind_starttls_are_dropped(tls: Tls) -> None:
    room = Mailroom()
    async with (
        serving(Listener.mx(room, policy(Service.MX), shared(), tls=tls.server)) as port,
        await Client.connect(port) as client,
    ):
        await client.greet()
        client.send(b"STARTTLS\r\nEHLO injected.example\r\nMAIL FROM:<mallory@example.org>\r\n")
        assert (await client.reply()).startswith(b"220")
        await client.writer.start_tls(tls.client, server_hostname="localhost")
        assert (await client.ask(b"RCPT TO:<bob@zegel.test>")).startswith(b"503 5.5.1 MAIL comes")
        assert (await client.ask(b"MAIL FROM:<a@b.example>")).startswith(b"503 5.5.1 Say who")
        assert (await client.ask(b"NOOP")) == b"250 2.0.0 Ok\r\n"  # nothing else was answered


async def test_a_failed_handshake_ends_the_connection_and_nothing_else(tls: Tls) -> None:
    listener = Listener.mx(Mailroom(), policy(Service.MX), shared(), tls=tls.server)
    async with serving(listener) as port:
        async with await Client.connect(port) as client:
            await client.greet()
            assert (await client.ask(b"STARTTLS")).startswith(b"220")
            client.send(b"MAIL FROM:<mallory@example.org>\r\n" * 10)
            assert b"250" not in await client.everything()
        async with await Client.connect(port) as client:
            assert (await client.greet()).startswith(b"250")
        await drained(listener)


async def test_a_handshake_that_does_not_come_is_not_waited_for(tls: Tls) -> None:
    listener = Listener.submission(
        Mailroom(), Gate(), policy(Service.SUBMISSION, tls_seconds=0.2), shared(),
        tls=tls.server, implicit_tls=True,
    )  # fmt: skip
    async with serving(listener) as port, await Client.connect(port) as client:
        assert await client.everything() == b""
        await drained(listener)


async def drained(listener: Listener) -> None:
    for _ in range(500):
        if not listener.connections:
            return
        await asyncio.sleep(0.01)
    assert listener.connections == 0


async def implicit(tls: Tls, connections: int) -> int:
    """Send a large message on each of several connections at once; return how many arrived."""
    room = Mailroom()
    gate = Gate()
    body = b"From: alice@zegel.test\r\n\r\n" + (b"x" * 70 + b"\r\n") * 5_000
    listener = Listener.submission(
        room, gate, policy(Service.SUBMISSION), shared(), tls=tls.server, implicit_tls=True
    )

    async def one(port: int) -> None:
        async with await Client.connect(port, tls.client) as client:
            assert b"250 AUTH PLAIN LOGIN\r\n" in await client.greet()
            # \0alice@zegel.test\0app-password
            sign_in = b"AUTH PLAIN AGFsaWNlQHplZ2VsLnRlc3QAYXBwLXBhc3N3b3Jk"
            assert (await client.ask(sign_in)).startswith(b"235 2.7.0")
            await client.ask(b"MAIL FROM:<alice@zegel.test>")
            await client.ask(b"RCPT TO:<bob@zegel.test>")
            await client.ask(b"DATA")
            assert (await client.ask(body + b".")).startswith(b"250")

    async with serving(listener) as port:
        await asyncio.gather(*(one(port) for _ in range(connections)))
    assert all(message.octets == body for message in room.taken)
    return len(room.taken)


async def test_implicit_tls(tls: Tls) -> None:
    assert await implicit(tls, 20) == 20


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_starttls_on_either_event_loop(tls: Tls, run: object) -> None:
    async def conversation() -> int:
        await test_starttls_begins_anew(tls)
        await test_commands_behind_starttls_are_dropped(tls)
        await test_a_failed_handshake_ends_the_connection_and_nothing_else(tls)
        return await implicit(tls, 10)

    assert callable(run)
    assert run(conversation()) == 10


async def test_a_client_that_talks_in_the_clear_to_an_implicit_port_learns_nothing(
    tls: Tls,
) -> None:
    listener = Listener.submission(
        Mailroom(), Gate(), policy(Service.SUBMISSION), shared(), tls=tls.server, implicit_tls=True
    )
    async with serving(listener) as port, await Client.connect(port) as client:
        client.send(b"EHLO client.example\r\n")
        assert b"zegel" not in await client.everything()


async def test_old_protocols_are_refused(tls: Tls) -> None:
    old = ssl.create_default_context(cafile=str(tls.certificate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    listener = Listener.mx(Mailroom(), policy(Service.MX), shared(), tls=tls.server)
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await client.start_tls(old)
