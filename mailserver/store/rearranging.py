r"""Emails by their numbers: which mailboxes hold them, with which flags (RFC 8621 §4.6).

JMAP speaks of emails where IMAP speaks of entries; which entries an email has, its caller knows
(`catalogue`), and it is looked at here whether that still holds. A change here is a change of all
entries of an email that JMAP shows, those without \Deleted; what comes into a mailbox is a new
entry of the same email, and blob and summary stay as they are.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict, MailError, PeerFault
from mailserver.model.ids import AccountId, EmailId, MailboxId, ObjectId, Uid
from mailserver.model.message import Flag
from mailserver.store.access import Done
from mailserver.store.changes import AccountChange, EntriesChange, FlagRow, log, next_modseq
from mailserver.store.copying import count_up, enter
from mailserver.store.counts import DELETED, Delta, apply
from mailserver.store.driver import Lookup, Row, Sql, run_many
from mailserver.store.expunging import drop_entries
from mailserver.store.packing import pack_keywords, unpack_keywords

_SHOWN_FLAGS = (Flag.SEEN, Flag.ANSWERED, Flag.FLAGGED, Flag.DRAFT)

_ENTRIES = Lookup(
    "e.email_id, e.mailbox_id, e.uid, e.flags, e.keywords, m.size_octets",
    "entries e JOIN emails m ON m.account_id = e.account_id AND m.email_id = e.email_id",
    [("e.account_id", "bytea"), ("e.mailbox_id", "bigint"), ("e.uid", "bigint")],
)
_MAILBOXES = Lookup(
    "mailboxes.mailbox_id",
    "mailboxes",
    [("account_id", "bytea"), ("mailbox_id", "bigint")],
)
_SET = Sql(
    "UPDATE entries SET flags = ?, keywords = ?, modseq = ?"
    " WHERE account_id = ? AND mailbox_id = ? AND uid = ?"
)


@dataclass(frozen=True, slots=True)
class SetChange:
    """What becomes of a set of numbers: `only` in its place, where given, then more and fewer."""

    only: frozenset[int] | None = None
    more: frozenset[int] = frozenset()
    fewer: frozenset[int] = frozenset()

    def of(self, now: Iterable[int]) -> frozenset[int]:
        """Return what `now` becomes."""
        base = frozenset(now) if self.only is None else self.only
        return (base | self.more) - self.fewer

    @property
    def is_none(self) -> bool:
        """Whether everything stays as it is."""
        return self.only is None and not self.more and not self.fewer


UNCHANGED = SetChange()


@dataclass(frozen=True, slots=True)
class Rearrangement:
    r"""What one email shall have; flags are the bits of `Flag`, without \Deleted."""

    email_id: EmailId
    places: Sequence[tuple[MailboxId, Uid]]
    """Every entry by which it is seen, as far as the caller knows."""
    mailboxes: SetChange = UNCHANGED
    flags: SetChange = UNCHANGED
    keywords: SetChange = UNCHANGED
    destroy: bool = False
    """Take it out of every mailbox; the rest is then not looked at."""


class _Entry(NamedTuple):
    email_id: EmailId
    mailbox_id: MailboxId
    uid: Uid
    flags: int
    packed: bytes | None
    octets: int


@dataclass(slots=True)
class _Work:
    """What is to be written, by mailbox."""

    new: defaultdict[MailboxId, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Rows as `copying.enter` takes them."""
    gone: defaultdict[MailboxId, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Rows as `expunging.drop_entries` takes them."""
    reflagged: defaultdict[MailboxId, list[tuple[_Entry, int, bytes | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )


def rearrange(
    connection: Connection, account_id: AccountId, orders: Sequence[Rearrangement], now: int
) -> Done[list[MailError | None]]:
    """Change emails within a transaction, each whole or not at all; one outcome each, in order.

    An outcome is Absent (NO_SUCH_MESSAGE, NO_SUCH_MAILBOX), PeerFault (BAD_SYNTAX: it would be in
    no mailbox), or Conflict (CHANGED_MEANWHILE: its entries are others by now; ask again).
    """
    held: defaultdict[EmailId, list[_Entry]] = defaultdict(list)
    keys: list[Row] = [(account_id, *place) for order in orders for place in order.places]
    for entry in map(_Entry._make, _ENTRIES.rows(connection, keys)):
        held[entry.email_id].append(entry)
    meant = {
        MailboxId(number)
        for order in orders
        for number in (order.mailboxes.only or frozenset()) | order.mailboxes.more
    }
    existing = {row[0] for row in _MAILBOXES.rows(connection, [(account_id, m) for m in meant])}
    work, outcomes = _Work(), list[MailError | None]()
    seen: set[EmailId] = set()
    for order in orders:
        entries = held[order.email_id]
        if order.email_id in seen:
            raise ValueError("one email is rearranged once at a time")
        seen.add(order.email_id)
        outcomes.append(_plan(work, order, entries, existing))
    if not (work.new or work.gone or work.reflagged):
        return Done(outcomes)
    change = AccountChange(account_id, next_modseq(connection, account_id))
    dropped = _write(connection, change, work, now)
    return Done(outcomes, change, dropped)


def _plan(
    work: _Work, order: Rearrangement, entries: list[_Entry], existing: Collection[int]
) -> MailError | None:
    """Add what an order asks for to `work`, or say why it cannot be."""
    if not entries or len(entries) != len(order.places):
        return Conflict(Condition.CHANGED_MEANWHILE, "this email has just been changed")
    shown = [entry for entry in entries if not entry.flags & DELETED]
    if not shown:
        return Absent(Condition.NO_SUCH_MESSAGE, "there is no such email")
    if order.destroy:
        for entry in entries:
            _take_out(work, entry)
        return None
    before = {int(entry.mailbox_id) for entry in shown}
    after = order.mailboxes.of(before)
    if not after - before <= set(existing):
        return Absent(Condition.NO_SUCH_MAILBOX, "there is no such mailbox")
    if not after:
        return PeerFault(Condition.BAD_SYNTAX, "an email is in one mailbox at least")
    for entry in entries:
        if entry.mailbox_id in before - after:
            _take_out(work, entry)
    _mark(work, order, [entry for entry in shown if entry.mailbox_id in after])
    _put_in(work, order, shown, after - before)
    return None


def _mark(work: _Work, order: Rearrangement, entries: Iterable[_Entry]) -> None:
    for entry in entries:
        flags, packed = _flagged(order, entry.flags, entry.packed)
        if (flags, packed) != (entry.flags, entry.packed):
            work.reflagged[entry.mailbox_id].append((entry, flags, packed))


def _put_in(
    work: _Work, order: Rearrangement, shown: Sequence[_Entry], mailboxes: Iterable[int]
) -> None:
    """Have entries made that have what any of the email's entries has."""
    union, numbers = 0, set[int]()
    for entry in shown:
        union |= entry.flags
        numbers.update(unpack_keywords(entry.packed))
    flags, packed = _flagged(order, union, pack_keywords(numbers))
    for number in sorted(mailboxes):
        work.new[MailboxId(number)].append((0, order.email_id, flags, packed, shown[0].octets))


def _take_out(work: _Work, entry: _Entry) -> None:
    row = (entry.uid, entry.flags, entry.email_id, entry.octets)
    work.gone[entry.mailbox_id].append(row)


def _flagged(order: Rearrangement, flags: int, packed: bytes | None) -> tuple[int, bytes | None]:
    """Return what an entry with these flags and keywords shall have."""
    if not order.flags.is_none:
        has = order.flags.of(int(bit) for bit in _SHOWN_FLAGS if flags & bit)
        flags = sum(has) | (flags & DELETED)
    if not order.keywords.is_none:
        packed = pack_keywords(order.keywords.of(unpack_keywords(packed)))
    return flags, packed


def _write(connection: Connection, change: AccountChange, work: _Work, now: int) -> list[ObjectId]:
    """Write it all under one MODSEQ; return objects to delete after the commit."""
    for mailbox_id, wanted in sorted(work.reflagged.items()):
        _reflag(connection, change, mailbox_id, wanted)
    # What comes is written before what goes, else an email that moves would be nobody's between.
    for mailbox_id, rows in sorted(work.new.items()):
        enter(connection, change, rows, mailbox_id, now)
    more = Counter(row[1] for rows in work.new.values() for row in rows)
    count_up(connection, change.account_id, more)
    dropped: list[ObjectId] = []
    for mailbox_id, rows in sorted(work.gone.items()):
        dropped += drop_entries(connection, change, mailbox_id, sorted(rows))
    change.entries = _joined(change.entries)
    log(connection, [change], now)
    return dropped


def _reflag(
    connection: Connection,
    change: AccountChange,
    mailbox_id: MailboxId,
    wanted: list[tuple[_Entry, int, bytes | None]],
) -> None:
    owner, modseq = change.account_id, change.modseq
    delta = Delta()
    flagged = []
    for entry, flags, packed in sorted(wanted, key=lambda each: each[0].uid):
        delta.reflag(entry.flags, flags)
        flagged.append(FlagRow(entry.uid, flags, packed, modseq))
    rows = [(r.flags, r.packed_keywords, modseq, owner, mailbox_id, r.uid) for r in flagged]
    run_many(connection, _SET, rows)
    apply(connection, owner, mailbox_id, delta, modseq)
    change.entries.append(EntriesChange(mailbox_id, flagged=flagged))


def _joined(told: Iterable[EntriesChange]) -> list[EntriesChange]:
    """Say each mailbox once."""
    joined: dict[MailboxId, EntriesChange] = {}
    for each in told:
        one = joined.setdefault(each.mailbox_id, EntriesChange(each.mailbox_id))
        one.appeared += each.appeared
        one.vanished += each.vanished
        one.flagged += each.flagged
    return list(joined.values())
