"""What reports about a domain come to: who sends in its name, and how TLS with it went."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailserver.mail.report_intake import Read, opened
from mailserver.model.errors import Corrupt
from mailserver.protocol.reports.dmarc import DmarcReport
from mailserver.protocol.reports.tls import TlsReport
from mailserver.store.reports import ReportKind, ReportRow
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard

PAGE = 50
SOURCES = 100_000  # kept apart; more are counted, not named


@dataclass(slots=True)
class Source:
    """An address that sends in the domain's name."""

    ip: str
    messages: int = 0
    failed: int = 0
    quarantined: int = 0
    rejected: int = 0
    signers: set[str] = field(default_factory=set)
    """Domains whose DKIM signature or SPF held, aligned or not: a hint at whose server it is."""


@dataclass(slots=True)
class DmarcSummary:
    """All DMARC reports of a time."""

    reports: int = 0
    unproven: int = 0
    """Reports whose sender's domain did not vouch for them; they count all the same."""
    damaged: int = 0
    messages: int = 0
    failed: int = 0
    reporters: set[str] = field(default_factory=set)
    sources: dict[str, Source] = field(default_factory=dict)


@dataclass(slots=True)
class TlsSummary:
    """All TLS reports of a time."""

    reports: int = 0
    unproven: int = 0
    damaged: int = 0
    sessions: int = 0
    failed: int = 0
    reporters: set[str] = field(default_factory=set)
    failures: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """Sessions by result type, our host and the policy's kind."""


class ReportSummary:
    """Reads the reports about a domain."""

    def __init__(self, store: Store, guard: InstanceGuard) -> None:
        """Open reports with `guard`."""
        self._store = store
        self._guard = guard

    async def dmarc(self, domain: str, *, now: datetime, days: int) -> DmarcSummary:
        """Sum up the DMARC reports that came in the last `days`."""
        found = DmarcSummary()
        since = now - timedelta(days=days)
        async for row, read in self._reports(domain, ReportKind.DMARC, since):
            if read is None or not isinstance(read.report, DmarcReport):
                found.damaged += 1
                continue
            found.reports += 1
            found.unproven += not row.proven
            found.reporters.add(read.report.organization)
            _add(found, read.report)
        return found

    async def tls(self, domain: str, *, now: datetime, days: int) -> TlsSummary:
        """Sum up the TLS reports that came in the last `days`."""
        found = TlsSummary()
        since = now - timedelta(days=days)
        async for row, read in self._reports(domain, ReportKind.TLS, since):
            if read is None or not isinstance(read.report, TlsReport):
                found.damaged += 1
                continue
            found.reports += 1
            found.unproven += not row.proven
            found.reporters.add(read.report.organization)
            found.sessions += read.report.sessions
            found.failed += read.report.failed
            for policy in read.report.policies:
                for one in policy.details:
                    key = (one.result, one.host, policy.kind)
                    if key in found.failures or len(found.failures) < SOURCES:
                        found.failures[key] = found.failures.get(key, 0) + one.count
        return found

    async def _reports(
        self, domain: str, kind: ReportKind, since: datetime
    ) -> AsyncIterator[tuple[ReportRow, Read | None]]:
        last: ReportRow | None = None
        while page := await self._store.reports.page(domain, kind, since, PAGE, last):
            last = page[-1]
            for row in page:
                try:
                    yield row, opened(self._guard, row)
                except Corrupt:
                    yield row, None


def _add(found: DmarcSummary, report: DmarcReport) -> None:
    found.messages += report.messages
    found.failed += report.failed
    for line in report.lines:
        source = found.sources.get(line.ip)
        if source is None:
            if len(found.sources) >= SOURCES:
                continue
            source = found.sources[line.ip] = Source(line.ip)
        source.messages += line.count
        source.failed += 0 if line.passed else line.count
        source.quarantined += line.count if line.disposition == "quarantine" else 0
        source.rejected += line.count if line.disposition == "reject" else 0
        held = [one.domain for one in line.signatures if one.result == "pass"]
        if line.sender is not None and line.sender.result == "pass":
            held.append(line.sender.domain)
        source.signers.update(held[:4])
