"""Writing to other domains how their mail, and TLS with them, went: once a day, where they ask.

What was counted of a day is reported when the day is over, and dropped with it. A report is in the
queue before its counts are dropped, and has the same id whenever it is made again: whoever gets it
twice can tell.

Source: RFC 9990 §3, RFC 8460 §3 to §5.
"""

import gzip
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from mailserver.mail.outgoing import Origin, Outgoing, Parcel
from mailserver.mail.report_ledger import Counted, Session, opened
from mailserver.mail.report_posting import ReportPosting
from mailserver.mailauth.dmarc_record import DmarcRecord
from mailserver.mailauth.report_addresses import (
    dmarc_destinations,
    dmarc_policy,
    tls_destinations,
)
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward
from mailserver.model.errors import Corrupt
from mailserver.model.sealed import Plaintext
from mailserver.protocol.reports import dmarc, tls
from mailserver.protocol.reports.dmarc import DmarcReport, Line, Published
from mailserver.protocol.reports.tls import Failure, PolicyResult, TlsReport
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.runtime.resolver import DnsTransient, Resolver
from mailserver.store.reports import Day, Observed, ReportKind, day_of
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard

AT_ONCE = 200  # domains of one round; the next round is some minutes later
LINES = 10_000  # of one report, the most frequent; a report must fit into a letter
GENERATOR = "Zegel"
DAY = timedelta(days=1)

log = get_logger("mail")


@dataclass(frozen=True, slots=True)
class Author:
    """Who reports."""

    domain: str
    """One of ours, whose keys sign the report."""
    host: str

    @property
    def address(self) -> str:
        """Whom to ask about it."""
        return f"postmaster@{self.domain}"


class ReportSending:
    """Sends the reports of days that are over."""

    def __init__(
        self,
        store: Store,
        guard: InstanceGuard,
        outgoing: Outgoing,
        resolver: Resolver,
        clock: Clock,
        offload: Offload,
        author: Callable[[], Awaitable[Author | None]],
        posting: ReportPosting,
    ) -> None:
        """Hand reports to `outgoing` and `posting`, in the name of `author`.

        None for an author: nobody may report yet.
        """
        self._store = store
        self._guard = guard
        self._outgoing = outgoing
        self._resolver = resolver
        self._clock = clock
        self._offload = offload
        self._author = author
        self._posting = posting

    async def send_due(self) -> int:
        """Report what is due of the days before today; return how many letters were queued.

        A domain whose DNS or web server does not answer has its turn again in another round.

        Raises:
            Transient: the store does not answer.
        """
        author = await self._author()
        if author is None:
            return 0
        sent = 0
        for day in await self._store.reports.days(day_of(self._clock.now()), AT_ONCE):
            try:
                queued, is_done = await self._report(day, author)
            except DnsTransient:
                log.info("report put off", kind=day.kind.name.lower())
                continue
            sent += queued
            if is_done:
                await self._store.reports.settle(day)
        return sent

    async def _report(self, day: Day, author: Author) -> tuple[int, bool]:
        """Report on one day; return the letters queued, and whether nothing is left to do."""
        rows = await self._store.reports.of_day(day, LINES)
        found = [(counted, row.times) for row in rows if (counted := self._opened(row))]
        if not found:
            return 0, True
        domain = found[0][0].domain
        name = self._guard.name_hash(f"report to {day.kind} {day.day} {domain}").hex()
        place = _Place(domain, day.day, name, author)
        if day.kind is ReportKind.TLS:
            return await self._tls(place, found)
        record = await dmarc_policy(self._resolver, domain)
        if record is None or not record.rua:
            return 0, True
        to = await dmarc_destinations(self._resolver, domain, record)
        letter = await self._offload(_dmarc_letter, place, record, found, to)
        return await self._queue(day.kind, place, letter, to), True

    async def _tls(self, place: "_Place", found: Sequence[tuple[Counted, int]]) -> tuple[int, bool]:
        """Report by letter once, and to web servers until each has it or a day is over."""
        to = await tls_destinations(self._resolver, place.domain)
        if not to:
            return 0, True
        packed = await self._offload(_tls_packed, place, found)
        queued = 0
        if to.mailboxes and self._posting.is_new(place.id):
            letter = _tls_letter(place, packed, to.mailboxes)
            queued = await self._queue(ReportKind.TLS, place, letter, to.mailboxes)
        return queued, await self._posting.post(place.id, to.urls, packed)

    async def _queue(
        self, kind: ReportKind, place: "_Place", letter: bytes, to: Sequence[Address]
    ) -> int:
        if not to:
            return 0
        # NEVER: a report that cannot be delivered is of no interest to anybody here.
        onward = [Onward(address, Notify.NEVER) for address in to]
        parcel = Parcel(Origin(None, self._guard), Envelope(None), Plaintext(letter), onward)
        await self._outgoing.enqueue(parcel)
        log.info("report queued", domain=place.domain, kind=kind.name.lower())
        return 1

    def _opened(self, row: Observed) -> Counted | None:
        try:
            return opened(self._guard, row)
        except Corrupt as error:
            log.error("observation damaged", condition=error.condition.name)
            return None


@dataclass(frozen=True, slots=True)
class _Place:
    """What one report is about, and by whom."""

    domain: str
    day: int
    id: str
    author: Author

    @property
    def begin(self) -> datetime:
        return datetime.fromtimestamp(self.day * 86_400, UTC)

    @property
    def end(self) -> datetime:
        """Its last second."""
        return self.begin + DAY - timedelta(seconds=1)

    def file(self, extension: str) -> str:
        """Name the attachment. Source: RFC 9990 §3.5.2, RFC 8460 §5.1."""
        begin, end = (round(at.timestamp()) for at in (self.begin, self.end))
        return f"{self.author.host}!{self.domain}!{begin}!{end}!{self.id}.{extension}"


def _dmarc_letter(
    place: _Place,
    record: DmarcRecord,
    found: Sequence[tuple[Counted, int]],
    to: Sequence[Address],
) -> bytes:
    lines = [replace(one.line, count=times) for one, times in found if one.line is not None]
    report = dmarc_report(place.domain, record, lines)
    report = replace(
        report,
        organization=place.author.host,
        contact=place.author.address,
        id=place.id,
        begin=round(place.begin.timestamp()),
        end=round(place.end.timestamp()),
    )
    text = f"An aggregate report on mail in the name of {place.domain} (DMARC, RFC 9990).\n"
    packed = gzip.compress(dmarc.write(report), mtime=0)
    message = _letter(place, to, text)
    message.add_attachment(
        packed, maintype="application", subtype="gzip", filename=place.file("xml.gz")
    )
    message.set_boundary(place.id)
    return message.as_bytes()


def dmarc_report(domain: str, record: DmarcRecord, lines: Sequence[Line]) -> DmarcReport:
    """Put the body of a report together: policy and lines."""
    published = Published(
        domain=domain,
        policy=record.policy.value,
        subdomains=(record.subdomains or record.policy).value,
        nonexistent=(record.nonexistent or record.subdomains or record.policy).value,
        adkim="s" if record.strict_dkim else "r",
        aspf="s" if record.strict_spf else "r",
        failures=record.failures,
        testing="y" if record.testing else "n",
        method="treewalk",
    )
    return DmarcReport("", "", "", 0, 0, published, dmarc.ordered(lines), GENERATOR)


def _tls_packed(place: _Place, found: Sequence[tuple[Counted, int]]) -> bytes:
    sessions = [(one.session, times) for one, times in found if one.session is not None]
    report = TlsReport(
        organization=place.author.host,
        contact=place.author.address,
        id=place.id,
        begin=place.begin,
        end=place.end,
        policies=tls_results(place.domain, sessions),
    )
    return gzip.compress(tls.write(report), mtime=0)


def _tls_letter(place: _Place, packed: bytes, to: Sequence[Address]) -> bytes:
    text = f"A report on TLS with the mail hosts of {place.domain} (TLS-RPT, RFC 8460).\n"
    message = _letter(place, to, text)
    message["TLS-Report-Domain"] = place.domain
    message["TLS-Report-Submitter"] = place.author.host
    message["TLS-Required"] = "No"  # RFC 8689 §5: it may be TLS that is broken
    message.add_attachment(
        packed, maintype="application", subtype="tlsrpt+gzip", filename=place.file("json.gz")
    )
    message.set_type("multipart/report")
    message.set_param("report-type", "tlsrpt")
    message.set_boundary(place.id)
    return message.as_bytes()


def tls_results(domain: str, sessions: Sequence[tuple[Session, int]]) -> tuple[PolicyResult, ...]:
    """Put sessions together by the policy they were held to."""
    by_policy: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[tuple[Session, int]]] = {}
    for session, times in sessions:
        key = (session.policy, session.text, session.hosts)
        by_policy.setdefault(key, []).append((session, times))
    return tuple(
        PolicyResult(
            kind=kind,
            domain=domain,
            text=text,
            hosts=hosts,
            successes=sum(times for one, times in some if not one.result),
            failures=sum(times for one, times in some if one.result),
            details=tuple(
                Failure(one.result, times, "", one.mx, one.ip, one.reason)
                for one, times in some
                if one.result
            ),
        )
        for (kind, text, hosts), some in by_policy.items()
    )


def _letter(place: _Place, to: Sequence[Address], text: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = place.author.address
    message["To"] = ", ".join(str(address) for address in to)
    message["Subject"] = dmarc.subject(place.domain, place.author.host, place.id)
    # The day's end, not now: a letter that is made again is the same letter.
    message["Date"] = format_datetime(place.end)
    message["Message-ID"] = f"<{place.id}@{place.author.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message
