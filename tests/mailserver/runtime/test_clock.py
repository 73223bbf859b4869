from datetime import UTC, datetime, timedelta

import pytest

from mailserver.runtime.clock import ManualClock, SystemClock


def test_system_clock_is_aware_and_rises() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().utcoffset() == timedelta()
    assert clock.monotonic() >= before


def test_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.advance(timedelta(minutes=2))
    assert clock.now() == datetime(2026, 5, 1, 0, 2, tzinfo=UTC)
    assert clock.monotonic() == 120.0


def test_calendar_may_go_back_but_the_monotonic_clock_may_not() -> None:
    clock = ManualClock()
    clock.set_calendar(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.now().year == 2020
    assert clock.monotonic() == 0.0
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(timedelta(seconds=-1))


def test_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001
