"""An account's emails as JMAP sees them: read whole once, and from then on what is new.

Entries belong to mailboxes; JMAP asks by email and by thread. Whoever has the account open keeps
the whole list in memory (`mail/catalogue`) and brings it up to date from the change log, so that no
index by email or thread costs every delivery a page.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId, EmailId, EpochId, MailboxId, ModSeq, ObjectId, ThreadId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access
from mailserver.store.changes import Kind, LogRow, rows_after
from mailserver.store.driver import Lookup, RangeRead, Row, Sql, fetch, fetch_one
from mailserver.store.packing import ranges_of, unpack_ranges

NEWS_ENTRIES = 5_000  # of more than that the whole is read again, which is quicker


class Counters(NamedTuple):
    """How far an account's counters have come; numbers below `next_…` were given."""

    modseq: ModSeq
    pruned: ModSeq
    """Changes up to here are no longer in the log."""
    next_email: EmailId
    next_thread: ThreadId
    next_mailbox: MailboxId
    used_octets: int
    quota_octets: int


class PlaceRow(NamedTuple):
    """An entry, and what never changes about the email in it."""

    mailbox_id: MailboxId
    uid: int
    email_id: EmailId
    flags: int
    packed_keywords: bytes | None
    thread_id: ThreadId
    received_us: int
    size_octets: int


@dataclass(slots=True)
class Told:
    """What the log says happened in a span of MODSEQs."""

    entries: dict[MailboxId, set[int]] = field(default_factory=lambda: defaultdict(set))
    """UIDs that came or changed flags; some may be gone since."""
    vanished: dict[MailboxId, set[int]] = field(default_factory=lambda: defaultdict(set))
    undeleted: dict[MailboxId, set[int]] = field(default_factory=lambda: defaultdict(set))
    destroyed: set[EmailId] = field(default_factory=set)
    left: set[EmailId] = field(default_factory=set)
    threads: set[ThreadId] = field(default_factory=set)
    """Of the destroyed emails."""
    mailboxes: set[MailboxId] = field(default_factory=set)
    """Created, renamed, deleted or (un)subscribed."""

    def add(self, row: LogRow) -> None:
        """Add one row of the log."""
        numbers = unpack_ranges(row.numbers)
        match Kind(row.kind):
            case Kind.APPEARED | Kind.FLAGGED:
                self.entries[row.mailbox_id].update(numbers)
            case Kind.VANISHED:
                self.vanished[row.mailbox_id].update(numbers)
            case Kind.UNDELETED:
                self.undeleted[row.mailbox_id].update(numbers)
            case Kind.DESTROYED:
                self.destroyed.update(EmailId(n) for n in numbers)
            case Kind.LEFT:
                self.left.update(EmailId(n) for n in numbers)
            case Kind.THREADS:
                self.threads.update(ThreadId(n) for n in numbers)
            case Kind.MAILBOX:
                self.mailboxes.add(row.mailbox_id)


class News(NamedTuple):
    """What is new since a MODSEQ."""

    counters: Counters
    told: Told
    rows: list[PlaceRow] | None
    """Every entry that came or changed and is there; None: too many, read the whole."""


class EmailRow(NamedTuple):
    """An email with its sealed summary."""

    email_id: EmailId
    object_id: ObjectId
    epoch: EpochId
    size_octets: int
    summary: Sealed


_COUNTERS = Sql(
    "SELECT modseq, pruned_modseq, next_email, next_thread, next_mailbox, used_octets,"
    " quota_octets FROM accounts WHERE account_id = ?"
)
_COLUMNS = (
    "e.mailbox_id, e.uid, e.email_id, e.flags, e.keywords, m.thread_id, m.internaldate,"
    " m.size_octets"
)
_EMAILS = "entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id"
_WHOLE = Sql(
    f"SELECT {_COLUMNS} FROM {_EMAILS}"  # noqa: S608 (our own names)
    " WHERE e.account_id = ? ORDER BY e.mailbox_id, e.uid"
)
_SOME = RangeRead(_COLUMNS, _EMAILS)
_SUMMARIES = Lookup(
    "emails.email_id, emails.object_id, emails.epoch, emails.size_octets, emails.summary",
    "emails",
    [("emails.account_id", "bytea"), ("emails.email_id", "bigint")],
)


def _counters(connection: Connection, account_id: AccountId) -> Counters:
    row = fetch_one(connection, _COUNTERS, (account_id,))
    if row is None:
        raise Absent(Condition.NO_SUCH_USER)
    return Counters._make(row)


def _whole(connection: Connection, account_id: AccountId) -> tuple[Counters, list[Row]]:
    return _counters(connection, account_id), fetch(connection, _WHOLE, (account_id,))


def _told(connection: Connection, account_id: AccountId, since: ModSeq) -> tuple[Counters, Told]:
    counters, told = _counters(connection, account_id), Told()
    for row in rows_after(connection, account_id, since):
        told.add(row)
    return counters, told


def _news(connection: Connection, account_id: AccountId, since: ModSeq) -> News:
    counters, told = _counters(connection, account_id), Told()
    if counters.modseq == since:
        return News(counters, told, [])
    if since < counters.pruned:
        return News(counters, told, None)
    counters, told = _told(connection, account_id, since)
    if sum(len(uids) for uids in told.entries.values()) > NEWS_ENTRIES:
        return News(counters, told, None)
    rows: list[PlaceRow] = []
    for mailbox_id, uids in told.entries.items():
        living = sorted(uids - told.vanished[mailbox_id])
        found = _SOME.rows(connection, account_id, mailbox_id, ranges_of(living)) if living else []
        rows += [PlaceRow._make(row) for row in found]
    return News(counters, told, rows)


class Catalogues:
    """What there is in accounts, by email instead of by mailbox."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def counters(self, account_id: AccountId) -> Counters:
        """Return the account's counters. Raises Absent (NO_SUCH_USER)."""
        return await self._access.read_once(lambda c: _counters(c, account_id))

    async def whole(self, account_id: AccountId) -> tuple[Counters, list[Row]]:
        """Return every entry of the account as the columns of `PlaceRow`, by mailbox and UID."""
        return await self._access.read(lambda c: _whole(c, account_id))

    async def told(self, account_id: AccountId, since: ModSeq) -> tuple[Counters, Told]:
        """Return what the log says since a MODSEQ, and the counters at its end.

        It is all there is only where `since` is not below `Counters.pruned`.
        """
        return await self._access.read(lambda c: _told(c, account_id, since))

    async def news(self, account_id: AccountId, since: ModSeq) -> News:
        """Return what is new since a MODSEQ, on one snapshot."""
        return await self._access.read(lambda c: _news(c, account_id, since))

    async def summaries(
        self, account_id: AccountId, email_ids: list[EmailId]
    ) -> dict[EmailId, EmailRow]:
        """Return those emails that exist, with their sealed summaries."""
        keys: list[Row] = [(account_id, email_id) for email_id in email_ids]
        rows = await self._access.read(lambda c: _SUMMARIES.rows(c, keys))
        return {row[0]: EmailRow._make(row) for row in rows}
