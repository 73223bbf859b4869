"""What never changes about the messages of a mailbox, kept in memory for searching.

A UID's email, size and INTERNALDATE are fixed, so only UIDs above the highest known one are read
again. Messages that have gone stay until the mailbox is dropped from the cache; a search looks
only at the UIDs of the session's view.
"""

from array import array
from collections.abc import Iterable
from datetime import date

from mailserver.model.ids import Uid
from mailserver.store.entries import FactRow

DAY = 86_400 * 1_000_000
EPOCH_DAY = date(1970, 1, 1).toordinal()


class Facts:
    """Columns over the messages of one mailbox, in UID order."""

    __slots__ = ("days", "email_ids", "saved_days", "sizes", "thread_ids", "uids")

    def __init__(self) -> None:
        self.uids = array("I")
        self.email_ids = array("Q")
        self.thread_ids = array("Q")
        self.sizes = array("Q")
        self.days = array("i")
        """INTERNALDATE's day as a proleptic Gregorian ordinal, in UTC."""
        self.saved_days = array("i")
        """The day it came into the mailbox, likewise."""

    @property
    def highest_uid(self) -> Uid:
        """The last UID known, 0 where none is."""
        return Uid(self.uids[-1] if self.uids else 0)

    def extend(self, rows: Iterable[FactRow]) -> None:
        """Add the rows above `highest_uid`, in UID order."""
        highest = self.highest_uid
        for uid, email_id, thread_id, size, internaldate, saved in rows:
            if uid > highest:  # two searches may have read the same rows
                self.uids.append(uid)
                self.email_ids.append(email_id)
                self.thread_ids.append(thread_id)
                self.sizes.append(size)
                self.days.append(internaldate // DAY + EPOCH_DAY)
                self.saved_days.append(saved // DAY + EPOCH_DAY)
