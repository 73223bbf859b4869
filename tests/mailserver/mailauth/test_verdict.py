"""The verdict on whole messages: what agrees, what is shown, and what a forger of From gains."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from time import perf_counter

import pytest

from mailserver.crypto.dkim import KeyType
from mailserver.mailauth import dkim
from mailserver.mailauth.arc import ArcResult
from mailserver.mailauth.dkim import DkimResult
from mailserver.mailauth.dmarc import DmarcResult, Policy
from mailserver.mailauth.spf import SpfResult
from mailserver.mailauth.verdict import Verdict, judge
from mailserver.model.address import Address
from mailserver.model.client import Client
from tests.support.dkim import NOW, both_keys, lines, published, signing_key, zone
from tests.support.dns import DnsServer, standing_zone, txt

KEYS = both_keys("example.test")
EXAMPLE = "v=DMARC1; p=reject; rua=mailto:d@example.test"
RECORDS = {
    **zone(published([*KEYS, signing_key(KeyType.ED25519, domain="list.test")])),
    "example.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
    "_dmarc.example.test": [txt(EXAMPLE)],
    "list.test": [txt("v=spf1 ip4:198.51.100.1 -all")],
    "soft.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
    "_dmarc.soft.test": [txt("v=DMARC1; p=quarantine")],
    "bounces.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
    "_dmarc.bounces.test": [txt("v=DMARC1; p=reject")],
    "xn--bcher-kva.test": [txt("v=spf1 ip4:192.0.2.1 -all")],
    "_dmarc.xn--bcher-kva.test": [txt("v=DMARC1; p=reject")],
    "slow.test": [txt("v=spf1 a:x.silent.test -all")],
    "_dmarc.reject.test": [txt("v=DMARC1; p=reject")],
    "_dmarc.slow.test": [txt("v=DMARC1; p=reject")],
}
OURS = Client("192.0.2.1", "mx.example.test", "TLSv1.3", esmtp=True, utf8=False)
LISTS = Client("198.51.100.1", "mx.list.test", None, esmtp=True, utf8=False)


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS, silent=["silent.test", "_domainkey.reject.test"]) as server:
        yield server


def message(author: str = "Anna <anna@example.test>", *, signed: bool = False) -> bytes:
    octets = lines(f"From: {author}\nTo: b@zegel.test\nSubject: s\nDate: now\n\nHello\n")
    return (dkim.sign(octets, KEYS, now=NOW) if signed else b"") + octets


async def judged(
    dns: DnsServer,
    octets: bytes,
    client: Client = OURS,
    sender: str = "anna@example.test",
    deadline: timedelta = timedelta(seconds=15),
) -> Verdict:
    path = Address.parse(sender) if sender else None
    return await judge(dns.resolver(), octets, client, path, now=NOW, deadline=deadline)


async def test_everything_agrees_on_mail_that_is_what_it_says(dns: DnsServer) -> None:
    verdict = await judged(dns, message(signed=True))
    assert verdict.spf.result is SpfResult.PASS
    assert [one.result for one in verdict.dkim] == [DkimResult.PASS] * 2
    assert verdict.arc.result is ArcResult.NONE
    assert verdict.dmarc.result is DmarcResult.PASS
    assert (verdict.dmarc.aligned_spf, verdict.dmarc.aligned_dkim) == (True, True)
    assert (verdict.from_address, verdict.from_domain) == ("anna@example.test", "example.test")
    assert (verdict.aligned_domain, verdict.policy) == ("example.test", Policy.NONE)


async def test_forger_has_neither_alignment_nor_mercy(dns: DnsServer) -> None:
    verdict = await judged(dns, message(), LISTS, "x@list.test")
    assert (verdict.spf.result, verdict.spf.domain) == (SpfResult.PASS, "list.test")
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.FAIL, Policy.REJECT)
    assert verdict.aligned_domain == ""
    assert verdict.dmarc.rua == ("mailto:d@example.test",)


async def test_signature_survives_a_forwarder(dns: DnsServer) -> None:
    verdict = await judged(dns, message(signed=True), LISTS, "x@list.test")
    assert (verdict.dmarc.result, verdict.aligned_domain) == (DmarcResult.PASS, "example.test")


async def test_changed_message_has_lost_its_author(dns: DnsServer) -> None:
    octets = message(signed=True).replace(b"Hello", b"Hullo")
    verdict = await judged(dns, octets, LISTS, "x@list.test")
    assert [one.result for one in verdict.dkim] == [DkimResult.FAIL] * 2
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.FAIL, Policy.REJECT)


async def test_bounce_is_vouched_for_by_its_helo(dns: DnsServer) -> None:
    """RFC 9989 §3.2.4: the MAIL FROM identity of a null path is that of the HELO name."""
    client = Client("192.0.2.1", "bounces.test", None, esmtp=True, utf8=False)
    verdict = await judged(dns, message("mailer-daemon@bounces.test"), client, "")
    assert (verdict.spf.identity, verdict.aligned_domain) == ("helo", "bounces.test")


async def test_unicode_domain_is_looked_up_as_an_a_label(dns: DnsServer) -> None:
    verdict = await judged(dns, message("päul@bücher.test"), OURS, "p@xn--bcher-kva.test")
    assert verdict.from_domain == verdict.aligned_domain == "xn--bcher-kva.test"
    assert verdict.from_address == "päul@bücher.test"


@pytest.mark.parametrize(
    "author", ["list@list.test, anna@example.test", "anna@example.test, l@list.test"]
)
async def test_second_author_is_judged_too(dns: DnsServer, author: str) -> None:
    verdict = await judged(dns, message(author), LISTS, "x@list.test")
    assert (verdict.policy, verdict.aligned_domain) == (Policy.REJECT, "")
    assert (verdict.from_domain, verdict.from_fields) == ("example.test", 1)


async def test_second_from_field_is_judged_too(dns: DnsServer) -> None:
    octets = b"From: x@list.test\r\n" + message()
    verdict = await judged(dns, octets, LISTS, "x@list.test")
    assert (verdict.policy, verdict.from_fields) == (Policy.REJECT, 2)


async def test_one_good_author_does_not_cover_for_another(dns: DnsServer) -> None:
    octets = message("anna@example.test, s@soft.test")
    verdict = await judged(dns, octets, OURS, "anna@example.test")
    assert (verdict.policy, verdict.from_domain) == (Policy.QUARANTINE, "soft.test")
    both = message("Anna <anna@example.test>, Bob <bob@example.test>")
    assert (await judged(dns, both)).aligned_domain == "example.test"


async def test_crowd_of_authors_is_not_looked_up(dns: DnsServer) -> None:
    author = ", ".join(f"a@d{number}.test" for number in range(50))
    verdict = await judged(dns, message(author))
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.PERMERROR, Policy.QUARANTINE)


@pytest.mark.parametrize("author", ["", "anna", "undisclosed:;", "<>", "a@[192.0.2.1]", "a@b c"])
async def test_author_without_a_domain_aligns_with_nothing(dns: DnsServer, author: str) -> None:
    verdict = await judged(dns, message(author))
    assert verdict.dmarc.result in (DmarcResult.PERMERROR, DmarcResult.NONE)
    assert verdict.aligned_domain == ""


async def test_message_without_from_has_no_author(dns: DnsServer) -> None:
    verdict = await judged(dns, b"To: b@zegel.test\r\n\r\nFrom: anna@example.test\r\n")
    assert (verdict.from_fields, verdict.from_address, verdict.from_domain) == (0, "", "")
    assert verdict.dmarc.result is DmarcResult.PERMERROR


@pytest.mark.parametrize("author", ["a@slow.test", "a@reject.test"])
async def test_deadline_turns_missing_answers_into_temporary_errors(
    dns: DnsServer, author: str
) -> None:
    """Of slow.test SPF is late; of reject.test the key of a signature, and that might be good."""
    signer = signing_key(KeyType.ED25519, domain="reject.test")
    octets = message(author)
    octets = dkim.sign(octets, [signer], now=NOW) + octets
    begun = perf_counter()
    verdict = await judged(dns, octets, OURS, author, timedelta(seconds=0.4))
    assert perf_counter() - begun < 4
    assert [one.result for one in verdict.dkim] == [DkimResult.TEMPERROR]
    assert (verdict.spf.result is SpfResult.TEMPERROR) == ("slow" in author)
    assert (verdict.dmarc.result, verdict.policy) == (DmarcResult.TEMPERROR, Policy.NONE)


async def test_cancelled_judgement_leaves_no_task(dns: DnsServer) -> None:
    judging = asyncio.create_task(judged(dns, message("a@x.silent.test"), OURS, "a@x.silent.test"))
    await asyncio.sleep(0.1)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    assert asyncio.all_tasks() == {asyncio.current_task()}
