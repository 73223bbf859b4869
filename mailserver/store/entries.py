"""Entries: an email's place in a mailbox. Reading them is the hottest path there is.

Rows come as tuples and stay tuples (`EntryRow`, `FlagRow`): 10,000 of them are read, opened and
written out in one FETCH, so that instants and keywords are only made of the stored numbers when
somebody asks.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import (
    AccountId,
    EmailId,
    EpochId,
    MailboxId,
    ModSeq,
    ObjectId,
    ThreadId,
    Uid,
)
from mailserver.model.message import Copied, Flag, StoreMode
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access
from mailserver.store.changes import FlagRow, counters, vanished_since
from mailserver.store.copying import copy, move
from mailserver.store.database import Query
from mailserver.store.driver import NO_LIMIT, RangeRead, Sql, fetch, fetch_one
from mailserver.store.expunging import AT_ONCE, expunge
from mailserver.store.flagging import FlagOrder, StoredRows, store_flags
from mailserver.store.instants import from_microseconds
from mailserver.store.packing import Ranges, unpack_keywords

RowT = TypeVar("RowT")


class EntryRow(NamedTuple):
    """One entry and the email in it."""

    uid: Uid
    email_id: EmailId
    thread_id: ThreadId
    flags: int
    packed_keywords: bytes | None
    modseq: ModSeq
    size_octets: int
    internaldate_us: int
    saved_us: int
    object_id: ObjectId
    epoch: EpochId
    summary: Sealed | None
    """None where it was not asked for."""
    body: Sealed | None
    """None where it was not asked for."""

    @property
    def keywords(self) -> tuple[int, ...]:
        """The keyword numbers, ascending."""
        return unpack_keywords(self.packed_keywords)

    @property
    def internaldate(self) -> datetime:
        """When we got the message."""
        return from_microseconds(self.internaldate_us)

    @property
    def saved_at(self) -> datetime:
        """When it came into this mailbox (RFC 8514)."""
        return from_microseconds(self.saved_us)


class FactRow(NamedTuple):
    """What never changes about an entry."""

    uid: Uid
    email_id: EmailId
    thread_id: ThreadId
    size_octets: int
    internaldate_us: int
    saved_us: int


class Changed(NamedTuple):
    """What happened in a mailbox since a MODSEQ (RFC 7162 §3.2)."""

    flags: list[FlagRow]
    """Entries that came or changed, in UID order."""
    vanished: list[Uid]
    complete: bool
    """False where the log was pruned since: `vanished` is then not all."""


_COLUMNS = (
    "e.uid, e.email_id, m.thread_id, e.flags, e.keywords, e.modseq, m.size_octets,"
    " m.internaldate, e.saved_at, m.object_id, m.epoch"
)
_EMAILS = "entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id"
_BLOBS = " JOIN blobs b ON b.account_id = e.account_id AND b.blob_id = e.email_id"


def _read(*, summary: bool, body: bool) -> RangeRead:
    columns = f"{_COLUMNS}, {'m.summary' if summary else 'NULL'}, {'b.data' if body else 'NULL'}"
    return RangeRead(columns, _EMAILS + (_BLOBS if body else ""))


_READS = {
    (summary, body): _read(summary=summary, body=body)
    for summary in (False, True)
    for body in (False, True)
}
FACTS = RangeRead(
    "e.uid, e.email_id, m.thread_id, m.size_octets, m.internaldate, e.saved_at", _EMAILS
)
FLAGS = RangeRead("e.uid, e.flags, e.keywords, e.modseq", "entries e")
_CHANGED = Sql(
    "SELECT uid, flags, keywords, modseq FROM entries"
    " WHERE account_id = ? AND mailbox_id = ? AND modseq > ? ORDER BY uid"
)
_HIGHEST = Sql("SELECT highest_modseq FROM mailboxes WHERE account_id = ? AND mailbox_id = ?")


def flag_rows(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, ranges: Ranges | None
) -> list[FlagRow]:
    """Read flags in UID order."""
    return [FlagRow._make(row) for row in FLAGS.rows(connection, account_id, mailbox_id, ranges)]


def entry_rows(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    ranges: Ranges | None,
    *,
    summary: bool,
    body: bool,
    limit: int = NO_LIMIT,
) -> list[EntryRow]:
    """Read entries in UID order; a body in a file is None here."""
    found = _READS[summary, body].rows(connection, account_id, mailbox_id, ranges, limit)
    return [EntryRow._make(row) for row in found]


def _changed_since(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, modseq: ModSeq
) -> Changed:
    mailbox = fetch_one(connection, _HIGHEST, (account_id, mailbox_id))
    if mailbox is None:
        raise Absent(Condition.NO_SUCH_MAILBOX)
    _, pruned = counters(connection, account_id)
    complete = modseq >= pruned
    if mailbox[0] <= modseq:
        return Changed([], [], complete)
    rows = fetch(connection, _CHANGED, (account_id, mailbox_id, modseq))
    gone = vanished_since(connection, account_id, mailbox_id, modseq)
    return Changed([FlagRow._make(row) for row in rows], gone, complete)


def _within(rows: list[EntryRow], octets: int) -> list[EntryRow]:
    """Keep as many of the first rows as make up `octets`, and one at least."""
    total = 0
    for number, row in enumerate(rows):
        total += row.size_octets
        if total > octets and number:
            return rows[:number]
    return rows


class Entries:
    """The entries of mailboxes. Ranges are inclusive UID ranges, ascending; None is the mailbox."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def rows(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        ranges: Ranges | None,
        *,
        summary: bool = False,
        body: bool = False,
        limit: int = NO_LIMIT,
        octets: int | None = None,
    ) -> list[EntryRow]:
        """Read entries in UID order, with the sealed summary or body of each where asked for.

        UIDs that do not exist are left out. At most `limit` rows come, and no more than make up
        `octets` of messages, but one at least: all of it is held at once. Raises Corrupt (DAMAGED)
        where a body is missing.
        """
        rows = await self._reading(ranges)(
            lambda connection: entry_rows(
                connection, account_id, mailbox_id, ranges, summary=summary, body=body, limit=limit
            )
        )
        if octets is not None:
            rows = _within(rows, octets)
        if not body or all(row.body is not None for row in rows):
            return rows
        return [
            row._replace(body=await self._access.stored_body(row.object_id))
            if row.body is None
            else row
            for row in rows
        ]

    async def facts(
        self, account_id: AccountId, mailbox_id: MailboxId, after: Uid
    ) -> list[FactRow]:
        """Read what never changes of the entries with a UID above `after`, in UID order."""
        rows = await self._access.read_once(
            lambda connection: FACTS.rows(
                connection, account_id, mailbox_id, [(after + 1, 0xFFFF_FFFF)]
            )
        )
        return [FactRow._make(row) for row in rows]

    async def flags(
        self, account_id: AccountId, mailbox_id: MailboxId, ranges: Ranges | None
    ) -> list[FlagRow]:
        """Read flags in UID order, without touching the emails."""
        return await self._reading(ranges)(
            lambda connection: flag_rows(connection, account_id, mailbox_id, ranges)
        )

    def _reading(
        self, ranges: Ranges | None
    ) -> Callable[[Query[list[RowT]]], Awaitable[list[RowT]]]:
        """Read several ranges on one snapshot; one range is one statement and needs none."""
        several = ranges is not None and len(ranges) > 1
        return self._access.read if several else self._access.read_once

    async def changed_since(
        self, account_id: AccountId, mailbox_id: MailboxId, modseq: ModSeq
    ) -> Changed:
        """Say what came, changed and vanished after `modseq`. Raises Absent (NO_SUCH_MAILBOX)."""
        return await self._access.read(
            lambda connection: _changed_since(connection, account_id, mailbox_id, modseq)
        )

    async def store_flags(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        ranges: Ranges | None,
        mode: StoreMode,
        flags: Flag,
        keywords: Iterable[int] = (),
        *,
        unchanged_since: ModSeq | None = None,
    ) -> StoredRows:
        """Change flags and keywords as RFC 9051 §6.4.6 says; UIDs that do not exist are left out.

        Entries with a MODSEQ above `unchanged_since` are kept as they are (RFC 7162 §3.1.3).
        Raises Absent (NO_SUCH_MAILBOX).
        """
        order = FlagOrder(mode, flags, frozenset(keywords), unchanged_since)
        now = self._access.now()
        return await self._access.write(
            account_id,
            lambda connection: store_flags(connection, account_id, mailbox_id, ranges, order, now),
        )

    async def copy(
        self, account_id: AccountId, mailbox_id: MailboxId, ranges: Ranges | None, to: MailboxId
    ) -> Copied:
        """Make a second entry of each email in `to`, all or none; the blob stays one.

        Raises Absent (NO_SUCH_MAILBOX).
        """
        now = self._access.now()
        return await self._access.write(
            account_id,
            lambda connection: copy(connection, account_id, mailbox_id, ranges, to, now),
        )

    async def move(
        self, account_id: AccountId, mailbox_id: MailboxId, ranges: Ranges | None, to: MailboxId
    ) -> tuple[Copied, ModSeq]:
        """Move entries to `to` (RFC 6851), all or none; they vanish here under that MODSEQ.

        Raises Absent (NO_SUCH_MAILBOX).
        """
        now = self._access.now()
        return await self._access.write(
            account_id,
            lambda connection: move(connection, account_id, mailbox_id, ranges, to, now),
        )

    async def expunge(
        self, account_id: AccountId, mailbox_id: MailboxId, ranges: Ranges | None = None
    ) -> list[Uid]:
        r"""Remove entries with \Deleted for good, and emails that are then in no mailbox.

        Returns the UIDs that went, ascending. Many go in several commits, each with a MODSEQ of its
        own (EXPUNGE need not be atomic), so that nobody waits for all of them. Raises Absent
        (NO_SUCH_MAILBOX).
        """
        gone: list[Uid] = []
        while True:
            now = self._access.now()
            some = await self._access.write(
                account_id,
                lambda connection: expunge(connection, account_id, mailbox_id, ranges, now),  # noqa: B023
            )
            gone += some
            if len(some) < AT_ONCE:
                return gone
