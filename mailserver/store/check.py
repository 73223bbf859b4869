"""Proves the store's invariants: counts are what they count, and each blob is whole.

There are no foreign keys and counts are kept by hand, for speed; this is the other half of that
bargain. Every store test ends with it, and `zegel check` runs it on a live server: each account
is read on one snapshot.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId, ObjectId
from mailserver.store.access import Access
from mailserver.store.blobs import Place
from mailserver.store.driver import Row, Sql, fetch
from mailserver.store.queue_check import queue_findings
from mailserver.store.queue_rows import INSTANCE
from mailserver.store.schema import PER_ACCOUNT
from mailserver.store.sweeps import FILES, ORPHAN_AGE

BLOBS_AT_ONCE = 200
LOST, ALTERED = "its ciphertext is missing", "it is not what was stored"
"""How a finding ends that may be a breach of personal data."""


class Finding(NamedTuple):
    """Something that does not hold. The text names numbers, never a name, an address or mail."""

    account_id: AccountId | None
    what: str


class _Rule(NamedTuple):
    """A query that finds nothing while the invariant holds; `what` is filled from its rows."""

    what: str
    sql: Sql


def _rule(what: str, text: str) -> _Rule:
    return _Rule(what, Sql(text))


_COUNTED = """
    SELECT e.mailbox_id AS mailbox_id, COUNT(*) AS total,
           SUM(CASE WHEN e.flags & 1 = 0 THEN 1 ELSE 0 END) AS unseen,
           SUM(CASE WHEN e.flags & 8 != 0 THEN 1 ELSE 0 END) AS deleted,
           SUM(m.size_octets) AS octets, MAX(e.uid) AS last, MAX(e.modseq) AS modseq
    FROM entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id
    WHERE e.account_id = ? GROUP BY e.mailbox_id
"""

# Each takes the account id as often as it has a placeholder.
_RULES = (
    _rule(
        "mailbox {0}: it says {1} entries, {2} unseen, {3} deleted, {4} octets and is not right",
        f"""SELECT b.mailbox_id, b.total, b.unseen, b.deleted, b.octets FROM mailboxes b
        LEFT JOIN ({_COUNTED}) c ON c.mailbox_id = b.mailbox_id WHERE b.account_id = ? AND
        (b.total != COALESCE(c.total, 0) OR b.unseen != COALESCE(c.unseen, 0)
         OR b.deleted != COALESCE(c.deleted, 0) OR b.octets != COALESCE(c.octets, 0))""",  # noqa: S608
    ),
    _rule(
        "mailbox {0}: UIDNEXT or HIGHESTMODSEQ is behind its entries",
        f"""SELECT b.mailbox_id FROM mailboxes b JOIN ({_COUNTED}) c ON c.mailbox_id = b.mailbox_id
        WHERE b.account_id = ? AND (c.last >= b.uid_next OR c.modseq > b.highest_modseq)""",  # noqa: S608
    ),
    _rule(
        "mailbox {0}: a counter is ahead of the account's, or \\Recent of UIDNEXT",
        """SELECT b.mailbox_id FROM mailboxes b JOIN accounts a ON a.account_id = b.account_id
        WHERE b.account_id = ? AND (b.highest_modseq > a.modseq OR b.mailbox_id >= a.next_mailbox
        OR b.uid_validity >= a.next_uid_validity OR b.recent_from > b.uid_next)""",
    ),
    _rule(
        "mailbox {0}: UID {1} has no email or no mailbox",
        """SELECT e.mailbox_id, e.uid FROM entries e
        LEFT JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id
        LEFT JOIN mailboxes b ON b.account_id = e.account_id AND b.mailbox_id = e.mailbox_id
        WHERE e.account_id = ? AND (m.email_id IS NULL OR b.mailbox_id IS NULL)""",
    ),
    _rule(
        "email {0}: it says {1} entries and has {2}",
        """SELECT m.email_id, m.entry_count, COUNT(e.uid) FROM emails m
        LEFT JOIN entries e ON e.account_id = m.account_id AND e.email_id = m.email_id
        WHERE m.account_id = ? GROUP BY m.email_id, m.entry_count
        HAVING COUNT(e.uid) != m.entry_count OR COUNT(e.uid) = 0""",
    ),
    _rule(
        "email {0}: a number is ahead of the account's counter",
        """SELECT m.email_id FROM emails m JOIN accounts a ON a.account_id = m.account_id
        WHERE m.account_id = ? AND (m.email_id >= a.next_email OR m.thread_id >= a.next_thread
        OR m.epoch >= a.next_epoch)""",
    ),
    _rule(
        "email {0}: its content key {1} is not there",
        """SELECT m.email_id, m.epoch FROM emails m
        LEFT JOIN epochs k ON k.account_id = m.account_id AND k.epoch = m.epoch
        WHERE m.account_id = ? AND k.epoch IS NULL""",
    ),
    _rule(
        "email {0}: it has no blob, or one of another name",
        """SELECT m.email_id FROM emails m
        LEFT JOIN blobs b ON b.account_id = m.account_id AND b.blob_id = m.email_id
        WHERE m.account_id = ? AND (b.blob_id IS NULL OR b.object_id != m.object_id)""",
    ),
    _rule(
        "blob {0}: no email has it",
        """SELECT b.blob_id FROM blobs b
        LEFT JOIN emails m ON m.account_id = b.account_id AND m.email_id = b.blob_id
        WHERE b.account_id = ? AND m.email_id IS NULL""",
    ),
    _rule(
        "email {0}: it is gone but its words are not",
        """SELECT t.email_id FROM search_tails t
        LEFT JOIN emails m ON m.account_id = t.account_id AND m.email_id = t.email_id
        WHERE t.account_id = ? AND m.email_id IS NULL""",
    ),
    _rule(
        "list block of mailbox {0} from UID {1}: it holds {2} messages and should hold {3}",
        """SELECT l.mailbox_id, l.first_uid, l.messages, COUNT(e.uid) FROM list_blocks l
        LEFT JOIN entries e ON e.account_id = l.account_id AND e.mailbox_id = l.mailbox_id
        AND e.uid BETWEEN l.first_uid AND l.last_uid WHERE l.account_id = ?
        GROUP BY l.mailbox_id, l.first_uid, l.messages HAVING COUNT(e.uid) != l.messages""",
    ),
    _rule(
        "list block of mailbox {0} from UID {1}: it overlaps another, or its content key is gone",
        """SELECT l.mailbox_id, l.first_uid FROM list_blocks l
        LEFT JOIN epochs k ON k.account_id = l.account_id AND k.epoch = l.epoch
        WHERE l.account_id = ? AND (k.epoch IS NULL OR EXISTS (SELECT 1 FROM list_blocks o
        WHERE o.account_id = l.account_id AND o.mailbox_id = l.mailbox_id
        AND o.first_uid > l.first_uid AND o.first_uid <= l.last_uid))""",
    ),
    _rule(
        "the account says it holds {0} octets and holds {1}",
        """SELECT a.used_octets, COALESCE(SUM(m.size_octets), 0) FROM accounts a
        LEFT JOIN emails m ON m.account_id = a.account_id WHERE a.account_id = ?
        GROUP BY a.used_octets HAVING a.used_octets != COALESCE(SUM(m.size_octets), 0)""",
    ),
    _rule(
        "change {0}, part {1}: it is ahead of the counter, or older than what was pruned",
        """SELECT c.modseq, c.part FROM changes c JOIN accounts a ON a.account_id = c.account_id
        WHERE c.account_id = ? AND (c.modseq > a.modseq OR c.modseq <= a.pruned_modseq)""",
    ),
    _rule(
        "change {0}: its parts are not numbered from 0",
        """SELECT modseq FROM changes WHERE account_id = ? GROUP BY modseq
        HAVING MIN(part) != 0 OR MAX(part) != COUNT(*) - 1""",
    ),
    _rule(
        "keyword, epoch or segment {0}: its number is ahead of the account's counter",
        """SELECT k.keyword FROM keywords k JOIN accounts a ON a.account_id = k.account_id
        WHERE k.account_id = ? AND k.keyword >= a.next_keyword
        UNION ALL SELECT k.epoch FROM epochs k JOIN accounts a ON a.account_id = k.account_id
        WHERE k.account_id = ? AND k.epoch >= a.next_epoch
        UNION ALL SELECT s.segment_id FROM search_segments s
        JOIN accounts a ON a.account_id = s.account_id
        WHERE s.account_id = ? AND s.segment_id >= a.next_segment""",
    ),
)
_ACCOUNTS = Sql("SELECT account_id FROM accounts ORDER BY account_id")
_BLOBS = Sql(
    "SELECT blob_id, object_id, place, sealed_octets, sha256_ct, data FROM blobs"
    " WHERE account_id = ? AND blob_id > ? ORDER BY blob_id LIMIT ?"
)


def _broken_rules(connection: Connection, account_id: AccountId) -> list[Finding]:
    """Run every rule on one account."""
    return [
        Finding(account_id, rule.what.format(*row))
        for rule in _RULES
        for row in fetch(connection, rule.sql, (account_id,) * rule.sql.sqlite.count("?"))
    ]


def _ownerless(connection: Connection) -> list[Finding]:
    """Find rows of accounts that do not exist."""
    found: list[Finding] = []
    for table in PER_ACCOUNT:
        sql = Sql(
            f"SELECT COUNT(*) FROM {table.name} t WHERE t.account_id != ? AND NOT EXISTS"  # noqa: S608
            " (SELECT 1 FROM accounts a WHERE a.account_id = t.account_id)"
        )
        count = fetch(connection, sql, (INSTANCE,))[0][0]
        if count:
            found.append(Finding(None, f"{count} rows of {table.name} have no account"))
    return found


async def check(
    access: Access, account_id: AccountId | None = None, *, quiet: bool = False
) -> list[Finding]:
    """Prove the invariants of one account, or of all and of the blob store; return the breaches.

    `quiet`: nobody writes meanwhile, so that even a blob stored just now must have its row.
    """
    findings: list[Finding] = []
    if account_id is None:
        rows = await access.read_once(lambda connection: fetch(connection, _ACCOUNTS))
        owners = [AccountId(owner) for (owner,) in rows]
        findings += await access.read(_ownerless)
        findings += [Finding(None, what) for what in await queue_findings(access)]
        findings += await _orphans(access, None if quiet else access.instant() - ORPHAN_AGE)
    else:
        owners = [account_id]
    for owner in owners:
        findings += await access.read(partial(_broken_rules, account_id=owner))
        findings += await _broken_blobs(access, owner)
    return findings


async def _orphans(access: Access, before: datetime | None) -> list[Finding]:
    """Find objects of the blob store, stored before an instant, that no row names."""
    stored = await access.offload(lambda: list(access.blobs.stored(before=before)))
    rows = await access.read_once(lambda connection: fetch(connection, FILES))
    named = {ObjectId(object_id) for (object_id,) in rows}
    return [
        Finding(None, f"object {object_id.hex()}: no row names it")
        for object_id in stored
        if object_id not in named
    ]


async def _broken_blobs(access: Access, account_id: AccountId) -> list[Finding]:
    """Compare each blob with its SHA-256 and length."""
    findings: list[Finding] = []
    after = 0
    while True:
        wanted = (account_id, after, BLOBS_AT_ONCE)
        rows = await access.read_once(partial(_some_blobs, wanted=wanted))
        if not rows:
            return findings
        findings += await access.offload(lambda: list(_broken(access, account_id, rows)))  # noqa: B023
        after = rows[-1][0]


def _some_blobs(connection: Connection, wanted: Row) -> list[Row]:
    return fetch(connection, _BLOBS, wanted)


def _broken(access: Access, account_id: AccountId, rows: list[Row]) -> Iterator[Finding]:
    """Check some blobs; runs in a thread, for it hashes and reads files."""
    for blob_id, object_id, place, octets, sha256, data in rows:
        sealed = data
        if place == Place.FILE:
            try:
                sealed = access.blobs.get(ObjectId(object_id))
            except Corrupt:
                sealed = None
        if sealed is None:
            yield Finding(account_id, f"blob {blob_id}: {LOST}")
        elif len(sealed) != octets or hashlib.sha256(sealed).digest() != sha256:
            yield Finding(account_id, f"blob {blob_id}: {ALTERED}")
