from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, MailError, Refused, Transient
from mailserver.smtp.listener import Listener
from mailserver.smtp.policy import Service
from mailserver.smtp.retries import KEPT, Retries, one_error
from tests.support.smtp import Client, Mailroom, policy, serving, shared

BUSY = Transient(Condition.BUSY, "busy")
GONE = Absent(Condition.NO_SUCH_USER, "gone")
ALICE, BOB = Address.parse("alice@example.org"), Address.parse("bob@zegel.test")


async def send(client: Client, *names: bytes, body: bytes = b"hello") -> list[bytes]:
    """Send to several; return the replies to each RCPT and, if one was taken, to the message."""
    assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"250")
    replies = [await client.ask(b"RCPT TO:<" + name + b"@zegel.test>") for name in names]
    if not any(reply.startswith(b"250") for reply in replies):
        await client.ask(b"RSET")
        return replies
    await client.ask(b"DATA")
    return [*replies, await client.ask(body + b"\r\n.")]


def codes(replies: list[bytes]) -> list[bytes]:
    return [reply[:9].rstrip() for reply in replies]


OK, TAKEN = b"250 2.1.5", b"250 2.0.0"


async def test_everybody_or_nobody_is_one_reply() -> None:
    room = Mailroom(at_data={"busy": BUSY, "gone": GONE, "full": Refused(Condition.OVER_QUOTA)})
    async with (
        serving(Listener.mx(room, policy(Service.MX), shared())) as port,
        await Client.connect(port) as client,
    ):
        await client.greet()
        assert codes(await send(client, b"bob", b"carol")) == [OK, OK, TAKEN]
        assert codes(await send(client, b"gone")) == [OK, b"550 5.1.1"]
        assert codes(await send(client, b"gone", b"busy")) == [OK, OK, b"451 4.3.2"]
        assert codes(await send(client, b"full", b"gone")) == [OK, OK, b"452 4.2.2"]
    assert len(room.taken) == 1


async def test_some_got_it_nothing_is_lost_and_nothing_doubled() -> None:
    room = Mailroom(at_data={"busy": BUSY, "gone": GONE})
    async with (
        serving(Listener.mx(room, policy(Service.MX), shared())) as port,
        await Client.connect(port) as client,
    ):
        await client.greet()
        first = await send(client, b"bob", b"busy", b"gone", b"carol")
        assert codes(first) == [OK, OK, OK, OK, b"451 4.3.0"]
        assert room.taken[0].recipients == ["bob@zegel.test", "carol@zegel.test"]

        # the sender comes again with the same message: who has it, has it
        room.at_data.pop("busy")
        second = await send(client, b"bob", b"busy", b"gone", b"carol")
        assert codes(second) == [OK, b"452 4.5.3", b"452 4.5.3", OK, TAKEN]
        assert len(room.taken) == 1

        # and then for those who were left over, one at a time, each to his own answer
        third = await send(client, b"busy", b"gone")
        assert codes(third) == [OK, b"452 4.5.3", TAKEN]
        assert room.taken[1].recipients == ["busy@zegel.test"]
        assert codes(await send(client, b"gone")) == [OK, b"550 5.1.1"]
        assert len(room.taken) == 2

        # another message to the same people is a message of its own
        other = await send(client, b"bob", b"carol", body=b"another")
        assert codes(other) == [OK, OK, TAKEN]
        assert room.taken[2].recipients == ["bob@zegel.test", "carol@zegel.test"]


async def test_lmtp_answers_each() -> None:
    room = Mailroom(at_data={"busy": BUSY, "gone": GONE})
    async with (
        serving(Listener.lmtp(room, policy(Service.LMTP), shared())) as port,
        await Client.connect(port) as client,
    ):
        await client.greet(b"LHLO")
        replies = await send(client, b"bob", b"busy", b"gone", b"bob")
        assert codes(replies) == [OK, OK, OK, OK, TAKEN]
        rest = [await client.reply() for _ in range(3)]
        assert codes(rest) == [b"451 4.3.2", b"550 5.1.1", TAKEN]
        assert (await client.ask(b"NOOP")).startswith(b"250")
    assert room.taken[0].recipients == ["bob@zegel.test"]


def test_the_error_that_stands_for_all() -> None:
    assert one_error([GONE, BUSY]) is BUSY
    assert one_error([GONE, GONE]) is GONE
    assert one_error([None, BUSY]) is None
    assert one_error([None]) is None
    assert one_error([]) is None


def test_memory_is_bounded_and_ends() -> None:
    now = 0.0
    retries = Retries(lambda: now, entries=3)
    assert not retries
    message = retries.message(ALICE, b"hello")
    assert retries.message(ALICE, b"hello") == message
    assert retries.message(None, b"hello") != message
    assert retries.message(ALICE, b"hello!") != message
    retries.remember_has(message, BOB)
    assert retries.has(message, BOB)
    assert not retries.has(message, ALICE)
    assert not retries.alone(ALICE, BOB)
    retries.remember_alone(ALICE, BOB)
    assert retries.alone(ALICE, BOB)
    now = KEPT.total_seconds()
    assert not retries.has(message, BOB)
    for number in range(10):
        retries.remember_has(b"%d" % number, BOB)
    assert sum(retries.has(b"%d" % number, BOB) for number in range(10)) == 3


async def test_a_whole_failure_is_said_once_for_all() -> None:
    room = Mailroom(broken=MailError(Condition.BAD_MESSAGE, "no"))
    async with (
        serving(Listener.mx(room, policy(Service.MX), shared())) as port,
        await Client.connect(port) as client,
    ):
        await client.greet()
        assert codes(await send(client, b"bob", b"carol")) == [OK, OK, b"550 5.6.0"]
