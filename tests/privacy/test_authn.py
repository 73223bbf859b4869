"""T-AUTHN-1 (PRIVACY §8): mail from outside gets the verdict that the standards' examples give.

What each mechanism does beyond them is tested with its module, the openspf.org suite among it.
T-AUTHN-2 is last: nobody else's verdict passes for ours.
"""

from collections.abc import Iterator

import pytest

from mailserver.mailauth import arc
from mailserver.mailauth.arc import ArcResult
from mailserver.mailauth.authentication_results import strip, write
from mailserver.mailauth.dkim import DkimResult
from mailserver.mailauth.dmarc import DmarcResult, Policy
from mailserver.mailauth.spf import SpfResult, check_host
from mailserver.mailauth.verdict import Verdict, judge
from mailserver.model.address import Address
from mailserver.model.client import Client
from tests.support.dkim import (
    NOW,
    RFC_6376,
    RFC_8463,
    RFC_KEYS,
    lines,
    published,
    signing_key,
    zone,
)
from tests.support.dns import DnsServer, standing_zone, txt

US = "mx.zegel.test"
SEALERS = [signing_key(domain="list.test"), signing_key(domain="school.test")]
SPF_POLICIES = {
    "all": "v=spf1 +all",
    "own": "v=spf1 a -all",
    "none": "v=spf1 a:example.org -all",
    "mx": "v=spf1 mx -all",
    "theirs": "v=spf1 mx:example.org -all",
    "both": "v=spf1 mx mx:example.org -all",
    "wide": "v=spf1 mx/30 mx:example.org/30 -all",
    "named": "v=spf1 ptr:example.com -all",
    "range": "v=spf1 ip4:192.0.2.128/28 -all",
}
EXAMPLE_COM = ["MX 10 mail-a.example.com.", "MX 20 mail-b.example.com.",
               "A 192.0.2.10", "A 192.0.2.11"]  # fmt: skip
RECORDS = {
    # RFC 7208, appendix A
    **{f"{name}.example.com": [*EXAMPLE_COM, txt(text)] for name, text in SPF_POLICIES.items()},
    "example.org": ["MX 10 mail-c.example.org."],
    "amy.example.com": ["A 192.0.2.65"],
    "bob.example.com": ["A 192.0.2.66"],
    "mail-a.example.com": ["A 192.0.2.129"],
    "mail-b.example.com": ["A 192.0.2.130"],
    "mail-c.example.org": ["A 192.0.2.140"],
    "10.2.0.192.in-addr.arpa": ["PTR example.com."],
    "65.2.0.192.in-addr.arpa": ["PTR amy.example.com."],
    "140.2.0.192.in-addr.arpa": ["PTR mail-c.example.org."],
    "4.0.0.10.in-addr.arpa": ["PTR bob.example.com."],
    # RFC 9989, §4.7, §4.10 and appendix B
    "_dmarc.reject.test": [txt("v=DMARC1; p=reject")],
    "_dmarc.partly.test": [txt("v=DMARC1; p=reject; pct=0")],
    "_dmarc.trying.test": [txt("v=DMARC1; p=reject; t=y")],
    "_dmarc.tree.test": [txt("v=DMARC1; p=none; sp=quarantine; np=reject")],
    "real.tree.test": ["A 192.0.2.1"],
    "_dmarc.registry.test": [txt("v=DMARC1; p=none; sp=quarantine; psd=y")],
    "shop.registry.test": ["A 192.0.2.1"],
    "_dmarc.office.test": [txt("v=DMARC1; p=none")],
    "_dmarc.lab.office.test": [txt("v=DMARC1; p=reject; psd=n")],
    # RFC 6376, RFC 8463 and RFC 8617
    **zone(RFC_KEYS | published(SEALERS)),
    "sender.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
    "mail.tree.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS) as server:
        yield server


@pytest.mark.parametrize(
    ("policy", "ip", "passes"),
    [
        ("all", "203.0.113.9", True),
        ("own", "192.0.2.10", True),
        ("own", "192.0.2.11", True),
        ("own", "192.0.2.129", False),
        ("none", "192.0.2.10", False),
        ("mx", "192.0.2.129", True),
        ("mx", "192.0.2.140", False),
        ("theirs", "192.0.2.140", True),
        ("theirs", "192.0.2.129", False),
        ("both", "192.0.2.130", True),
        ("both", "192.0.2.140", True),
        ("wide", "192.0.2.131", True),
        ("wide", "192.0.2.143", True),
        ("wide", "192.0.2.144", False),
        ("named", "192.0.2.65", True),
        ("named", "192.0.2.140", False),  # its name is in another domain
        ("named", "10.0.0.4", False),  # its name does not lead back to it
        ("range", "192.0.2.65", False),
        ("range", "192.0.2.129", True),
    ],
)
async def test_t_authn_1_spf_examples(
    dns: DnsServer, policy: str, ip: str, *, passes: bool
) -> None:
    sender = Address("user", f"{policy}.example.com")
    spf = await check_host(dns.resolver(), ip=ip, helo="mx.test", sender=sender)
    assert spf.result is (SpfResult.PASS if passes else SpfResult.FAIL)


async def judged(dns: DnsServer, author: str, sender: str) -> Verdict:
    client = Client("192.0.2.1", "mx.sender.test", "TLSv1.3", esmtp=True, utf8=False)
    octets = lines(f"From: A <a@{author}>\nTo: b@zegel.test\n\nHello\n")
    path = Address("a", sender)
    return await judge(dns.resolver(), octets, client, path, now=NOW)


@pytest.mark.parametrize(
    ("author", "policy"),
    [
        ("reject.test", Policy.REJECT),
        ("www.reject.test", Policy.REJECT),  # p holds for subdomains too
        ("partly.test", Policy.REJECT),  # pct is gone from the standard
        ("trying.test", Policy.QUARANTINE),  # t=y: one level less
        ("tree.test", Policy.NONE),
        ("real.tree.test", Policy.QUARANTINE),  # sp
        ("ghost.tree.test", Policy.REJECT),  # np
        ("shop.registry.test", Policy.QUARANTINE),  # psd=y speaks for who has no record
        ("a.lab.office.test", Policy.REJECT),  # psd=n ends the walk
        ("a.office.test", Policy.NONE),
    ],
)
async def test_t_authn_1_dmarc_asks_for_what_the_domain_wants(
    dns: DnsServer, author: str, policy: Policy
) -> None:
    verdict = await judged(dns, author, "sender.test")
    assert verdict.spf.result is SpfResult.PASS  # for somebody else
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.FAIL, policy)
    assert verdict.aligned_domain == ""


async def test_t_authn_1_reader_is_shown_the_domain_that_vouches(dns: DnsServer) -> None:
    verdict = await judged(dns, "tree.test", "mail.tree.test")
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.PASS, Policy.NONE)
    assert (verdict.aligned_domain, verdict.from_domain) == ("mail.tree.test", "tree.test")


async def test_t_authn_1_domain_without_a_record_is_marked_only(dns: DnsServer) -> None:
    verdict = await judged(dns, "sender.test", "sender.test")
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.NONE, Policy.NONE)


async def found_in(dns: DnsServer, message: bytes) -> Verdict:
    """Judge a message that somebody passes on whom no record knows."""
    client = Client("203.0.113.9", "mx.relay.test", "TLSv1.3", esmtp=True, utf8=False)
    return await judge(dns.resolver(), message, client, Address("a", "relay.test"), now=NOW)


@pytest.mark.parametrize(
    ("message", "signed"),
    [
        (RFC_8463, [("ed25519-sha256", "brisbane"), ("rsa-sha256", "test")]),
        (RFC_6376, [("rsa-sha256", "brisbane")]),
    ],
    ids=["RFC 8463", "RFC 6376"],
)
async def test_t_authn_1_dkim_examples(
    dns: DnsServer, message: bytes, signed: list[tuple[str, str]]
) -> None:
    found = (await found_in(dns, message)).dkim
    assert [(one.algorithm, one.selector) for one in found] == signed
    assert {one.result for one in found} == {DkimResult.PASS}
    assert all("from" in one.covers for one in found)
    changed = (await found_in(dns, message.replace(b"lost", b"won"))).dkim
    assert {one.result for one in changed} == {DkimResult.FAIL}


async def test_t_authn_1_chain_of_two_forwarders_is_read_to_its_author(dns: DnsServer) -> None:
    message = RFC_8463
    for key in SEALERS:
        verdict = await found_in(dns, message)
        results = write(verdict, f"mx.{key.domain}")
        message = arc.seal(message, key, results=results, chain=verdict.arc, now=NOW) + message
    chain = (await found_in(dns, message)).arc
    assert (chain.result, chain.sealers) == (ArcResult.PASS, ("list.test", "school.test"))
    assert chain.results[0].startswith(b"mx.list.test;")
    assert b"dkim=pass" in chain.results[0]
    assert b"arc=pass (i=1)" in chain.results[1]
    changed = (await found_in(dns, message.replace(b"dkim=pass", b"dkim=fail", 1))).arc
    assert (changed.result, changed.results) == (ArcResult.FAIL, ())


@pytest.mark.parametrize(
    "forged",
    [
        f"Authentication-Results: {US}; dmarc=pass header.from=bank.test",
        f"AUTHENTICATION-RESULTS :\r\n (we) {US.upper()} 1 (indeed); dmarc=pass",
        f'Authentication-Results: "{US}"; spf=pass',
        f"Authentication-Results: (never closed {US}; spf=pass",
    ],
)
async def test_t_authn_2_forged_verdict_is_removed_and_ours_is_the_only_one(
    dns: DnsServer, forged: str
) -> None:
    others = b"Authentication-Results: mx.relay.test; spf=pass\r\n"
    message = forged.encode() + b"\r\n" + others + RFC_8463
    verdict = await found_in(dns, message)
    delivered = write(verdict, US) + strip(message, US)
    assert delivered.count(US.encode()) == 1
    assert delivered.lower().count(b"authentication-results") == 2
    assert b"bank.test" not in delivered
    assert delivered.endswith(others + RFC_8463)
    assert b"\r\n\tspf=none smtp.mailfrom=relay.test;\r\n\tdkim=pass header.d=" in delivered
