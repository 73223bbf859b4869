"""Reading the change log: JMAP's `/changes`, another process's news, and forgetting."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EmailId, MailboxId, ModSeq, ThreadId, Uid
from mailserver.store.access import Access, Done
from mailserver.store.changes import (
    AccountChange,
    EntriesChange,
    FlagRow,
    Kind,
    LogRow,
    counters,
    prune,
    rows_after,
)
from mailserver.store.entries import flag_rows
from mailserver.store.instants import to_microseconds
from mailserver.store.packing import ranges_of, unpack_ranges


def rebuild(
    connection: Connection, account_id: AccountId, after: ModSeq, until: ModSeq
) -> list[AccountChange]:
    """Make changes of the log again, those after `after` up to `until`, in order.

    Flags are as they stand now, and entries that are gone since have none.
    """
    rows = [row for row in rows_after(connection, account_id, after) if row.modseq <= until]
    changes = []
    for modseq, told in groupby(rows, lambda row: row.modseq):
        change = AccountChange(account_id, modseq)
        for row in told:
            _add(connection, change, row)
        changes.append(change)
    return changes


def _add(connection: Connection, change: AccountChange, row: LogRow) -> None:
    """Add what one row of the log says."""
    match Kind(row.kind):
        case Kind.DESTROYED:
            change.emails_destroyed += [EmailId(n) for n in unpack_ranges(row.numbers)]
        case Kind.MAILBOX:
            change.mailboxes.append(row.mailbox_id)
        case Kind.RECORDS:
            change.records.append(row.mailbox_id)
        case Kind.APPEARED:
            _entries(change, row.mailbox_id).appeared += _uids(row)
        case Kind.VANISHED:
            _entries(change, row.mailbox_id).vanished += _uids(row)
        case Kind.FLAGGED:
            _entries(change, row.mailbox_id).flagged += _flags(connection, change, row)
        case Kind.UNDELETED:
            _entries(change, row.mailbox_id).undeleted += _uids(row)
        case Kind.LEFT:
            change.emails_left += [EmailId(n) for n in unpack_ranges(row.numbers)]
        case Kind.THREADS:
            change.threads += [ThreadId(n) for n in unpack_ranges(row.numbers)]


def _uids(row: LogRow) -> Iterator[Uid]:
    return (Uid(n) for n in unpack_ranges(row.numbers))


def _flags(connection: Connection, change: AccountChange, row: LogRow) -> list[FlagRow]:
    ranges = ranges_of(unpack_ranges(row.numbers))
    return flag_rows(connection, change.account_id, row.mailbox_id, ranges)


def _entries(change: AccountChange, mailbox_id: MailboxId) -> EntriesChange:
    """Return the part of a change that is about a mailbox."""
    for entries in change.entries:
        if entries.mailbox_id == mailbox_id:
            return entries
    entries = EntriesChange(mailbox_id)
    change.entries.append(entries)
    return entries


def _prune(connection: Connection, account_id: AccountId, before: int) -> Done[None]:
    prune(connection, account_id, before)
    return Done(None)


class Changes:
    """The change log of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def state(self, account_id: AccountId) -> tuple[ModSeq, ModSeq]:
        """Return the account's MODSEQ, and the one up to which the log is pruned. Raises Absent."""
        return await self._access.read_once(lambda c: counters(c, account_id))

    async def between(
        self, account_id: AccountId, after: ModSeq, until: ModSeq
    ) -> list[AccountChange]:
        """Return the changes after `after` up to `until`, in order, as far as the log reaches."""
        return await self._access.read(lambda c: rebuild(c, account_id, after, until))

    async def prune(self, account_id: AccountId, before: datetime) -> None:
        """Forget changes before an instant; VANISHED is incomplete for older clients then."""
        limit = to_microseconds(before)
        await self._access.write(account_id, lambda c: _prune(c, account_id, limit))
