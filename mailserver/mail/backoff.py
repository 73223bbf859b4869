"""When to try again: waits that double, are never quite the same, and end.

The jitter keeps a thousand letters, put off in one minute because a host was down, from coming
back in one minute.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

JITTER = 0.2
"""How much a wait may be shorter or longer than its rule says."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How mail is tried again. Source: RFC 5321 §4.5.4.1."""

    first: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=3)
    life: timedelta = timedelta(days=5)
    """From its release until it is given up."""
    warn_after: timedelta | None = timedelta(hours=4)
    """From its release until its sender is told of the delay; None: never."""

    def next_at(self, now: datetime, attempts: int, expires_at: datetime) -> datetime:
        """Say when to try again after `attempts` (from 1); the last time is at `expires_at`."""
        doubled = self.first * 2.0 ** min(attempts - 1, 32)
        wait = min(doubled, self.longest) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        if now >= expires_at:
            return now + wait
        return min(now + wait, expires_at)

    def is_late(self, since: datetime, now: datetime) -> bool:
        """Say whether mail released at `since` is late enough to tell its sender."""
        return self.warn_after is not None and now - since >= self.warn_after
