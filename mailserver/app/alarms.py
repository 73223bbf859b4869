"""What is wrong now: every ten minutes all of it is looked at, and what is wrong becomes an alarm.

What cannot be looked at is said, so that nobody takes it for mended. The doctor asks the internet,
so it looks once a day; in between its findings stand.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from mailserver.app.house import House
from mailserver.app.registers import Books
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Misconfigured, PeerFault
from mailserver.model.ids import AccountId, QueueId
from mailserver.operations.alert_texts import Kind, News
from mailserver.operations.alerts import Alarm, Alerts, Post, Recipients
from mailserver.operations.doctor.examination import Examiner
from mailserver.operations.doctor.finding import Finding, Severity
from mailserver.operations.published import published
from mailserver.operations.vitals import Vitals, drills
from mailserver.privacy import breach as breaches
from mailserver.privacy import request as requests
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Settings
from mailserver.runtime.tls_client import ClientTls
from mailserver.store.queue_rows import QueueState
from mailserver.store.registers import Register
from mailserver.store.store import Store

CERTIFICATE = timedelta(days=14)
DISK_PERCENT = 10
DRILL = timedelta(days=90)  # PRIVACY §19
RETENTION = timedelta(hours=48)
ERASURE = timedelta(hours=24)
DOCTOR = timedelta(days=1)
LINES = 40
DAY = timedelta(days=1)
STATE, DRILLS, LETTERS = 1, 2, 3
"""Entries of Register.ALERT: which alarms stand, the last drill, letters on their way."""

Found = Callable[[], Awaitable[list[Alarm]]]
Examine = Callable[[], Awaitable[list[Finding]]]

log = get_logger("alerts")


@dataclass(slots=True)
class Watch:
    """Looks at a server, and has its alarms told."""

    settings: Settings
    store: Store
    books: Books
    vitals: Vitals
    clock: Clock
    alerts: Alerts
    examine: Examine
    _findings: list[Alarm] = field(default_factory=list)
    _examined_at: datetime | None = None

    async def look(self) -> list[News]:
        """Look at everything, and write about it; return what was written.

        Raises:
            Transient: a letter could not be queued, or it could not be remembered.
        """
        if not self.alerts.recipients.anybody:
            return []
        seen, unseen = [], set()
        for kind, found in self._looks().items():
            try:
                seen += await found()
            except Exception as error:  # the others are looked at, whatever is wrong with one
                log.error("not looked at", kind=kind.value, exc_info=error)
                unseen.add(kind)
        return await self.alerts.look(seen, unseen)

    def _looks(self) -> dict[Kind, Found]:
        return {
            Kind.CERTIFICATE: self._certificate,
            Kind.DISK: self._disk,
            Kind.QUEUE: self._queue,
            Kind.BACKUP: self._backup,
            Kind.DRILL: self._drill,
            Kind.SCRUB: partial(self._damage, breaches.Detector.SCRUB, Kind.SCRUB),
            Kind.AUDIT: partial(self._damage, breaches.Detector.AUDIT, Kind.AUDIT),
            Kind.BREACH: self._breaches,
            Kind.REQUEST: self._requests,
            Kind.RETENTION: self._retention,
            Kind.ERASURE: self._erasures,
            Kind.SEPARATION: self._separation,
            Kind.DOCTOR: self._doctor,
        }

    async def _certificate(self) -> list[Alarm]:
        until = await self.vitals.certificate_until()
        if until is None:
            return []
        left = until - self.clock.now()
        if left >= CERTIFICATE:
            return []
        stage = "over" if left <= timedelta() else ""
        facts = {"days": str(max(left.days, 0)), "day": f"{until:%Y-%m-%d}"}
        return [Alarm(Kind.CERTIFICATE, stage=stage, facts=facts)]

    async def _disk(self) -> list[Alarm]:
        found = []
        for disk in await self.vitals.disks():
            percent = 100 * disk.free_octets // disk.total_octets
            if percent < DISK_PERCENT:
                facts = {"place": disk.place, "percent": str(percent)}
                found.append(Alarm(Kind.DISK, disk.place, facts=facts))
        return found

    async def _queue(self) -> list[Alarm]:
        waiting = [row for row in await self.vitals.queue() if row.state is not QueueState.HELD]
        oldest = min((row.oldest_at for row in waiting), default=self.clock.now())
        age = self.clock.now() - oldest
        if age < timedelta(hours=self.settings.alerts.queue_hours):
            return []
        rows = sum(row.rows for row in waiting)
        facts = {"hours": str(age // timedelta(hours=1)), "rows": str(rows)}
        return [Alarm(Kind.QUEUE, facts=facts, since=oldest)]

    async def _backup(self) -> list[Alarm]:
        longest = timedelta(hours=self.settings.alerts.backup_hours)
        found = []
        for kind, at in (await self.vitals.backups()).items():
            if at is None:  # a new server has none yet
                facts = {"place": kind.value, "day": "-"}
                found.append(Alarm(Kind.BACKUP, kind.value, facts=facts, grace=longest))
            elif self.clock.now() - at > longest:
                facts = {"place": kind.value, "day": f"{at:%Y-%m-%d}"}
                found.append(Alarm(Kind.BACKUP, kind.value, facts=facts))
        return found

    async def _drill(self) -> list[Alarm]:
        mark = await self.last_drill()
        if not self.settings.backup.targets:
            return []
        if "at" not in mark:
            return [Alarm(Kind.DRILL, "never", facts={"day": "-"}, grace=DRILL)]
        at = datetime.fromisoformat(mark["at"])
        facts = {"day": f"{at:%Y-%m-%d}"}
        if mark["failed"]:
            return [Alarm(Kind.DRILL, "failed", facts=facts)]
        if self.clock.now() - at > DRILL:
            return [Alarm(Kind.DRILL, "overdue", facts=facts)]
        return []

    async def last_drill(self) -> dict[str, Any]:
        """Return what the audit log says of the last drill (`vitals.drills`)."""
        ledger = self.books.ledger
        mark = await ledger.noted(Register.ALERT, DRILLS)
        read = await drills(self.store.audit, mark)
        if read != mark:
            await ledger.note(Register.ALERT, DRILLS, read)
        return read

    async def _damage(self, detector: breaches.Detector, kind: Kind) -> list[Alarm]:
        return [
            Alarm(kind, str(one.number), facts={"number": str(one.number)}, since=one.opened_at)
            for one in await self.books.breaches.listing()
            if one.detector is detector and one.state not in breaches.OVER
        ]

    async def _breaches(self) -> list[Alarm]:
        now = self.clock.now()
        return [
            breach_alarm(one, now)
            for one in await self.books.breaches.listing()
            if not one.answered
        ]

    async def _requests(self) -> list[Alarm]:
        now, found = self.clock.now(), []
        for one in await self.books.requests.listing():
            if one.state in requests.OVER or one.state is requests.State.IDENTITY:
                continue
            term = one.term(self.books.profile, now)
            late = now >= term.ends_at
            due = sum(now >= at for at in (*term.reminders(), term.ends_at - DAY, term.ends_at))
            if due:
                number, left = str(one.number), max((term.ends_at - now).days, 0)
                facts = {"number": number, "due": f"{term.due}", "days": str(left)}
                found.append(Alarm(Kind.REQUEST, number, str(due), facts, daily=late))
        return found

    async def _retention(self) -> list[Alarm]:
        found = []
        for name, state in (await self.books.retention.state()).items():
            if "failing" not in state:
                continue
            since = datetime.fromisoformat(state["failing"])
            facts = {"category": name, "day": f"{since:%Y-%m-%d}"}
            alarm = Alarm(Kind.RETENTION, name, facts=facts, since=since, grace=RETENTION)
            found.append(alarm)
        return found

    async def _erasures(self) -> list[Alarm]:
        left = await self.vitals.unfinished_erasures()
        found = [Alarm(Kind.ERASURE, facts={"accounts": str(left)}, grace=ERASURE)] if left else []
        for one in await self.books.requests.listing():
            if one.erase_at is None or one.state in requests.OVER:
                continue
            late = self.clock.now() - one.erase_at >= ERASURE
            if late and not await self.books.erasure.is_held(AccountId(bytes.fromhex(one.account))):
                alarm = Alarm(Kind.ERASURE, str(one.number), facts={"accounts": "1"})
                found.append(replace(alarm, since=one.erase_at))
        return found

    async def _separation(self) -> list[Alarm]:
        """Ask again what the settings asked at the start: links and mounts change."""
        try:
            await self.vitals.offload(self.settings.checked)
        except Misconfigured as error:
            return [Alarm(Kind.SEPARATION, facts={"lines": error.text})]
        return []

    async def _doctor(self) -> list[Alarm]:
        now = self.clock.now()
        if not self.settings.alerts.doctor:
            return []
        if self._examined_at is None or now - self._examined_at >= DOCTOR:
            found = [one for one in await self.examine() if one.severity >= Severity.WARNING]
            self._findings, self._examined_at = _digest(found), now
        return self._findings


def breach_alarm(one: breaches.Breach, now: datetime) -> Alarm:
    """Return the alarm of an entry that waits for an answer: news at each reminder of §15."""
    reminders = sum(now >= at for at in one.reminders)
    late = one.is_red(now)
    deadline = "-" if one.deadline is None else f"{one.deadline:%Y-%m-%d %H:%M} UTC"
    facts = {"number": str(one.number), "state": one.state.value, "deadline": deadline}
    stage = f"{one.state.value} {reminders}{' late' if late else ''}"
    daily = late or one.state is breaches.State.SUSPECTED
    return Alarm(Kind.BREACH, str(one.number), stage, facts, one.opened_at, daily=daily)


def _digest(found: Sequence[Finding]) -> list[Alarm]:
    if not found:
        return []
    lines = [f"{one.severity.name}: {one.check} {one.subject}: {one.found}" for one in found]
    named = "\n".join(sorted(f"{one.check} {one.subject} {one.severity}" for one in found))
    stage = sha256(named.encode()).hexdigest()[:16]
    facts = {"findings": str(len(found)), "lines": "\n".join(lines[:LINES])}
    return [Alarm(Kind.DOCTOR, stage=stage, facts=facts)]


def watch(house: House, *, examine: Examine | None = None) -> Watch:
    """Put the watch over a house together."""
    settings, ledger = house.settings, house.books.ledger
    vitals = Vitals(settings, house.store, house.keystore, house.offload)
    post = Post(
        house.outgoing.enqueue,
        partial(_waits, house.store),
        partial(_author, house),
        house.master.instance_guard,
    )
    alerts = Alerts(
        recipients(settings),
        post,
        house.clock,
        load=partial(ledger.noted, Register.ALERT, STATE),
        save=partial(ledger.note, Register.ALERT, STATE),
        letters=partial(ledger.revise, Register.ALERT, LETTERS),
    )
    look = examine or partial(_examined, house)
    return Watch(settings, house.store, house.books, vitals, house.clock, alerts, look)


def recipients(settings: Settings) -> Recipients:
    """Say who is written to; the organisation's contact, where that is a mail address."""
    alerts = settings.alerts
    try:
        privacy: tuple[Address, ...] = (Address.parse(settings.organisation.contact),)
    except PeerFault:
        privacy = ()
    to, fallback = (tuple(map(Address.parse, names)) for names in (alerts.to, alerts.fallback))
    return Recipients(to, privacy, fallback, alerts.language, settings.hostname)


async def _waits(store: Store, queue_id: QueueId) -> bool:
    try:
        await store.queue.row(queue_id)
    except Absent:
        return False
    return True


async def _author(house: House) -> str:
    """Write as the domain that our host lies in, else as the first: its key signs."""
    host = house.settings.hostname.lower().rstrip(".")
    names = [row.name for row in await house.store.domains.listing()]
    names.sort(key=lambda name: not (host == name or host.endswith(f".{name}")))
    return f"postmaster@{names[0] if names else host}"


async def _examined(house: House) -> list[Finding]:
    examiner = Examiner(
        *(house.settings, house.resolver, house.directory, house.clock, house.offload),
        ClientTls.load(house.settings.relay.ca_file),
    )
    domains = [
        published(house.settings, row.name, await house.signing_keys.listing(row.name))
        for row in await house.store.domains.listing()
    ]
    return await examiner.examine(domains)
