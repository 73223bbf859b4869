"""TLS on IMAP: STARTTLS and from the first octet, on both event loops."""

import asyncio
import ssl
from pathlib import Path

import pytest
import uvloop

from mailserver.model.errors import Misconfigured
from mailserver.runtime.settings import Tls
from mailserver.runtime.tls import ServerTls, create_self_signed
from tests.support.imap_server import PASSWORD, READER, serving
from tests.support.imap_talk import eventually, put, say
from tests.support.transcripts import Mode, Wire, wire

# --- TLS


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    files = tmp_path_factory.mktemp("tls")
    create_self_signed(files / "certificate.pem", files / "key.pem", "localhost")
    return ServerTls(files / "certificate.pem", files / "key.pem").context


def trusting() -> ssl.SSLContext:
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    return client


async def _sign_in_over_starttls(directory: Path, context: ssl.SSLContext) -> None:
    async with serving(directory, tls=Tls.STARTTLS, context=context) as (server, listener):
        await (await server.add_reader()).close()
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        client = Wire(reader, writer)
        assert "STARTTLS LOGINDISABLED" in (await client.line() or "")
        (refused,) = await say(client, f'a LOGIN {READER} "{PASSWORD}"', "a ")
        assert refused.startswith("a NO [PRIVACYREQUIRED]")
        (refused,) = await say(client, "b AUTHENTICATE PLAIN", "b ")
        assert refused.startswith("b NO [PRIVACYREQUIRED]")
        # A man in the middle adds commands in the clear, more than are heard at once; nobody may
        # answer them.
        writer.write(b"c STARTTLS\r\n" + b"d NOOP\r\n" * 1_000)
        assert (await client.line() or "").startswith("c OK")
        await writer.start_tls(trusting())
        said = await say(client, "e CAPABILITY", "e OK")
        assert "AUTH=PLAIN" in said[0]
        assert "STARTTLS" not in said[0]
        assert len(said) == 2
        await say(client, f'f LOGIN {READER} "{PASSWORD}"', "f OK")
        (refused,) = await say(client, "g STARTTLS", "g ")
        assert refused.startswith("g BAD")
        await say(client, "h LOGOUT", "h OK")
        assert await client.line() is None
        await client.close()


async def test_starttls_comes_before_passwords_and_drops_what_was_injected(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    await _sign_in_over_starttls(tmp_path, context)


def test_starttls_on_uvloop(tmp_path: Path, context: ssl.SSLContext) -> None:
    uvloop.run(_sign_in_over_starttls(tmp_path, context))


async def _sign_in_over_tls(directory: Path, context: ssl.SSLContext) -> None:
    async with serving(directory, tls=Tls.IMPLICIT, context=context) as (server, listener):
        account = await server.add_reader()
        await put(account, b"Subject: big\r\n\r\n" + b"0123456789abcde\n" * 60_000)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=trusting(), limit=1 << 21
        )
        client = Wire(reader, writer)
        assert "AUTH=PLAIN" in (await client.line() or "")
        await say(client, f'a LOGIN {READER} "{PASSWORD}"', "a OK")
        await say(client, "b SELECT INBOX", "b OK")
        said = await say(client, "c FETCH 1 BODY.PEEK[TEXT]", "c OK")
        assert said[0] == "* 1 FETCH (BODY[TEXT] {960000}"
        await client.close()
        await eventually(lambda: listener.connections == 0)
        await account.close()


async def test_implicit_tls(tmp_path: Path, context: ssl.SSLContext) -> None:
    await _sign_in_over_tls(tmp_path, context)


def test_implicit_tls_on_uvloop(tmp_path: Path, context: ssl.SSLContext) -> None:
    uvloop.run(_sign_in_over_tls(tmp_path, context))


async def test_a_handshake_that_fails_leaves_nothing_behind(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    async with (
        serving(tmp_path, tls=Tls.STARTTLS, context=context) as (_, listener),
        wire(listener.port) as client,
    ):
        await client.skip_to("* OK")
        await say(client, "a STARTTLS", "a OK")
        await client.send(b"this is no handshake\r\n" * 20, Mode.WHOLE)
        await eventually(lambda: listener.connections == 0)


async def test_tls_needs_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        async with serving(tmp_path, tls=Tls.IMPLICIT):
            pass
