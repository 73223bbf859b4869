"""Commands and guesses that come too fast wait; others do not."""

import asyncio
from datetime import timedelta

from mailserver.model.errors import Absent, Condition
from mailserver.runtime.clock import SystemClock
from mailserver.runtime.rates import Paces, Rates
from mailserver.smtp.listener import Listener, Shared
from mailserver.smtp.policy import Service
from tests.support.smtp import Client, Mailroom, policy, serving, shared

SLOW = timedelta(seconds=1)


def with_paces(paces: Paces) -> Shared:
    counted = shared()
    return Shared(counted.budget, counted.connections, paces=paces)


async def test_many_who_are_nobody_are_answered_late() -> None:
    misses = Rates(0.001, 2, SystemClock(), counts_loopback=True)
    paces = Paces(misses=misses, miss_seconds=SLOW.total_seconds())
    unknown = Absent(Condition.NO_SUCH_USER, "there is no such user here")
    room = Mailroom(at_rcpt={f"nobody{number}": unknown for number in (1, 2, 3)})
    listener = Listener.mx(room, policy(Service.MX), with_paces(paces))
    loop = asyncio.get_running_loop()
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.line()
        for command in ("HELO client.example", "MAIL FROM:<a@client.example>"):
            client.send(command.encode() + b"\r\n")
            await client.line()
        took = []
        for name in ("nobody1", "nobody2", "nobody3", "bob"):
            began = loop.time()
            client.send(f"RCPT TO:<{name}@zegel.test>\r\n".encode())
            assert (await client.line())[:3] == (b"250" if name == "bob" else b"550")
            took.append(loop.time() - began)
    quick = SLOW.total_seconds()
    assert max(took[0], took[1], took[3]) < quick <= took[2]


async def test_commands_over_the_rate_wait_their_turn() -> None:
    commands = Rates(20, 5, SystemClock(), counts_loopback=True)
    listener = Listener.mx(Mailroom(), policy(Service.MX), with_paces(Paces(commands=commands)))
    loop = asyncio.get_running_loop()
    async with serving(listener) as port, await Client.connect(port) as client:
        await client.line()
        began = loop.time()
        client.send(b"NOOP\r\n" * 10)
        replies = [await client.line() for _ in range(10)]
        took = loop.time() - began
    assert all(reply.startswith(b"250") for reply in replies)
    assert took >= 0.2  # five were saved up; the others come twenty a second
