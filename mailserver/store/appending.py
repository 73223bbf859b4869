"""The append batch: all messages that wait, one transaction, a statement a table or one for all.

The lists that callers joined are *lots*; a lot (a MULTIAPPEND, or one message) is stored whole or
not at all. One account's lots of one batch share one MODSEQ, one update of its counters and one
of each mailbox: an append alone touches nine pages, and in a batch of thirty it shares most of
them.

Nothing is written until every lot was admitted and numbered in memory, so that a refusal needs no
rollback.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId, EmailId, EpochId, MailboxId, ModSeq, ObjectId, Uid
from mailserver.model.message import Appended, Flag
from mailserver.model.sealed import Guarded, Sealed
from mailserver.store.access import Done
from mailserver.store.blobs import Place
from mailserver.store.changes import LOG, AccountChange, EntriesChange, log_rows
from mailserver.store.counts import APPLY, Delta
from mailserver.store.driver import Lookup, Row, Sql, run_many
from mailserver.store.instants import to_microseconds
from mailserver.store.packing import pack_keywords
from mailserver.store.together import Many, look_up_together, write_together


@dataclass(frozen=True, slots=True)
class NewEmail:
    """A sealed message, ready to be stored."""

    account_id: AccountId
    mailbox_id: MailboxId
    object_id: ObjectId
    epoch: EpochId
    size_octets: int
    internaldate: datetime
    flags: Flag
    keywords: tuple[int, ...]
    summary: Sealed
    body: Sealed
    tail: Sealed
    thread_hashes: tuple[bytes, ...]
    """Its own Message-ID's keyed hash first, then those it refers to; 16 octets each."""
    quota: bool = True
    """Whether it is refused where the account is full."""
    also: tuple[MailboxId, ...] = ()
    """Further mailboxes that hold it, with the same flags: an entry each, of one email."""

    @property
    def mailboxes(self) -> tuple[MailboxId, ...]:
        """Every mailbox that is to hold it."""
        return (self.mailbox_id, *self.also)


class Mark(NamedTuple):
    """How far a transfer has come, kept with the messages it brought (`transfers.py`)."""

    source: bytes
    """A keyed hash of where the messages come from."""
    place: bytes
    """A keyed hash of which mailbox there."""
    state: Guarded


class Lot(NamedTuple):
    """What one caller wants stored, all or nothing; each body with its place and SHA-256."""

    account_id: AccountId
    emails: tuple[NewEmail, ...]
    blobs: tuple[tuple[Place, bytes], ...]
    now: int
    mark: Mark | None = None


@dataclass(slots=True)
class _Account:
    """An account's counters while the batch is numbered."""

    change: AccountChange
    next_email: int
    next_thread: int
    used: int
    quota: int
    touched: bool = False


@dataclass(slots=True)
class _Mailbox:
    """A mailbox's counters while the batch is numbered."""

    uid_validity: int
    uid_next: int
    delta: Delta = field(default_factory=Delta)
    appeared: list[Uid] = field(default_factory=list)


_BIGINT, _BYTEA = "bigint", "bytea"
_ACCOUNTS = Lookup(
    "account_id, modseq, next_email, next_thread, used_octets, quota_octets",
    "accounts",
    [("account_id", _BYTEA)],
)
_MAILBOXES = Lookup(
    "account_id, mailbox_id, uid_validity, uid_next",
    "mailboxes",
    [("account_id", _BYTEA), ("mailbox_id", _BIGINT)],
)
_THREADS = Lookup(
    "account_id, hash, thread_id", "thread_hashes", [("account_id", _BYTEA), ("hash", _BYTEA)]
)
_EMAIL = Many(
    "INSERT INTO emails (account_id, email_id, object_id, epoch, size_octets, internaldate,"
    " thread_id, entry_count, summary) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "bytea bigint bytea bigint bigint bigint bigint bigint bytea",
)
_BLOB = Many(
    "INSERT INTO blobs (account_id, blob_id, object_id, place, sealed_octets, sha256_ct, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)",
    "bytea bigint bytea smallint bigint bytea bytea",
)
_ENTRY = Many(
    "INSERT INTO entries (account_id, mailbox_id, uid, email_id, flags, keywords, modseq, saved_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "bytea bigint bigint bigint smallint bytea bigint bigint",
)
_TAIL = Many(
    "INSERT INTO search_tails (account_id, email_id, object_id, epoch, tail)"
    " VALUES (?, ?, ?, ?, ?)",
    "bytea bigint bytea bigint bytea",
)
MARK = Sql(
    "INSERT INTO transfer_marks (account_id, source, place, state) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id, source, place) DO UPDATE SET state = excluded.state"
)
_HASH = Many(
    "INSERT INTO thread_hashes (account_id, hash, thread_id) VALUES (?, ?, ?)",
    "bytea bytea bigint",
)
_ACCOUNT = Many(
    "UPDATE accounts SET modseq = ?, next_email = ?, next_thread = ?, used_octets = ?"
    " WHERE account_id = ?",
    "bigint bigint bigint bigint bytea",
)


class _Batch:
    """One batch on its way: read what it needs, number it, write it."""

    def __init__(self, connection: Connection, lots: list[Lot]) -> None:
        self._connection = connection
        self._lots = lots
        self._accounts: dict[AccountId, _Account] = {}
        self._mailboxes: dict[tuple[AccountId, MailboxId], _Mailbox] = {}
        self._threads: dict[tuple[AccountId, bytes], int] = {}
        self._emails: list[Row] = []
        self._blobs: list[Row] = []
        self._entries: list[Row] = []
        self._tails: list[Row] = []
        self._hashes: list[Row] = []
        self._marks: list[Row] = []

    def store(self) -> list[Done[list[Appended]] | MailError]:
        """Store what can be stored; return one outcome a lot, in order."""
        self._read()
        outcomes: list[Done[list[Appended]] | MailError] = []
        for lot in self._lots:
            refusal = self._refusal(lot)
            outcomes.append(refusal or Done(self._number(lot)))
        self._write()
        return self._told(outcomes)

    def _read(self) -> None:
        """Read counters, mailboxes and known threads."""
        accounts = {lot.account_id for lot in self._lots}
        mailboxes = {
            (e.account_id, mailbox_id)
            for lot in self._lots
            for e in lot.emails
            for mailbox_id in e.mailboxes
        }
        hashes = {
            (e.account_id, h) for lot in self._lots for e in lot.emails for h in e.thread_hashes
        }
        found = look_up_together(
            self._connection,
            [
                (_ACCOUNTS, [(account_id,) for account_id in accounts]),
                (_MAILBOXES, list(mailboxes)),
                (_THREADS, list(hashes)),
            ],
        )
        for account_id, modseq, next_email, next_thread, used, quota in found[0]:
            change = AccountChange(account_id, ModSeq(modseq + 1))
            self._accounts[account_id] = _Account(change, next_email, next_thread, used, quota)
        for account_id, mailbox_id, validity, uid in found[1]:
            self._mailboxes[account_id, mailbox_id] = _Mailbox(validity, uid)
        for account_id, hashed, thread_id in found[2]:
            self._threads[account_id, hashed] = thread_id

    def _refusal(self, lot: Lot) -> MailError | None:
        """Say why a lot cannot be stored, before any of it is numbered."""
        account = self._accounts.get(lot.account_id)
        if account is None:
            return Absent(Condition.NO_SUCH_USER)
        wanted_in = {mailbox_id for e in lot.emails for mailbox_id in e.mailboxes}
        if any((lot.account_id, mailbox_id) not in self._mailboxes for mailbox_id in wanted_in):
            return Absent(Condition.NO_SUCH_MAILBOX)
        wanted = sum(e.size_octets for e in lot.emails)
        bounded = account.quota > 0 and any(e.quota for e in lot.emails)
        if bounded and account.used + wanted > account.quota:
            return Refused(Condition.OVER_QUOTA, "the mailbox is full")
        return None

    def _number(self, lot: Lot) -> list[Appended]:
        """Give a lot its numbers and prepare its rows."""
        account = self._accounts[lot.account_id]
        account.touched = True
        modseq = account.change.modseq
        appended: list[Appended] = []
        for email, (place, sha256) in zip(lot.emails, lot.blobs, strict=True):
            email_id = EmailId(account.next_email)
            account.next_email += 1
            account.used += email.size_octets
            uids = [self._enter(email, email_id, each, modseq, lot.now) for each in email.mailboxes]
            self._prepare(email, email_id, self._thread(account, email))
            data = email.body if place is Place.ROW else None
            octets = len(email.body)
            self._blobs.append(
                (lot.account_id, email_id, email.object_id, int(place), octets, sha256, data)
            )
            validity = self._mailboxes[lot.account_id, email.mailbox_id].uid_validity
            appended.append(Appended(validity, uids[0], email_id, modseq))
        if lot.mark is not None:
            self._marks.append((lot.account_id, *lot.mark))
        return appended

    def _enter(
        self, email: NewEmail, email_id: EmailId, mailbox_id: MailboxId, modseq: ModSeq, now: int
    ) -> Uid:
        """Prepare an email's entry in one mailbox; return its UID there."""
        mailbox = self._mailboxes[email.account_id, mailbox_id]
        uid = Uid(mailbox.uid_next)
        mailbox.uid_next += 1
        mailbox.delta.uids += 1
        mailbox.delta.add(email.flags, email.size_octets)
        mailbox.appeared.append(uid)
        packed = pack_keywords(email.keywords)
        flags = int(email.flags)
        self._entries.append(
            (email.account_id, mailbox_id, uid, email_id, flags, packed, modseq, now)
        )
        return uid

    def _thread(self, account: _Account, email: NewEmail) -> int:
        """Find the conversation by its hashes, the message's own first, or begin one."""
        owner = email.account_id
        known = (self._threads.get((owner, hashed)) for hashed in email.thread_hashes)
        thread_id = next((thread for thread in known if thread is not None), None)
        if thread_id is None:
            thread_id = account.next_thread
            account.next_thread += 1
        for hashed in email.thread_hashes:
            if (owner, hashed) not in self._threads:
                self._threads[owner, hashed] = thread_id
                self._hashes.append((owner, hashed, thread_id))
        return thread_id

    def _prepare(self, email: NewEmail, email_id: EmailId, thread_id: int) -> None:
        """Prepare a message's rows but the blob's and the entries'."""
        owner, name, epoch = email.account_id, email.object_id, email.epoch
        received = to_microseconds(email.internaldate)
        entries = len(email.mailboxes)
        self._emails.append(
            (
                *(owner, email_id, name, epoch, email.size_octets, received, thread_id),
                *(entries, email.summary),
            )
        )
        self._tails.append((owner, email_id, name, epoch, email.tail))

    def _write(self) -> None:
        """Write everything that was prepared."""
        if not self._emails:
            return
        counted: list[Row] = []
        for (account_id, mailbox_id), mailbox in self._mailboxes.items():
            if mailbox.appeared:
                change = self._accounts[account_id].change
                change.entries.append(EntriesChange(mailbox_id, appeared=mailbox.appeared))
                counted.append(mailbox.delta.row(change.modseq, account_id, mailbox_id))
        touched = {owner: a for owner, a in self._accounts.items() if a.touched}
        now = self._lots[0].now
        write_together(
            self._connection,
            [
                (_EMAIL, self._emails),
                (_BLOB, self._blobs),
                (_ENTRY, self._entries),
                (_TAIL, self._tails),
                (_HASH, self._hashes),
                (APPLY, counted),
                (
                    _ACCOUNT,
                    [
                        (a.change.modseq, a.next_email, a.next_thread, a.used, owner)
                        for owner, a in touched.items()
                    ],
                ),
                (LOG, [row for a in touched.values() for row in log_rows(a.change, now)]),
            ],
        )
        run_many(self._connection, MARK, self._marks)

    def _told(
        self, outcomes: list[Done[list[Appended]] | MailError]
    ) -> list[Done[list[Appended]] | MailError]:
        """Attach each account's one change to its first lot that was stored."""
        untold = {owner: a.change for owner, a in self._accounts.items() if a.touched}
        told: list[Done[list[Appended]] | MailError] = []
        for lot, outcome in zip(self._lots, outcomes, strict=True):
            if isinstance(outcome, Done):
                told.append(Done(outcome.value, untold.pop(lot.account_id, None)))
            else:
                told.append(outcome)
        return told


def append_lots(connection: Connection, lots: list[Lot]) -> list[Done[list[Appended]] | MailError]:
    """Store lots within a transaction; one outcome a lot, in order.

    An outcome is Absent (NO_SUCH_USER, NO_SUCH_MAILBOX) or Refused (OVER_QUOTA) for that lot alone.
    """
    return _Batch(connection, lots).store()
