"""Terms of the law, by the calendar of the country whose law it is."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.privacy.clocks import (
    breach_deadline,
    breach_reminders,
    forwarding_term,
    later_by_months,
    request_term,
)
from mailserver.privacy.legal_profile import PROFILES, easter

NL = PROFILES["NL"]


def at(text: str) -> datetime:
    """Read an instant; noon in Amsterdam where only a day is given."""
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(hour=12, tzinfo=ZoneInfo("Europe/Amsterdam"))


@pytest.mark.parametrize(
    ("country", "received", "target", "due"),
    [
        ("NL", "2026-01-31", "2026-02-28", "2026-03-02"),  # no such day; then a Saturday
        ("NL", "2026-01-15", "2026-02-15", "2026-02-16"),  # a Sunday
        ("NL", "2026-11-23", "2026-12-23", "2026-12-23"),
        ("NL", "2026-11-25", "2026-12-25", "2026-12-28"),  # Christmas, Boxing Day, a Sunday
        ("NL", "2026-03-05", "2026-04-05", "2026-04-07"),  # Easter Sunday and Monday
        ("NL", "2026-03-27", "2026-04-27", "2026-04-28"),  # King's Day
        ("BE", "2026-03-27", "2026-04-27", "2026-04-27"),
        ("BE", "2026-06-21", "2026-07-21", "2026-07-22"),  # the national holiday
        ("DE", "2026-09-03", "2026-10-03", "2026-10-05"),  # Unity Day, a Saturday
        ("FR", "2026-06-14", "2026-07-14", "2026-07-15"),
        ("FR", "2026-03-03", "2026-04-03", "2026-04-03"),  # Good Friday is a working day there
        ("DE", "2026-03-03", "2026-04-03", "2026-04-07"),  # and none here
        ("NL", "2027-12-31", "2028-01-31", "2028-01-31"),
        ("NL", "2028-01-30", "2028-02-29", "2028-02-29"),  # a leap year
        (
            "NL",
            "2026-01-31T23:30+00:00",
            "2026-03-01",
            "2026-03-02",
        ),  # already February in Amsterdam
    ],
)
def test_t_dsr_1_a_request_is_due_a_month_later(
    country: str, received: str, target: str, due: str
) -> None:
    term = request_term(at(received), PROFILES[country])
    assert (term.target.isoformat(), term.due.isoformat()) == (target, due)


def test_t_dsr_1_an_extension_adds_two_months_to_the_first() -> None:
    term = request_term(at("2026-01-31"), NL, extended=True)
    assert (term.target, term.due) == (date(2026, 4, 30), date(2026, 4, 30))


def test_t_dsr_1_doubt_about_who_asks_stops_the_clock_by_whole_days() -> None:
    paused = timedelta(days=3, hours=20)
    term = request_term(at("2026-11-23"), NL, paused=paused)
    assert (term.target, term.due) == (date(2026, 12, 26), date(2026, 12, 28))


def test_a_term_ends_with_its_day_where_the_law_holds() -> None:
    assert request_term(at("2026-05-10"), NL).ends_at == datetime(2026, 6, 10, 22, tzinfo=UTC)
    assert request_term(at("2026-11-10"), NL).ends_at == datetime(2026, 12, 10, 23, tzinfo=UTC)


def test_a_request_is_remembered_three_times() -> None:
    days = [when.date() for when in request_term(at("2026-05-10"), NL).reminders()]
    assert days == [date(2026, 5, 27), date(2026, 6, 3), date(2026, 6, 8)]


def test_a_processor_hands_a_request_on_within_two_working_days() -> None:
    assert forwarding_term(at("2026-11-26"), NL).due == date(2026, 11, 30)  # Friday, Monday
    assert forwarding_term(at("2026-12-24"), NL).due == date(2026, 12, 29)


def test_t_br_1_72_hours_are_hours_though_the_clocks_change() -> None:
    aware_at = datetime.fromisoformat("2026-10-24T12:00+02:00")
    deadline = breach_deadline(aware_at)
    assert deadline == datetime.fromisoformat("2026-10-27T11:00+01:00")
    assert deadline.astimezone(ZoneInfo(NL.zone)).isoformat() == "2026-10-27T11:00:00+01:00"
    assert breach_deadline(datetime.fromisoformat("2026-03-28T12:00+01:00")) == (
        datetime.fromisoformat("2026-03-31T13:00+02:00")
    )


def test_a_breach_is_remembered_four_times() -> None:
    aware_at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    hours = [(when - aware_at) / timedelta(hours=1) for when in breach_reminders(aware_at)]
    assert hours == [24, 48, 60, 70]


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1818, "03-22"),
        (1943, "04-25"),
        (2000, "04-23"),
        (2024, "03-31"),
        (2025, "04-20"),
        (2026, "04-05"),
        (2027, "03-28"),
        (2038, "04-25"),
    ],
)
def test_easter_falls_where_the_almanacs_have_it(year: int, day: str) -> None:
    assert easter(year).isoformat() == f"{year}-{day}"


@given(
    country=st.sampled_from(sorted(PROFILES)),
    day=st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    extended=st.booleans(),
)
def test_a_term_ends_on_a_working_day_that_is_not_before_its_target(
    country: str, day: date, extended: bool
) -> None:
    profile = PROFILES[country]
    received = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    term = request_term(received, profile, extended=extended)
    assert term.target <= term.due <= term.target + timedelta(days=6)
    assert profile.is_working(term.due)
    assert not any(
        profile.is_working(term.target + timedelta(days=later))
        for later in range((term.due - term.target).days)
    )
    assert term.target == later_by_months(day, 3 if extended else 1)
