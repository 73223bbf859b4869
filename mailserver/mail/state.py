"""How far somebody knows an account: JMAP's state strings, and cursors of long lists of changes.

A state is the change counter and how far the other counters had come with it, so that what was
created since is told from what only changed: its number is higher. A list of changes that is cut
short (`maxChanges`) goes by number; its cursor says up to which number it was told, until when.

Source: RFC 8620 §5.2.
"""

import re
from typing import NamedTuple, Self

from mailserver.store.catalogue import Counters

_STATE = r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})"
_CURSOR = re.compile(rf"{_STATE}(?::{_STATE}:([0-9]{{1,18}}))?\Z")


class State(NamedTuple):
    """The account's counters at one moment; numbers below the last three were given."""

    modseq: int
    email: int
    thread: int
    mailbox: int

    @classmethod
    def of(cls, counters: Counters) -> Self:
        """Return the state that `counters` stand for."""
        return cls(
            counters.modseq, counters.next_email, counters.next_thread, counters.next_mailbox
        )

    def __str__(self) -> str:
        """Write it as clients get it."""
        return ".".join(map(str, self))


class Cursor(NamedTuple):
    """What a client knows: everything at `since`; what is numbered up to `passed`, at `until`."""

    since: State
    until: State | None = None
    passed: int = 0

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None where it is nothing of ours."""
        found = _CURSOR.match(text)
        if found is None:
            return None
        since = State(*map(int, found.group(1, 2, 3, 4)))
        if found.group(5) is None:
            return cls(since)
        return cls(since, State(*map(int, found.group(5, 6, 7, 8))), int(found.group(9)))

    def __str__(self) -> str:
        """Write it as clients get it."""
        return f"{self.since}" if self.until is None else f"{self.since}:{self.until}:{self.passed}"
