"""What is counted for the reports that we write: verdicts on mail, and how TLS with others went.

Counting is a look-up in memory; once a minute what was counted is added to the store, in one write
however much it is. A crash loses that minute's counts, and no mail.
"""

from dataclasses import dataclass

import msgspec

from mailserver.mailauth.dkim import DkimSignature
from mailserver.mailauth.dmarc import Dmarc, DmarcResult, Policy
from mailserver.mailauth.verdict import Verdict
from mailserver.model.client import Client
from mailserver.model.ids import ObjectId
from mailserver.protocol.reports.dmarc import DkimLine, Line, SpfLine
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.reports import Observed, ReportKind, day_of
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard, Kind

LINES = 20_000  # kept in memory between two writes; some 10 MB
SIGNATURES = 8
_FORWARDED = (("trusted_forwarder", ""),)
_TESTED = (("policy_test_mode", ""),)

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class Session:
    """How a TLS session with a mail host went, or why there was none."""

    policy: str
    """tlsa, sts or no-policy-found. Source: RFC 8460 §4.2."""
    text: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    mx: str = ""
    ip: str = ""
    result: str = ""
    """A result type of RFC 8460 §4.3; empty for success."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted: a domain, and a line of its report."""

    domain: str
    line: Line | None = None
    session: Session | None = None


class ReportLedger:
    """Counts."""

    def __init__(self, store: Store, guard: InstanceGuard, clock: Clock) -> None:
        """Keep counts in `store`, under `guard`."""
        self._store = store
        self._guard = guard
        self._clock = clock
        self._counts: dict[tuple[ReportKind, int, Counted], int] = {}
        self._dropped = 0

    @property
    def waiting(self) -> int:
        """How much was counted that is not written down yet."""
        return sum(self._counts.values())

    def judged(self, verdict: Verdict, client: Client, applied: Policy) -> None:
        """Count a message that was judged, and what was done about it (`applied`).

        Only where the author's domain asks for reports.
        """
        dmarc = verdict.dmarc
        if not dmarc.rua or dmarc.result is DmarcResult.TEMPERROR:
            return
        line = Line(
            ip=client.ip,
            count=0,
            disposition="pass" if dmarc.result is DmarcResult.PASS else applied.value,
            dkim="pass" if dmarc.aligned_dkim else "fail",
            spf="pass" if dmarc.aligned_spf else "fail",
            header_from=dmarc.author,
            envelope_from=verdict.spf.domain if verdict.spf.identity == "mailfrom" else "",
            reasons=_reasons(dmarc, verdict.policy, applied),
            signatures=_signatures(verdict.dkim, dmarc),
            sender=SpfLine(
                verdict.spf.domain,
                verdict.spf.result.value,
                "mfrom" if verdict.spf.identity == "mailfrom" else "",
            )
            if verdict.spf.domain
            else None,
        )
        self._count(ReportKind.DMARC, Counted(dmarc.record_domain, line=line))

    def spoke(self, domain: str, session: Session) -> None:
        """Count a session with a mail host of `domain`."""
        self._count(ReportKind.TLS, Counted(domain, session=session))

    def _count(self, kind: ReportKind, counted: Counted) -> None:
        key = (kind, day_of(self._clock.now()), counted)
        if key not in self._counts and len(self._counts) >= LINES:
            self._dropped += 1
            return
        self._counts[key] = self._counts.get(key, 0) + 1

    async def flush(self) -> None:
        """Add what was counted to the store; what cannot be written now is counted on.

        Raises:
            Transient: the store does not answer.
        """
        if self._dropped:
            log.warning("too much to count for reports", dropped=self._dropped)
            self._dropped = 0
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await self._store.reports.observe(
                [self._row(*key, times) for key, times in counts.items()]
            )
        except BaseException:
            for key, times in self._counts.items():
                counts[key] = counts.get(key, 0) + times
            self._counts = counts
            raise

    def _row(self, kind: ReportKind, day: int, counted: Counted, times: int) -> Observed:
        octets = msgspec.json.encode(counted)
        # The day is in it, so that nobody can tell that two days have the same line.
        name = self._guard.name_hash(f"observed {kind} {day} {octets.decode()}")
        detail = self._guard.seal(Kind.OBSERVATION, ObjectId(name), octets)
        return Observed(kind, day, domain_name(self._guard, counted.domain), name, times, detail)


def domain_name(guard: InstanceGuard, domain: str) -> bytes:
    """Return the keyed hash under which a domain's counts stand."""
    return guard.name_hash(f"reported {domain}")


def opened(guard: InstanceGuard, row: Observed) -> Counted:
    """Return what a row counts.

    Raises:
        Corrupt: it is not authentic.
    """
    octets = guard.open(Kind.OBSERVATION, ObjectId(row.name), row.detail)
    return msgspec.json.decode(octets, type=Counted)


def _reasons(dmarc: Dmarc, asked: Policy, applied: Policy) -> tuple[tuple[str, str], ...]:
    """Say why the published policy was not followed."""
    if asked is not applied:
        return _FORWARDED
    tested = dmarc.record is not None and dmarc.record.testing
    return _TESTED if tested and dmarc.result is DmarcResult.FAIL else ()


def _signatures(found: tuple[DkimSignature, ...], dmarc: Dmarc) -> tuple[DkimLine, ...]:
    """Order them as RFC 9990 §3.1.4 prefers them: those that pass first, aligned ones before."""
    named = [one for one in found if one.domain]
    named.sort(key=lambda one: (one.result.value != "pass", one.domain != dmarc.author))
    return tuple(DkimLine(one.domain, one.selector, one.result.value) for one in named[:SIGNATURES])
