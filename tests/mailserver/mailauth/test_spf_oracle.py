"""SPF beside pyspf on made-up records.

The RFC decides where they differ, which is in four things:

- A record that includes or redirects to itself is permerror to pyspf before it looks at the client.
  RFC 7208 §4.6.2 evaluates from left to right, so a match before it decides. None are made here.
- pyspf counts a redirect against the ten lookups when it reads it. RFC 7208 §4.6.4 counts the terms
  that ask DNS, and one that is never followed asks nothing.
- pyspf counts every host of an mx that lacks an address as a void lookup. RFC 7208 §4.6.4 counts
  terms; otherwise three exchangers without IPv6 made each IPv6 client permerror.
- pyspf refuses an unknown modifier that stands there twice. RFC 7208 §6 ignores those however often
  they appear.
"""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailserver.mailauth.spf import check_host
from mailserver.model.address import Address
from tests.support.dns import DnsServer, Records, standing_zone, txt
from tests.support.spf_oracle import oracle

DOMAINS = [f"d{number}.test" for number in range(4)]
CLIENTS = ["192.0.2.1", "192.0.2.130", "198.51.100.7", "2001:db8::1", "2001:db8:1::5"]
HOSTS = {
    **{f"h{n}.test": [f"A {CLIENTS[n % 3]}", f"AAAA {CLIENTS[3 + n % 2]}"] for n in range(4)},
    "1.2.0.192.in-addr.arpa": ["PTR h0.test."],
    "130.2.0.192.in-addr.arpa": ["PTR h1.d1.test.", "PTR h3.test."],
    "h1.d1.test": ["A 192.0.2.130"],
    **{f"user.{domain}._spf.test": ["A 127.0.0.2"] for domain in DOMAINS[:2]},
    **{f"{ip.replace('.', '-')}._ip.test": ["A 127.0.0.2"] for ip in CLIENTS[:2]},
}

Zone = dict[str, tuple[str, list[str]]]
"""The record and the mail exchangers of each domain."""

qualifiers = st.sampled_from(["", "", "+", "-", "~", "?"])
hosts = st.sampled_from([*(f"h{n}.test" for n in range(4)), *DOMAINS])
lengths = st.sampled_from(["", "", "/24", "/25", "//64", "/28//48", "/0"])
targets = st.one_of(hosts, st.sampled_from(["%{d}", "%{o}", "h%{d1}.test", "nowhere.test"]))
simple = st.one_of(
    st.builds("{}{}".format, qualifiers, st.sampled_from(["all", "a", "mx", "ptr"])),
    st.builds("{}{}:{}{}".format, qualifiers, st.sampled_from(["a", "mx"]), targets, lengths),
    st.builds("{}ptr:{}".format, qualifiers, targets),
    st.builds(
        "{}exists:{}".format,
        qualifiers,
        st.sampled_from(["%{l}.%{d}._spf.test", "%{l}.%{o}._spf.test", "h1.test", "%{i}._ip.test"]),
    ),
    st.builds(
        "{}ip4:{}".format,
        qualifiers,
        st.sampled_from(["192.0.2.1", "192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24"]),
    ),
    st.builds(
        "{}ip6:{}".format, qualifiers, st.sampled_from(["2001:db8::/48", "2001:db8:1::5", "::/0"])
    ),
    st.sampled_from(["ip4:1.2.3", "a:/24", "include", "all:x", "a=b", "moo", "exp=h1.test"]),
)
exchangers = st.lists(hosts, max_size=3, unique=True)


def policy(domain: str) -> st.SearchStrategy[str]:
    """Make a record that leads to other domains, never to its own."""
    others = st.sampled_from([one for one in DOMAINS if one != domain])
    terms = st.lists(
        st.one_of(simple, simple, st.builds("{}include:{}".format, qualifiers, others)), max_size=5
    )
    last = st.one_of(st.just(""), others.map("redirect={}".format))
    return st.builds(lambda listed, end: " ".join(["v=spf1", *listed, end]), terms, last)


zones: st.SearchStrategy[Zone] = st.fixed_dictionaries(
    {domain: st.tuples(policy(domain), exchangers) for domain in DOMAINS}
)


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone({}) as server:
        yield server


def written(zone: Zone) -> Records:
    return HOSTS | {
        domain: [
            txt(record),
            *(f"MX {number} {host}." for number, host in enumerate(hosts)),
            "A 192.0.2.1",
        ]
        for domain, (record, hosts) in zone.items()
    }


async def differences(dns: DnsServer, zone: Zone) -> list[str]:
    await dns.replace(written(zone))
    resolver, found = dns.resolver(), []
    async with oracle(dns.endpoint) as pyspf:
        for domain in DOMAINS:
            for ip in CLIENTS:
                sender = Address("user", domain)
                ours = await check_host(resolver, ip=ip, helo="h0.test", sender=sender)
                theirs, why = await pyspf.check(ip, "h0.test", str(sender))
                if ours.result.value != theirs and not explained(zone, why):
                    found.append(f"{ip} {domain}: {ours.result.value}, {theirs} ({why})")
    return found


def explained(zone: Zone, why: str) -> bool:
    """Whether pyspf stumbled over what it counts and the RFC does not."""
    policies = " ".join(policy for policy, _ in zone.values())
    if why.endswith("MUST appear at most once: a=b"):
        return True
    if "Too many DNS lookups" in why:
        return "redirect" in policies
    return "Void lookup limit" in why and "mx" in policies


@pytest.mark.long
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(zone=zones)
def test_results_are_those_of_pyspf(dns: DnsServer, zone: Zone) -> None:
    assert asyncio.run(differences(dns, zone)) == []
