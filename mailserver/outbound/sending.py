"""One message to one destination: the route, its hosts in turn, and what became of each recipient.

The next host is asked only where one could not be spoken with; what a host says of a message or a
recipient counts (RFC 5321 §5.1). A conversation that was kept from an earlier message may have
ended unnoticed: then, and only before any octet of this message left, the same host is dialled
anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailserver.outbound.client import Outcome, Package, Verdict, outcome
from mailserver.outbound.pool import Lent, Pool
from mailserver.outbound.route import Router, Unroutable
from mailserver.outbound.security import Host
from mailserver.outbound.wire import Gone
from mailserver.protocol.smtp.client import is_permanent

ROUNDS = 20  # of a message whose recipients a host takes in portions (RFC 5321 §4.5.3.1.10)
NOT_HERE = "5.7.30"  # REQUIRETLS is not supported by this host; another one may


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message at its destination."""

    outcomes: tuple[Outcome, ...]
    """One for each recipient, in their order."""
    unreachable: bool = False
    """No host could be spoken with, so that other mail need not try now."""
    insecure: bool = False
    """A host could be, but not with the TLS there must be."""
    mandatory: bool = False
    """The operator wants TLS for this destination."""
    is_final: bool = False
    """It was delivered here, to its recipients' mailboxes."""
    knows_dsn: bool = False
    """Whoever took it looks after delivery reports from here on (RFC 3461 §5.2)."""


class Sending:
    """Sends messages."""

    def __init__(self, router: Router, pool: Pool) -> None:
        """Go where `router` says, in conversations of `pool`."""
        self._router = router
        self._pool = pool

    async def send(self, domain: str, package: Package) -> Sent:
        """Send a message whose recipients are all at `domain`; never raises for what SMTP does."""
        sent = await self._sent(domain, package)
        return replace(sent, mandatory=self._router.is_mandatory(domain))

    async def _sent(self, domain: str, package: Package) -> Sent:
        require_tls = package.envelope.require_tls
        try:
            route = await self._router.route(domain, require_tls=require_tls)
        except Unroutable as none:
            alike = outcome(none.said)
            insecure = none.said.status.startswith(("4.7", "5.7"))
            later = alike.verdict is Verdict.LATER
            return Sent((alike,) * len(package.recipients), later, insecure)
        failure: Sent | None = None
        for host in route.hosts:
            try:
                sent = await self._to_host(domain, host, package)
            except Gone as gone:
                # What a host says of itself is no word on the message, whatever its code; only
                # our own word on a loop is.
                fatal = not gone.said.code and is_permanent(gone.said)
                verdict = Verdict.NEVER if fatal else Verdict.LATER
                told = Outcome(verdict, replace(gone.said, host=gone.said.host or host.name))
                insecure = gone.insecure or (failure is not None and failure.insecure)
                if failure is None or gone.insecure or not failure.insecure:
                    failure = Sent((told,) * len(package.recipients), True, insecure)
                continue
            if all(each.said.status == NOT_HERE for each in sent.outcomes):
                failure = failure or sent
                continue
            return sent
        if failure is None:
            raise AssertionError("a route has a host")
        return failure

    async def _to_host(self, domain: str, host: Host, package: Package) -> Sent:
        """Send to one host, in rounds where it takes few recipients at a time. Raises Gone."""
        outcomes: dict[int, Outcome] = {}
        left = list(range(len(package.recipients)))
        knows_dsn = False
        for _ in range(ROUNDS):
            part = replace(package, recipients=tuple(package.recipients[place] for place in left))
            try:
                round_, knows_dsn = await self._round(domain, host, part)
            except Gone as gone:
                if not outcomes:
                    raise
                outcomes.update((place, Outcome(Verdict.LATER, gone.said)) for place in left)
                break
            outcomes.update(zip(left, round_, strict=True))
            if not any(each.verdict is Verdict.DELIVERED for each in round_):
                break
            left = [place for place in left if _was_too_many(outcomes[place])]
            if not left:
                break
        return Sent(tuple(outcomes[place] for place in sorted(outcomes)), knows_dsn=knows_dsn)

    async def _round(
        self, domain: str, host: Host, package: Package
    ) -> tuple[Sequence[Outcome], bool]:
        kept: Lent | None = None
        try:
            async with self._pool.lend(domain, host) as kept:
                return await kept.connection.send(package), "DSN" in kept.connection.extensions
        except Gone:
            if kept is None or kept.fresh:
                raise
        async with self._pool.lend(domain, host, fresh=True) as lent:
            return await lent.connection.send(package), "DSN" in lent.connection.extensions


def _was_too_many(each: Outcome) -> bool:
    return each.verdict is Verdict.LATER and each.said.code in (452, 552)
