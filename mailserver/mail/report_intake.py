"""Reports about our domains, taken at addresses that need no mailbox.

Each domain has `dmarc-reports@` and `tls-reports@`; nobody reads them as mail. A message there is a
report about that domain, or it is refused.
"""

import zlib
from dataclasses import dataclass
from datetime import timedelta

from mailserver.mail.incoming import Incoming
from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault, Refused, Transient
from mailserver.model.ids import ObjectId
from mailserver.model.reserved import REPORTS
from mailserver.protocol.reports import dmarc_read, tls
from mailserver.protocol.reports.dmarc import DmarcReport
from mailserver.protocol.reports.tls import TlsReport
from mailserver.protocol.reports.unpack import attachments
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.reports import NewReport, ReportKind, ReportRow
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard, Kind

A_DAY = timedelta(days=1)
REPORTS_A_DAY = 2_000  # of one domain: a few dozen receivers report daily, the busiest a thousand
OCTETS_A_DAY = 64 << 20

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class Read:
    """A report as it was read, and its octets."""

    report: DmarcReport | TlsReport
    octets: bytes

    @property
    def kind(self) -> ReportKind:
        """What is reported."""
        return ReportKind.DMARC if isinstance(self.report, DmarcReport) else ReportKind.TLS

    @property
    def domains(self) -> set[str]:
        """Which domains it is about."""
        if isinstance(self.report, DmarcReport):
            return {self.report.published.domain}
        return {policy.domain for policy in self.report.policies}

    @property
    def counts(self) -> tuple[int, int]:
        """How many messages or sessions it tells of, and how many of them failed."""
        if isinstance(self.report, DmarcReport):
            return self.report.messages, self.report.failed
        return self.report.sessions, self.report.failed


class ReportIntake:
    """Takes reports."""

    def __init__(self, store: Store, guard: InstanceGuard, clock: Clock, offload: Offload) -> None:
        """Keep reports in `store`, under `guard`; they are read in `offload`."""
        self._store = store
        self._guard = guard
        self._clock = clock
        self._offload = offload

    @staticmethod
    def takes(address: Address) -> bool:
        """Say whether an address of one of our domains is for reports."""
        return address.local.casefold() in REPORTS

    async def take(self, message: Incoming, address: Address) -> None:
        """Keep the reports in a message; durable on return.

        Raises:
            Refused: NOT_PERMITTED, there is no report about the domain in it.
            PeerFault: TOO_LARGE, TOO_MANY.
            Transient: BUSY, there were too many today.
        """
        found = await self._offload(read_mail, message.octets.reveal())
        about = [
            one for one in found if all(_is_within(each, address.domain) for each in one.domains)
        ]
        if not about:
            raise Refused(
                Condition.NOT_PERMITTED, "only reports about this very domain are taken here"
            )
        count, octets = await self._store.reports.volume(address.domain, self._clock.now() - A_DAY)
        if count >= REPORTS_A_DAY or octets >= OCTETS_A_DAY:
            raise Transient(Condition.BUSY, "too many reports today, try again later")
        for one in about:
            if await self._store.reports.add(self._row(one, message, address.domain)):
                log.info("report taken", domain=address.domain, kind=one.kind.name.lower())

    def _row(self, one: Read, message: Incoming, domain: str) -> NewReport:
        report, (total, failed) = one.report, one.counts
        name = self._guard.name_hash(
            f"report {one.kind} {domain} {report.organization} {report.id}"
        )
        verdict = message.verdict
        return NewReport(
            domain,
            name,
            one.kind,
            proven=message.client is None or bool(verdict and verdict.aligned_domain),
            total=total,
            failed=failed,
            report=self._guard.seal(Kind.REPORT, ObjectId(name), zlib.compress(one.octets)),
        )


def read_mail(octets: bytes) -> list[Read]:
    """Return the reports in a message; what is none is passed over.

    Raises:
        PeerFault: TOO_LARGE, TOO_MANY.
    """
    return [one for file in attachments(octets) if (one := read(file)) is not None]


def read(octets: bytes) -> Read | None:
    """Read a report; None where it is none.

    Raises:
        PeerFault: TOO_MANY.
    """
    parse = tls.parse if octets.lstrip()[:1] == b"{" else dmarc_read.parse
    try:
        return Read(parse(octets), octets)
    except PeerFault as fault:
        if fault.condition is Condition.BAD_SYNTAX:
            return None
        raise


def opened(guard: InstanceGuard, row: ReportRow) -> Read | None:
    """Open a report that was kept; None where an earlier release took what this one does not.

    Raises:
        Corrupt: it is not authentic.
    """
    return read(zlib.decompress(guard.open(Kind.REPORT, ObjectId(row.name), row.report)))


def _is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
