"""Conversations with mail hosts: what is said, and what becomes of each recipient."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward
from mailserver.model.sealed import Plaintext
from mailserver.outbound.client import Connection, Outcome, Package, Patience, Verdict
from mailserver.outbound.security import SignIn
from mailserver.outbound.wire import Gone, Wire
from mailserver.protocol.smtp.client import Needs, content
from tests.support.mail_host import MailHost, hosting

ANN = Address("ann", "here.test")
MESSAGE = b"From: ann@here.test\r\n\r\n.one\r\n..two\r\n"
SHORT = timedelta(seconds=0.3)
PATIENCE = Patience(*([timedelta(seconds=5)] * 7))
PIPELINING = pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "stepwise"])


def host(*, pipelining: bool = True) -> MailHost:
    made = MailHost()
    return made if pipelining else replace(made, offers=made.offers[1:])


def package(*locals_: str, message: bytes = MESSAGE) -> Package:
    envelope = Envelope(ANN)
    recipients = tuple(Onward(Address(local, "there.test")) for local in locals_ or ("bob",))
    return Package(envelope, recipients, Needs.of(envelope, recipients, message), content(message))


@asynccontextmanager
async def talking(to: MailHost, patience: Patience = PATIENCE) -> AsyncIterator[Connection]:
    async with hosting(to):
        wire = await Wire.connect("127.0.0.1", to.port, source=None, patience=patience.connecting)
        connection = Connection(wire, to.name, patience)
        try:
            await connection.greet("mail.here.test")
            yield connection
        finally:
            wire.abort()
            await asyncio.sleep(0)


def verdicts(outcomes: Sequence[Outcome]) -> list[Verdict]:
    return [each.verdict for each in outcomes]


@PIPELINING
async def test_a_message_arrives_as_it_was(*, pipelining: bool) -> None:
    async with talking(there := host(pipelining=pipelining)) as connection:
        (sent,) = await connection.send(package())
        assert sent.verdict is Verdict.DELIVERED
        assert (sent.said.code, sent.said.status, sent.said.host) == (250, "2.0.0", there.name)
    assert there.contents == [b"From: ann@here.test\r\n\r\n..one\r\n...two\r\n.\r\n"]
    assert there.commands == [
        "EHLO mail.here.test",
        f"MAIL FROM:<ann@here.test> SIZE={len(MESSAGE)}",
        "RCPT TO:<bob@there.test>",
        "DATA",
    ]


@PIPELINING
async def test_each_recipient_has_an_outcome_of_his_own(*, pipelining: bool) -> None:
    there = host(pipelining=pipelining)
    there.says = {
        "RCPT no": "550 5.1.1 nobody",
        "RCPT later": "450 4.2.1 grey",
        "RCPT full": "552 5.5.3 too many",  # RFC 5321 §4.5.3.1.10
    }
    async with talking(there) as connection:
        sent = await connection.send(package("no", "bob", "later", "full", "eve"))
    never, later, done = Verdict.NEVER, Verdict.LATER, Verdict.DELIVERED
    assert verdicts(sent) == [never, done, later, later, done]
    assert [each.said.code for each in sent] == [550, 250, 450, 552, 250]
    assert len(there.contents) == 1


@PIPELINING
@pytest.mark.parametrize(
    ("says", "verdict", "code"),
    [
        ({"MAIL": "451 4.3.0 later"}, Verdict.LATER, 451),
        ({"MAIL": "550 5.7.1 never"}, Verdict.NEVER, 550),
        ({"RCPT": "550 5.1.1 nobody"}, Verdict.NEVER, 550),
        ({"RCPT": "450 4.7.1 grey"}, Verdict.LATER, 450),
        ({"DATA": "451 4.3.0 later"}, Verdict.LATER, 451),
        ({"DATA": "554 5.5.1 never"}, Verdict.NEVER, 554),
        ({"END": "451 4.3.0 later"}, Verdict.LATER, 451),
        ({"END": "554 5.7.1 spam"}, Verdict.NEVER, 554),
    ],
)
async def test_a_refusal_is_told_and_the_next_message_goes_all_the_same(
    says: dict[str, str], verdict: Verdict, code: int, *, pipelining: bool
) -> None:
    there = host(pipelining=pipelining)
    there.says = says
    async with talking(there) as connection:
        sent = await connection.send(package("bob", "eve"))
        assert verdicts(sent) == [verdict, verdict]
        assert {each.said.code for each in sent} == {code}
        assert connection.is_reusable
        there.says = {}
        assert verdicts(await connection.send(package())) == [Verdict.DELIVERED]
        assert connection.messages == 2
    transactions = "\n".join(there.commands).split("MAIL FROM")
    if not pipelining:  # else the message's end was said, which ends a transaction as well
        assert ("RSET" in transactions[1]) == ("END" not in says)


async def test_many_messages_go_over_one_conversation() -> None:
    async with talking(there := host()) as connection:
        for _ in range(50):
            assert verdicts(await connection.send(package())) == [Verdict.DELIVERED]
    assert there.connections == 1
    assert "RSET" not in there.commands


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "DATA"])
async def test_a_connection_lost_before_the_message_left_is_no_words_on_it(where: str) -> None:
    there = host()
    there.drops = {where}
    async with talking(there) as connection:
        with pytest.raises(Gone) as gone:
            await connection.send(package())
        assert gone.value.said.status == "4.4.2"
        assert not connection.is_reusable


async def test_a_connection_lost_after_the_last_dot_may_mean_a_double_and_says_so() -> None:
    there = host()
    there.drops = {"END"}
    async with talking(there) as connection:
        (sent,) = await connection.send(package())
    assert sent.verdict is Verdict.LATER
    assert "may arrive twice" in sent.said.text
    assert len(there.contents) == 1  # the server had it


@pytest.mark.parametrize("where", ["GREETING", "EHLO", "MAIL", "DATA"])
async def test_421_ends_the_conversation_in_the_servers_words(where: str) -> None:
    there = host()
    there.says = {where: "421 4.7.0 too many connections"}
    with pytest.raises(Gone) as gone:
        async with talking(there) as connection:
            await connection.send(package())
    assert (gone.value.said.code, gone.value.said.text) == (421, "too many connections")


async def test_421_to_the_message_itself_is_its_answer() -> None:
    there = host()
    there.says = {"END": "421 4.3.2 shutting down"}
    async with talking(there) as connection:
        (sent,) = await connection.send(package())
        assert not connection.is_reusable
    assert (sent.verdict, sent.said.code) == (Verdict.LATER, 421)


@pytest.mark.parametrize("says", ["554 5.3.2 go away", "450 4.3.2 not now"])
async def test_a_host_that_does_not_greet_is_left(says: str) -> None:
    there = host()
    there.says = {"GREETING": says}
    with pytest.raises(Gone) as gone:
        async with talking(there):
            pass
    assert gone.value.said.code == int(says[:3])
    assert there.commands == ["QUIT"]


async def test_a_server_of_1982_is_spoken_with_in_its_own_words() -> None:
    there = MailHost(offers=())
    there.says = {"EHLO": "502 what?"}
    async with talking(there) as connection:
        assert verdicts(await connection.send(package())) == [Verdict.DELIVERED]
        (refused,) = await connection.send(package(message=b"A: b\r\n\r\n\xc3\xa9\r\n"))
    assert (refused.verdict, refused.said.status) == (Verdict.NEVER, "5.6.3")
    assert there.commands[:3] == [
        "EHLO mail.here.test",
        "HELO mail.here.test",
        "MAIL FROM:<ann@here.test>",
    ]


@pytest.mark.parametrize(
    "octets", [b"220-" + b"x" * 5_000, b"HTTP/1.1 400 Bad Request\r\n", b"220 a\r\n" * 9_000]
)
async def test_what_is_no_mail_server_is_left(octets: bytes) -> None:
    async def conversation() -> None:
        async with talking(MailHost(raw=octets)) as connection:
            await connection.send(package())

    with pytest.raises(Gone) as gone:
        await conversation()
    assert gone.value.said.status in ("4.5.0", "4.4.2")


async def test_silence_ends_a_conversation() -> None:
    with pytest.raises(Gone) as gone:
        async with talking(MailHost(raw=b""), replace(PATIENCE, greeting=SHORT)):
            pass
    assert gone.value.said.text == "The server fell silent"


async def test_a_server_that_stops_reading_is_left() -> None:
    there = MailHost(stalls=True)
    async with talking(there, replace(PATIENCE, block=SHORT)) as connection:
        large = package(message=(b"a" * 998 + b"\r\n") * 20_000)
        large = replace(large, needs=replace(large.needs, octets=1_000))
        (sent,) = await connection.send(large)
    assert sent.verdict is Verdict.LATER
    assert "stopped reading" in sent.said.text


async def test_nobody_is_there() -> None:
    async with hosting(there := MailHost()):
        pass
    with pytest.raises(Gone) as gone:
        await Wire.connect("127.0.0.1", there.port, source=None, patience=SHORT)
    assert gone.value.said.status == "4.4.1"


@pytest.mark.parametrize("mechanism", ["PLAIN LOGIN", "LOGIN"])
async def test_signing_in_to_a_smart_host(mechanism: str) -> None:
    there = MailHost(offers=("PIPELINING", f"AUTH {mechanism}"))
    there.says = {"AUTH": "235 2.7.0 in" if "PLAIN" in mechanism else "334 VXNlcm5hbWU6"}
    there.says |= {"YW5U": "334 UGFzc3dvcmQ6", "YW5u": "334 UGFzc3dvcmQ6", "C2VJCMV0": "235 in"}
    async with talking(there) as connection:
        await connection.sign_in(SignIn("ann", Plaintext(b"secret")))
        assert verdicts(await connection.send(package())) == [Verdict.DELIVERED]
    assert "secret" not in repr(SignIn("ann", Plaintext(b"secret")))


async def test_a_smart_host_that_lets_nobody_in_is_our_own_fault() -> None:
    there = MailHost(offers=("AUTH PLAIN",))
    there.says = {"AUTH": "535 5.7.8 wrong"}
    with pytest.raises(Gone) as gone:
        async with talking(there) as connection:
            await connection.sign_in(SignIn("ann", Plaintext(b"secret")))
    assert gone.value.said.status == "4.7.8"


@pytest.mark.parametrize("local", ["a\r\nRSET", "a\nb"])
async def test_an_address_that_is_none_fails_alone(local: str) -> None:
    async with talking(there := host()) as connection:
        sent = await connection.send(package(local, "bob"))
    assert verdicts(sent) == [Verdict.NEVER, Verdict.DELIVERED]
    assert sum(command.startswith("RCPT") for command in there.commands) == 1


async def test_goodbye_is_said() -> None:
    async with talking(there := host()) as connection:
        await connection.close()
    assert there.commands[-1] == "QUIT"
