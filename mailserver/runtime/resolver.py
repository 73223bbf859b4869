"""DNS for everything that asks it: mail authentication, the relay, screening, the doctor.

One resolver serves a process. A known answer costs a dictionary look-up. Equal questions that
arrive together are asked once: the first asks, the others wait for it; if the first is cancelled,
one of the others asks in its place. DNSSEC is not validated here: the AD bit of a validating
resolver is believed, and only over loopback, where nobody can forge it (RFC 6840 §5.7, RFC 7672
§2.2.1).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.resolver
import dns.reversename
from dns.name import Name, root
from dns.nameserver import Do53Nameserver
from dns.rdatatype import RdataType

from mailserver.runtime.clock import Clock
from mailserver.runtime.dns_answer import (
    READERS,
    Answer,
    Caa,
    DnsTransient,
    Ds,
    Mx,
    Srv,
    Tlsa,
    host,
)
from mailserver.runtime.dns_cache import DnsCache, Question
from mailserver.runtime.settings_values import DNS_PORT, MIB, Endpoint

__all__ = ["Answer", "Caa", "DnsTransient", "Ds", "Mx", "Resolver", "Srv", "Tlsa"]

TIMEOUT = timedelta(seconds=5)
TRY_SECONDS = 1.5  # a datagram may be lost: within the timeout there is time for three
CACHE_OCTETS = 32 * MIB
QUESTIONS_AT_ONCE = 256  # each is a socket; more wait for their turn, within their own timeout
UDP_OCTETS = 1_232  # RFC 9715 §3.1: what passes without fragments; longer answers come over TCP
UNHEARD = 8  # questions in a row that nobody answered: then the name servers are down, not a name
SILENT_SECONDS = 5.0  # so long nobody waits for servers that are down; then they are tried again
ABSENT_SECONDS = 300  # for what cannot be a name, which nobody need be asked about


@dataclass(slots=True)
class _Asking:
    """A question on its way."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: Answer[Any] | DnsTransient | None = None
    """None at its end: whoever asked was cancelled."""


class Resolver:
    """Asks name servers, and remembers what they said."""

    def __init__(
        self,
        nameservers: Sequence[Endpoint] | None = None,
        *,
        clock: Clock,
        timeout: timedelta = TIMEOUT,
        validating: bool = True,
        cache_octets: int = CACHE_OCTETS,
    ) -> None:
        """Ask `nameservers` in order; None asks those of the system's resolv.conf.

        Args:
            nameservers: their hosts are IP addresses.
            clock: measures how long an answer is good.
            timeout: the most that one question takes, all tries included.
            validating: False where the resolver on loopback does not check DNSSEC, so that
                nothing is `secure`. One elsewhere is never believed.
            cache_octets: what is remembered at most.
        """
        self._asked = dns.asyncresolver.Resolver(configure=False)
        self._asked.nameservers = [
            Do53Nameserver(one.host, one.port) for one in nameservers or _system_nameservers()
        ]
        self._asked.use_edns(0, 0, UDP_OCTETS)
        self._asked.set_flags(dns.flags.RD | dns.flags.AD)
        self._asked.timeout = TRY_SECONDS
        self._asked.lifetime = timeout.total_seconds()
        self._timeout = timeout
        self.trusted = validating and all(
            isinstance(one, Do53Nameserver) and ip_address(one.address).is_loopback
            for one in self._asked.nameservers
        )
        """Whether the AD bit is believed."""
        self._cache = DnsCache(cache_octets, clock)
        self._clock = clock
        self._unheard = 0
        self._silent_until = 0.0
        self._asking: dict[Question, _Asking] = {}
        self._room = asyncio.Semaphore(QUESTIONS_AT_ONCE)

    @property
    def cached_octets(self) -> int:
        """About how much memory the answers take that are remembered."""
        return self._cache.held_octets

    def known_names(self) -> set[str]:
        """Return the names of which something is remembered, be it old."""
        return {name for _, name in self._cache}

    # Each of these returns the records of one type at `name`. A name may have a final dot, any case
    # and U-labels; what cannot be a name at all does not exist. Raises DnsTransient.

    async def a(self, name: str) -> Answer[str]:
        """Return IPv4 addresses in text form."""
        return await self._records(name, RdataType.A)

    async def aaaa(self, name: str) -> Answer[str]:
        """Return IPv6 addresses in text form."""
        return await self._records(name, RdataType.AAAA)

    async def mx(self, name: str) -> Answer[Mx]:
        """Return mail exchangers, unordered; the host of a null MX is empty (RFC 7505)."""
        return await self._records(name, RdataType.MX)

    async def txt(self, name: str) -> Answer[bytes]:
        """Return texts, the strings of each record joined."""
        return await self._records(name, RdataType.TXT)

    async def ptr(self, ip: str) -> Answer[str]:
        """Return the host names of an IP address.

        Raises:
            ValueError: `ip` is no address.
        """
        pointer = dns.reversename.from_address(str(ip_address(ip)))
        return await self._records(host(pointer), RdataType.PTR)

    async def tlsa(self, name: str) -> Answer[Tlsa]:
        """Return TLSA records; `name` is whole, as in _25._tcp.mx.example.org."""
        return await self._records(name, RdataType.TLSA)

    async def cname(self, name: str) -> Answer[str]:
        """Return the alias that stands at the name itself."""
        return await self._records(name, RdataType.CNAME)

    async def ns(self, name: str) -> Answer[str]:
        """Return the name servers of a zone."""
        return await self._records(name, RdataType.NS)

    async def srv(self, name: str) -> Answer[Srv]:
        """Return the places of a service, unordered."""
        return await self._records(name, RdataType.SRV)

    async def caa(self, name: str) -> Answer[Caa]:
        """Return the CAA records at the name itself; climbing is the caller's."""
        return await self._records(name, RdataType.CAA)

    async def ds(self, name: str) -> Answer[Ds]:
        """Return the digests of a zone's keys that its parent signs."""
        return await self._records(name, RdataType.DS)

    async def _records(self, name: str, kind: RdataType) -> Answer[Any]:
        question = (int(kind), name.lower().removesuffix("."))
        while True:
            known = self._cache.get(question)
            if known is not None:
                return known
            asking = self._asking.get(question)
            if asking is None:
                return await self._first(question, kind)
            await asking.done.wait()  # which has a deadline of its own
            if isinstance(asking.outcome, DnsTransient):
                raise DnsTransient(asking.outcome.text)
            if asking.outcome is not None:
                return asking.outcome

    async def _first(self, question: Question, kind: RdataType) -> Answer[Any]:
        """Ask, and tell whoever asks the same meanwhile."""
        name = _name(question[1])
        if name is None:
            absent: Answer[Any] = Answer((), False, False, question[1], ABSENT_SECONDS)
            self._cache.put(question, absent)
            return absent
        asking = self._asking[question] = _Asking()
        try:
            answer = asking.outcome = await self._ask(name, kind)
            self._cache.put(question, answer)
        except DnsTransient as failure:
            asking.outcome = failure
            self._cache.put_failure(question, failure)
            raise
        else:
            return answer
        finally:
            del self._asking[question]
            asking.done.set()

    async def _ask(self, name: Name, kind: RdataType) -> Answer[Any]:
        """Ask the servers.

        While they are down, mail is not held up: a message asks a dozen questions, and each would
        wait out its timeout. Whoever comes after the silence finds out whether they are back.
        """
        if self._unheard >= UNHEARD and self._clock.monotonic() < self._silent_until:
            raise DnsTransient("DNS does not answer")
        try:
            async with asyncio.timeout(self._timeout.total_seconds()), self._room:
                said = await self._asked.resolve(name, kind, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as absence:
            self._unheard = 0
            response = absence.response(name)  # type: ignore[no-untyped-call]  # dnspython's
            return self._answer(response, response.resolve_chaining(), kind, exists=False)
        except (dns.resolver.LifetimeTimeout, TimeoutError) as error:
            self._unheard += 1
            self._silent_until = self._clock.monotonic() + SILENT_SECONDS
            raise DnsTransient("DNS did not answer in time") from error
        except dns.exception.DNSException as error:
            self._unheard = 0
            raise DnsTransient("DNS could not answer") from error
        self._unheard = 0
        return self._answer(said.response, said.chaining_result, kind, exists=True)

    def _answer(
        self,
        response: dns.message.Message,
        chain: dns.message.ChainingResult,
        kind: RdataType,
        *,
        exists: bool,
    ) -> Answer[Any]:
        return Answer(
            records=tuple(map(READERS[kind], chain.answer or ())),
            exists=exists,
            secure=self.trusted and bool(response.flags & dns.flags.AD),
            name=host(chain.canonical_name),
            ttl=chain.minimum_ttl,
        )


def _system_nameservers() -> list[Endpoint]:
    system = dns.asyncresolver.Resolver(configure=False)
    try:
        system.read_resolv_conf("/etc/resolv.conf")
    except dns.resolver.NoResolverConfiguration:
        return [Endpoint(host="127.0.0.1", port=DNS_PORT)]  # as resolv.conf(5) says
    return [Endpoint(host=str(one), port=DNS_PORT) for one in system.nameservers]


def _name(text: str) -> Name | None:
    """Read a name without any escapes; None where DNS cannot hold it.

    Names come from strangers (SPF macros, header fields), so a backslash is a backslash.
    """
    if not text:
        return root
    try:
        labels = [label.encode("ascii" if label.isascii() else "idna") for label in text.split(".")]
        return Name([*labels, b""])
    except (UnicodeError, dns.exception.DNSException):
        return None
