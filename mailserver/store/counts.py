"""A mailbox's counts in its own row, kept right by whatever touches its entries."""

from dataclasses import dataclass

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId, MailboxId, ModSeq
from mailserver.model.message import Flag
from mailserver.store.driver import Sql, fetch_one, run
from mailserver.store.together import Many

APPLY = Many(
    "UPDATE mailboxes SET total = total + ?, unseen = unseen + ?, deleted = deleted + ?,"
    " octets = octets + ?, uid_next = uid_next + ?, highest_modseq = ?"
    " WHERE account_id = ? AND mailbox_id = ?",
    "bigint bigint bigint bigint bigint bigint bytea bigint",
)
"""Adds a `Delta.row` to a mailbox and raises its MODSEQ."""
_NEXT = Sql("SELECT uid_validity, uid_next FROM mailboxes WHERE account_id = ? AND mailbox_id = ?")

SEEN = int(Flag.SEEN)
DELETED = int(Flag.DELETED)


@dataclass(slots=True)
class Delta:
    """What one operation adds to a mailbox's counts."""

    total: int = 0
    unseen: int = 0
    deleted: int = 0
    octets: int = 0
    uids: int = 0
    """How many UIDs it used up."""

    def add(self, flags: int, octets: int) -> None:
        """Count one entry more."""
        self._count(flags, octets, 1)

    def take(self, flags: int, octets: int) -> None:
        """Count one entry less."""
        self._count(flags, octets, -1)

    def _count(self, flags: int, octets: int, entries: int) -> None:
        self.total += entries
        self.octets += octets * entries
        if not flags & SEEN:
            self.unseen += entries
        if flags & DELETED:
            self.deleted += entries

    def reflag(self, before: int, after: int) -> None:
        """Count one entry whose flags changed."""
        self.unseen += (not after & SEEN) - (not before & SEEN)
        self.deleted += bool(after & DELETED) - bool(before & DELETED)

    def row(
        self, modseq: ModSeq, account_id: AccountId, mailbox_id: MailboxId
    ) -> tuple[object, ...]:
        """Return the parameters of `APPLY`."""
        return (
            self.total,
            self.unseen,
            self.deleted,
            self.octets,
            self.uids,
            modseq,
            account_id,
            mailbox_id,
        )


def apply(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    delta: Delta,
    modseq: ModSeq,
) -> None:
    """Add `delta` to the mailbox. Raises Absent (NO_SUCH_MAILBOX)."""
    if not run(connection, APPLY, delta.row(modseq, account_id, mailbox_id)):
        raise Absent(Condition.NO_SUCH_MAILBOX)


def next_uid(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId
) -> tuple[int, int]:
    """Return UIDVALIDITY and the next UID. Raises Absent (NO_SUCH_MAILBOX)."""
    found = fetch_one(connection, _NEXT, (account_id, mailbox_id))
    if found is None:
        raise Absent(Condition.NO_SUCH_MAILBOX)
    return found[0], found[1]
