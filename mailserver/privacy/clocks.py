"""When something must be done by: periods of the law, from an instant to an instant.

Sources: Regulation (EEC, Euratom) 1182/71 Art. 3 for how periods run; GDPR Art. 12(3) and 33(1) for
how long they are.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailserver.privacy.legal_profile import (
    BREACH_HOURS,
    EXTENSION_MONTHS,
    REQUEST_MONTHS,
    LegalProfile,
)

REQUEST_REMINDERS = tuple(timedelta(days=days) for days in (14, 7, 2))
"""How long before the end of a request's term somebody is reminded."""
BREACH_REMINDERS = tuple(timedelta(hours=hours) for hours in (24, 48, 60, 70))
"""How long after becoming aware of a breach somebody is reminded."""
FORWARDING_DAYS = 2
"""Working days within which a processor hands a request on to its controller."""


@dataclass(frozen=True, slots=True)
class Term:
    """A period that ends with a day."""

    target: date
    """The last day by the calendar alone: what one works towards."""
    due: date
    """The last day by law: `target`, or the working day after it."""
    ends_at: datetime
    """When that day is over where the law holds; aware, UTC."""

    def reminders(self) -> tuple[datetime, ...]:
        """Return when to remind of it, the first one first."""
        return tuple(self.ends_at - before for before in REQUEST_REMINDERS)

    def reminders_due(self, now: datetime) -> int:
        """Count the times to remind that have come: those before its end, and the end itself."""
        return sum(now >= at for at in (*self.reminders(), self.ends_at))


def later_by_months(day: date, months: int) -> date:
    """Return the same day of a later month, or that month's last. Source: 1182/71 Art. 3(2)(c)."""
    ahead = day.month - 1 + months
    year, month = day.year + ahead // 12, ahead % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def request_term(
    received_at: datetime,
    profile: LegalProfile,
    *,
    extended: bool = False,
    paused: timedelta = timedelta(),
) -> Term:
    """Return within which term a person's request is to be answered.

    Args:
        received_at: when it came, aware.
        profile: whose days and holidays count.
        extended: whether a reason for more time was told before the first term ended.
        paused: for how long it was in documented doubt who asks; whole days of it count, for the
            rest is the person's.
    """
    day = received_at.astimezone(ZoneInfo(profile.zone)).date() + timedelta(days=paused.days)
    months = REQUEST_MONTHS + (EXTENSION_MONTHS if extended else 0)
    return _term(later_by_months(day, months), profile)


def forwarding_term(received_at: datetime, profile: LegalProfile) -> Term:
    """Return within which term a processor hands a request on to the controller it concerns."""
    day = received_at.astimezone(ZoneInfo(profile.zone)).date()
    for _ in range(FORWARDING_DAYS):
        day = profile.working_on_or_after(day + timedelta(days=1))
    return _term(day, profile)


def term_of_days(since: datetime, days: int, profile: LegalProfile) -> Term:
    """Return a term of so many days of the calendar, from an aware instant on."""
    return _term(_day(since, profile) + timedelta(days=days), profile)


def term_of_months(since: datetime, months: int, profile: LegalProfile) -> Term:
    """Return a term of so many months, from an aware instant on."""
    return _term(later_by_months(_day(since, profile), months), profile)


def term_until(day: date, profile: LegalProfile) -> Term:
    """Return the term that ends with a day that somebody named."""
    return _term(day, profile)


def ordered_until(day: date, profile: LegalProfile) -> Term:
    """Return the term that ends with the day of an order, be it a holiday or not."""
    return Term(day, day, _end_of(day, profile))


def breach_deadline(aware_at: datetime) -> datetime:
    """Return by when the authority is told of a breach, in UTC.

    Hours are hours: neither weekends nor a change of the clocks makes them more or fewer.
    """
    return aware_at.astimezone(UTC) + timedelta(hours=BREACH_HOURS)


def breach_reminders(aware_at: datetime) -> tuple[datetime, ...]:
    """Return when to remind of a breach that nobody was told of, the first one first."""
    return tuple(aware_at.astimezone(UTC) + after for after in BREACH_REMINDERS)


def _term(target: date, profile: LegalProfile) -> Term:
    due = profile.working_on_or_after(target)
    return Term(target, due, _end_of(due, profile))


def _end_of(day: date, profile: LegalProfile) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(profile.zone))
    return midnight.astimezone(UTC)


def _day(at: datetime, profile: LegalProfile) -> date:
    return at.astimezone(ZoneInfo(profile.zone)).date()
