"""How connections end: by shutdown, by loss, by a bug; and what is never written of them."""

import asyncio
import inspect
import io
import logging
from datetime import timedelta
from pathlib import Path

import aiosmtpd
import pytest
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from mailserver.model.sealed import Plaintext
from mailserver.runtime import log
from mailserver.smtp.listener import Listener, LmtpConnection
from mailserver.smtp.policy import Service
from tests.support.smtp import Client, Mailroom, policy, serving, shared
from tests.support.waiting import until


async def begin(client: Client) -> None:
    await client.greet()
    await client.ask(b"MAIL FROM:<canary-sender@example.org>")
    await client.ask(b"RCPT TO:<canary-recipient@zegel.test>")
    await client.ask(b"DATA")


def mx(room: Mailroom, **bounds: object) -> Listener:
    return Listener.mx(room, policy(Service.MX, **bounds), shared())


async def test_shutdown_tells_those_who_wait() -> None:
    listener = mx(Mailroom())
    port = await listener.open("127.0.0.1", 0)
    async with await Client.connect(port) as client:
        await client.greet()
        await listener.close()
        assert await client.everything() == b"421 4.3.2 Shutting down\r\n"
    with pytest.raises(ConnectionError):
        await Client.connect(port)


@pytest.mark.parametrize("delivering", [False, True])
async def test_shutdown_lets_a_message_finish(delivering: bool) -> None:
    room = Mailroom(delay=0.1)
    listener = mx(room)
    port = await listener.open("127.0.0.1", 0)
    async with await Client.connect(port) as client:
        await begin(client)
        client.send(b"first half\r\n")
        if delivering:
            client.send(b"second half\r\n.\r\nMAIL FROM:<a@b.example>\r\n")
            await room.began.wait()
        closing = asyncio.ensure_future(listener.close())
        await asyncio.sleep(0.05)
        if not delivering:
            client.send(b"second half\r\n.\r\n")
        replies = (await client.everything()).splitlines()
        await closing
    assert replies[0].startswith(b"250 2.0.0 Ok: id ")
    assert replies[1:] == [b"421 4.3.2 Shutting down"]
    assert [message.octets for message in room.taken] == [b"first half\r\nsecond half\r\n"]


async def test_shutdown_does_not_wait_for_ever() -> None:
    listener = mx(Mailroom())
    port = await listener.open("127.0.0.1", 0)
    async with await Client.connect(port) as client:
        await begin(client)
        client.send(b"first half\r\n")
        await asyncio.sleep(0.05)
        async with asyncio.timeout(30):
            await listener.close(timedelta(milliseconds=100))
        assert b"250" not in await client.everything()


async def test_a_client_that_leaves_does_not_stop_its_delivery() -> None:
    room = Mailroom(delay=0.1)
    listener = mx(room)
    async with serving(listener) as port:
        async with await Client.connect(port) as client:
            await begin(client)
            client.send(b"hello\r\n.\r\n")
            await room.began.wait()
        await until(lambda: not listener.connections)
    assert len(room.taken) == 1


async def test_half_a_message_is_no_message() -> None:
    room = Mailroom()
    listener = mx(room)
    async with serving(listener) as port, await Client.connect(port) as client:
        await begin(client)
        client.send(b"hello\r\n")
        client.writer.write_eof()
        assert await client.everything() == b""
    assert room.taken == []


async def test_what_was_pipelined_before_the_end_of_input_is_obeyed() -> None:
    room = Mailroom()
    async with serving(mx(room)) as port, await Client.connect(port) as client:
        client.send(
            b"HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@zegel.test>\r\n"
            b"DATA\r\nhi\r\n.\r\nNOOP\r\n"
        )
        client.writer.write_eof()
        codes = [line[:3] for line in (await client.everything()).splitlines()]
    assert codes == [b"220", b"250", b"250", b"250", b"354", b"250", b"250"]
    assert len(room.taken) == 1


async def test_replies_to_pipelined_commands_leave_together() -> None:
    async with serving(mx(Mailroom())) as port, await Client.connect(port) as client:
        await client.greet()
        client.send(
            b"MAIL FROM:<a@b.example>\r\n" + b"RCPT TO:<b@zegel.test>\r\n" * 20 + b"DATA\r\n"
        )
        together = await client.reader.read(100_000)
        assert together.count(b"\r\n") == 22


async def test_a_bug_is_an_incident(capfd: pytest.CaptureFixture[str]) -> None:
    room = Mailroom(broken=RuntimeError("canary-secret"))
    async with serving(mx(room)) as port, await Client.connect(port) as client:
        await begin(client)
        reply = await client.ask(b"canary-body\r\n.")
        assert reply.startswith(b"451 4.3.0 Local error, incident ")
        assert (await client.ask(b"NOOP")).startswith(b"250")
    written = capfd.readouterr().err
    assert reply.split()[-1].decode() in written
    assert "canary" not in written


async def test_a_bug_at_rcpt_is_an_incident_too() -> None:
    class Broken(Mailroom):
        async def recipient(self, address: object) -> object:  # type: ignore[override]
            raise KeyError("canary")

    async with serving(mx(Broken())) as port, await Client.connect(port) as client:
        await client.greet()
        await client.ask(b"MAIL FROM:<a@b.example>")
        reply = await client.ask(b"RCPT TO:<b@zegel.test>")
        assert reply.startswith(b"451 4.3.0 Local error, incident ")


async def test_a_delivery_that_hangs_is_given_up() -> None:
    room = Mailroom(delay=30)
    listener = mx(room, delivery_seconds=0.1)
    async with serving(listener) as port, await Client.connect(port) as client:
        await begin(client)
        assert (await client.ask(b"hello\r\n.")).startswith(b"451 4.3.2")
    assert room.taken == []


async def test_nothing_of_a_message_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    everything = io.StringIO()
    spy = logging.StreamHandler(everything)
    root = logging.getLogger()
    root.addHandler(spy)
    log.configure(level="debug", stream=everything)
    root.setLevel(logging.DEBUG)
    try:
        async with serving(mx(Mailroom())) as port, await Client.connect(port) as client:
            await begin(client)
            await client.ask(b"Subject: canary-subject\r\n\r\ncanary-body\r\n.")
            await client.ask(b"canary-command")
            await client.ask(b"AUTH PLAIN canary-secret")
            await client.ask(b"MAIL FROM:<canary-sender@example.org>")
            await client.ask(b"RCPT TO:<canary@elsewhere.test>")
            await client.ask(b"QUIT")
    finally:
        root.removeHandler(spy)
        log.configure()
    assert '"event":"connection"' in everything.getvalue()
    assert "127.0.0.1" not in everything.getvalue()
    captured = capfd.readouterr()
    for place in (everything.getvalue(), captured.err, captured.out):
        assert "canary" not in place


async def test_a_local_socket(tmp_path: Path) -> None:
    room = Mailroom()
    listener = Listener.lmtp(room, policy(Service.LMTP), shared())
    await listener.open_local(tmp_path / "lmtp")
    client = Client(*await asyncio.open_unix_connection(tmp_path / "lmtp"))
    async with client:
        await client.greet(b"LHLO")
        await client.ask(b"MAIL FROM:<a@b.example>")
        await client.ask(b"RCPT TO:<b@zegel.test>")
        await client.ask(b"DATA")
        assert (await client.ask(b"hi\r\n.")).startswith(b"250")
    await listener.close()
    assert (
        b"Received: from client.example\r\n\tby mail.zegel.test with LMTP id"
        in room.taken[0].received
    )


def test_what_we_use_of_aiosmtpd_is_there() -> None:
    """Private names that our subclasses override or read: a new release must keep them."""
    assert aiosmtpd.__version__.startswith("1.4.")
    source = inspect.getsource(SMTP)
    for name in (
        "_handle_client",
        "_reset_timeout",
        "_timeout_cb",
        "_set_rset_state",
        "_cb_client_connected",
    ):
        assert callable(getattr(SMTP, name)), name
    for name in ("_reader", "_writer", "_timeout_handle", "_timeout_duration", "_smtp_methods"):
        assert f"self.{name}" in source, name
    assert "self._handler_coroutine = self.loop.create_task(\n" in source
    assert "super().smtp_EHLO(arg)" in inspect.getsource(LMTP.smtp_LHLO)


def test_no_command_is_left_to_aiosmtpd() -> None:
    """A command that a new release adds must be looked at before we offer it."""
    theirs = {name for name in dir(SMTP) if name.startswith("smtp_")}
    for name in theirs:
        assert getattr(LmtpConnection, name) is not getattr(SMTP, name), name


async def test_what_we_use_of_asyncio_streams_is_there() -> None:
    reader = asyncio.StreamReader(limit=10)
    assert vars(reader)["_limit"] == 10
    assert isinstance(vars(reader)["_buffer"], bytearray)
    assert "_transport" in vars(reader)
    protocol = asyncio.StreamReaderProtocol(reader)
    assert "_over_ssl" in vars(protocol)
    assert "self._transport" in inspect.getsource(asyncio.StreamWriter)


def test_a_secret_does_not_print() -> None:
    assert "app" not in repr(Plaintext(b"app-password"))
