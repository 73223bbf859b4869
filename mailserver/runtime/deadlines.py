"""One clock hand for all connections: looking at each once a turn is cheaper than a timer apiece.

A timer costs some 300 octets, and moving it at every command costs a heap operation. Instead each
connection sits in one slot of a ring; the hand moves a slot a step and asks those who sit there
what is due. Deadlines are therefore late by up to a turn, except the first: a connection is asked
a full turn after it came, to the step.
"""

import asyncio
from datetime import timedelta
from typing import Protocol

SLOTS = 12


class Timed(Protocol):
    """Whoever has deadlines."""

    def due(self, now: float) -> None:
        """Do whatever is due at `now`, by the event loop's clock."""
        ...


class Unread:
    """Whether a client takes what is written to it; asked now and then."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        """Begin with nothing unsent."""
        self._seen: tuple[int, float] | None = None

    def forget(self) -> None:
        """Be told that the client has read."""
        self._seen = None

    def is_stuck(self, unsent_octets: int, now: float, seconds: float) -> bool:
        """Say whether nothing of what is unsent was taken for `seconds`."""
        if not unsent_octets:
            self._seen = None
            return False
        if self._seen is None or self._seen[0] != unsent_octets:
            self._seen = (unsent_octets, now)
            return False
        return now - self._seen[1] > seconds


class Deadlines:
    """The ring. `turn` is how often each member is asked."""

    def __init__(self, turn: timedelta) -> None:
        """Begin empty and at rest; the hand moves while there are members."""
        self._step = turn.total_seconds() / SLOTS
        self._slots: list[set[Timed]] = [set() for _ in range(SLOTS)]
        self._at = 0
        self._members = 0
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, member: Timed) -> int:
        """Take in `member`; returns the slot with which it leaves."""
        self._slots[self._at].add(member)
        self._members += 1
        if self._timer is None:
            self._arm()
        return self._at

    def leave(self, member: Timed, slot: int) -> None:
        """Let `member` go; it must have entered."""
        self._slots[slot].remove(member)
        self._members -= 1
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._step, self._move)

    def _move(self) -> None:
        self._at = (self._at + 1) % SLOTS
        now = asyncio.get_running_loop().time()
        self._arm()  # first: whatever happens below, the hand moves on
        for member in tuple(self._slots[self._at]):
            member.due(now)
