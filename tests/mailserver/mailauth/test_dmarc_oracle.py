"""DMARC against a second reading of RFC 9989, on generated zones that a real name server serves.

There is no other implementation to ask: of the Python packages `dmarc` 1.2 decides alignment by the
public suffix list, as RFC 7489 did, and `checkdmarc` looks at records alone; Debian's opendmarc 1.4
knows the list as well. So the second reading is written here, straight from the RFC's numbered
steps over a table of names, and shares nothing with ours but the words of a record.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mailserver.mailauth.dkim import DkimResult, DkimSignature
from mailserver.mailauth.dmarc import DmarcResult, evaluate
from mailserver.mailauth.spf import Spf, SpfResult
from tests.support.dns import DnsServer, standing_zone, txt

SEED = 9_989
TREES, MESSAGES = 120, 6
POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True)
class Said:
    """The tags of one record."""

    p: str
    sp: str | None = None
    np: str | None = None
    psd: str | None = None
    t: bool = False
    adkim: str = "r"
    aspf: str = "r"

    @property
    def text(self) -> str:
        more = {"sp": self.sp, "np": self.np, "psd": self.psd, "t": "y" if self.t else None}
        tags = [f"{name}={value}" for name, value in more.items() if value]
        return "; ".join(["v=DMARC1", f"p={self.p}", *tags,
                          f"adkim={self.adkim}", f"aspf={self.aspf}"])  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A message: its author's domain, and who vouches for it."""

    author: str
    by_spf: str
    by_dkim: str


def _record(dice: random.Random) -> Said:
    return Said(
        p=dice.choice(POLICIES),
        sp=dice.choice([None, *POLICIES]),
        np=dice.choice([None, *POLICIES]),
        psd=dice.choice([None, None, None, "y", "n", "u"]),
        t=dice.random() < 0.2,
        adkim=dice.choice("rrs"),
        aspf=dice.choice("rrs"),
    )


def _tree(dice: random.Random, number: int) -> tuple[dict[str, Said], list[Case]]:
    """Make up records at some heights of a few names, and messages among those names."""
    top = f"t{number}.test"
    names = [top]
    for _ in range(dice.randrange(3, 12)):
        names.append(f"{dice.choice('abc')}{dice.randrange(3)}.{dice.choice(names[-4:])}")
    names = list(dict.fromkeys(names))
    records = {name: _record(dice) for name in names if dice.random() < 0.4}
    near = [*names, f"ghost.{dice.choice(names)}"]
    cases = [
        Case(dice.choice(near[1:]), dice.choice(near), dice.choice(near)) for _ in range(MESSAGES)
    ]
    return records, cases


def _made() -> tuple[dict[str, Said], list[Case]]:
    dice = random.Random(SEED)
    records: dict[str, Said] = {}
    cases: list[Case] = []
    for number in range(TREES):
        more, messages = _tree(dice, number)
        records |= more
        cases += messages
    return records, cases


RECORDS, CASES = _made()


def tree_walk(start: str) -> list[str]:
    """Name the domains with a record, in the order in which they are met. Source: §4.10."""
    met, target = [], start
    while True:
        if target in RECORDS:
            met.append(target)
            if RECORDS[target].psd in ("y", "n"):  # steps 2 and 6
                return met
        labels = target.split(".")
        if len(labels) == 1:
            return met
        # step 3: eight labels or more become seven; fewer lose one
        target = ".".join(labels[-7:] if target == start and len(labels) >= 8 else labels[1:])


def organization(start: str) -> str:
    """Name the organizational domain. Source: §4.10.2."""
    met = tree_walk(start)
    for domain in met:
        if RECORDS[domain].psd == "n":
            return domain
        if RECORDS[domain].psd == "y" and domain != start:
            below = start.removesuffix(f".{domain}").split(".")[-1]
            return f"{below}.{domain}"
    return min(met, key=lambda domain: domain.count("."), default=start)


def place_of_policy(author: str) -> str | None:
    """Name the domain whose record applies. Source: §4.10.1."""
    met = tree_walk(author)
    suffix = [domain for domain in met if RECORDS[domain].psd == "y"]
    for domain in (author, organization(author), *suffix):
        if domain in RECORDS:
            return domain if domain in met else None
    return None


def exists(name: str) -> bool:
    """Say whether anything is at the name or below it. Source: §3.2.13, RFC 8020."""
    return any(f"_dmarc.{each}".endswith(f".{name}") for each in RECORDS)


def expected(case: Case) -> tuple[str, str]:
    """Return the result and the policy that §5.3 comes to."""
    place = place_of_policy(case.author)
    if place is None:
        return "none", "none"
    said = RECORDS[place]
    policy = said.p
    if place != case.author:
        policy = said.sp or said.p
        if not exists(case.author):
            policy = said.np or policy
    if said.t:
        policy = POLICIES[max(POLICIES.index(policy) - 1, 0)]

    def aligned(domain: str, mode: str) -> bool:
        if mode == "s":
            return domain == case.author
        return organization(domain) == organization(case.author)

    passes = aligned(case.by_spf, said.aspf) or aligned(case.by_dkim, said.adkim)
    return ("pass" if passes else "fail"), policy


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    zone = {f"_dmarc.{name}": [txt(said.text)] for name, said in RECORDS.items()}
    with standing_zone(zone) as server:
        yield server


@pytest.mark.long
async def test_generated_mail_gets_the_verdict_of_a_second_reading(dns: DnsServer) -> None:
    resolver = dns.resolver()
    found, wanted = [], []
    for case in CASES:
        dmarc = await evaluate(
            resolver,
            from_domain=case.author,
            spf=Spf(SpfResult.PASS, case.by_spf, "mailfrom", ""),
            dkim=[DkimSignature(DkimResult.PASS, domain=case.by_dkim)],
        )
        found.append((case, dmarc.result.value, dmarc.policy.value))
        wanted.append((case, *expected(case)))
    assert [one for one in zip(found, wanted, strict=True) if one[0] != one[1]] == []


def test_the_generated_mail_shows_every_verdict() -> None:
    verdicts = {expected(case) for case in CASES}
    assert {result for result, _ in verdicts} == {
        one.value for one in (DmarcResult.NONE, DmarcResult.PASS, DmarcResult.FAIL)
    }
    assert {policy for _, policy in verdicts} == set(POLICIES)
