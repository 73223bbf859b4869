import asyncio
import socket
from contextlib import suppress
from datetime import timedelta

import pytest

from mailserver.protocol.smtp.data import ContentLimits
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.settings import Limits
from mailserver.smtp.listener import Listener, Shared
from mailserver.smtp.policy import Policy, Service
from mailserver.smtp.receive import Intake
from tests.support.smtp import Client, Mailroom, policy, serving, shared

LINE = b"x" * 70 + b"\r\n"


async def begin(client: Client, recipient: bytes = b"bob@zegel.test") -> None:
    assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"250")
    assert (await client.ask(b"RCPT TO:<" + recipient + b">")).startswith(b"250")
    assert (await client.ask(b"DATA")).startswith(b"354")


def mx(room: Mailroom, **bounds: object) -> Listener:
    return Listener.mx(room, policy(Service.MX, **bounds), shared())


async def test_a_message_that_grows_too_large_is_refused_and_the_connection_stays() -> None:
    room = Mailroom()
    listener = mx(room, content=ContentLimits(message_octets=100_000))
    async with serving(listener) as port, await Client.connect(port) as client:
        assert b"250-SIZE 100000\r\n" in await client.greet()
        reply = await client.ask(b"MAIL FROM:<alice@example.org> SIZE=100001")
        assert reply.startswith(b"552 5.3.4")
        assert (await client.ask(b"MAIL FROM:<alice@example.org> SIZE=10")).startswith(b"250")
        await client.ask(b"RCPT TO:<bob@zegel.test>")
        await client.ask(b"DATA")
        reply = await client.ask(LINE * 2_000 + b".")
        assert reply == b"552 5.3.4 The message is too large\r\n"
        await begin(client)
        assert (await client.ask(b"small\r\n.")).startswith(b"250")
    assert [message.octets for message in room.taken] == [b"small\r\n"]


@pytest.mark.parametrize("chunks", [False, True])
async def test_a_client_that_never_stops_is_cut_off(chunks: bool) -> None:
    listener = mx(Mailroom(), content=ContentLimits(message_octets=100_000))
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        if chunks:
            await client.ask(b"MAIL FROM:<alice@example.org>")
            await client.ask(b"RCPT TO:<bob@zegel.test>")
            client.send(b"BDAT 400000 LAST\r\n")
        else:
            await begin(client)
        client.send(LINE * 5_000)
        assert (await client.everything()).endswith(b"421 4.7.0 Too many errors\r\n")


async def test_a_header_that_never_ends_is_refused() -> None:
    room = Mailroom()
    listener = mx(room, content=ContentLimits(header_octets=10_000))
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        await begin(client)
        reply = await client.ask(b"X-Long: a\r\n" * 2_000 + b"\r\nbody\r\n.")
        assert reply == b"552 5.3.4 The header is too large\r\n"
    assert room.taken == []


async def test_a_loop_is_seen() -> None:
    room = Mailroom()
    async with serving(mx(room)) as port, await Client.connect(port) as client:
        await client.greet()
        await begin(client)
        reply = await client.ask(b"Received: from a\r\n" * 101 + b"\r\nbody\r\n.")
        assert reply.startswith(b"554 5.4.6")
    assert room.taken == []


async def test_over_budget_is_a_transient_refusal_and_gives_everything_back() -> None:
    room = Mailroom()
    counters = shared(octets=150_000)
    async with serving(Listener.mx(room, policy(Service.MX), counters)) as port:
        async with await Client.connect(port) as slow, await Client.connect(port) as client:
            for one in (slow, client):
                await one.greet()
                await begin(one)
            slow.send(LINE * 1_400)  # holds most of the budget
            await reached(counters.budget, 100_000)
            reply = await client.ask(LINE * 1_400 + b".")
            assert reply.startswith(b"452 4.3.1")
            assert (await slow.ask(b".")).startswith(b"250")
            await begin(client)
            assert (await client.ask(LINE * 1_400 + b".")).startswith(b"250")
        async with await Client.connect(port) as gone:
            await gone.greet()
            await begin(gone)
            gone.send(LINE * 1_400)
            await reached(counters.budget, 100_000)
        await reached(counters.budget, 0)
    assert len(room.taken) == 2


def own_address() -> str:
    """Return an address of this machine that is not loopback; no packet is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


async def test_one_network_leaves_room_for_others() -> None:
    """Who begins messages and ends none of them keeps himself out, and nobody else."""
    address = own_address()
    counters = Shared(Budget(400_000, peer_octets=150_000), Connections(10, 10))
    listener = Listener.mx(Mailroom(), policy(Service.MX), counters)
    port = await listener.open("0.0.0.0", 0)
    try:
        async with await Client.connect(port, host=address) as slow:
            async with await Client.connect(port, host=address) as again:
                for one in (slow, again):
                    await one.greet()
                    await begin(one)
                slow.send(LINE * 1_400)
                await reached(counters.budget, 100_000)
                assert (await again.ask(LINE * 1_400 + b".")).startswith(b"452 4.3.1")
            async with await Client.connect(port) as here:
                await here.greet()
                await begin(here)
                assert (await here.ask(LINE * 2_800 + b".")).startswith(b"250")
            assert (await slow.ask(b".")).startswith(b"250")
    finally:
        await listener.close(timedelta(seconds=2))


async def reached(budget: Budget, octets: int) -> None:
    for _ in range(500):
        if budget.held_octets == octets or 0 < octets <= budget.held_octets:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{budget.held_octets} octets held, {octets} expected")


async def test_chunks_are_held_against_the_budget_until_reset() -> None:
    counters = shared(octets=1_000)
    listener = Listener.mx(Mailroom(), policy(Service.MX), counters)
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        await client.ask(b"MAIL FROM:<alice@example.org>")
        await client.ask(b"RCPT TO:<bob@zegel.test>")
        assert (await client.ask(b"BDAT 506\r\n" + LINE * 7)).startswith(b"250")
        assert counters.budget.held_octets == 506
        assert (await client.ask(b"RSET")).startswith(b"250")
        assert counters.budget.held_octets == 0


def test_an_intake_joins_pieces_and_lets_go() -> None:
    budget = Budget(10)
    intake = Intake(budget, "")
    for piece in (b"abc", b"", b"de", b"fghij"):
        intake.add(piece)
    assert intake.octets() == b"abcdefghij"
    assert intake.octets() == b"abcdefghij"
    assert budget.held_octets == 10
    intake.add(b"k")
    assert intake.full
    assert intake.octets() == b""
    assert budget.held_octets == 0
    intake.add(b"l")
    assert budget.held_octets == 0


async def test_fifty_thousand_recipients_end_in_an_answer() -> None:
    room = Mailroom()
    async with serving(mx(room)) as port, await Client.connect(port) as client:
        await client.greet()
        client.send(b"MAIL FROM:<alice@example.org>\r\n")
        client.send(b"".join(b"RCPT TO:<r%d@zegel.test>\r\n" % n for n in range(50_000)))
        replies = (await client.everything()).splitlines()
    assert replies.count(b"250 2.1.5 Recipient ok") == 1_000
    assert replies.count(b"452 4.5.3 Too many recipients") == 1_000
    assert replies[-1] == b"421 4.7.0 Too many errors"
    assert room.taken == []


async def test_names_cannot_be_harvested() -> None:
    async with serving(mx(Mailroom())) as port, await Client.connect(port) as client:
        await client.greet()
        await client.ask(b"MAIL FROM:<alice@example.org>")
        client.send(b"RCPT TO:<guess@elsewhere.test>\r\n" * 500)
        replies = (await client.everything()).splitlines()
    assert len(replies) == 101
    assert replies[-1].startswith(b"421 4.7.0")


async def test_recipients_behind_a_refused_mail_are_answered() -> None:
    async with serving(mx(Mailroom())) as port, await Client.connect(port) as client:
        await client.greet()
        client.send(b"MAIL FROM:<alice@example.org> SIZE=99999999\r\n")
        client.send(b"RCPT TO:<bob@zegel.test>\r\n" * 500 + b"DATA\r\nNOOP\r\n")
        assert (await client.reply()).startswith(b"552 5.3.4")
        for _ in range(501):
            assert (await client.reply()).startswith(b"503 5.5.1")
        assert (await client.reply()).startswith(b"250")


async def test_a_taken_message_forgives_errors() -> None:
    listener = mx(Mailroom(), errors=3)
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        for _ in range(3):
            assert (await client.ask(b"FOO")).startswith(b"500")
            assert (await client.ask(b"FOO")).startswith(b"500")
            await begin(client)
            assert (await client.ask(b"a\r\n.")).startswith(b"250")


async def test_messages_on_one_connection_are_counted() -> None:
    listener = mx(Mailroom(), messages=2)
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.greet()
        for _ in range(2):
            await begin(client)
            assert (await client.ask(b"a\r\n.")).startswith(b"250")
        assert (await client.ask(b"MAIL FROM:<alice@example.org>")).startswith(b"421 4.7.0")
        assert await client.everything() == b""


async def test_long_lines() -> None:
    async with serving(mx(Mailroom())) as port, await Client.connect(port) as client:
        await client.greet()
        assert (await client.ask(b"NOOP " + b"x" * 2_043)).startswith(b"250")
        assert (await client.ask(b"NOOP " + b"x" * 2_044)).startswith(b"500 5.5.2")
        assert (await client.ask(b"NOOP " + b"x" * 12_000)).startswith(b"500 5.5.2")
        client.send(b"NOOP " + b"x" * 300_000)
        assert b"500 5.5.2 Command line too long" in await client.everything()


async def test_connections_are_counted_in_all_and_for_each_address() -> None:
    for counters in (shared(per_peer=2), shared(total=2)):
        listener = Listener.mx(Mailroom(), policy(Service.MX), counters)
        async with (
            serving(listener) as port,
            await Client.connect(port) as first,
            await Client.connect(port) as second,
        ):
            assert (await first.reply()).startswith(b"220")
            assert (await second.reply()).startswith(b"220")
            async with await Client.connect(port) as third:
                assert (await third.reply()).startswith(b"421 4.7.0 Too many connections")
                assert await third.everything() == b""
            await first.ask(b"QUIT")
            assert await first.everything() == b""
            async with await Client.connect(port) as fourth:
                assert (await fourth.reply()).startswith(b"220")
        assert counters.connections.open == 0


@pytest.mark.parametrize(
    ("bounds", "lines"),
    [
        ({"command_seconds": 0.1}, [b"NOOP"]),
        (
            {"data_idle_seconds": 0.1},
            [b"MAIL FROM:<a@b.example>", b"RCPT TO:<b@zegel.test>", b"DATA"],
        ),
        (
            {"data_idle_seconds": 0.1},
            [b"MAIL FROM:<a@b.example>", b"RCPT TO:<b@zegel.test>", b"BDAT 9"],
        ),
    ],
)
async def test_silence_is_not_waited_out(bounds: dict[str, float], lines: list[bytes]) -> None:
    async with serving(mx(Mailroom(), **bounds)) as port, await Client.connect(port) as client:
        await client.greet()
        for line in lines:
            client.send(line + b"\r\n")
        assert (await client.everything()).endswith(b"421 4.4.2 Timed out\r\n")


@pytest.mark.parametrize("early", [0, 1_000])
async def test_a_trickle_is_not_waited_out_however_much_came_before(early: int) -> None:
    bounds = {"data_seconds": 0.3, "data_idle_seconds": 0.2, "data_octets_per_second": 1_000}
    async with serving(mx(Mailroom(), **bounds)) as port, await Client.connect(port) as client:
        await client.greet()
        await begin(client)
        client.send(LINE * early)
        answer = asyncio.ensure_future(client.everything())
        sent = 0
        while not answer.done() and sent < 200:
            client.send(b"x")
            sent += 1
            await asyncio.sleep(0.02)
        with suppress(ConnectionResetError):  # an octet came after the end, and took the word away
            assert (await answer).endswith(b"421 4.4.2 Timed out\r\n")
        assert sent < 100


def test_the_settings_become_a_policy() -> None:
    made = Policy.of(Service.MX, "h", Limits(message_octets=1 << 20, recipients=200))
    assert made.content.message_octets == 1 << 20
    assert made.recipients == 200
    assert made.greeting == "h ESMTP Zegel"
