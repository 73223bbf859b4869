"""How far one mailbox of another server has come, as it is kept between two runs.

A server answers in any order, so besides the highest UID below which nothing is missing it holds
those above it that have come already: at most a window's.
"""

import json
from dataclasses import dataclass, field

from mailserver.mail.arrivals import Progress
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import MailboxId


@dataclass(slots=True)
class Place:
    """A mailbox on its way."""

    uid_validity: int
    mailbox_id: MailboxId
    last: int = 0
    """Every UID up to here is done."""
    done: set[int] = field(default_factory=set)
    """UIDs above `last` that are done."""
    left: set[int] = field(default_factory=set)
    """UIDs that were left behind: never to be deleted from the server."""

    def kept(self, source: bytes, place: bytes) -> Progress:
        """Write it down."""
        state = {
            "validity": self.uid_validity,
            "mailbox": self.mailbox_id,
            "last": self.last,
            "done": sorted(self.done),
            "left": sorted(self.left),
        }
        return Progress(source, place, json.dumps(state, separators=(",", ":")).encode())

    @classmethod
    def read(cls, progress: Progress) -> "Place":
        """Read what was written down.

        Raises:
            Corrupt: DAMAGED, it is not what we write.
        """
        try:
            state = json.loads(progress.state)
            return cls(
                int(state["validity"]),
                MailboxId(int(state["mailbox"])),
                int(state["last"]),
                {int(uid) for uid in state["done"]},
                {int(uid) for uid in state["left"]},
            )
        except (ValueError, KeyError, TypeError):
            raise Corrupt(Condition.DAMAGED, "the mark of a transfer is not readable") from None


def ranges(uids: list[int]) -> str:
    """Write ascending UIDs as a sequence set (RFC 9051 §9)."""
    parts: list[str] = []
    first = last = uids[0]
    for uid in [*uids[1:], 0]:
        if uid == last + 1:
            last = uid
            continue
        parts.append(str(first) if first == last else f"{first}:{last}")
        first = last = uid
    return ",".join(parts)
