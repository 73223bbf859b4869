"""STORE: change flags and keywords, conditionally where asked (RFC 9051 §6.4.6, RFC 7162)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, MailboxId, ModSeq, Uid
from mailserver.model.message import Flag, StoreMode
from mailserver.store.access import Done
from mailserver.store.changes import AccountChange, EntriesChange, FlagRow, log, next_modseq
from mailserver.store.counts import DELETED, Delta, apply, next_uid
from mailserver.store.driver import RangeRead, Row, Sql, run_many
from mailserver.store.packing import Ranges, pack_keywords, unpack_keywords

_FLAGS = RangeRead("e.uid, e.flags, e.keywords, e.modseq", "entries e")
_SET = Sql(
    "UPDATE entries SET flags = ?, keywords = ?, modseq = ?"
    " WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?"
)


@dataclass(frozen=True, slots=True)
class FlagOrder:
    """What a STORE asks for."""

    mode: StoreMode
    flags: Flag
    keywords: frozenset[int]
    unchanged_since: ModSeq | None = None

    def of(self, flags: int, packed: bytes | None) -> tuple[int, bytes | None]:
        """Return what an entry with these flags and keywords shall have."""
        asked = int(self.flags)
        match self.mode:
            case StoreMode.REPLACE:
                return asked, pack_keywords(self.keywords)
            case StoreMode.ADD:
                flags |= asked
            case StoreMode.REMOVE:
                flags &= ~asked
        if self.keywords:
            has = frozenset(unpack_keywords(packed))
            adds = self.mode is StoreMode.ADD
            packed = pack_keywords(has | self.keywords if adds else has - self.keywords)
        return flags, packed


class StoredRows(NamedTuple):
    """What a STORE did."""

    changed: list[FlagRow]
    """Entries whose flags now differ, in UID order."""
    modified: list[Uid]
    """UIDs that UNCHANGEDSINCE kept back."""
    modseq: ModSeq | None
    """None where nothing changed."""


def store_flags(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    ranges: Ranges | None,
    order: FlagOrder,
    now: int,
) -> Done[StoredRows]:
    """Change flags within a transaction. Raises Absent (NO_SUCH_MAILBOX)."""
    next_uid(connection, account_id, mailbox_id)  # the mailbox exists
    found = [FlagRow._make(r) for r in _FLAGS.rows(connection, account_id, mailbox_id, ranges)]
    bound = order.unchanged_since
    modified = [] if bound is None else [row.uid for row in found if row.modseq > bound]
    kept_back = frozenset(modified)
    wanted: list[tuple[FlagRow, int, bytes | None]] = []
    for row in found:
        after, packed = order.of(row.flags, row.packed_keywords)
        if row.uid not in kept_back:
            wanted.append((row, after, packed))
    different = [w for w in wanted if (w[1], w[2]) != (w[0].flags, w[0].packed_keywords)]
    if not different:
        return Done(StoredRows([], modified, None))
    modseq = next_modseq(connection, account_id)
    changed = [FlagRow(row.uid, after, packed, modseq) for row, after, packed in different]
    delta = Delta()
    for row, after, _ in different:
        delta.reflag(row.flags, after)
    places = _places(found, ranges)
    run_many(connection, _SET, _updates(account_id, mailbox_id, places, changed))
    apply(connection, account_id, mailbox_id, delta, modseq)
    undeleted = [row.uid for row, after, _ in different if row.flags & ~after & DELETED]
    entries = EntriesChange(mailbox_id, flagged=changed, undeleted=undeleted)
    change = AccountChange(account_id, modseq, [entries])
    log(connection, [change], now)
    return Done(StoredRows(changed, modified, modseq), change)


def _places(found: Sequence[FlagRow], ranges: Ranges | None) -> dict[Uid, int]:
    """Number what was found so that two have neighbouring numbers only if nothing lies between.

    Between two neighbours of one range there is no entry; between two ranges there may be some that
    nobody asked for, so a number is left out there.
    """
    places: dict[Uid, int] = {}
    passed = 0
    for n, row in enumerate(found):
        while ranges is not None and row.uid > ranges[passed][1]:
            passed += 1
        places[row.uid] = n + passed
    return places


def _updates(
    account_id: AccountId,
    mailbox_id: MailboxId,
    places: dict[Uid, int],
    changed: Sequence[FlagRow],
) -> list[Row]:
    """Join neighbours that get the same flags into one UPDATE: "mark all as read" is a few."""
    runs = groupby(
        enumerate(changed),
        lambda pair: (places[pair[1].uid] - pair[0], pair[1].flags, pair[1].packed_keywords),
    )
    rows: list[Row] = []
    for (_, flags, packed), run in runs:
        members = [row for _, row in run]
        modseq, first, last = members[0].modseq, members[0].uid, members[-1].uid
        rows.append((flags, packed, modseq, account_id, mailbox_id, first, last))
    return rows
