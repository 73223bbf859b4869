"""What never changes about the messages of a mailbox, kept in memory for searching.

A UID's email, size and INTERNALDATE are fixed, so only UIDs above the highest known one are read
again. Messages that have gone stay until the mailbox is dropped from the cache; a search looks
only at the UIDs of the session's view.
"""

from array import array
from collections.abc import Iterable
from datetime import date

from mailserver.model.ids import EmailId, Uid

DAY = 86_400 * 1_000_000
EPOCH_DAY = date(1970, 1, 1).toordinal()


class Facts:
    """Columns over the messages of one mailbox, in UID order."""

    __slots__ = ("days", "email_ids", "sizes", "uids")

    def __init__(self) -> None:
        self.uids = array("I")
        self.email_ids = array("Q")
        self.sizes = array("Q")
        self.days = array("i")
        """INTERNALDATE's day as a proleptic Gregorian ordinal, in UTC."""

    @property
    def highest_uid(self) -> Uid:
        """The last UID known, 0 where none is."""
        return Uid(self.uids[-1] if self.uids else 0)

    def extend(self, rows: Iterable[tuple[Uid, EmailId, int, int]]) -> None:
        """Add (uid, email id, size, INTERNALDATE in microseconds) above `highest_uid`, in order."""
        highest = self.highest_uid
        for uid, email_id, size, internaldate in rows:
            if uid > highest:  # two searches may have read the same rows
                self.uids.append(uid)
                self.email_ids.append(email_id)
                self.sizes.append(size)
                self.days.append(internaldate // DAY + EPOCH_DAY)
