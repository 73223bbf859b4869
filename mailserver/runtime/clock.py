"""Time as a value that is passed in, so that a test decides what hour it is.

Two clocks, never mixed: `now()` is the calendar (aware, UTC) and may be set back by the operator;
`monotonic()` only rises and is what deadlines, delays and rates are measured with.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> datetime:
        """Return the instant, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an unknown start; they never go back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the instant, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told to move; for tests and rehearsals."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        """Stand at `start`, which must be aware."""
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware instant")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that it was moved ahead."""
        return self._monotonic

    def advance(self, by: timedelta) -> None:
        """Move both clocks ahead.

        Raises:
            ValueError: `by` is negative; the monotonic clock never goes back.
        """
        if by < timedelta():
            raise ValueError("a monotonic clock does not go back")
        self._now += by
        self._monotonic += by.total_seconds()

    def set_calendar(self, to: datetime) -> None:
        """Set the calendar alone, as an operator does; it may go back."""
        self._now = to.astimezone(UTC)
