"""Everything that authentication says of one message, in one value.

SPF, DKIM, ARC and the walk to the author's DMARC record ask DNS at the same time; DMARC then
draws its conclusion from what they found. All of it has one deadline, after which what is missing
counts as "DNS did not say", never as a failure of the message.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mailserver.mailauth import arc, dkim
from mailserver.mailauth.arc import Arc, ArcResult
from mailserver.mailauth.dkim import DkimResult, DkimSignature
from mailserver.mailauth.dmarc import Dmarc, DmarcResult, Policy, evaluate, walk
from mailserver.mailauth.spf import Spf, SpfResult, check_host
from mailserver.model.address import Address, canonical_domain
from mailserver.model.client import Client
from mailserver.model.errors import PeerFault
from mailserver.protocol.mime.authors import Author, Authors, authors
from mailserver.protocol.mime.headers import header_fields
from mailserver.protocol.mime.scan import header_only
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver

DEADLINE = timedelta(seconds=15)  # the peer waits for its reply to DATA (RFC 5321 §4.5.3.2.6)
MOST_AUTHORS = 4  # domains in From that are looked up; RFC 9989 §11.5 asks for a bound
LATE = "DNS took too long"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found; what to do about it is decided elsewhere."""

    spf: Spf
    dkim: tuple[DkimSignature, ...]
    arc: Arc
    dmarc: Dmarc
    """Where From has several domains, that of the worst."""
    from_address: str
    """The author as the reader sees it, and as `dmarc` means it; empty without one."""
    from_domain: str
    """The author's domain in canonical form; empty where it has none that is one."""
    from_fields: int = 1
    """How many From fields there are; anything but one is forged or broken (RFC 5322 §3.6)."""

    @property
    def aligned_domain(self) -> str:
        """The domain that vouches for the author, to be shown beside the name; empty if none."""
        return self.dmarc.aligned if self.dmarc.result is DmarcResult.PASS else ""

    @property
    def policy(self) -> Policy:
        """What the author's domain wants done with this message now."""
        refused = self.dmarc.result in (DmarcResult.FAIL, DmarcResult.PERMERROR)
        return self.dmarc.policy if refused else Policy.NONE


async def judge(
    resolver: Resolver,
    message: bytes,
    client: Client,
    sender: Address | None,
    *,
    now: datetime,
    offload: Offload | None = None,
    deadline: timedelta = DEADLINE,
) -> Verdict:
    """Authenticate a message that came from outside.

    Args:
        resolver: asked for everything.
        message: as received, its lines ending with CRLF.
        client: who handed it over.
        sender: the reverse path; None where it is empty.
        now: decides about expired signatures.
        offload: where large bodies are hashed.
        deadline: the most it may take.
    """
    until = asyncio.get_running_loop().time() + deadline.total_seconds()
    written = authors(header_fields(message[: header_only(message).header_end]))
    by_domain = _by_domain(written.listed)
    async with asyncio.TaskGroup() as tasks:
        by_spf = tasks.create_task(_spf(resolver, client, sender, until))
        by_dkim = tasks.create_task(_dkim(resolver, message, now, offload, until))
        by_arc = tasks.create_task(_arc(resolver, message, now, offload, until))
        for domain in list(by_domain)[:MOST_AUTHORS]:
            tasks.create_task(_warm(resolver, domain, until))
    spf, signatures = by_spf.result(), by_dkim.result()
    dmarc = await _worst(resolver, written, by_domain, spf, signatures, until)
    author = by_domain.get(dmarc.author)
    return Verdict(
        spf,
        tuple(signatures),
        by_arc.result(),
        dmarc,
        from_address=str(author or next(iter(written.listed), "")),
        from_domain=dmarc.author,
        from_fields=written.fields,
    )


def _by_domain(listed: Sequence[Author]) -> dict[str, Author]:
    """Find the first author of each domain; what is no domain is the empty one."""
    found: dict[str, Author] = {}
    for author in listed:
        try:
            domain = canonical_domain(author.domain)
        except PeerFault:
            domain = ""
        found.setdefault(domain, author)
    return found


async def _within(until: float, work: Coroutine[Any, Any, T], late: T) -> T:
    """Await `work`, or return `late` at the deadline."""
    try:
        async with asyncio.timeout_at(until):
            return await work
    except TimeoutError:
        return late


async def _spf(resolver: Resolver, client: Client, sender: Address | None, until: float) -> Spf:
    late = Spf(
        SpfResult.TEMPERROR,
        client.helo.lower() if sender is None else sender.domain,
        "helo" if sender is None else "mailfrom",
        LATE,
    )
    return await _within(
        until, check_host(resolver, ip=client.ip, helo=client.helo, sender=sender), late
    )


async def _dkim(
    resolver: Resolver, message: bytes, now: datetime, offload: Offload | None, until: float
) -> list[DkimSignature]:
    late = [DkimSignature(DkimResult.TEMPERROR, LATE)]
    work = dkim.verify(resolver, message, now=now, offload=offload)
    return await _within(until, work, late)


async def _arc(
    resolver: Resolver, message: bytes, now: datetime, offload: Offload | None, until: float
) -> Arc:
    work = arc.verify(resolver, message, now=now, offload=offload)
    return await _within(until, work, Arc(ArcResult.FAIL, LATE))


async def _warm(resolver: Resolver, domain: str, until: float) -> None:
    """Let DNS answers arrive while signatures are checked; `evaluate` then finds them known."""
    if domain:
        await _within(until, _walked(resolver, domain), None)


async def _walked(resolver: Resolver, domain: str) -> None:
    try:
        await walk(resolver, domain)
    except DnsTransient:
        return  # which `evaluate` will meet again, and say so


async def _worst(
    resolver: Resolver,
    written: Authors,
    by_domain: dict[str, Author],
    spf: Spf,
    signatures: Sequence[DkimSignature],
    until: float,
) -> Dmarc:
    """Ask DMARC for each author's domain and keep the worst answer (RFC 9989 §11.5)."""
    if not written.listed:
        return Dmarc(DmarcResult.PERMERROR, "", reason="the message has no author")
    if len(by_domain) > MOST_AUTHORS:
        return Dmarc(
            DmarcResult.PERMERROR,
            next(iter(by_domain)),
            policy=Policy.QUARANTINE,
            reason="the message claims too many authors",
        )
    answers = []
    for domain in by_domain:
        if not domain:
            answers.append(Dmarc(DmarcResult.PERMERROR, "", reason="an author has no domain"))
            continue
        late = Dmarc(DmarcResult.TEMPERROR, domain, reason=LATE)
        work = evaluate(resolver, from_domain=domain, spf=spf, dkim=signatures)
        answers.append(await _within(until, work, late))
    return max(answers, key=_badness)


def _badness(dmarc: Dmarc) -> int:
    match dmarc.result, dmarc.policy:
        case DmarcResult.FAIL, Policy.REJECT:
            return 5
        case DmarcResult.FAIL, Policy.QUARANTINE:
            return 4
        case ((DmarcResult.PERMERROR | DmarcResult.TEMPERROR), _):
            return 3
        case DmarcResult.FAIL, _:
            return 2
        case DmarcResult.NONE, _:
            return 1
        case _:
            return 0
