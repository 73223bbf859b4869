"""Greylisting as a stranger meets it: over the wire, at a whole server (RFC 6647).

Loopback and private networks never wait, so the server stands in a network of the test's own, where
its clients come from public addresses.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.app.serving import running
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from tests.support.dns import dns_zone
from tests.support.house import add_person, made, settings_in
from tests.support.own_network import OwnNetwork, own_network
from tests.support.screening import BAD_IP, GOOD_IP, RECORDS, mail_from

OUR_IP, OUR_IP6 = "192.0.2.25", "2001:db8:25::1"
NEIGHBOUR, STRANGER6, NEIGHBOUR6 = "203.0.113.200", "2001:db8:7::1", "2001:db8:7:ff::1"
ELSEWHERE, PRINTER = "100.64.7.7", "192.168.7.7"
ADDRESSES = (
    *(OUR_IP, GOOD_IP, BAD_IP, NEIGHBOUR, ELSEWHERE, PRINTER),
    *(OUR_IP6, STRANGER6, NEIGHBOUR6),
)
PORT = 25  # nobody else listens in a network of one's own
DELAY = timedelta(seconds=240)
LATER = "451 4.7.1"
TAKEN = "250 2.0.0"


@dataclass(frozen=True)
class Mx:
    """A server, the greylist's clock, and where it listens: `OUR_IP` and `OUR_IP6`."""

    clock: ManualClock

    async def send(
        self, ip: str, sender: str, *recipients: str, author: str = "", **fields: str
    ) -> str:
        """Bring a message from an address; return the codes of the reply to its last dot."""
        reader, writer = await asyncio.open_connection(
            OUR_IP6 if ":" in ip else OUR_IP, PORT, local_addr=(ip, 0)
        )
        octets = mail_from(
            author or sender, **{"Date": format_datetime(self.clock.now()), **fields}
        )
        to = recipients or ("noor@example.test",)
        said = await _reply(reader)
        for line in (
            "EHLO mail.nobody.test",
            f"MAIL FROM:<{sender}>",
            *(f"RCPT TO:<{each}>" for each in to),
            "DATA",
        ):
            writer.write(f"{line}\r\n".encode())
            said = await _reply(reader)
            assert said.startswith(("250", "354")), said
        writer.write(octets + b"\r\n.\r\n")
        said = await _reply(reader)
        writer.close()
        await writer.wait_closed()
        return said[:9]


async def _reply(reader: asyncio.StreamReader) -> str:
    while True:
        line = (await reader.readuntil(b"\r\n")).decode()
        if line[3:4] == " ":
            return line


@asynccontextmanager
async def mx_in(directory: Path) -> AsyncIterator[Mx]:
    """Serve on public addresses, in a network of one's own, for the length of a block."""
    async with dns_zone(RECORDS) as dns:
        off = ("submission", "submissions", "imap", "imaps", "lmtp")
        settings = settings_in(
            directory,
            listeners__mx__address=f":{PORT}",
            dns__nameservers=[str(dns.endpoint)],
            relay__enabled=False,
            spam__greylist_seconds=DELAY.seconds,
            spam__doubtful_points=1.0,
            **{f"listeners__{name}__address": "off" for name in off},
        )
        await made(settings)
        clock = ManualClock()
        async with open_house(settings, clock) as house, background() as tasks:
            for name in ("noor", "bram"):
                await add_person(house, name)
            async with running(house, tasks, None):
                yield Mx(clock)


@pytest.fixture(scope="module")
def network() -> Iterator[OwnNetwork]:
    with own_network(*ADDRESSES) as network:
        yield network


@pytest.fixture(scope="module")
def mx(network: OwnNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mx]:
    made = mx_in(tmp_path_factory.mktemp("mx"))
    server = network.run(made.__aenter__())
    try:
        yield server
    finally:
        network.run(made.__aexit__(None, None, None))


def test_a_stranger_hears_451_first_and_250_when_he_comes_again(
    network: OwnNetwork, mx: Mx
) -> None:
    async def body() -> None:
        assert await mx.send(BAD_IP, "who@nowhere.test") == LATER
        mx.clock.advance(DELAY - timedelta(seconds=1))
        assert await mx.send(BAD_IP, "who@nowhere.test") == LATER  # too soon
        assert await mx.send(ELSEWHERE, "who@nowhere.test") == LATER  # another network
        assert await mx.send(BAD_IP, "who@elsewhere.test") == LATER  # another domain
        mx.clock.advance(timedelta(seconds=1))
        assert await mx.send(NEIGHBOUR, "who@nowhere.test") == TAKEN  # a farm of one network
        assert await mx.send(BAD_IP, "who@nowhere.test") == TAKEN

    network.run(body())


def test_who_came_again_is_remembered_for_a_month(network: OwnNetwork, mx: Mx) -> None:
    async def body() -> None:
        assert await mx.send(BAD_IP, "who@monthly.test") == LATER
        mx.clock.advance(DELAY)
        for days in (0, 34, 34):
            mx.clock.advance(timedelta(days=days))
            assert await mx.send(BAD_IP, "who@monthly.test") == TAKEN
        mx.clock.advance(timedelta(days=36))
        assert await mx.send(BAD_IP, "who@monthly.test") == LATER

    network.run(body())


def test_a_retry_is_known_by_the_network_in_ipv6_too(network: OwnNetwork, mx: Mx) -> None:
    async def body() -> None:
        assert await mx.send(STRANGER6, "who@nowhere.test") == LATER
        mx.clock.advance(DELAY)
        assert await mx.send(NEIGHBOUR6, "who@nowhere.test") == TAKEN

    network.run(body())


def test_one_recipient_who_was_met_is_enough_for_all(network: OwnNetwork, mx: Mx) -> None:
    async def body() -> None:
        assert await mx.send(BAD_IP, "who@several.test", "noor@example.test") == LATER
        mx.clock.advance(DELAY)
        both = ("noor@example.test", "bram@example.test")
        assert await mx.send(BAD_IP, "who@several.test", *both) == TAKEN
        assert await mx.send(BAD_IP, "who@several.test", "bram@example.test") == TAKEN

    network.run(body())


def test_a_known_author_does_not_wait_where_a_new_one_does(network: OwnNetwork, mx: Mx) -> None:
    shabby = {"subject": "Re: Old", "Date": "", "Reply_To": "<x@collect.test>"}

    async def body() -> None:
        assert await mx.send(GOOD_IP, "bob@there.test") == TAKEN  # in good order: nothing to doubt
        assert await mx.send(GOOD_IP, "ann@there.test", **shabby) == LATER
        assert await mx.send(GOOD_IP, "bob@there.test", **shabby) == TAKEN
        # his name alone is no passport: nobody vouches for what comes from there
        assert await mx.send(BAD_IP, "x@unknown.test", author="bob@there.test") == LATER

    network.run(body())


@pytest.mark.parametrize("ip", ["127.0.0.1", PRINTER, "::1"])
def test_who_is_here_or_near_never_waits(network: OwnNetwork, mx: Mx, ip: str) -> None:
    assert network.run(mx.send(ip, "who@nowhere.test")) == TAKEN
