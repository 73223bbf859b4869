"""DMARC: does the domain that the reader sees as the author's vouch for a message?

SPF and DKIM each say which domain they vouch for. DMARC asks whether one of those belongs to the
same organisation as the author's domain, and if none does, what the organisation wants done. Where
an organisation begins is found by walking up the DNS tree, never by a list of suffixes.

Source: RFC 9989.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailserver.mailauth.dkim import DkimResult, DkimSignature
from mailserver.mailauth.dmarc_record import DmarcRecord, Policy, Psd, parse_record
from mailserver.mailauth.spf import Spf, SpfResult
from mailserver.runtime.resolver import DnsTransient, Resolver

__all__ = ["Dmarc", "DmarcResult", "Policy", "Walk", "evaluate", "walk"]

QUERIES = 8  # RFC 9989 §4.10: no more, however many labels a stranger makes up


class DmarcResult(Enum):
    """What DMARC says of a message. Source: RFC 8601 §2.7.5, RFC 9989 §9."""

    NONE = "none"
    """The author's organisation takes no part."""
    PASS = "pass"  # noqa: S105  # a result, no password
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    """There is not exactly one author whose domain could be asked."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The records on the way up from a domain, and what follows from them."""

    start: str
    records: tuple[tuple[str, DmarcRecord], ...]
    """From the longest name to the shortest."""

    @property
    def organization(self) -> str:
        """The organisational domain of the start. Source: RFC 9989 §4.10.2."""
        for domain, record in self.records:
            if record.psd is Psd.NO:
                return domain
            if record.psd is Psd.YES and domain != self.start:
                return self._below(domain)
        return self.records[-1][0] if self.records else self.start

    @property
    def policy(self) -> tuple[str, DmarcRecord] | None:
        """The record that applies to the start, and where it stands. Source: RFC 9989 §4.10.1."""
        found = dict(self.records)
        suffix = next((domain for domain, record in self.records if record.psd is Psd.YES), None)
        for domain in (self.start, self.organization, suffix):
            if domain is not None and domain in found:
                return domain, found[domain]
        return None

    def _below(self, domain: str) -> str:
        """Return the name one label longer than `domain` on the way to the start."""
        labels = domain.count(".") + 2
        return ".".join(self.start.split(".")[-labels:])


@dataclass(frozen=True, slots=True)
class Dmarc:
    """The result for one author domain."""

    result: DmarcResult
    author: str
    """The author's domain."""
    policy: Policy = Policy.NONE
    """What is to be done if it fails; already lowered where the domain only tests."""
    domain: str = ""
    """The organisational domain of the author."""
    aligned: str = ""
    """The domain that SPF or DKIM vouches for and that is the author's; empty without one."""
    aligned_spf: bool = False
    aligned_dkim: bool = False
    record: DmarcRecord | None = None
    record_domain: str = ""
    """Where the record stands: reports go to whom it names."""
    reason: str = ""

    @property
    def rua(self) -> tuple[str, ...]:
        """Where aggregate reports are wanted."""
        return self.record.rua if self.record else ()


async def walk(resolver: Resolver, start: str) -> Walk:
    """Walk up the DNS tree from `start`, a canonical domain, in at most eight questions.

    Raises:
        DnsTransient: a question has no answer now.

    Source: RFC 9989 §4.10.
    """
    records = []
    labels = start.split(".")
    for left in (len(labels), *range(min(len(labels), QUERIES) - 1, 0, -1)):
        domain = ".".join(labels[-left:])
        record = await _record(resolver, domain)
        if record is not None:
            records.append((domain, record))
            if record.psd is not Psd.UNSAID:
                break
    return Walk(start, tuple(records))


async def _record(resolver: Resolver, domain: str) -> DmarcRecord | None:
    """Fetch the one record of a domain; several are as good as none."""
    texts = (await resolver.txt(f"_dmarc.{domain}")).records
    found = [record for record in map(parse_record, texts) if record is not None]
    return found[0] if len(found) == 1 else None


async def evaluate(
    resolver: Resolver, *, from_domain: str, spf: Spf, dkim: Sequence[DkimSignature]
) -> Dmarc:
    """Judge a message with one author domain by what SPF and DKIM said. Source: RFC 9989 §5.3."""
    try:
        return await _Evaluation(resolver, await walk(resolver, from_domain)).judge(spf, dkim)
    except DnsTransient as failure:
        vouched = await _exact(resolver, from_domain, spf, dkim)
        return vouched or Dmarc(DmarcResult.TEMPERROR, from_domain, reason=failure.text)


async def _exact(
    resolver: Resolver, author: str, spf: Spf, dkim: Sequence[DkimSignature]
) -> Dmarc | None:
    """Find the pass that no walk is needed for: the author's own domain, with a record of its own.

    A parent zone that does not answer then harms nobody. Source: RFC 9989 §4.10.2, first note.
    """
    try:
        record = await _record(resolver, author)
        if record is None:
            return None
        alone = _Evaluation(resolver, Walk(author, ((author, record),)))
        dmarc = await alone.judge(spf, dkim)
    except DnsTransient:
        return None
    return dmarc if dmarc.result is DmarcResult.PASS and dmarc.aligned == author else None


class _Evaluation:
    """One author domain, and the domains that are held against it."""

    def __init__(self, resolver: Resolver, author: Walk) -> None:
        self._resolver = resolver
        self._author = author
        self._same: dict[str, bool] = {}

    async def judge(self, spf: Spf, dkim: Sequence[DkimSignature]) -> Dmarc:
        author = self._author
        applies = author.policy
        if applies is None or not applies[1].usable:
            return Dmarc(
                DmarcResult.NONE,
                author.start,
                domain=author.organization,
                reason="no DMARC record" if applies is None else "the DMARC record has no policy",
            )
        where, record = applies
        passed = [one.domain for one in dkim if one.result is DkimResult.PASS]
        by_dkim = await self._first_aligned(passed, strict=record.strict_dkim)
        by_spf = ""
        if spf.result is SpfResult.PASS:
            by_spf = await self._first_aligned([spf.domain], strict=record.strict_spf)
        result, reason = DmarcResult.PASS, ""
        if not (by_dkim or by_spf):
            result, reason = await self._without_pass(record, spf, dkim)
        return Dmarc(
            result,
            author.start,
            policy=await self._policy(where, record),
            domain=author.organization,
            aligned=by_dkim or by_spf,
            aligned_spf=bool(by_spf),
            aligned_dkim=bool(by_dkim),
            record=record,
            record_domain=where,
            reason=reason,
        )

    async def _without_pass(
        self, record: DmarcRecord, spf: Spf, dkim: Sequence[DkimSignature]
    ) -> tuple[DmarcResult, str]:
        """Tell a failure from one that only DNS is to blame for (RFC 9989 §5.3.6).

        A signature that nobody got to look at has no domain, and might have been anybody's.
        """
        unsure = [one.domain for one in dkim if one.result is DkimResult.TEMPERROR]
        if "" in unsure or await self._first_aligned(unsure, strict=record.strict_dkim):
            return DmarcResult.TEMPERROR, "DKIM could not be checked"
        if spf.result is SpfResult.TEMPERROR and await self._first_aligned(
            [spf.domain], strict=record.strict_spf
        ):
            return DmarcResult.TEMPERROR, "SPF could not be checked"
        return DmarcResult.FAIL, "neither SPF nor DKIM vouches for the author's domain"

    async def _first_aligned(self, domains: Sequence[str], *, strict: bool) -> str:
        """Return the first of `domains` that is the author's, the author's own before others."""
        author = self._author.start
        if author in domains:
            return author
        if strict:
            return ""
        for domain in domains:
            if await self._same_organization(domain):
                return domain
        return ""

    async def _same_organization(self, domain: str) -> bool:
        """Source: RFC 9989 §4.10.2; only names in the author's organisation are worth a walk."""
        organization = self._author.organization
        if domain != organization and not domain.endswith(f".{organization}"):
            return False
        if domain not in self._same:
            theirs = (await walk(self._resolver, domain)).organization
            self._same[domain] = theirs == organization
        return self._same[domain]

    async def _policy(self, where: str, record: DmarcRecord) -> Policy:
        """Choose among p, sp and np. Source: RFC 9989 §4.10.1."""
        policy = record.policy
        if where != self._author.start:
            policy = record.subdomains or policy
            missing = record.nonexistent or policy
            if missing is not policy and not await self._exists():
                policy = missing
        return policy.lowered if record.testing else policy

    async def _exists(self) -> bool:
        """Any record makes a domain exist (RFC 9989 §3.2.13), so any question will do."""
        return (await self._resolver.a(self._author.start)).exists
