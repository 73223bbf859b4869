"""What happened in an account: told after each commit, and kept for a while as its change log.

The log is change log and tombstones at once. One operation has one MODSEQ and a few rows here;
`numbers` holds UIDs or email numbers as ranges. It answers VANISHED (RFC 7162 §3.2.10), JMAP's
`/changes`, and another process that wants to tell its own sessions. Rows older than `KEPT` are
pruned; `pruned_modseq` says how far back the log is complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId, EmailId, MailboxId, ModSeq, ThreadId, Uid
from mailserver.store.driver import Row, Sql, fetch, fetch_one, run, run_many
from mailserver.store.packing import pack_ranges, unpack_keywords, unpack_ranges
from mailserver.store.together import Many

KEPT = timedelta(days=30)  # a client away for longer reads the mailbox anew


class Kind(IntEnum):
    """What a row of the log says."""

    APPEARED = 1
    """UIDs came into the mailbox."""
    VANISHED = 2
    """UIDs left it."""
    FLAGGED = 3
    """UIDs whose flags or keywords changed."""
    DESTROYED = 4
    """Email numbers that are in no mailbox any more."""
    MAILBOX = 5
    """The mailbox was created, renamed, deleted, subscribed or unsubscribed."""
    LEFT = 6
    """Email numbers that left a mailbox and are still in another."""
    THREADS = 7
    """Threads of destroyed emails, whose own rows no longer say so."""
    UNDELETED = 8
    r"""UIDs that lost \Deleted: what JMAP did not show is there again (RFC 8621 §4.1.1)."""
    RECORDS = 9
    """Records of the kind that stands in the mailbox's place (`records.RecordKind`)."""


class FlagRow(NamedTuple):
    """The flags of one entry as they stand; keywords are numbers (`Mailboxes.keywords`)."""

    uid: Uid
    flags: int
    packed_keywords: bytes | None
    modseq: ModSeq

    @property
    def keywords(self) -> tuple[int, ...]:
        """The keyword numbers, ascending."""
        return unpack_keywords(self.packed_keywords)


@dataclass(slots=True)
class EntriesChange:
    """Entries of one mailbox that came, went or changed flags under one MODSEQ."""

    mailbox_id: MailboxId
    appeared: list[Uid] = field(default_factory=list)
    vanished: list[Uid] = field(default_factory=list)
    flagged: list[FlagRow] = field(default_factory=list)
    undeleted: list[Uid] = field(default_factory=list)
    r"""Of those flagged, the ones that lost \Deleted."""


@dataclass(slots=True)
class AccountChange:
    """One committed change; `model.change.Change` with keyword numbers instead of their names."""

    account_id: AccountId
    modseq: ModSeq
    entries: list[EntriesChange] = field(default_factory=list)
    mailboxes: list[MailboxId] = field(default_factory=list)
    emails_destroyed: list[EmailId] = field(default_factory=list)
    emails_left: list[EmailId] = field(default_factory=list)
    """Emails that left a mailbox and are still in another."""
    threads: list[ThreadId] = field(default_factory=list)
    """Of the destroyed emails."""
    records: list[int] = field(default_factory=list)
    """Kinds of records of which some came, changed or went (`records.RecordKind`)."""


_BUMP = Sql("UPDATE accounts SET modseq = modseq + 1 WHERE account_id = ? RETURNING modseq")
LOG = Many(
    "INSERT INTO changes (account_id, modseq, part, kind, mailbox_id, numbers, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)",
    "bytea bigint bigint smallint bigint bytea bigint",
)
"""Adds one of `log_rows`."""
_COUNTERS = Sql("SELECT modseq, pruned_modseq FROM accounts WHERE account_id = ?")
_AFTER = Sql(
    "SELECT modseq, kind, mailbox_id, numbers FROM changes"
    " WHERE account_id = ? AND modseq > ? ORDER BY modseq, part"
)
_VANISHED = Sql(
    "SELECT numbers FROM changes"
    " WHERE account_id = ? AND modseq > ? AND mailbox_id = ? AND kind = ? ORDER BY modseq"
)
_OLDEST_KEPT = Sql("SELECT MAX(modseq) FROM changes WHERE account_id = ? AND at < ?")
_PRUNE = Sql("DELETE FROM changes WHERE account_id = ? AND modseq <= ?")
_PRUNED = Sql("UPDATE accounts SET pruned_modseq = ? WHERE account_id = ?")


def next_modseq(connection: Connection, account_id: AccountId) -> ModSeq:
    """Take the account's next MODSEQ, for one operation of this transaction.

    Raises:
        Absent: NO_SUCH_USER.
    """
    row = fetch_one(connection, _BUMP, (account_id,))
    if row is None:
        raise Absent(Condition.NO_SUCH_USER)
    return ModSeq(row[0])


def log_rows(change: AccountChange, at: int) -> list[Row]:
    """Turn a change into rows of the log; `at` in microseconds."""
    told: list[tuple[Kind, int, bytes]] = []
    numbers: Sequence[int]
    for entries in change.entries:
        for kind, uids in (
            (Kind.APPEARED, entries.appeared),
            (Kind.VANISHED, entries.vanished),
            (Kind.FLAGGED, [row.uid for row in entries.flagged]),
            (Kind.UNDELETED, entries.undeleted),
        ):
            if uids:
                told.append((kind, entries.mailbox_id, pack_ranges(uids)))
    for kind, numbers in (
        (Kind.DESTROYED, change.emails_destroyed),
        (Kind.LEFT, change.emails_left),
        (Kind.THREADS, change.threads),
    ):
        if numbers:
            told.append((kind, 0, pack_ranges(sorted(set(numbers)))))
    told += [(Kind.MAILBOX, mailbox_id, b"") for mailbox_id in change.mailboxes]
    told += [(Kind.RECORDS, kind, b"") for kind in change.records]
    return [
        (change.account_id, change.modseq, part, int(kind), mailbox_id, numbers, at)
        for part, (kind, mailbox_id, numbers) in enumerate(told)
    ]


def log(connection: Connection, changes: list[AccountChange], at: int) -> None:
    """Write changes into the log."""
    run_many(connection, LOG, [row for change in changes for row in log_rows(change, at)])


def counters(connection: Connection, account_id: AccountId) -> tuple[ModSeq, ModSeq]:
    """Return the account's MODSEQ, and the one up to which its log is pruned.

    Raises:
        Absent: NO_SUCH_USER.
    """
    row = fetch_one(connection, _COUNTERS, (account_id,))
    if row is None:
        raise Absent(Condition.NO_SUCH_USER)
    return ModSeq(row[0]), ModSeq(row[1])


def vanished_since(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, modseq: ModSeq
) -> list[Uid]:
    """List the UIDs that left the mailbox after `modseq`, ascending."""
    rows = fetch(connection, _VANISHED, (account_id, modseq, mailbox_id, int(Kind.VANISHED)))
    return sorted(Uid(uid) for (numbers,) in rows for uid in unpack_ranges(numbers))


class LogRow(NamedTuple):
    """One row of the log."""

    modseq: ModSeq
    kind: int
    mailbox_id: MailboxId
    numbers: bytes


def rows_after(connection: Connection, account_id: AccountId, modseq: ModSeq) -> list[LogRow]:
    """List what the log says after `modseq`, in order."""
    return [LogRow._make(row) for row in fetch(connection, _AFTER, (account_id, modseq))]


def prune(connection: Connection, account_id: AccountId, before: int) -> int:
    """Forget changes before an instant (microseconds); return how many rows."""
    row = fetch_one(connection, _OLDEST_KEPT, (account_id, before))
    if row is None or row[0] is None:
        return 0
    pruned = run(connection, _PRUNE, (account_id, row[0]))
    run(connection, _PRUNED, (row[0], account_id))
    return pruned
