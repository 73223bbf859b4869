"""What a client asks beyond delivering: offered where it can be kept, and handed on as it was."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.model.address import Address
from mailserver.model.envelope import Notify, Onward, Ret
from mailserver.runtime.settings import Limits
from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Policy, Service
from tests.support.smtp import SECRET, Client, Gate, Mailroom, Tls, policy, serving, shared

WEEK = timedelta(days=7)
BOB = Address("bob", "zegel.test")


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


async def send(client: Client) -> None:
    assert (await client.ask(b"DATA")).startswith(b"354")
    assert (await client.ask(b"From: bob@zegel.test\r\n\r\nhi\r\n.")).startswith(b"250")


async def test_without_a_relay_nothing_is_promised(tls: Tls) -> None:
    listener = Listener.mx(Mailroom(), policy(Service.MX), shared(), tls=tls.server)
    async with serving(listener) as port, await Client.connect(port) as client:
        offered = await client.greet()
        for word in (b"DSN", b"REQUIRETLS", b"FUTURERELEASE"):
            assert word not in offered
        reply = await client.ask(b"MAIL FROM:<a@b.example> RET=FULL")
        assert reply.startswith(b"555 5.5.4")


async def test_the_mx_takes_reports_and_within_tls_requiretls(tls: Tls) -> None:
    room = Mailroom()
    listener = Listener.mx(room, policy(Service.MX, relaying=True), shared(), tls=tls.server)
    async with serving(listener) as port, await Client.connect(port) as client:
        offered = await client.greet()
        assert b"250-DSN\r\n" in offered
        assert b"REQUIRETLS" not in offered
        assert b"FUTURERELEASE" not in offered
        assert (await client.ask(b"MAIL FROM:<a@b.example> REQUIRETLS")).startswith(b"555")
        assert (await client.ask(b"MAIL FROM:<a@b.example> HOLDFOR=1")).startswith(b"555")
        await client.start_tls(tls.client)
        assert b"REQUIRETLS\r\n" in await client.ask(b"EHLO client.example")
        await client.ask(b"MAIL FROM:<a@b.example> RET=HDRS ENVID=x+2B1 REQUIRETLS")
        await client.ask(b"RCPT TO:<bob@zegel.test> NOTIFY=SUCCESS ORCPT=rfc822;b+40x")
        reply = await client.ask(b"RCPT TO:<carol@zegel.test> NOTIFY=SOMETIMES")
        assert reply.startswith(b"501 5.5.4")
        await client.ask(b"RCPT TO:<dave@zegel.test>")
        await send(client)
    (taken,) = room.taken
    asked = taken.asked
    assert (asked.ret, asked.envid, asked.require_tls) == (Ret.HEADERS, "x+1", True)
    assert asked.of(BOB) == Onward(BOB, Notify.SUCCESS, "rfc822;b@x")
    dave = Address("dave", "zegel.test")
    assert asked.of(dave) == Onward(dave)
    assert asked.of(Address("eve", "zegel.test")).notify is None
    assert asked.hold_until is None


async def test_lmtp_takes_reports(tls: Tls) -> None:
    room = Mailroom()
    listener = Listener.lmtp(room, policy(Service.LMTP, relaying=True), shared())
    async with serving(listener) as port, await Client.connect(port) as client:
        assert b"DSN" in await client.greet(b"LHLO")
        await client.ask(b"MAIL FROM:<a@b.example>")
        await client.ask(b"RCPT TO:<bob@zegel.test> NOTIFY=NEVER")
        await send(client)
    assert room.taken[0].asked.of(BOB).notify is Notify.NEVER


async def test_submission_holds_mail_back(tls: Tls) -> None:
    room = Mailroom()
    rules = policy(Service.SUBMISSION, relaying=True, hold=WEEK)
    listener = Listener.submission(room, Gate(), rules, shared(), tls=tls.server, implicit_tls=True)
    plain = base64.b64encode(b"\0bob@zegel.test\0" + SECRET)
    async with serving(listener) as port, await Client.connect(port, tls.client) as client:
        offered = await client.greet()
        assert b"FUTURERELEASE 604800 2" in offered
        assert (await client.ask(b"AUTH PLAIN " + plain)).startswith(b"235")
        for refused in (b"HOLDFOR=604801", b"HOLDFOR=x", b"HOLDUNTIL=2999-01-01T00:00:00Z"):
            assert (await client.ask(b"MAIL FROM:<bob@zegel.test> " + refused)).startswith(b"501")
        before = datetime.now(UTC)
        await client.ask(b"MAIL FROM:<bob@zegel.test> HOLDFOR=3600")
        await client.ask(b"RCPT TO:<bob@zegel.test>")
        await send(client)
        await client.ask(b"MAIL FROM:<bob@zegel.test> HOLDUNTIL=2020-01-01T00:00:00Z")
        await client.ask(b"RCPT TO:<bob@zegel.test>")
        await send(client)
    held, past = room.taken
    hour = timedelta(hours=1)
    assert held.asked.hold_until is not None
    assert before + hour <= held.asked.hold_until <= datetime.now(UTC) + hour
    assert past.asked.hold_until is None


def test_only_submission_holds_and_only_with_a_relay() -> None:
    for service in Service:
        for relaying in (True, False):
            made = Policy.of(service, "h", Limits(), relaying=relaying, hold=WEEK)
            assert (made.hold == WEEK) == (relaying and service is Service.SUBMISSION)
