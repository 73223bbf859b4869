"""T-RATE-1 (PRIVACY §8): what one network may open and ask, whatever protocol it speaks.

This machine is never counted, so the clients come from public addresses, in a network of the test's
own. What an account may send is in `test_sending`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.house import open_house
from mailserver.app.serving import running
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.rates import COMMANDS_SAVED
from mailserver.runtime.tls import ServerTls
from tests.support.house import made, settings_in
from tests.support.own_network import OwnNetwork, own_network

OUR_IP, HERS, HIS = "192.0.2.25", "203.0.113.9", "203.0.113.10"
HERS6, HERS6_TOO = "2001:db8:7::1", "2001:db8:7::2"
PORTS = {"mx": 25, "imap": 143, "managesieve": 4190}
NOOPS = {"mx": b"NOOP\r\n", "imap": b"a NOOP\r\n", "managesieve": b"NOOP\r\n"}
DONE = {"mx": b"250 ", "imap": b"a OK", "managesieve": b"OK"}
TURNED_AWAY = {"mx": b"421 4.7.0", "imap": b"* BYE [LIMIT]", "managesieve": b"BYE (TRYLATER)"}
PATIENCE_SECONDS = 30.0
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(directory: Path, **limits: Any) -> AsyncIterator[ManualClock]:
    doors = {f"listeners__{name}__address": f":{port}" for name, port in PORTS.items()}
    off = {f"listeners__{name}__address": "off" for name in ("submission", "submissions", "imaps")}
    settings = settings_in(
        directory, **doors, **off, listeners__lmtp__address="off", relay__enabled=False, **limits
    )
    await made(settings)
    make_certificate(settings)
    certificate = ServerTls(settings.tls.certificate, settings.tls.private_key)
    clock = ManualClock()
    async with (
        open_house(settings, clock) as house,
        background() as tasks,
        running(house, tasks, certificate),
    ):
        yield clock


async def come(ip: str, door: str) -> tuple[Client, bytes]:
    """Connect from an address; return the connection and the last line of the greeting."""
    host = "::1" if ":" in ip else OUR_IP
    reader, writer = await asyncio.open_connection(host, PORTS[door], local_addr=(ip, 0))
    while not (line := await reader.readline()).startswith((b"220 ", b"421", b"*", b"OK", b"BYE")):
        continue
    return (reader, writer), line


async def leave(client: Client) -> None:
    client[1].close()
    await client[1].wait_closed()


async def answered(client: Client, door: str) -> None:
    """Read the answer to a NOOP."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await client[0].readline()).startswith(DONE[door]):
            continue


async def waits(client: Client, door: str) -> bool:
    """Send a NOOP; say whether no answer comes."""
    client[1].write(NOOPS[door])
    try:
        async with asyncio.timeout(0.3):
            await client[0].readline()
    except TimeoutError:
        return True
    return False


@pytest.fixture
def network() -> Any:
    with own_network(OUR_IP, HERS, HIS, HERS6, HERS6_TOO) as network:
        yield network


@pytest.mark.parametrize("door", PORTS)
def test_t_rate_1_commands_of_one_network_are_counted_whatever_it_speaks(
    network: OwnNetwork, tmp_path: Path, door: str
) -> None:
    """The clock stands still, so what is saved up is all there is."""

    async def body() -> None:
        async with served(tmp_path, limits__commands_per_second=2) as clock:
            hers = {one: (await come(HERS, one))[0] for one in PORTS}
            hers[door][1].write(NOOPS[door] * (2 * COMMANDS_SAVED))
            for _ in range(2 * COMMANDS_SAVED):
                await answered(hers[door], door)
            assert all([await waits(client, one) for one, client in hers.items()])
            his, _ = await come(HIS, door)
            his[1].write(NOOPS[door])
            await answered(his, door)
            clock.advance(timedelta(seconds=2))
            for one, client in hers.items():
                await answered(client, one)
            for client in (*hers.values(), his):
                await leave(client)

    network.run(body())


def test_t_rate_1_who_comes_too_often_is_turned_away_at_every_door(
    network: OwnNetwork, tmp_path: Path
) -> None:
    async def body() -> None:
        async with served(tmp_path, limits__connections_per_minute=2):
            for _ in range(2):
                client, _ = await come(HERS, "mx")
                await leave(client)
            for door, words in TURNED_AWAY.items():
                client, said = await come(HERS, door)
                assert said.startswith(words)
                await leave(client)
            client, said = await come(HIS, "mx")
            assert said.startswith(b"220")
            await leave(client)

    network.run(body())


def test_t_rate_1_a_network_has_so_many_connections_open_at_once(
    network: OwnNetwork, tmp_path: Path
) -> None:
    async def body() -> None:
        async with served(tmp_path, limits__connections_per_address=2):
            first, _ = await come(HERS6, "imap")
            second, _ = await come(HERS6_TOO, "managesieve")  # one customer: one /64
            third, said = await come(HERS6, "mx")
            assert said.startswith(TURNED_AWAY["mx"])
            other, said = await come(HIS, "mx")
            assert said.startswith(b"220")
            for client in (first, second, third, other):
                await leave(client)

    network.run(body())
