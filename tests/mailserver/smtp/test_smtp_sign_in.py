from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.model.errors import Condition, MailError, Refused
from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Service
from tests.support.smtp import SECRET, Client, Gate, Mailroom, Tls, policy, serving, shared

ALICE = b"alice@zegel.test"


def plain(login: bytes, secret: bytes, acting_for: bytes = b"") -> bytes:
    return b"AUTH PLAIN " + b64encode(acting_for + b"\0" + login + b"\0" + secret)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def room() -> Mailroom:
    return Mailroom()


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


@pytest.fixture
async def port(tls: Tls, gate: Gate, room: Mailroom) -> AsyncIterator[int]:
    listener = Listener.submission(
        room, gate, policy(Service.SUBMISSION), shared(), tls=tls.server, implicit_tls=False
    )
    async with serving(listener) as bound:
        yield bound


@pytest.fixture
async def client(port: int, tls: Tls) -> AsyncIterator[Client]:
    """A client inside TLS that has said EHLO and not signed in."""
    async with await Client.connect(port) as connected:
        await connected.greet()
        await connected.start_tls(tls.client)
        await connected.ask(b"EHLO client.example")
        yield connected


async def test_nothing_happens_before_tls(port: int, gate: Gate) -> None:
    async with await Client.connect(port) as client:
        assert b"AUTH" not in await client.greet()
        for line in (plain(ALICE, SECRET), b"MAIL FROM:<alice@zegel.test>", b"VRFY bob", b"DATA"):
            reply = await client.ask(line)
            assert reply == b"530 5.7.0 Must issue a STARTTLS command first\r\n"
        assert (await client.ask(b"NOOP")).startswith(b"250")
    assert gate.asked == []


async def test_mail_needs_a_sign_in(client: Client) -> None:
    assert await client.ask(b"MAIL FROM:<alice@zegel.test>") == (
        b"530 5.7.0 Authentication required\r\n"
    )


async def test_plain(client: Client, gate: Gate) -> None:
    assert (await client.ask(plain(ALICE, SECRET, ALICE))).startswith(b"235 2.7.0")
    assert gate.asked == [("alice@zegel.test", "127.0.0.1")]
    assert (await client.ask(plain(ALICE, SECRET))).startswith(b"503 5.5.1 Signed in already")
    assert b"AUTH" not in await client.ask(b"EHLO client.example")
    assert (await client.ask(b"MAIL FROM:<alice@zegel.test>")).startswith(b"250")


async def test_plain_with_a_challenge(client: Client) -> None:
    assert await client.ask(b"AUTH plain") == b"334 \r\n"
    assert (await client.ask(plain(ALICE, SECRET)[11:])).startswith(b"235")


async def test_login(client: Client) -> None:
    assert await client.ask(b"AUTH LOGIN") == b"334 VXNlcm5hbWU6\r\n"
    assert await client.ask(b64encode(ALICE)) == b"334 UGFzc3dvcmQ6\r\n"
    assert (await client.ask(b64encode(SECRET))).startswith(b"235")


async def test_login_with_an_initial_response(client: Client) -> None:
    assert await client.ask(b"AUTH LOGIN " + b64encode(ALICE)) == b"334 UGFzc3dvcmQ6\r\n"
    assert (await client.ask(b64encode(SECRET))).startswith(b"235")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"AUTH", b"504 5.5.4"),
        (b"AUTH CRAM-MD5", b"504 5.5.4"),
        (b"AUTH PLAIN !!!", b"501 5.5.2"),
        (b"AUTH PLAIN =", b"501 5.5.2"),
        (b"AUTH PLAIN " + b64encode(b"a\0b"), b"501 5.5.2"),
        (b"AUTH PLAIN " + b64encode(b"\0\xff\0b"), b"501 5.5.2"),
        (plain(ALICE, SECRET, b"bob@zegel.test"), b"535 5.7.8"),
        (plain(ALICE, b"wrong"), b"535 5.7.8"),
    ],
)
async def test_what_lets_nobody_in(client: Client, line: bytes, reply: bytes) -> None:
    assert (await client.ask(line)).startswith(reply)
    assert (await client.ask(b"MAIL FROM:<alice@zegel.test>")).startswith(b"530")


async def test_an_exchange_can_be_cancelled(client: Client, gate: Gate) -> None:
    await client.ask(b"AUTH LOGIN")
    assert (await client.ask(b"*")).startswith(b"501 5.7.0")
    assert gate.asked == []


async def test_a_long_exchange_line_is_refused(client: Client) -> None:
    assert (await client.ask(b"AUTH PLAIN " + b"A" * 12_000)).startswith(b"501 5.5.2")
    assert (await client.ask(b"AUTH PLAIN " + b"A" * 13_000)).startswith(b"500 5.5.")


@pytest.mark.parametrize(
    ("condition", "reply"),
    [
        (Condition.TRY_LATER, b"454 4.7.0 because"),
        (Condition.ACCOUNT_PASSWORD_ON_MAIL, b"535 5.7.8 because"),
        (Condition.EXPIRED, b"535 5.7.8 because"),
        (Condition.SCOPE, b"535 5.7.8 because"),
    ],
)
async def test_a_refusal_is_said_with_its_reason(
    client: Client, gate: Gate, condition: Condition, reply: bytes
) -> None:
    gate.refusal = Refused(condition, "because")
    assert (await client.ask(plain(ALICE, SECRET))).startswith(reply)


async def test_guessing_ends_the_connection(client: Client, gate: Gate) -> None:
    for _ in range(5):
        assert (await client.ask(plain(ALICE, b"guess"))).startswith(b"535")
    assert (await client.reply()).startswith(b"421 4.7.0")
    assert await client.everything() == b""
    assert len(gate.asked) == 5


async def test_only_ones_own_address_sends(client: Client, room: Mailroom) -> None:
    await client.ask(plain(ALICE, SECRET))
    reply = await client.ask(b"MAIL FROM:<bob@zegel.test>")
    assert reply == b"550 5.7.1 This sender address is not yours\r\n"
    for sender in (b"<>", b"<ALICE@zegel.test>"):
        assert (await client.ask(b"MAIL FROM:" + sender)).startswith(b"250")
        await client.ask(b"RSET")
    assert room.taken == []


async def test_the_trace_of_a_submission_says_nothing_of_the_client(
    client: Client, room: Mailroom
) -> None:
    await client.ask(plain(ALICE, SECRET))
    await client.ask(b"MAIL FROM:<alice@zegel.test>")
    await client.ask(b"RCPT TO:<bob@zegel.test>")
    await client.ask(b"DATA")
    reply = await client.ask(b"From: alice@zegel.test\r\n\r\nhello\r\n.")
    token = reply.split()[-1]
    (message,) = room.taken
    assert message.received.startswith(b"Received: with ESMTPSA id " + token + b"; ")
    for trace in (b"127.0.0.1", b"client.example", b"mail.zegel.test", b"for <"):
        assert trace not in message.received


async def test_an_error_for_the_whole_message_is_the_reply(client: Client, room: Mailroom) -> None:
    room.broken = MailError(Condition.SENDER_NOT_YOURS, "From is not yours")
    await client.ask(plain(ALICE, SECRET))
    await client.ask(b"MAIL FROM:<alice@zegel.test>")
    await client.ask(b"RCPT TO:<bob@zegel.test>")
    await client.ask(b"DATA")
    assert await client.ask(b"From: x@y\r\n\r\n.") == b"550 5.7.1 From is not yours\r\n"
