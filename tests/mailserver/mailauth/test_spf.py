"""SPF where the published suite is silent: limits, families, odd peers, and what it costs."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mailserver.mailauth.spf import Spf, SpfResult, check_host, explain
from mailserver.model.address import Address
from mailserver.runtime.resolver import Resolver
from tests.support.dns import DnsServer, standing_zone, txt

RECORDS = {
    "example.test": [txt("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all")],
    "helo.test": [txt("v=spf1 a:mx.test -all")],
    "mx.test": ["A 192.0.2.25"],
    "local.test": [txt("v=spf1 exists:%{l}.names.test -all")],
    "anna.names.test": ["A 127.0.0.2"],
    "sent.test": [txt("v=spf1 redirect=%{l}.names.test")],
    "four.test": [txt("v=spf1 mx -all"), *(f"MX {n} m{n}.four.test." for n in range(5))],
    **{f"m{n}.four.test": ["A 192.0.2.1"] for n in range(5)},
    "null.test": [txt("v=spf1 mx -all"), "MX 0 ."],
    "long.test": [txt("v=spf1 " + "ip4:192.0.2.1 " * 200 + "-all")],
    "failing.test": [txt("v=spf1 a:refused.test -all")],
    "late.test": [txt("v=spf1 ip4:192.0.2.1 a:refused.test -all")],
    "word.test": [txt("v=spf1 -all exp=why.word.test")],
    "why.word.test": [txt("%{c} is no server of %{d} at %{r}, %{t}")],
    "curt.test": [txt("v=spf1 -all exp=refused.test")],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS, refused=["refused.test"]) as server:
        yield server


@pytest.fixture
def resolver(dns: DnsServer) -> Resolver:
    return dns.resolver()


async def check(
    resolver: Resolver, sender: str, ip: str = "192.0.2.1", helo: str = "h.test"
) -> Spf:
    address = Address(*sender.rsplit("@", 1)) if sender else None
    return await check_host(resolver, ip=ip, helo=helo, sender=address)


async def test_result_names_whose_policy_was_asked_and_what_decided(resolver: Resolver) -> None:
    assert await check(resolver, "a@Example.test") == Spf(
        SpfResult.PASS, "example.test", "mailfrom", "ip4:192.0.2.0/24"
    )
    failed = await check(resolver, "a@example.test", "198.51.100.1")
    assert (failed.result, failed.reason) == (SpfResult.FAIL, "-all")


async def test_empty_reverse_path_is_checked_by_helo(resolver: Resolver) -> None:
    spf = await check(resolver, "", "192.0.2.25", "HELO.test.")
    assert (spf.result, spf.identity, spf.domain) == (SpfResult.PASS, "helo", "helo.test")


@pytest.mark.parametrize("helo", ["localhost", "[192.0.2.1]", "", "a..b", "x" * 64 + ".test"])
async def test_helo_that_is_no_domain_has_no_policy(resolver: Resolver, helo: str) -> None:
    assert (await check(resolver, "", helo=helo)).result is SpfResult.NONE


@pytest.mark.parametrize("ip", ["", "unix", "192.0.2"])
async def test_peer_without_an_address_has_no_result(resolver: Resolver, ip: str) -> None:
    assert (await check(resolver, "a@example.test", ip)).result is SpfResult.NONE


@pytest.mark.parametrize("ip", ["::ffff:192.0.2.1", "2001:db8::1", "2001:db8::1%eth0"])
async def test_both_families_and_mapped_addresses_count(resolver: Resolver, ip: str) -> None:
    """RFC 7208 §5: an IPv4-mapped address is an IPv4 address."""
    assert (await check(resolver, "a@example.test", ip)).result is SpfResult.PASS


async def test_local_part_beyond_ascii_matches_nothing(resolver: Resolver) -> None:
    """RFC 8616 §4."""
    assert (await check(resolver, "anna@local.test")).result is SpfResult.PASS
    assert (await check(resolver, "änna@local.test")).result is SpfResult.FAIL
    assert (await check(resolver, "änna@sent.test")).result is SpfResult.PERMERROR


async def test_exchangers_without_ipv6_are_no_error_to_an_ipv6_client(resolver: Resolver) -> None:
    assert (await check(resolver, "a@four.test", "2001:db8::1")).result is SpfResult.FAIL


async def test_null_mx_matches_nobody(resolver: Resolver) -> None:
    assert (await check(resolver, "a@null.test")).result is SpfResult.FAIL


async def test_long_record_is_read_whole(resolver: Resolver) -> None:
    assert (await check(resolver, "a@long.test", "192.0.2.2")).reason == "-all"


async def test_dns_failure_matters_only_where_the_walk_gets_to_it(resolver: Resolver) -> None:
    assert (await check(resolver, "a@failing.test")).result is SpfResult.TEMPERROR
    assert (await check(resolver, "a@late.test")).result is SpfResult.PASS


async def test_reason_holds_no_address_of_a_person(resolver: Resolver) -> None:
    for sender in ("anna@local.test", "anna@failing.test", "anna@none.test"):
        assert "anna" not in (await check(resolver, sender)).reason


async def told(resolver: Resolver, domain: str) -> str | None:
    return await explain(
        resolver,
        ip="192.0.2.1",
        helo="h.test",
        sender=Address("a", domain),
        receiver="mx.zegel.test",
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_explanation_is_fetched_on_demand_alone(resolver: Resolver) -> None:
    await check(resolver, "a@word.test")
    assert "why.word.test" not in resolver.known_names()
    assert await told(resolver, "word.test") == (
        "192.0.2.1 is no server of word.test at mx.zegel.test, 1767225600"
    )


@pytest.mark.parametrize("domain", ["example.test", "curt.test", "none.test"])
async def test_no_explanation_where_there_is_none_to_give(resolver: Resolver, domain: str) -> None:
    assert await told(resolver, domain) is None
