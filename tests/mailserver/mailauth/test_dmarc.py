"""DMARC over a real name server: the examples of RFC 9989, and the ways around it."""

from collections.abc import Iterator, Sequence

import pytest

from mailserver.mailauth.dkim import DkimResult, DkimSignature
from mailserver.mailauth.dmarc import Dmarc, DmarcResult, Policy, evaluate, walk
from mailserver.mailauth.spf import Spf, SpfResult
from mailserver.runtime.resolver import DnsTransient, Resolver
from tests.support.dns import DnsServer, standing_zone, txt

REPORTS = "rua=mailto:dmarc-feedback@example.com"
RECORDS = {
    "_dmarc.example.com": [txt(f"v=DMARC1; p=reject; sp=quarantine; np=reject; {REPORTS}")],
    "child.example.com": ["A 192.0.2.1"],
    "_dmarc.strict.test": [txt("v=DMARC1; p=quarantine; adkim=s; aspf=s")],
    "_dmarc.trying.test": [txt("v=DMARC1; p=reject; sp=quarantine; t=y")],
    "sub.trying.test": ["A 192.0.2.1"],
    "_dmarc.two.test": [txt("v=DMARC1; p=reject"), txt("v=DMARC1; p=none")],
    "_dmarc.noise.test": [txt("v=DMARC1; p=reject"), txt("verification=1")],
    "_dmarc.broken.test": [txt("v=DMARC1; p=banish")],
    "_dmarc.plain.test": [txt("v=DMARC1; p=reject")],
    # an organisation whose department stands by itself (RFC 9989 §5.1.8)
    "_dmarc.large.test": [txt("v=DMARC1; p=none")],
    "_dmarc.dept.large.test": [txt("v=DMARC1; p=reject; psd=n")],
    # a public suffix (§4.10.2, rule 2)
    "_dmarc.suffix.test": [txt("v=DMARC1; p=none; np=reject; psd=y")],
    "shop.suffix.test": ["A 192.0.2.1"],
    "_dmarc.bank.suffix.test": [txt("v=DMARC1; p=reject")],
    "_dmarc.mail.inner.suffix.test": [txt("v=DMARC1; p=reject")],
    # §4.10.2's first example: records at two heights, none with psd
    "_dmarc.mail.heights.test": [txt("v=DMARC1; p=none")],
    "_dmarc.heights.test": [txt("v=DMARC1; p=reject")],
    "_dmarc.up.servfail.test": [txt("v=DMARC1; p=reject")],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS, refused=["servfail.test", "_dmarc.gone.test"]) as server:
        yield server


@pytest.fixture
def resolver(dns: DnsServer) -> Resolver:
    return dns.resolver()


def spf(domain: str, result: SpfResult = SpfResult.PASS) -> Spf:
    return Spf(result, domain, "mailfrom", "")


def dkim(*domains: str, result: DkimResult = DkimResult.PASS) -> Sequence[DkimSignature]:
    return [DkimSignature(result, domain=domain) for domain in domains]


async def judged(
    resolver: Resolver,
    author: str,
    by_spf: Spf | None = None,
    by_dkim: Sequence[DkimSignature] = (),
) -> Dmarc:
    return await evaluate(
        resolver, from_domain=author, spf=by_spf or spf("", SpfResult.NONE), dkim=by_dkim
    )


@pytest.mark.parametrize(
    ("mail_from", "author", "aligned"),
    [
        ("example.com", "example.com", True),  # example 1, strict
        ("child.example.com", "example.com", True),  # example 2, relaxed
        ("example.net", "child.example.com", False),  # example 3, none
    ],
)
async def test_spf_examples_of_appendix_b(
    resolver: Resolver, mail_from: str, author: str, *, aligned: bool
) -> None:
    dmarc = await judged(resolver, author, spf(mail_from))
    assert dmarc.result is (DmarcResult.PASS if aligned else DmarcResult.FAIL)
    assert dmarc.aligned == (mail_from if aligned else "")
    assert (dmarc.aligned_spf, dmarc.aligned_dkim) == (aligned, False)
    assert (dmarc.domain, dmarc.record_domain) == ("example.com", "example.com")
    assert dmarc.rua == ("mailto:dmarc-feedback@example.com",)


@pytest.mark.parametrize(
    ("signer", "author", "aligned"),
    [
        ("example.com", "example.com", True),
        ("example.com", "child.example.com", True),
        ("example.net", "child.example.com", False),
    ],
)
async def test_dkim_examples_of_appendix_b(
    resolver: Resolver, signer: str, author: str, *, aligned: bool
) -> None:
    dmarc = await judged(resolver, author, by_dkim=dkim(signer))
    assert dmarc.result is (DmarcResult.PASS if aligned else DmarcResult.FAIL)
    assert dmarc.aligned_dkim is aligned


async def test_any_of_several_signatures_will_do(resolver: Resolver) -> None:
    dmarc = await judged(
        resolver, "example.com", spf("list.test"), dkim("list.test", "mail.example.com")
    )
    assert (dmarc.result, dmarc.aligned) == (DmarcResult.PASS, "mail.example.com")


@pytest.mark.parametrize("result", [one for one in SpfResult if one is not SpfResult.PASS])
async def test_only_a_pass_of_spf_counts(resolver: Resolver, result: SpfResult) -> None:
    dmarc = await judged(resolver, "example.com", spf("example.com", result))
    assert dmarc.result is not DmarcResult.PASS


@pytest.mark.parametrize("result", [one for one in DkimResult if one is not DkimResult.PASS])
async def test_only_a_pass_of_dkim_counts(resolver: Resolver, result: DkimResult) -> None:
    dmarc = await judged(resolver, "example.com", by_dkim=dkim("example.com", result=result))
    assert dmarc.result is not DmarcResult.PASS


async def test_dns_failure_of_what_could_have_passed_is_temporary(resolver: Resolver) -> None:
    """RFC 9989 §5.3.6: it cannot be said to pass or to fail."""
    unsure = dkim("mail.example.com", result=DkimResult.TEMPERROR)
    assert (await judged(resolver, "example.com", by_dkim=unsure)).result is DmarcResult.TEMPERROR
    late = spf("example.com", SpfResult.TEMPERROR)
    assert (await judged(resolver, "example.com", late)).result is DmarcResult.TEMPERROR
    elsewhere = dkim("example.net", result=DkimResult.TEMPERROR)
    assert (await judged(resolver, "example.com", by_dkim=elsewhere)).result is DmarcResult.FAIL


async def test_strict_alignment_takes_equal_names_only(resolver: Resolver) -> None:
    near = await judged(resolver, "strict.test", spf("m.strict.test"), dkim("m.strict.test"))
    assert (near.result, near.policy) == (DmarcResult.FAIL, Policy.QUARANTINE)
    equal = await judged(resolver, "strict.test", by_dkim=dkim("strict.test"))
    assert equal.result is DmarcResult.PASS


async def test_subdomain_takes_sp_if_it_exists_and_np_if_not(resolver: Resolver) -> None:
    assert (await judged(resolver, "example.com")).policy is Policy.REJECT
    assert (await judged(resolver, "child.example.com")).policy is Policy.QUARANTINE
    assert (await judged(resolver, "ghost.example.com")).policy is Policy.REJECT


async def test_testing_domain_gets_one_level_less(resolver: Resolver) -> None:
    assert (await judged(resolver, "trying.test")).policy is Policy.QUARANTINE
    assert (await judged(resolver, "sub.trying.test")).policy is Policy.NONE


@pytest.mark.parametrize("author", ["nothing.invalid", "two.test"])
async def test_no_record_or_several_mean_no_dmarc(resolver: Resolver, author: str) -> None:
    dmarc = await judged(resolver, author, spf(author), dkim(author))
    assert (dmarc.result, dmarc.policy) == (DmarcResult.NONE, Policy.NONE)


async def test_other_texts_at_the_name_do_not_matter(resolver: Resolver) -> None:
    assert (await judged(resolver, "noise.test")).policy is Policy.REJECT


async def test_record_without_a_policy_means_no_dmarc(resolver: Resolver) -> None:
    dmarc = await judged(resolver, "broken.test", spf("broken.test"))
    assert (dmarc.result, dmarc.policy) == (DmarcResult.NONE, Policy.NONE)


async def test_walk_asks_eight_questions_at_most(resolver: Resolver) -> None:
    """RFC 9989 §4.10's illustration."""
    climbed = await walk(resolver, "a.b.c.d.e.f.g.h.i.j.mail.example.com")
    assert [domain for domain, _ in climbed.records] == ["example.com"]
    assert climbed.organization == "example.com"
    asked = resolver.known_names()
    assert asked == {
        f"_dmarc.{name}"
        for name in (
            "a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "g.h.i.j.mail.example.com",
            "h.i.j.mail.example.com",
            "i.j.mail.example.com",
            "j.mail.example.com",
            "mail.example.com",
            "example.com",
            "com",
        )
    }


@pytest.mark.parametrize(
    ("start", "organization"),
    [
        ("a.mail.heights.test", "heights.test"),  # the fewest labels win
        ("a.dept.large.test", "dept.large.test"),  # psd=n stops the walk
        ("dept.large.test", "dept.large.test"),
        ("other.large.test", "large.test"),
        ("a.shop.suffix.test", "shop.suffix.test"),  # one label below psd=y
        ("a.bank.suffix.test", "bank.suffix.test"),
        ("suffix.test", "suffix.test"),  # the suffix's own mail
        ("a.b.nothing.invalid", "a.b.nothing.invalid"),  # no record: it stands by itself
        ("x1.x2.x3.x4.x5.x6.x7.x8.shop.suffix.test", "shop.suffix.test"),
    ],
)
async def test_organization_begins_where_the_walk_says(
    resolver: Resolver, start: str, organization: str
) -> None:
    assert (await walk(resolver, start)).organization == organization


async def test_department_and_organization_do_not_vouch_for_each_other(resolver: Resolver) -> None:
    up = await judged(resolver, "large.test", by_dkim=dkim("a.dept.large.test"))
    down = await judged(resolver, "a.dept.large.test", by_dkim=dkim("large.test"))
    assert (up.result, down.result) == (DmarcResult.FAIL, DmarcResult.FAIL)
    assert (up.policy, down.policy) == (Policy.NONE, Policy.REJECT)


async def test_neighbours_below_a_public_suffix_are_strangers(resolver: Resolver) -> None:
    dmarc = await judged(resolver, "bank.suffix.test", by_dkim=dkim("shop.suffix.test"))
    assert (dmarc.result, dmarc.policy) == (DmarcResult.FAIL, Policy.REJECT)


async def test_suffix_speaks_for_organizations_without_a_record(resolver: Resolver) -> None:
    known = await judged(resolver, "shop.suffix.test")
    assert (known.record_domain, known.policy) == ("suffix.test", Policy.NONE)
    ghost = await judged(resolver, "ghost.suffix.test")
    assert (ghost.record_domain, ghost.policy) == ("suffix.test", Policy.REJECT)
    own = await judged(resolver, "bank.suffix.test")
    assert (own.record_domain, own.policy) == ("bank.suffix.test", Policy.REJECT)


async def test_record_between_author_and_organization_does_not_apply(resolver: Resolver) -> None:
    """RFC 9989 §4.10.1 names three places, and that is none of them."""
    dmarc = await judged(resolver, "a.mail.inner.suffix.test")
    assert (dmarc.domain, dmarc.record_domain) == ("inner.suffix.test", "suffix.test")


async def test_parent_that_does_not_answer_is_temporary(resolver: Resolver) -> None:
    with pytest.raises(DnsTransient):
        await walk(resolver, "a.gone.test")
    dmarc = await judged(resolver, "a.gone.test", by_dkim=dkim("mail.gone.test"))
    assert (dmarc.result, dmarc.policy) == (DmarcResult.TEMPERROR, Policy.NONE)


async def test_parent_that_does_not_answer_spoils_no_exact_pass(resolver: Resolver) -> None:
    exact = await judged(resolver, "up.servfail.test", by_dkim=dkim("up.servfail.test"))
    assert (exact.result, exact.aligned) == (DmarcResult.PASS, "up.servfail.test")
    near = await judged(resolver, "up.servfail.test", by_dkim=dkim("m.up.servfail.test"))
    assert near.result is DmarcResult.TEMPERROR


async def test_walks_are_made_for_the_authors_organization_alone(resolver: Resolver) -> None:
    await judged(resolver, "plain.test", by_dkim=dkim("a.stranger.test", "b.stranger.test"))
    assert resolver.known_names() == {"_dmarc.plain.test", "_dmarc.test"}
