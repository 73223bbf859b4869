"""SPF: may this client send for this domain? The evaluation; `spf_record` has the grammar.

A check walks the record's mechanisms in order, through includes and redirects, and asks DNS as it
goes. It ends early in two ways: `SpfSyntaxError` is permerror and `DnsTransient` is temperror,
wherever in the walk they arise (RFC 7208 §5). Ten terms may ask DNS, and two of their questions may
come to nothing, over the whole walk; a stranger's record can cost us no more.

Source: RFC 7208.
"""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from mailserver.mailauth.spf_macro import (
    Facts,
    MacroString,
    SpfSyntaxError,
    expand,
    expand_domain,
    needs_validated_name,
    parse_macros,
)
from mailserver.mailauth.spf_record import (
    Mechanism,
    SpfRecord,
    SpfResult,
    parse_record,
    select_records,
)
from mailserver.model.address import Address
from mailserver.runtime.resolver import Answer, DnsTransient, Resolver

__all__ = ["Spf", "SpfResult", "check_host", "explain"]

T = TypeVar("T")

LOOKUPS = 10  # RFC 7208 §4.6.4
VOID_LOOKUPS = 2
NAMES = 10  # of an mx or a ptr
EXPLANATION_OCTETS = 500


@dataclass(frozen=True, slots=True)
class Spf:
    """The result for one identity."""

    result: SpfResult
    domain: str
    """Whose policy was asked: the domain of the sender, or the HELO name; empty without one."""
    identity: str
    """`mailfrom` or `helo`. Source: RFC 7208 §2.3, §2.4."""
    reason: str
    """The mechanism that decided, as its domain wrote it, or what went wrong, in a few words."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Where a walk ended."""

    result: SpfResult
    reason: str
    domain: str
    explanation: MacroString | None = None


async def check_host(resolver: Resolver, *, ip: str, helo: str, sender: Address | None) -> Spf:
    """Check the MAIL FROM identity, or HELO where the reverse path is empty.

    Source: RFC 7208 §4.
    """
    identity = "helo" if sender is None else "mailfrom"
    facts = _facts(ip, helo, sender)
    if facts is None:
        return Spf(SpfResult.NONE, "", identity, "the client has no IP address")
    outcome = await _Check(resolver, facts).whole()
    return Spf(outcome.result, facts.sender_domain.lower(), identity, outcome.reason)


async def explain(
    resolver: Resolver,
    *,
    ip: str,
    helo: str,
    sender: Address | None,
    receiver: str,
    now: datetime,
) -> str | None:
    """Fetch what the domain says of a client that fails; None where it says nothing or passes.

    A stranger's words: quote them as such, on one line. Source: RFC 7208 §6.2.
    """
    facts = _facts(ip, helo, sender, receiver, now)
    if facts is None:
        return None
    check = _Check(resolver, facts)
    outcome = await check.whole()
    if outcome.result is not SpfResult.FAIL or outcome.explanation is None:
        return None
    return await check.explanation(outcome.explanation, outcome.domain)


def _facts(
    ip: str,
    helo: str,
    sender: Address | None,
    receiver: str = "unknown",
    now: datetime | None = None,
) -> Facts | None:
    try:
        address: IPv4Address | IPv6Address = ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # RFC 7208 §5
    helo = helo.removesuffix(".")
    if sender is None:
        return Facts(address, "postmaster", helo, helo, receiver, now)  # RFC 7208 §2.4
    return Facts(address, sender.local or "postmaster", sender.domain, helo, receiver, now)


class _Check:
    """One check: its facts, and what it has spent."""

    def __init__(self, resolver: Resolver, facts: Facts) -> None:
        self._resolver = resolver
        self._facts = facts
        self._lookups = 0
        self._voids = 0
        self._validated: list[str] | None = None

    async def whole(self) -> _Outcome:
        """Check the sender's domain and turn what stopped the walk into a result."""
        domain = self._facts.sender_domain
        try:
            return await self._domain(domain)
        except SpfSyntaxError as error:
            return _Outcome(SpfResult.PERMERROR, str(error), domain)
        except DnsTransient as error:
            return _Outcome(SpfResult.TEMPERROR, error.text, domain)

    async def _domain(self, domain: str) -> _Outcome:
        """Be RFC 7208's check_host() for `domain` (§4.3 to §4.7)."""
        record = await self._record(domain)
        if record is None:
            return _Outcome(SpfResult.NONE, "no SPF record", domain)
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                return _Outcome(mechanism.result, mechanism.text, domain, record.explanation)
        if record.redirect is None:
            return _Outcome(SpfResult.NEUTRAL, "no mechanism matched", domain)
        return await self._redirected(record.redirect, domain)

    async def _record(self, domain: str) -> SpfRecord | None:
        """Fetch a domain's record; None without one, or where it is no domain (RFC 7208 §4.3)."""
        if "." not in domain or domain.startswith("["):
            return None
        records = select_records((await self._resolver.txt(domain)).records)
        if len(records) > 1:
            raise SpfSyntaxError("the domain has several SPF records")
        return parse_record(records[0]) if records else None

    async def _redirected(self, redirect: MacroString, domain: str) -> _Outcome:
        self._count_lookup()
        target = await self._target(redirect, domain)
        outcome = await self._domain(target) if target is not None else None
        if outcome is None or outcome.result is SpfResult.NONE:
            raise SpfSyntaxError("redirect= leads to a domain without SPF")  # RFC 7208 §6.1
        return outcome

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        match mechanism.kind:
            case "all":
                return True
            case "ip4":
                return self._within(4, mechanism.network, mechanism)
            case "ip6":
                return self._within(6, mechanism.network, mechanism)
        self._count_lookup()
        target = domain
        if mechanism.domain is not None:
            expanded = await self._target(mechanism.domain, domain)
            if expanded is None:
                return False
            target = expanded
        match mechanism.kind:
            case "include":
                return await self._included(target)
            case "a":
                found = self._counted(await self._addresses(target))
                return self._any_within(found.records, mechanism)
            case "mx":
                return await self._mx(target, mechanism)
            case "exists":
                return bool(self._counted(await self._resolver.a(target)).records)
            case _:
                return await self._ptr(target)

    async def _included(self, target: str) -> bool:
        """Source: RFC 7208 §5.2."""
        outcome = await self._domain(target)
        if outcome.result is SpfResult.NONE:
            raise SpfSyntaxError("include: names a domain without SPF")
        return outcome.result is SpfResult.PASS

    async def _mx(self, target: str, mechanism: Mechanism) -> bool:
        """Source: RFC 7208 §5.4."""
        exchangers = self._counted(await self._resolver.mx(target)).records
        if len(exchangers) > NAMES:
            raise SpfSyntaxError("mx: names more than ten hosts")
        for exchanger in sorted(exchangers):
            found = await self._addresses(exchanger.host) if exchanger.host else None
            if found is not None and self._any_within(found.records, mechanism):
                return True
        return False  # hosts without addresses are no void terms (§4.6.4), or IPv6 would suffer

    async def _addresses(self, name: str) -> Answer[str]:
        """Ask for the addresses of the client's family alone (RFC 7208 §5)."""
        four = self._facts.ip.version == 4
        return await (self._resolver.a(name) if four else self._resolver.aaaa(name))

    def _any_within(self, addresses: tuple[str, ...], mechanism: Mechanism) -> bool:
        return any(
            self._within(self._facts.ip.version, int(ip_address(address)), mechanism)
            for address in addresses
        )

    def _within(self, version: int, network: int, mechanism: Mechanism) -> bool:
        ip = self._facts.ip
        if ip.version != version:
            return False
        bits = mechanism.four_bits if version == 4 else mechanism.six_bits
        shift = ip.max_prefixlen - bits
        return int(ip) >> shift == network >> shift

    def _count_lookup(self) -> None:
        self._lookups += 1
        if self._lookups > LOOKUPS:
            raise SpfSyntaxError("more than ten terms ask DNS")

    def _counted(self, answer: Answer[T]) -> Answer[T]:
        """Pass on an answer, counting it where it is void (RFC 7208 §4.6.4)."""
        if not answer.records:
            self._voids += 1
            if self._voids > VOID_LOOKUPS:
                raise SpfSyntaxError("more than two questions to DNS come to nothing")
        return answer

    async def _target(self, spec: MacroString, domain: str) -> str | None:
        """Expand a domain-spec; None where it can match nothing, not being ASCII (RFC 8616 §4)."""
        name = "unknown"
        if needs_validated_name(spec):
            name = await self._validated_name(domain)
        target = expand_domain(spec, self._facts, domain, name)
        return target if target.isascii() else None

    async def _ptr(self, target: str) -> bool:
        """Source: RFC 7208 §5.5."""
        try:
            self._counted(await self._resolver.ptr(str(self._facts.ip)))
        except DnsTransient:
            return False
        return any(_is_below(name, target.lower()) for name in await self._validated_names())

    async def _validated_names(self) -> list[str]:
        """Return the client's host names that lead back to it (RFC 7208 §5.5), in bare form."""
        if self._validated is None:
            self._validated = await self._look_back()
        return self._validated

    async def _look_back(self) -> list[str]:
        ip = self._facts.ip
        try:
            named = (await self._resolver.ptr(str(ip))).records[:NAMES]
        except DnsTransient:
            return []
        names = []
        for name in named:
            try:
                back = await self._addresses(name)
            except DnsTransient:
                continue
            if any(ip_address(address) == ip for address in back.records):
                names.append(name)
        return names

    async def _validated_name(self, domain: str) -> str:
        """Choose what `%{p}` stands for. Source: RFC 7208 §7.3."""
        names = await self._validated_names()
        domain = domain.lower()
        if domain in names:
            return domain
        return next((name for name in names if _is_below(name, domain)), (names or ["unknown"])[0])

    async def explanation(self, spec: MacroString, domain: str) -> str | None:
        """Fetch and expand an explanation; None where anything is wrong with it."""
        try:
            target = await self._target(spec, domain)
            if not target:
                return None
            texts = (await self._resolver.txt(target)).records
            if len(texts) != 1 or not texts[0].isascii():
                return None
            pieces = parse_macros(texts[0].decode("ascii"), explanation=True)
            name = await self._validated_name(domain) if needs_validated_name(pieces) else ""
        except (SpfSyntaxError, DnsTransient):
            return None
        return expand(pieces, self._facts, domain, name)[:EXPLANATION_OCTETS]


def _is_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
