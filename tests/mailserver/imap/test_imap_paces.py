"""Commands that come faster than one network may send them wait their turn; none is lost."""

import asyncio
import socket
import struct
from pathlib import Path

from mailserver.runtime.clock import SystemClock
from mailserver.runtime.rates import Paces, Rates
from tests.support.imap_server import PASSWORD, READER, serving
from tests.support.transcripts import Mode, wire
from tests.support.waiting import until

SAVED, PER_SECOND, SENT = 5, 20, 11
LEAST_SECONDS = (SENT - SAVED) / PER_SECOND


def paces(clock: SystemClock) -> Paces:
    return Paces(commands=Rates(PER_SECOND, SAVED, clock, counts_loopback=True))


async def test_t_rate_1_commands_over_the_rate_wait_and_are_answered_in_order(
    tmp_path: Path,
) -> None:
    loop = asyncio.get_running_loop()
    async with serving(tmp_path, paces=paces(SystemClock())) as (server, listener):
        await server.add_reader()
        async with wire(listener.port) as client:
            await client.skip_to("* OK")
            began = loop.time()
            # NOOP answers on the spot, SELECT is awaited
            lines = [f'0 LOGIN {READER} "{PASSWORD}"', "1 SELECT INBOX"]
            lines += [f"{number} NOOP" for number in range(2, SENT)]
            await client.send("".join(f"{line}\r\n" for line in lines).encode(), Mode.WHOLE)
            for number in range(SENT):
                await client.skip_to(f"{number} OK")
            assert loop.time() - began >= LEAST_SECONDS


async def test_t_rate_1_a_network_has_one_rate_however_many_connections_it_has(
    tmp_path: Path,
) -> None:
    loop = asyncio.get_running_loop()
    async with (
        serving(tmp_path, paces=paces(SystemClock())) as (_, listener),
        wire(listener.port) as one,
        wire(listener.port) as other,
    ):
        began = loop.time()
        for client in (one, other):
            await client.skip_to("* OK")
            await client.send(b"a NOOP\r\n" * SENT, Mode.WHOLE)
        for client in (one, other):
            for _ in range(SENT):
                await client.skip_to("a OK")
        assert loop.time() - began >= (2 * SENT - SAVED) / PER_SECOND


async def test_t_rate_1_who_leaves_while_he_waits_is_not_served(tmp_path: Path) -> None:
    slow = Paces(commands=Rates(0.001, 1, SystemClock(), counts_loopback=True))
    async with serving(tmp_path, paces=slow) as (_, listener):
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        reset = struct.pack("ii", 1, 0)  # no goodbye: a half-closed client would still be answered
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.write(b"a NOOP\r\nb NOOP\r\n")
        async with asyncio.timeout(30):
            await reader.readuntil(b"a OK")
        writer.transport.abort()
        await writer.wait_closed()
        await until(lambda: not listener.connections)
