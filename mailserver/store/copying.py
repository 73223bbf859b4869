"""COPY and MOVE: entries come and go, email and blob stay (RFC 9051 §6.4.7, RFC 6851)."""

from collections import Counter

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EmailId, MailboxId, ModSeq, Uid
from mailserver.model.message import Copied
from mailserver.store.access import Done
from mailserver.store.changes import AccountChange, EntriesChange, log, next_modseq
from mailserver.store.counts import Delta, apply, next_uid
from mailserver.store.driver import RangeRead, Row, Sql, run_many
from mailserver.store.list_blocks import drop_holding
from mailserver.store.packing import Ranges

_SOURCE = RangeRead(
    "e.uid, e.email_id, e.flags, e.keywords, m.size_octets",
    "entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id",
)
_INSERT = Sql(
    "INSERT INTO entries (account_id, mailbox_id, uid, email_id, flags, keywords, modseq, saved_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELETE = Sql("DELETE FROM entries WHERE account_id = ? AND mailbox_id = ? AND uid = ?")
_COUNT_UP = Sql(
    "UPDATE emails SET entry_count = entry_count + ? WHERE account_id = ? AND email_id = ?"
)


def enter(
    connection: Connection,
    change: AccountChange,
    found: list[Row],
    to: MailboxId,
    now: int,
) -> Copied:
    """Make entries in `to` of `found`: UID, email, flags, packed keywords, octets.

    The caller counts them up in their emails, and logs the change.
    """
    account_id = change.account_id
    uid_validity, first = next_uid(connection, account_id, to)
    new: list[Row] = []
    delta = Delta(uids=len(found))
    for uid, (_, email_id, flags, keywords, octets) in enumerate(found, start=first):
        new.append((account_id, to, uid, email_id, flags, keywords, change.modseq, now))
        delta.add(flags, octets)
    run_many(connection, _INSERT, new)
    apply(connection, account_id, to, delta, change.modseq)
    made = [Uid(row[2]) for row in new]
    change.entries.append(EntriesChange(to, appeared=made))
    return Copied(uid_validity, [Uid(row[0]) for row in found], made)


def count_up(connection: Connection, account_id: AccountId, held: Counter[EmailId]) -> None:
    """Let emails have so many entries more."""
    run_many(connection, _COUNT_UP, [(n, account_id, email) for email, n in held.items()])


def copy(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    ranges: Ranges | None,
    to: MailboxId,
    now: int,
) -> Done[Copied]:
    """Copy entries within a transaction. Raises Absent (NO_SUCH_MAILBOX)."""
    next_uid(connection, account_id, mailbox_id)  # the source exists
    uid_validity, _ = next_uid(connection, account_id, to)
    found = _SOURCE.rows(connection, account_id, mailbox_id, ranges)
    if not found:
        return Done(Copied(uid_validity))
    change = AccountChange(account_id, next_modseq(connection, account_id))
    copied = enter(connection, change, found, to, now)
    count_up(connection, account_id, Counter(row[1] for row in found))
    log(connection, [change], now)
    return Done(copied, change)


def move(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    ranges: Ranges | None,
    to: MailboxId,
    now: int,
) -> Done[tuple[Copied, ModSeq]]:
    """Move entries within a transaction. Raises Absent (NO_SUCH_MAILBOX).

    Into the same mailbox is allowed: the entries get new UIDs (RFC 6851 §3.3 leaves it to us).
    """
    next_uid(connection, account_id, mailbox_id)  # the source exists
    uid_validity, _ = next_uid(connection, account_id, to)
    found = _SOURCE.rows(connection, account_id, mailbox_id, ranges)
    if not found:
        return Done((Copied(uid_validity), ModSeq(0)))
    modseq = next_modseq(connection, account_id)
    change = AccountChange(account_id, modseq)
    delta = Delta()
    for _, _, flags, _, octets in found:
        delta.take(flags, octets)
    gone = [Uid(row[0]) for row in found]
    run_many(connection, _DELETE, [(account_id, mailbox_id, uid) for uid in gone])
    drop_holding(connection, account_id, mailbox_id, gone)
    apply(connection, account_id, mailbox_id, delta, modseq)
    change.entries.append(EntriesChange(mailbox_id, vanished=gone))
    copied = enter(connection, change, found, to, now)
    log(connection, [change], now)
    return Done((copied, modseq), change)
