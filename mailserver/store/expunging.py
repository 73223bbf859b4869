"""EXPUNGE, and what goes with the last entry of an email: the email, its blob, its words."""

from collections import Counter

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EmailId, MailboxId, ObjectId, Uid
from mailserver.store.access import Done
from mailserver.store.blobs import Place
from mailserver.store.changes import AccountChange, EntriesChange, log, next_modseq
from mailserver.store.counts import Delta, apply, next_uid
from mailserver.store.driver import Lookup, RangeRead, Row, Sql, fetch, run, run_many
from mailserver.store.list_blocks import drop_holding
from mailserver.store.packing import Ranges

AT_ONCE = 1_000  # entries of one transaction: some 60 ms in which nobody else writes

_TABLES = "entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id"
_COLUMNS = "e.uid, e.flags, e.email_id, m.size_octets"
_ANY = RangeRead(_COLUMNS, _TABLES)
_DELETED = RangeRead(_COLUMNS, _TABLES, where="AND e.flags & 8 != 0")
_EXPIRED = Sql(
    f"SELECT {_COLUMNS} FROM {_TABLES} WHERE e.account_id = ? AND e.mailbox_id = ?"  # noqa: S608
    " AND e.saved_at <= ? ORDER BY e.uid LIMIT ?"
)
_DELETE = Sql("DELETE FROM entries WHERE account_id = ? AND mailbox_id = ? AND uid = ?")
_COUNTS = Lookup(
    "emails.email_id, emails.entry_count, emails.size_octets, emails.thread_id",
    "emails",
    [("account_id", "bytea"), ("email_id", "bigint")],
)
_IN_FILES = Lookup(
    "blobs.blob_id, blobs.place, blobs.object_id",
    "blobs",
    [("account_id", "bytea"), ("blob_id", "bigint")],
)
_COUNT_DOWN = Sql(
    "UPDATE emails SET entry_count = entry_count - ? WHERE account_id = ? AND email_id = ?"
)
_DROP = (
    Sql("DELETE FROM emails WHERE account_id = ? AND email_id = ?"),
    Sql("DELETE FROM blobs WHERE account_id = ? AND blob_id = ?"),
    Sql("DELETE FROM search_tails WHERE account_id = ? AND email_id = ?"),
)
_USED = Sql("UPDATE accounts SET used_octets = used_octets - ? WHERE account_id = ?")


def drop_entries(
    connection: Connection, change: AccountChange, mailbox_id: MailboxId, found: list[Row] | None
) -> list[ObjectId]:
    """Delete entries (rows of `_COLUMNS`; None is all of the mailbox) and what only they held.

    Adds what vanished and was destroyed to `change`; returns objects to delete after the commit.
    """
    account_id = change.account_id
    if found is None:
        found = _ANY.rows(connection, account_id, mailbox_id, None)
    if not found:
        return []
    delta = Delta()
    for _, flags, _, octets in found:
        delta.take(flags, octets)
    uids = [Uid(row[0]) for row in found]
    run_many(connection, _DELETE, [(account_id, mailbox_id, uid) for uid in uids])
    drop_holding(connection, account_id, mailbox_id, uids)
    apply(connection, account_id, mailbox_id, delta, change.modseq)
    change.entries.append(EntriesChange(mailbox_id, vanished=uids))
    return _release(connection, change, Counter(EmailId(row[2]) for row in found))


def _release(
    connection: Connection, change: AccountChange, gone: Counter[EmailId]
) -> list[ObjectId]:
    """Take `gone` entries off their emails, and drop emails that have none left."""
    account_id = change.account_id
    keys: list[Row] = [(account_id, email_id) for email_id in gone]
    kept: list[Row] = []
    destroyed: list[EmailId] = []
    freed = 0
    for email_id, entries, octets, thread_id in _COUNTS.rows(connection, keys):
        if entries > gone[email_id]:
            kept.append((gone[email_id], account_id, email_id))
            change.emails_left.append(email_id)
        else:
            destroyed.append(email_id)
            change.threads.append(thread_id)
            freed += octets
    run_many(connection, _COUNT_DOWN, kept)
    doomed: list[Row] = [(account_id, email_id) for email_id in destroyed]
    in_files = [
        ObjectId(object_id)
        for _, place, object_id in _IN_FILES.rows(connection, doomed)
        if place == Place.FILE
    ]
    for statement in _DROP:
        run_many(connection, statement, doomed)
    if freed:
        run(connection, _USED, (freed, account_id))
    change.emails_destroyed += sorted(destroyed)
    return in_files


def expire(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, before: int, now: int
) -> Done[int]:
    """Remove the first `AT_ONCE` entries that came to a mailbox before an instant; say how many."""
    found = fetch(connection, _EXPIRED, (account_id, mailbox_id, before, AT_ONCE))
    if not found:
        return Done(0)
    change = AccountChange(account_id, next_modseq(connection, account_id))
    dropped = drop_entries(connection, change, mailbox_id, found)
    log(connection, [change], now)
    return Done(len(found), change, dropped)


def expunge(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    ranges: Ranges | None,
    now: int,
) -> Done[list[Uid]]:
    r"""Remove the first `AT_ONCE` entries with \Deleted within a transaction. Raises Absent."""
    next_uid(connection, account_id, mailbox_id)  # the mailbox exists
    found = _DELETED.rows(connection, account_id, mailbox_id, ranges, AT_ONCE)
    if not found:
        return Done([])
    change = AccountChange(account_id, next_modseq(connection, account_id))
    dropped = drop_entries(connection, change, mailbox_id, found)
    log(connection, [change], now)
    return Done([Uid(row[0]) for row in found], change, dropped)
