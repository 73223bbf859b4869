"""MTA-STS: records, policies, and how long a domain is held to its word (RFC 8461)."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from mailserver.mailauth.mta_sts import (
    FAILED_FETCH,
    FETCH_AGAIN,
    LOOK_AGAIN,
    MAX_AGE,
    Found,
    Kept,
    Mode,
    MtaSts,
    Policy,
    parse,
    record_id,
)
from mailserver.mailauth.mta_sts_fetch import FetchError
from mailserver.model.errors import PeerFault
from mailserver.runtime.clock import ManualClock
from tests.support.dns import DnsServer, dns_zone, txt

DAY = timedelta(days=1)
ENFORCE = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mx.there.test\r\nmx: *.pool.test\r\n"
    b"max_age: 604800\r\n"
)
TESTING = ENFORCE.replace(b"enforce", b"testing")
RECORD = {"_mta-sts.there.test": [txt("v=STSv1; id=1;")]}


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ((b"v=STSv1; id=20160831085700Z;",), "20160831085700Z"),
        ((b"v=STSv1;id=1",), "1"),
        ((b"v=STSv1 ; id=1; later=thing",), "1"),
        ((b"v=spf1 -all", b"v=STSv1; id=1"), "1"),
        ((), None),
        ((b"v=STSv1",), None),
        ((b"v=STSv1; id=",), None),
        ((b"v=STSv1; id=a b",), None),
        ((b"v=STSv1; id=" + b"x" * 33,), None),
        ((b"v=STSv1; id=1; id=2",), None),
        ((b"v=STSv10; id=1",), None),
        ((b"v=STSv1; id=1", b"v=STSv1; id=2"), None),
        ((b"\xff\xfe",), None),
    ],
)
def test_a_record_announces_one_policy(texts: tuple[bytes, ...], wanted: str | None) -> None:
    assert record_id(texts) == wanted


def test_a_policy_is_read() -> None:
    assert parse(ENFORCE) == Policy(
        Mode.ENFORCE, ("mx.there.test", "*.pool.test"), timedelta(days=7)
    )
    assert parse(ENFORCE.replace(b"\r\n", b"\n")) == parse(ENFORCE)
    assert parse(b"version: STSv1\nmode: none\nmax_age: 99999999999"[:-1]).max_age == MAX_AGE
    assert parse(ENFORCE + b"mode: none\r\nfuture: thing\r\n").mode is Mode.ENFORCE
    assert parse(b"version:STSv1\nmode:testing\nmx:MX.There.Test.\nmax_age:1").hosts == (
        "mx.there.test",
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"mode: enforce\nmx: a.test\nmax_age: 1",
        b"version: STSv2\nmode: enforce\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmode: strict\nmx: a.test\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: a.test",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1",
        b"version: STSv1\nmode: enforce\nmx: a.test\nmax_age: soon",
        b"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
        b"version: STSv1\nmode: enforce\nwhat is this\nmx: a.test\nmax_age: 1",
        b"<html>not found</html>",
    ],
)
def test_what_is_no_policy_is_a_fault(text: bytes) -> None:
    with pytest.raises(PeerFault):
        parse(text)


def test_a_star_stands_for_one_label() -> None:
    policy = parse(ENFORCE)
    assert policy.allows("mx.there.test")
    assert policy.allows("a.pool.test")
    assert not policy.allows("pool.test")
    assert not policy.allows("a.b.pool.test")
    assert not policy.allows("evilpool.test")
    assert not policy.allows("mx.there.test.evil.test")


@dataclass
class Web:
    """What domains have at their policy's address; keeps count."""

    pages: dict[str, bytes | str] = field(default_factory=dict)
    asked: int = 0

    async def __call__(self, domain: str) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        page = self.pages.get(domain, "sts-policy-fetch-error")
        if isinstance(page, str):
            raise FetchError(page)
        return page


@dataclass
class Drawer:
    """Keeps policies as the store would."""

    kept: dict[str, Kept] = field(default_factory=dict)
    until: dict[str, datetime] = field(default_factory=dict)

    async def get(self, domain: str) -> Kept | None:
        return self.kept.get(domain)

    async def put(self, domain: str, kept: Kept, *, until: datetime) -> None:
        self.kept[domain], self.until[domain] = kept, until


class World:
    """A domain, its web server, our shelf, and time."""

    def __init__(self, dns: DnsServer) -> None:
        self.dns = dns
        self.web = Web({"there.test": ENFORCE})
        self.drawer = Drawer()
        self.clock = ManualClock()
        self.tasks: list[asyncio.Task[None]] = []
        self.restart()

    def restart(self) -> None:
        """Forget what is in memory, as a process that starts anew."""
        resolver = self.dns.resolver(self.clock, timedelta(seconds=2))
        self.sts = MtaSts(resolver, self.web, self.drawer, clock=self.clock, spawn=self._spawn)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def of(self, domain: str = "there.test") -> Found:
        found = await self.sts.of(domain)
        await asyncio.gather(*self.tasks)
        return found

    async def replace(self, records: dict[str, list[str]]) -> None:
        await self.dns.replace(records)
        self.clock.advance(timedelta(hours=1))  # whatever was remembered of DNS is old


async def test_a_policy_is_fetched_once_and_kept() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        found = await asyncio.gather(*(world.sts.of("there.test") for _ in range(20)))
        assert {each.text for each in found} == {ENFORCE}
        assert world.web.asked == 1
        assert world.drawer.kept["there.test"].id == "1"
        assert world.drawer.until["there.test"] == world.clock.now() + timedelta(days=7)
        world.restart()
        assert (await world.of()).policy == parse(ENFORCE)
        assert world.web.asked == 1


async def test_a_domain_without_a_record_has_no_policy() -> None:
    async with dns_zone({"other.test": ["A 127.0.0.1"]}) as dns:
        world = World(dns)
        assert await world.of() == Found()
        assert world.web.asked == 0


async def test_the_word_of_a_domain_holds_though_its_record_vanishes() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        await world.of()
        await world.replace({"other.test": ["A 127.0.0.1"]})
        world.restart()
        assert (await world.of()).policy == parse(ENFORCE)
        world.clock.advance(timedelta(days=7))
        assert await world.of() == Found()


async def test_the_word_of_a_domain_holds_though_dns_and_web_are_silent() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        await world.of()
        world.web.pages = {}
        await world.replace({"_mta-sts.there.test": [txt("v=STSv1; id=2;")]})
        assert (await world.of()).policy == parse(ENFORCE)
        assert world.web.asked == 2
        assert (await world.of()).policy == parse(ENFORCE)
        assert world.web.asked == 2  # not at every message
        world.clock.advance(FAILED_FETCH)
        await world.of()
        assert world.web.asked == 3
    async with dns_zone({}, silent=["there.test"]) as dns:
        world.dns = dns
        world.restart()
        assert (await world.of()).policy == parse(ENFORCE)


async def test_a_new_id_brings_the_new_policy() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        await world.of()
        world.web.pages = {"there.test": TESTING}
        await world.replace({"_mta-sts.there.test": [txt("v=STSv1; id=2;")]})
        await world.of()  # the old one at once, and beside it a look at the new
        found = await world.of()
        assert found.policy is not None
        assert found.policy.mode is Mode.TESTING
        assert world.drawer.kept["there.test"].id == "2"


async def test_a_policy_is_fetched_again_before_it_is_too_old() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        await world.of()
        for _ in range(30):
            world.clock.advance(FETCH_AGAIN)
            assert (await world.of()).policy == parse(ENFORCE)
        assert world.web.asked == 31


async def test_a_record_is_looked_at_in_peace() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        await world.of()
        world.clock.advance(LOOK_AGAIN)
        await world.of()
        assert len(world.tasks) == 1
        await world.of()
        assert len(world.tasks) == 1


@pytest.mark.parametrize(
    ("page", "failure"),
    [
        ("sts-policy-fetch-error", "sts-policy-fetch-error"),
        ("sts-webpki-invalid", "sts-webpki-invalid"),
        (b"mode: enforce", "sts-policy-invalid"),
    ],
)
async def test_a_policy_that_cannot_be_had_is_told(page: bytes | str, failure: str) -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        world.web.pages = {"there.test": page}
        assert await world.of() == Found(failure=failure)


async def test_what_is_kept_but_can_no_longer_be_read_is_fetched_again() -> None:
    async with dns_zone(RECORD) as dns:
        world = World(dns)
        world.drawer.kept["there.test"] = Kept("1", b"an old release's", world.clock.now())
        assert (await world.of()).policy == parse(ENFORCE)
