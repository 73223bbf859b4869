"""Where mail goes, and what the hosts there must show: real zones, validated by a real resolver."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailserver.mailauth.dane import Keys
from mailserver.mailauth.mta_sts import MtaSts
from mailserver.model.sealed import Plaintext
from mailserver.outbound.route import Map, Router, Unroutable, Via
from mailserver.outbound.security import Host, Level, Route, Security, SignIn
from mailserver.outbound.tls_results import Observation, PolicyType
from mailserver.runtime.clock import SystemClock
from tests.mailserver.mailauth.test_mta_sts import ENFORCE, TESTING, Drawer, Web
from tests.support.dns import DnsServer, standing_zone, txt

HASH = "ab" * 32
RECORDS = {
    "there.test": ["MX 20 b.there.test.", "MX 10 a.there.test.", "MX 20 c.there.test."],
    "a.there.test": ["A 127.0.0.2", "A 127.0.0.3", "AAAA ::1"],
    "b.there.test": ["A 127.0.0.4"],
    "c.there.test": ["A 127.0.0.5"],
    "implicit.test": ["A 127.0.0.2"],
    "null.test": ["MX 0 ."],
    "alias.test": ["CNAME there.test."],
    "nothing.test": ["TXT mailless"],
    "dangling.test": ["MX 10 gone.there.test."],
    "numbers.test": ["MX 10 127.0.0.1."],
    "ours.test": ["MX 10 mail.here.test.", "MX 20 b.there.test."],
    "backup.test": ["MX 10 b.there.test.", "MX 20 mail.here.test.", "MX 30 c.there.test."],
    "mail.here.test": ["A 127.0.0.9"],
    "self.test": ["MX 10 hidden.test."],
    "hidden.test": ["A 127.0.0.99"],
    "dane.test": ["MX 10 keyed.test.", "MX 20 b.there.test."],
    "keyed.test": ["A 127.0.0.2"],
    "_25._tcp.keyed.test": [f"TLSA 3 1 1 {HASH}"],
    "odd.test": ["MX 10 odd-mx.test."],
    "odd-mx.test": ["A 127.0.0.2"],
    "_25._tcp.odd-mx.test": [f"TLSA 0 0 1 {HASH}"],
    "plain.test": ["MX 10 keyed.test."],
    "torn-key.test": ["MX 10 torn-mx.test.", "MX 20 b.there.test."],
    "torn-mx.test": ["A 127.0.0.2"],
    "_25._tcp.torn-mx.test": [f"TLSA 3 1 1 {HASH}"],
    "torn.test": ["MX 10 a.there.test."],
    "sts.test": ["MX 10 mx.there.test.", "MX 20 b.there.test."],
    "mx.there.test": ["A 127.0.0.6"],
    "_mta-sts.sts.test": [txt("v=STSv1; id=1;")],
    "shut.test": ["MX 10 b.there.test."],
    "_mta-sts.shut.test": [txt("v=STSv1; id=1;")],
    "testing.test": ["MX 10 mx.there.test.", "MX 20 b.there.test."],
    "_mta-sts.testing.test": [txt("v=STSv1; id=1;")],
    "none.test": ["MX 10 b.there.test."],
    "_mta-sts.none.test": [txt("v=STSv1; id=1;")],
    "lost.test": ["MX 10 b.there.test."],
    "_mta-sts.lost.test": [txt("v=STSv1; id=1;")],
    "both.test": ["MX 10 keyed.test."],
    "_mta-sts.both.test": [txt("v=STSv1; id=1;")],
    "relay.test": ["A 127.0.0.7"],
}
WEB = {
    "sts.test": ENFORCE,
    "shut.test": ENFORCE,
    "both.test": ENFORCE,
    "testing.test": TESTING,
    "none.test": b"version: STSv1\nmode: none\nmax_age: 86400\n",
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    bogus = ["torn.test", "_tcp.torn-mx.test"]
    with standing_zone(RECORDS, signed=True, unsigned=["plain.test"], bogus=bogus) as server:
        yield server


class World:
    """A router with a map of its own, and what it observed."""

    def __init__(self, dns: DnsServer, **said: object) -> None:
        clock = SystemClock()
        resolver = dns.resolver(clock, timedelta(seconds=3))
        self.seen: list[Observation] = []
        map_ = Map(**({"hostname": "mail.here.test", "private": True} | said))  # type: ignore[arg-type]
        sts = MtaSts(resolver, Web(dict(WEB)), Drawer(), clock=clock, spawn=print)
        self.router = Router(map_, resolver, sts, observe=self.seen.append)

    async def route(self, domain: str, *, require_tls: bool = False) -> Route:
        return await self.router.route(domain, require_tls=require_tls)

    async def hosts(self, domain: str) -> list[str]:
        return [host.name for host in (await self.route(domain)).hosts]

    async def levels(self, domain: str) -> list[Level]:
        return [host.security.level for host in (await self.route(domain)).hosts]

    async def refused(self, domain: str, *, require_tls: bool = False) -> str:
        with pytest.raises(Unroutable) as none:
            await self.route(domain, require_tls=require_tls)
        return none.value.said.status


async def test_the_best_hosts_come_first_and_equal_ones_in_any_order(dns: DnsServer) -> None:
    world = World(dns)
    orders = {tuple(await world.hosts("there.test")) for _ in range(40)}
    assert orders == {
        ("a.there.test", "b.there.test", "c.there.test"),
        ("a.there.test", "c.there.test", "b.there.test"),
    }
    first = (await world.route("there.test")).hosts[0]
    assert first.addresses[0] == "::1"
    assert sorted(first.addresses[1:]) == ["127.0.0.2", "127.0.0.3"]
    assert (await world.hosts("alias.test"))[0] == "a.there.test"


async def test_a_domain_without_mx_is_its_own_host(dns: DnsServer) -> None:
    assert await World(dns).hosts("implicit.test") == ["implicit.test"]


@pytest.mark.parametrize(
    ("domain", "status"),
    [
        ("null.test", "5.1.10"),  # RFC 7505 §4.2
        ("nowhere.test", "5.1.2"),
        ("nothing.test", "5.4.4"),
        ("dangling.test", "5.4.4"),
        ("numbers.test", "5.4.4"),
        ("ours.test", "5.4.6"),
        ("self.test", "5.4.4"),
        ("torn.test", "4.4.3"),  # DNSSEC does not hold: it may be somebody else's answer
    ],
)
async def test_domains_that_cannot_be_sent_to(dns: DnsServer, domain: str, status: str) -> None:
    world = World(dns, addresses=frozenset({"127.0.0.99"}))
    assert await world.refused(domain) == status


async def test_mail_is_never_passed_to_ourselves_or_to_who_is_no_better(dns: DnsServer) -> None:
    assert await World(dns).hosts("backup.test") == ["b.there.test"]  # RFC 5321 §5.1


@pytest.mark.parametrize("domain", ["there.test", "implicit.test", "[127.0.0.1]", "[ipv6:::1]"])
async def test_dns_does_not_send_us_into_our_own_network(dns: DnsServer, domain: str) -> None:
    assert await World(dns, private=False).refused(domain) == "5.4.4"


async def test_an_address_literal_is_gone_to(dns: DnsServer) -> None:
    world = World(dns)
    (host,) = (await world.route("[127.0.0.1]")).hosts
    assert host == Host("127.0.0.1", ("127.0.0.1",), 25, Security())
    assert await world.refused("[127.0.0.1]", require_tls=True) == "5.7.10"


# -- policies


async def test_without_a_policy_tls_is_taken_if_it_can_be_had(dns: DnsServer) -> None:
    assert set(await World(dns).levels("there.test")) == {Level.OPPORTUNISTIC}


async def test_dane_holds_for_each_host_that_has_keys(dns: DnsServer) -> None:
    route = await World(dns).route("dane.test")
    keyed, other = (host.security for host in route.hosts)
    assert keyed.level is Level.DANE
    assert [record.usage for record in keyed.keys.records] == [3]
    assert keyed.applied.kind is PolicyType.TLSA
    assert keyed.applied.text == (f"3 1 1 {HASH}",)
    assert other == Security()


async def test_keys_that_cannot_be_used_still_want_tls(dns: DnsServer) -> None:
    assert await World(dns).levels("odd.test") == [Level.ENCRYPTED]  # RFC 7672 §2.2


async def test_keys_of_hosts_that_nobody_proves_are_not_asked_for(dns: DnsServer) -> None:
    assert await World(dns).levels("plain.test") == [Level.OPPORTUNISTIC]


async def test_a_host_whose_keys_are_kept_from_us_is_passed_over(dns: DnsServer) -> None:
    assert await World(dns).hosts("torn-key.test") == ["b.there.test"]


async def test_an_enforced_policy_says_which_hosts_and_that_they_show_it(dns: DnsServer) -> None:
    world = World(dns)
    route = await world.route("sts.test")
    assert [host.name for host in route.hosts] == ["mx.there.test"]
    assert route.hosts[0].security.level is Level.VERIFIED
    assert not route.hosts[0].security.is_trial
    assert route.hosts[0].security.applied.hosts == ("mx.there.test", "*.pool.test")
    (shut_out,) = world.seen
    assert (shut_out.mx, shut_out.result) == ("b.there.test", "validation-failure")


async def test_mail_waits_where_the_policy_names_no_host_of_the_domain(dns: DnsServer) -> None:
    assert await World(dns).refused("shut.test") == "4.7.5"


async def test_a_policy_in_testing_shuts_nobody_out(dns: DnsServer) -> None:
    world = World(dns)
    route = await world.route("testing.test")
    assert [host.security.is_trial for host in route.hosts] == [True, False]
    assert [host.security.allows_plaintext for host in route.hosts] == [True, True]
    assert [each.mx for each in world.seen] == ["b.there.test"]


async def test_no_policy_is_no_policy(dns: DnsServer) -> None:
    assert await World(dns).levels("none.test") == [Level.OPPORTUNISTIC]


async def test_a_policy_that_cannot_be_fetched_is_reported(dns: DnsServer) -> None:
    world = World(dns)
    assert await world.levels("lost.test") == [Level.OPPORTUNISTIC]
    assert [each.result for each in world.seen] == ["sts-policy-fetch-error"]


async def test_dane_comes_before_mta_sts(dns: DnsServer) -> None:
    world = World(dns)
    assert await world.levels("both.test") == [Level.DANE]  # RFC 8461 §2
    assert world.seen == []


async def test_requiretls_wants_a_host_that_somebody_vouches_for(dns: DnsServer) -> None:
    world = World(dns)
    for domain, host in (("dane.test", "keyed.test"), ("sts.test", "mx.there.test")):
        route = await world.route(domain, require_tls=True)
        assert [each.name for each in route.hosts] == [host]
    for domain in ("there.test", "odd.test", "testing.test", "implicit.test"):
        assert await world.refused(domain, require_tls=True) == "5.7.10"


# -- the operator's word


async def test_what_the_operator_wants_is_a_floor(dns: DnsServer) -> None:
    domains = ("dane.test", "sts.test", "testing.test", "odd.test", "there.test")
    world = World(dns, mandatory=dict.fromkeys(domains, ()))
    assert set(await world.levels("there.test")) == {Level.VERIFIED}
    assert await world.levels("dane.test") == [Level.DANE, Level.VERIFIED]
    assert await world.levels("odd.test") == [Level.VERIFIED]
    assert await world.hosts("sts.test") == ["mx.there.test"]
    testing = await world.route("testing.test")
    assert [host.security.allows_plaintext for host in testing.hosts] == [False, False]
    assert world.router.is_mandatory("testing.test")
    assert not world.router.is_mandatory("none.test")


async def test_a_floor_for_every_domain_is_below_what_each_asks_for(dns: DnsServer) -> None:
    world = World(dns, least=Level.ENCRYPTED)
    assert set(await world.levels("there.test")) == {Level.ENCRYPTED}
    assert await world.levels("dane.test") == [Level.DANE, Level.ENCRYPTED]
    assert await world.levels("sts.test") == [Level.VERIFIED]
    assert await world.levels("[127.0.0.2]") == [Level.ENCRYPTED]
    testing = await world.route("testing.test")
    assert [host.security.is_trial for host in testing.hosts] == [True, False]
    assert [host.security.allows_plaintext for host in testing.hosts] == [False, False]
    assert testing.hosts[0].security.without_trial.level is Level.ENCRYPTED
    assert world.router.is_mandatory("there.test")


async def test_a_floor_of_verified_tls_is_as_if_every_domain_were_in_the_table(
    dns: DnsServer,
) -> None:
    route = Via("10.0.0.1", 2525, "none")
    world = World(dns, least=Level.VERIFIED, routes={"relay.test": route})
    assert set(await world.levels("there.test")) == {Level.VERIFIED}
    assert await world.levels("odd.test") == [Level.VERIFIED]
    assert await world.refused("[127.0.0.2]") == "5.7.10"
    assert world.router.is_mandatory("there.test")
    assert await world.levels("relay.test") == [Level.OPPORTUNISTIC]  # the operator's own word
    assert not world.router.is_mandatory("relay.test")


async def test_names_the_operator_gives_come_before_all_policies(dns: DnsServer) -> None:
    world = World(dns, mandatory={"dane.test": (".dane.test",), "shut.test": (".there.test",)})
    named = Security(Level.VERIFIED, names=(".dane.test",))
    assert {host.security for host in (await world.route("dane.test")).hosts} == {named}
    assert await world.hosts("shut.test") == ["b.there.test"]
    assert await world.hosts("dane.test") == ["keyed.test", "b.there.test"]
    assert (await world.route("dane.test", require_tls=True)).hosts


async def test_routes_come_before_dns_the_nearest_first(dns: DnsServer) -> None:
    us = SignIn("us", Plaintext(b"secret"))
    smart = Via("relay.test", 587, sign_in=us)
    world = World(
        dns,
        routes={"there.test": Via("10.0.0.1", 2525, "none"), ".corp.test": Via("b.there.test")},
        smart_host=smart,
        private=False,
    )
    (direct,) = (await world.route("there.test")).hosts
    assert direct == Host("10.0.0.1", ("10.0.0.1",), 2525, Security())
    (below,) = (await world.route("a.b.corp.test")).hosts
    assert (below.name, below.addresses) == ("b.there.test", ("127.0.0.4",))
    assert below.security == Security(Level.VERIFIED)
    (all_else,) = (await world.route("nowhere.test")).hosts
    assert all_else.addresses == ("127.0.0.7",)
    assert all_else.port == 587
    assert all_else.sign_in is us
    assert (await world.route("corp.test")).hosts == (all_else,)
    assert await world.refused("there.test", require_tls=True) == "5.7.10"


async def test_a_route_to_nowhere_waits(dns: DnsServer) -> None:
    world = World(dns, routes={"there.test": Via("gone.test")})
    assert await world.refused("there.test") == "4.4.4"


async def test_nothing_known_is_no_keys(dns: DnsServer) -> None:
    (host,) = (await World(dns).route("implicit.test")).hosts
    assert host.security.keys == Keys()


async def test_a_server_that_sends_nothing_says_so(dns: DnsServer) -> None:
    world = World(dns, is_open=False, smart_host=Via("relay.test"))
    assert await world.refused("there.test") == "5.7.1"
