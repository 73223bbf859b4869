"""The resolver against real name servers: what it answers, remembers, asks once and believes."""

import asyncio
import socket
from collections.abc import Iterator
from datetime import timedelta
from time import perf_counter

import pytest

from mailserver.model.errors import Condition, Transient
from mailserver.runtime.clock import ManualClock, SystemClock
from mailserver.runtime.resolver import (
    SILENT_SECONDS,
    UNHEARD,
    Caa,
    DnsTransient,
    Mx,
    Resolver,
    Srv,
    Tlsa,
)
from mailserver.runtime.settings_values import Endpoint
from tests.support.dns import DnsServer, dns_zone, standing_zone, txt

RECORDS = {
    "example.test": [
        "60 MX 10 MX.example.test.",
        "60 MX 5 backup.example.test.",
        "A 192.0.2.1",
        "AAAA 2001:db8::1",
        "NS ns.example.test.",
        txt("v=spf1 " + "ip4:192.0.2.1 " * 40 + "-all"),
        txt(b"\xff\x00binary"),
        'CAA 128 issue "ca.test"',
    ],
    "mx.example.test": ["A 192.0.2.25"],
    "_25._tcp.mx.example.test": ["TLSA 3 1 1 " + "ab" * 32],
    "_imaps._tcp.example.test": ["SRV 0 1 993 mail.example.test."],
    "nomail.test": ["MX 0 ."],
    "alias.test": ["20 CNAME Example.test."],
    "dangling.test": ["CNAME nothing.example.test."],
    "xn--bcher-kva.test": ["A 192.0.2.7"],
    "back\\slash.test": ["A 192.0.2.8"],
    "25.2.0.192.in-addr.arpa": ["PTR mx.example.test."],
    "fleeting.test": ["0 A 192.0.2.9"],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS, servfail=["broken.test"], silent=["silent.test"]) as server:
        yield server


@pytest.fixture(scope="module")
def signed() -> Iterator[DnsServer]:
    records = {
        **RECORDS,
        "plain.test": ["A 192.0.2.3"],
        "www.plain.test": ["A 192.0.2.4"],
        "forged.test": ["A 192.0.2.5"],
    }
    with standing_zone(
        records, signed=True, unsigned=["plain.test"], bogus=["forged.test"]
    ) as server:
        yield server


async def test_every_type_is_read(dns: DnsServer) -> None:
    resolver = dns.resolver()
    mx = await resolver.mx("example.test")
    assert sorted(mx.records) == [(5, "backup.example.test"), (10, "mx.example.test")]
    assert (mx.exists, mx.name) == (True, "example.test")
    assert 30 < mx.ttl <= 60
    assert (await resolver.a("example.test")).records == ("192.0.2.1",)
    assert (await resolver.aaaa("example.test")).records == ("2001:db8::1",)
    assert (await resolver.ns("example.test")).records == ("ns.example.test",)
    assert (await resolver.caa("example.test")).records == (Caa(True, "issue", b"ca.test"),)
    assert (await resolver.tlsa("_25._tcp.mx.example.test")).records == (
        Tlsa(3, 1, 1, b"\xab" * 32),
    )
    assert (await resolver.srv("_imaps._tcp.example.test")).records == (
        Srv(0, 1, 993, "mail.example.test"),
    )
    assert (await resolver.ptr("192.0.2.25")).records == ("mx.example.test",)
    assert (await resolver.cname("alias.test")).records == ("example.test",)
    assert (await resolver.mx("nomail.test")).records == (Mx(0, ""),)


async def test_long_texts_are_joined_and_octets_kept(dns: DnsServer) -> None:
    texts = (await dns.resolver().txt("example.test")).records
    assert set(texts) == {b"v=spf1 " + b"ip4:192.0.2.1 " * 40 + b"-all", b"\xff\x00binary"}


async def test_no_data_is_told_from_no_name(dns: DnsServer) -> None:
    resolver = dns.resolver()
    nothing = await resolver.txt("mx.example.test")
    assert (nothing.records, nothing.exists, nothing.name) == ((), True, "mx.example.test")
    assert not (await resolver.txt("nothing.test")).exists
    assert (await resolver.txt("_tcp.example.test")).exists  # an empty non-terminal


async def test_alias_is_followed_and_its_end_named(dns: DnsServer) -> None:
    resolver = dns.resolver()
    answer = await resolver.a("alias.test")
    assert (answer.records, answer.name) == (("192.0.2.1",), "example.test")
    assert answer.ttl <= 20  # the least of the chain
    assert not (await resolver.a("dangling.test")).exists


@pytest.mark.parametrize("name", ["BÜCHER.test.", "bücher.test", "xn--bcher-kva.TEST"])
async def test_names_are_compared_as_a_labels(dns: DnsServer, name: str) -> None:
    assert (await dns.resolver().a(name)).records == ("192.0.2.7",)


async def test_backslash_is_no_escape(dns: DnsServer) -> None:
    assert (await dns.resolver().a("back\\slash.test")).records == ("192.0.2.8",)


@pytest.mark.parametrize("name", ["a..test", "x" * 64 + ".test", ".test", "a." * 127 + "test"])
async def test_what_cannot_be_a_name_does_not_exist(dns: DnsServer, name: str) -> None:
    answer = await dns.resolver().a(name)
    assert (answer.records, answer.exists) == ((), False)


async def test_answer_is_kept_for_its_ttl() -> None:
    clock = ManualClock()
    async with dns_zone({"a.test": ["20 A 192.0.2.1"]}) as dns:
        resolver = dns.resolver(clock)
        before = await resolver.a("a.test")
        await dns.replace({"a.test": ["A 192.0.2.99"]})
        clock.advance(timedelta(seconds=19))
        assert await resolver.a("a.test") is before
        clock.advance(timedelta(seconds=1))
        assert (await resolver.a("a.test")).records == ("192.0.2.99",)


async def test_absence_is_kept_too_and_no_longer_than_five_minutes() -> None:
    clock = ManualClock()
    async with dns_zone({}) as dns:
        resolver = dns.resolver(clock)
        assert not (await resolver.a("late.test")).exists
        await dns.replace({"late.test": ["A 192.0.2.2"]})
        clock.advance(timedelta(seconds=299))
        assert not (await resolver.a("late.test")).exists
        clock.advance(timedelta(seconds=1))
        assert (await resolver.a("late.test")).exists


async def test_failure_is_forgotten_after_seconds() -> None:
    clock = ManualClock()
    async with dns_zone({}, servfail=["a.test"]) as dns:
        resolver = dns.resolver(clock)
        with pytest.raises(DnsTransient):
            await resolver.a("a.test")
        await dns.mend("a.test", ["A 192.0.2.1"])
        with pytest.raises(DnsTransient):
            await resolver.a("a.test")
        clock.advance(timedelta(seconds=5))
        assert (await resolver.a("a.test")).records == ("192.0.2.1",)


async def test_ttl_zero_is_asked_every_time(dns: DnsServer) -> None:
    resolver = dns.resolver()
    assert await resolver.a("fleeting.test") is not await resolver.a("fleeting.test")


async def test_signature_that_does_not_hold_is_transient(signed: DnsServer) -> None:
    with pytest.raises(DnsTransient) as failed:
        await signed.resolver().a("forged.test")
    assert failed.value.condition is Condition.UNAVAILABLE
    assert isinstance(failed.value, Transient)
    assert "forged" not in str(failed.value)


async def test_broken_zone_is_transient(dns: DnsServer) -> None:
    with pytest.raises(DnsTransient, match="could not"):
        await dns.resolver().a("www.broken.test")


async def test_silence_is_transient_within_the_timeout(dns: DnsServer) -> None:
    resolver = dns.resolver(timeout=timedelta(seconds=0.5))
    begun = perf_counter()
    with pytest.raises(DnsTransient, match="in time"):
        await resolver.a("www.silent.test")
    assert perf_counter() - begun < 5


async def test_nobody_listening_is_transient() -> None:
    resolver = Resolver(
        [Endpoint(host="127.0.0.1", port=1)], clock=SystemClock(), timeout=timedelta(seconds=0.3)
    )
    with pytest.raises(DnsTransient):
        await resolver.a("example.test")


async def test_servers_that_are_down_hold_nobody_up_for_long() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        clock = ManualClock()
        resolver = Resolver(
            [Endpoint(host="127.0.0.1", port=deaf.getsockname()[1])],
            clock=clock,
            timeout=timedelta(seconds=0.3),
        )
        names = (f"name{number}.test" for number in range(UNHEARD))
        first = await asyncio.gather(*map(resolver.a, names), return_exceptions=True)
        assert [str(each) for each in first] == ["DNS did not answer in time"] * UNHEARD
        seconds = []
        for _ in range(5):
            begun = perf_counter()
            with pytest.raises(DnsTransient, match="does not answer"):
                await resolver.a("another.test")
            seconds.append(perf_counter() - begun)
        assert min(seconds) < 0.1
        clock.advance(timedelta(seconds=SILENT_SECONDS))
        with pytest.raises(DnsTransient, match="in time"):  # they are tried again
            await resolver.a("another.test")


async def test_equal_questions_at_once_share_one_answer(dns: DnsServer) -> None:
    resolver = dns.resolver()
    answers = await asyncio.gather(*(resolver.a("fleeting.test") for _ in range(50)))
    assert all(answer is answers[0] for answer in answers)


async def test_equal_questions_at_once_share_a_failure(dns: DnsServer) -> None:
    resolver = dns.resolver(timeout=timedelta(seconds=0.3))
    begun = perf_counter()
    outcomes = await asyncio.gather(
        *(resolver.a("silent.test") for _ in range(50)), return_exceptions=True
    )
    assert perf_counter() - begun < 5
    assert all(isinstance(outcome, DnsTransient) for outcome in outcomes)


async def test_cancelling_who_asked_leaves_others_their_answer(dns: DnsServer) -> None:
    resolver = dns.resolver()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(resolver.a("example.test"))
        second = tasks.create_task(resolver.a("example.test"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
    assert first.cancelled()
    assert second.result().records == ("192.0.2.1",)


async def test_memory_is_bounded(dns: DnsServer) -> None:
    resolver = Resolver([dns.endpoint], clock=SystemClock(), cache_octets=2_000)
    for number in range(20):
        await resolver.a(f"n{number}.test")
    assert resolver.cached_octets <= 2_000
    last = await resolver.a("n19.test")
    assert await resolver.a("n19.test") is last


async def test_signed_answers_and_denials_are_secure(signed: DnsServer) -> None:
    resolver = signed.resolver()
    assert (await resolver.tlsa("_25._tcp.mx.example.test")).secure
    assert (await resolver.tlsa("_25._tcp.example.test")).secure
    assert (await resolver.a("nothing.example.test")).secure
    digests = await resolver.ds("example.test")
    assert (len(digests.records), digests.secure) == (1, True)
    plain = await resolver.a("www.plain.test")
    assert (plain.records, plain.secure) == (("192.0.2.4",), False)


async def test_resolver_that_does_not_validate_is_not_believed(signed: DnsServer) -> None:
    resolver = Resolver([signed.endpoint], clock=SystemClock(), validating=False)
    assert not (await resolver.a("example.test")).secure


@pytest.mark.parametrize(
    ("hosts", "trusted"),
    [
        (["127.0.0.1"], True),
        (["::1"], True),
        (["192.0.2.53"], False),
        (["127.0.0.1", "192.0.2.53"], False),
    ],
)
def test_only_loopback_is_believed(hosts: list[str], *, trusted: bool) -> None:
    servers = [Endpoint(host=host, port=53) for host in hosts]
    assert Resolver(servers, clock=SystemClock()).trusted is trusted


async def test_unsigned_server_is_not_secure(dns: DnsServer) -> None:
    assert not (await dns.resolver().a("example.test")).secure
