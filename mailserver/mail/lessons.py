"""What a reader shows by what he moves to Junk and out of it, until it is learned (`learning`)."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from mailserver.model.ids import MailboxId, Uid
from mailserver.model.message import Copied, Keywords

LESSONS = 100  # that wait; what comes beyond them is not learned
AT_ONCE = 200  # messages of one lesson

JUNK_WORDS = frozenset({"$junk", "junk"})
NOT_JUNK_WORDS = frozenset({"$notjunk", "nonjunk", "notjunk"})
"""Keywords by which programs say so; $Junk and $NotJunk are registered with IANA."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """Messages that say something by where they are put, or by a keyword."""

    mailbox_id: MailboxId
    """Where they are now."""
    uids: Sequence[Uid]
    origin: MailboxId | None = None
    """Where they came from."""
    junk: bool | None = None
    """What a keyword says of them."""


def of_move(origin: MailboxId, to: MailboxId, copied: Copied) -> Lesson:
    """Return what follows from messages that were moved or copied."""
    return Lesson(to, copied.destination[-AT_ONCE:], origin=origin)


def of_keywords(mailbox_id: MailboxId, uids: Sequence[Uid], keywords: Keywords) -> Lesson | None:
    """Return what follows from keywords that were given; None where they say nothing of it."""
    names = {name.casefold() for name in keywords}
    junk, wanted = bool(names & JUNK_WORDS), bool(names & NOT_JUNK_WORDS)
    if junk is wanted or not uids:
        return None
    return Lesson(mailbox_id, uids[-AT_ONCE:], junk=junk)


class Lessons:
    """What waits to be learned for one opened account."""

    def __init__(self) -> None:
        self._waiting: deque[Lesson] = deque(maxlen=LESSONS)

    def __len__(self) -> int:
        """Count those that wait."""
        return len(self._waiting)

    def add(self, lesson: Lesson) -> None:
        """Let a lesson wait; the oldest is dropped where there are too many."""
        self._waiting.append(lesson)

    def clear(self) -> None:
        """Drop those that wait."""
        self._waiting.clear()

    def take(self) -> Lesson | None:
        """Return the next one."""
        return self._waiting.popleft() if self._waiting else None
