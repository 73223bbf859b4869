"""Where mail for a domain goes, and what the hosts there must show.

Theory. An operator's route comes before DNS: a route of the domain, then the smart host. Else its
MX records say which hosts, the best first and equal ones shuffled (RFC 5321 §5.1), or the domain's
own address where it has none; a null MX says that it takes no mail (RFC 7505). Hosts that are
ourselves end the list, and all that come after: they would only send it back to us.

Then each host is held to the first policy that speaks: see `security`. The domain's MTA-STS policy
also says which hosts there may be at all. What the operator wants for a domain without naming
names is a floor: DANE and MTA-STS hold where they are, and where neither is, a certificate for the
host's name.

Source: RFC 5321 §5, RFC 7505, RFC 7672 §2.2, RFC 8461 §5, RFC 8689 §4.2.1.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from itertools import chain, groupby, zip_longest

from mailserver.mailauth.dane import Keys, keys_of
from mailserver.mailauth.mta_sts import Found, Mode, MtaSts
from mailserver.model.address import canonical_domain
from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import PeerFault
from mailserver.outbound.security import Host, Level, Route, Security, SignIn
from mailserver.outbound.tls_results import Applied, Observation, Observe, PolicyType, ignore
from mailserver.protocol.smtp.client import is_permanent, own_word
from mailserver.runtime.internet import is_public
from mailserver.runtime.resolver import Answer, DnsTransient, Mx, Resolver, Tlsa

SMTP = 25
HOSTS_TRIED = 10  # of a domain; RFC 5321 §5.1 asks for two at least
ADDRESSES_TRIED = 8  # of a host


class Unroutable(Exception):
    """There is no way for now, or none at all; `said` tells which, in our words."""

    def __init__(self, said: RemoteReply) -> None:
        """Carry what to tell."""
        super().__init__(said.text)
        self.said = said


@dataclass(frozen=True, slots=True)
class Via:
    """A server that the operator names for a domain, or for all that have none of their own."""

    host: str
    """A name or an IP address."""
    port: int = SMTP
    tls: str = "starttls"
    """`starttls` or `implicit`: always with a certificate for the name, `none`: plaintext."""
    sign_in: SignIn | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """What the operator says of routes."""

    hostname: str
    """Ours; a mail host of this name is ourselves."""
    addresses: frozenset[str] = frozenset()
    """Ours; likewise."""
    routes: Mapping[str, Via] = field(default_factory=dict)
    """By domain; `.example.org` is for every domain below it."""
    smart_host: Via | None = None
    mandatory: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Domains for which TLS is a must, each with the names a certificate may have; with none
    named, see above."""
    least: Level = Level.OPPORTUNISTIC
    """What there must be for every domain that DNS leads to: OPPORTUNISTIC, ENCRYPTED or VERIFIED,
    the last as if all of them stood in `mandatory`."""
    private: bool = False
    """Whether DNS may send us to addresses that are not the internet's."""
    port: int = SMTP
    """Where mail hosts listen; another only where a test plays the internet."""
    is_open: bool = True
    """Whether any mail leaves; the queue then serves our own people alone."""

    def via(self, domain: str) -> Via | None:
        """Return the route the operator gave `domain`."""
        route = self.routes.get(domain)
        above = domain
        while route is None and "." in above:
            above = above.partition(".")[2]
            route = self.routes.get(f".{above}")
        return route or self.smart_host


class Router:
    """Finds routes; DNS and MTA-STS keep what they found, so nothing is kept here."""

    def __init__(
        self, map_: Map, resolver: Resolver, mta_sts: MtaSts, *, observe: Observe = ignore
    ) -> None:
        """Route by `map_` first; `observe` is told of policies that shut hosts out."""
        self._map = map_
        self._resolver = resolver
        self._mta_sts = mta_sts
        self._observe = observe

    def is_mandatory(self, domain: str) -> bool:
        """Say whether the operator wants TLS for mail to `domain`."""
        if domain in self._map.mandatory:
            return True
        return self._map.least is not Level.OPPORTUNISTIC and self._map.via(domain) is None

    async def route(self, domain: str, *, require_tls: bool = False) -> Route:
        """Find the way of mail for `domain`; with `require_tls` one that REQUIRETLS allows.

        Raises:
            Unroutable: there is none.
        """
        if not self._map.is_open:
            raise Unroutable(own_word("5.7.1", "This server sends no mail to other servers"))
        for_all = () if self._map.least is Level.VERIFIED else None
        names = self._map.mandatory.get(domain, for_all)
        try:
            via = self._map.via(domain)
            if via is not None:
                return await self._operators(domain, via, require_tls=require_tls)
            if domain.startswith("["):
                return self._literal(domain, require_tls=require_tls or names is not None)
            return await self._by_dns(domain, names, require_tls=require_tls)
        except DnsTransient as error:
            raise _dns_silent(error) from error

    async def _operators(self, domain: str, via: Via, *, require_tls: bool) -> Route:
        found = await self._addresses(via.host, by_dns=False)
        level = Level.OPPORTUNISTIC if via.tls == "none" else Level.VERIFIED
        if require_tls and level is Level.OPPORTUNISTIC:
            raise Unroutable(own_word("5.7.10", "The route to the domain is without TLS"))
        if not found:
            raise Unroutable(own_word("4.4.4", "The route's host has no address"))
        host = Host(via.host, found, via.port, Security(level), via.tls == "implicit", via.sign_in)
        return Route(domain, (host,))

    def _literal(self, domain: str, *, require_tls: bool) -> Route:
        """Route to an address literal, which no policy speaks of. Source: RFC 5321 §4.1.3."""
        ip = domain[1:-1].removeprefix("ipv6:")
        if not self._may_connect(ip):
            raise Unroutable(own_word("5.4.4", "Mail is not sent to an address like that"))
        if require_tls:
            raise Unroutable(own_word("5.7.10", "An address proves nothing about its server"))
        return Route(domain, (Host(ip, (ip,), self._map.port, Security(self._map.least)),))

    async def _by_dns(
        self, domain: str, names: tuple[str, ...] | None, *, require_tls: bool
    ) -> Route:
        answer = await self._mx(domain)
        hosts = self._sorted(answer.records)[:HOSTS_TRIED]
        # An operator's names are his own policy: the domain's MTA-STS does not add to it.
        sts = Found() if names else await self._sts(domain)
        found = await asyncio.gather(
            *(self._host(domain, name, sts, names, proven=answer.secure) for name in hosts)
        )
        usable = tuple(host for host in found if isinstance(host, Host))
        if require_tls:
            usable = tuple(host for host in usable if _is_proven(host.security))
        if usable:
            return Route(domain, usable)
        reasons = [each for each in found if isinstance(each, Unroutable)]
        if not reasons:
            raise Unroutable(own_word("5.7.10", "The domain does not prove its mail hosts"))
        raise next((each for each in reasons if not is_permanent(each.said)), reasons[0])

    async def _mx(self, domain: str) -> Answer[Mx]:
        """Ask for MX records; a domain that has none is its own mail host.

        Raises:
            Unroutable: the domain does not exist, or takes no mail.
        """
        answer = await self._resolver.mx(domain)
        if not answer.exists:
            raise Unroutable(own_word("5.1.2", "The domain does not exist"))
        if not answer.records:
            return replace(answer, records=(Mx(0, domain),))
        if all(not mx.host for mx in answer.records):
            raise Unroutable(own_word("5.1.10", "The domain takes no mail (null MX)"))
        return answer

    def _sorted(self, records: Sequence[Mx]) -> list[str]:
        """Order the hosts; equal ones by chance. Ourselves, and who is no better, stay out.

        Raises:
            Unroutable: nobody is left.
        """
        named = sorted(
            (record.preference, host) for record in records if (host := _host_name(record.host))
        )
        if not named:
            raise Unroutable(own_word("5.4.4", "The domain names no mail host"))
        ours = [preference for preference, host in named if host == self._map.hostname.lower()]
        hosts: list[str] = []
        for _, equal in groupby(
            (each for each in named if not ours or each[0] < min(ours)), key=lambda each: each[0]
        ):
            group = [host for _, host in equal]
            random.shuffle(group)
            hosts += group
        if not hosts:
            raise Unroutable(own_word("5.4.6", "The domain's mail comes to us, who do not keep it"))
        return list(dict.fromkeys(hosts))

    async def _sts(self, domain: str) -> Found:
        found = await self._mta_sts.of(domain)
        if found.failure:
            self._observe(Observation(domain, Applied(PolicyType.STS), "", "", found.failure))
        if found.policy is not None and found.policy.mode is Mode.NONE:
            return Found()
        return found

    async def _host(
        self, domain: str, name: str, sts: Found, names: tuple[str, ...] | None, *, proven: bool
    ) -> Host | Unroutable:
        """Find a host's addresses and what it must show, or why it is out of the question."""
        try:
            addresses = await self._addresses(name, by_dns=True)
            keys = Keys()
            if proven and not names:
                keys = await keys_of(self._resolver, name, self._map.port, domain=domain)
        except DnsTransient as error:
            return _dns_silent(error)
        if not addresses:
            return Unroutable(own_word("5.4.4", "The mail host has no address of the internet"))
        if sts.policy is not None and not keys.base and not sts.policy.allows(name):
            reason = "the policy does not name it"
            applied = _applied(sts)
            self._observe(Observation(domain, applied, name, "", "validation-failure", reason))
            if sts.policy.mode is Mode.ENFORCE:
                return Unroutable(own_word("4.7.5", "The domain's policy does not name the host"))
        security = self._security(keys, sts, names, name)
        return Host(name, addresses, self._map.port, security)

    def _security(
        self, keys: Keys, sts: Found, names: tuple[str, ...] | None, host: str
    ) -> Security:
        """Choose the first policy that speaks."""
        least = self._map.least
        if names:
            return Security(Level.VERIFIED, names=names)
        if keys.base:
            applied = Applied(PolicyType.TLSA, tuple(map(_written, keys.records)))
            if keys.records:
                return Security(Level.DANE, keys=keys, applied=applied)
            return Security(Level.ENCRYPTED if names is None else Level.VERIFIED, applied=applied)
        if names is not None:
            return Security(Level.VERIFIED, applied=_applied(sts) if sts.policy else Applied())
        if sts.policy is None:
            return Security(least)
        testing = sts.policy.mode is Mode.TESTING
        if testing and not sts.policy.allows(host):
            return Security(least, applied=_applied(sts))
        return Security(Level.VERIFIED, is_trial=testing, applied=_applied(sts), least=least)

    async def _addresses(self, name: str, *, by_dns: bool) -> tuple[str, ...]:
        """Return where a host is, IPv6 and IPv4 in turns; DNS may not name just any address."""
        if _is_ip(name):
            return (name,)
        six, four = await asyncio.gather(self._resolver.aaaa(name), self._resolver.a(name))
        turns = chain.from_iterable(zip_longest(six.records, four.records))
        found = [address for address in turns if address is not None]
        if by_dns:
            found = [address for address in found if self._may_connect(address)]
        return tuple(found[:ADDRESSES_TRIED])

    def _may_connect(self, address: str) -> bool:
        if address in self._map.addresses:
            return False
        return self._map.private or is_public(address)


def _is_proven(security: Security) -> bool:
    """Say whether REQUIRETLS may use a host: somebody vouches for its name, and it shows it.

    Source: RFC 8689 §4.2.1.
    """
    if security.is_trial:
        return False
    if security.level is Level.DANE:
        return True
    named = bool(security.names) or security.applied.kind is PolicyType.STS
    return security.level is Level.VERIFIED and named


def _applied(sts: Found) -> Applied:
    lines = tuple(sts.text.decode("utf-8", "replace").splitlines())
    return Applied(PolicyType.STS, lines, sts.policy.hosts if sts.policy else ())


def _host_name(name: str) -> str:
    """Return a mail host's name; empty where it is none, such as an address (RFC 5321 §5.1)."""
    try:
        return "" if _is_ip(name) else canonical_domain(name)
    except PeerFault:
        return ""


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _written(record: Tlsa) -> str:
    return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"


def _dns_silent(error: DnsTransient) -> Unroutable:
    return Unroutable(own_word("4.4.3", error.text[:1].upper() + error.text[1:]))
