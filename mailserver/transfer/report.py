"""What a transfer tells: how far it is, and at its end what came and what did not."""

from dataclasses import dataclass, field
from typing import Protocol

LISTED = 1_000  # of what was left behind; the rest is counted


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was not brought over, and why; for the eyes of the account's owner."""

    where: str
    what: str
    why: str


@dataclass(slots=True)
class Report:
    """What came of a transfer."""

    messages: int = 0
    octets: int = 0
    mailboxes: int = 0
    left: list[Left] = field(default_factory=list)
    left_count: int = 0

    def leave(self, where: str, what: str, why: str) -> None:
        """Note what is left behind."""
        self.left_count += 1
        if len(self.left) < LISTED:
            self.left.append(Left(where, what, why))


class Watcher(Protocol):
    """Whoever shows how far a transfer is."""

    def mailbox(self, name: str, messages: int) -> None:
        """Begin a mailbox with so many messages to come."""
        ...

    def moved(self, messages: int, octets: int) -> None:
        """Count messages that are done."""
        ...


class Unwatched:
    """Shows nothing."""

    def mailbox(self, name: str, messages: int) -> None:
        """Say nothing."""

    def moved(self, messages: int, octets: int) -> None:
        """Say nothing."""
