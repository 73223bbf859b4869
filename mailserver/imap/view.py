"""What one session believes of its mailbox: which UID stands where, and what is yet to tell.

The theory (RFC 9051 §7.5.1). The client counts along: it knows how many messages there are, and
takes one off for each EXPUNGE. So the array of UIDs here changes only when the client is told, in
the same breath. News that came meanwhile waits beside it: UIDs that appeared, UIDs that are gone,
flags that changed. Between two tellings a sequence number means the same message, whatever other
sessions do.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailserver.model.change import Change
from mailserver.model.errors import Condition, PeerFault
from mailserver.model.ids import MailboxId, ModSeq, Uid
from mailserver.model.mailbox import MailboxView
from mailserver.model.message import EntryFlags, Stored
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.command import Numbers
from mailserver.protocol.imap.numset import Ranges, SequenceSet


@dataclass(slots=True)
class News:
    """What the client is told next, in this order: what went, what came, what changed."""

    expunged: list[int] = field(default_factory=list)
    """Sequence numbers, highest first, so that none shifts another."""
    exists: int | None = None
    """The new total, None where nothing came."""
    flags: list[tuple[int, EntryFlags]] = field(default_factory=list)
    """By sequence number, as they stand after the above."""


class View:
    """A selected mailbox as its session sees it."""

    __slots__ = ("_appeared", "_flagged", "_gone", "_own", "modseq", "opened", "stale", "writable")

    def __init__(self, opened: MailboxView, *, writable: bool) -> None:
        """Start with what SELECT or EXAMINE opened; the client is told all of it at once."""
        self.opened = opened
        self.writable = writable
        self.modseq = opened.mailbox.highest_modseq
        """The highest MODSEQ that went into this view."""
        self.stale = False
        """Changes were lost, or the mailbox itself changed: it is to be opened afresh."""
        # None until there is something: a thousand idle sessions hold a thousand of these.
        self._appeared: list[Uid] | None = None
        self._gone: set[int] | None = None
        self._flagged: dict[Uid, EntryFlags] | None = None
        self._own: set[ModSeq] | None = None

    @property
    def mailbox_id(self) -> MailboxId:
        """Which mailbox it is."""
        return self.opened.mailbox.id

    @property
    def uids(self) -> "array[int]":
        """The UIDs that the client counts, in order; sequence number n is at index n - 1."""
        return self.opened.uids

    @property
    def recent(self) -> int:
        r"""Count the messages that are \Recent in this session."""
        return len(self.uids) - bisect_left(self.uids, self.opened.recent_from)

    # --- numbers

    def positions(self, uids: Iterable[int]) -> list[int]:
        """Return the sequence numbers of ascending `uids`, as far as the client counts them."""
        known, index, end, found = self.uids, 0, len(self.uids), []
        for uid in uids:
            if index < end and known[index] != uid:
                index = bisect_left(known, uid, index)
            if index == end:
                break
            if known[index] == uid:
                index += 1
                found.append(index)
        return found

    def uid_ranges(self, numbers: Numbers, saved: Ranges = ()) -> Ranges:
        """Say `numbers` as ascending UID ranges; `saved` (UIDs) stands in for `$`.

        UIDs that the client has not been told of are left out: nothing could be said of them.

        Raises:
            PeerFault: a sequence number is above the number of messages.
        """
        if isinstance(numbers, SequenceSet):
            return self.sequence_to_uids(numbers.ranges, saved)
        if numbers.ranges == numset.SAVED:
            return saved
        known = self.uids
        return numset.resolve(numbers.ranges, known[-1] if known else 0)

    def sequence_to_uids(self, ranges: Ranges, saved: Ranges = ()) -> Ranges:
        """Say ranges of sequence numbers as ascending UID ranges.

        Raises:
            PeerFault: one is above the number of messages; with none, `*` is, too (RFC 9051 §9,
                `seq-number`).
        """
        if ranges == numset.SAVED:
            return saved
        known, count = self.uids, len(self.uids)
        if not count or any(n != numset.STAR and n > count for pair in ranges for n in pair):
            raise PeerFault(Condition.BAD_SYNTAX, "there is no message of that number")
        resolved = numset.resolve(ranges, count)
        return tuple((known[low - 1], known[high - 1]) for low, high in resolved)

    def within(self, ranges: Ranges) -> list[int]:
        """Return the UIDs that the client counts in ascending UID `ranges`."""
        known, found = self.uids, list[int]()
        for low, high in ranges:
            found += known[bisect_left(known, low) : bisect_right(known, high)]
        return found

    # --- what happened

    def note(self, change: Change) -> None:
        """Take in a committed change; what concerns this mailbox is told at the next telling."""
        mine = self._own is not None and change.modseq in self._own
        if self._own is not None:
            self._own = {modseq for modseq in self._own if modseq > change.modseq} or None
        if self.mailbox_id in change.mailboxes:
            self.stale = True
        for entries in change.entries:
            if entries.mailbox_id != self.mailbox_id:
                continue
            self.modseq = max(self.modseq, change.modseq)
            self._add(entries.appeared)
            if not mine:  # what this session stored itself, it has been answered
                self._reflag(entries.flagged)
            self._drop(entries.vanished)

    def note_stored(self, stored: Stored) -> None:
        """Remember that the flags of `stored` were told in answer to this session's own command."""
        if stored.modseq is not None and stored.changed:
            self._own = (self._own or set()) | {stored.modseq}

    def note_removed(self, uids: Iterable[Uid]) -> None:
        """Take in what this session's own command removed, before the change itself comes by."""
        self._drop(uids)

    def resync(self, fresh: MailboxView, changed: Iterable[EntryFlags]) -> None:
        """Bring in what `note` missed: the mailbox as it is, flags changed since `modseq`."""
        there = set(fresh.uids)
        self._drop([Uid(uid) for uid in self.uids if uid not in there])
        self._appeared = None
        last = self.uids[-1] if self.uids else 0
        self._add([Uid(uid) for uid in fresh.uids if uid > last])
        self._reflag(changed)
        self.opened.mailbox = fresh.mailbox
        self.modseq = max(self.modseq, fresh.mailbox.highest_modseq)
        self.stale = False

    def _add(self, uids: Iterable[Uid]) -> None:
        appeared = self._appeared or []
        last = appeared[-1] if appeared else (self.uids[-1] if self.uids else 0)
        appeared.extend(uid for uid in uids if uid > last)
        self._appeared = appeared or None

    def _reflag(self, flagged: Iterable[EntryFlags]) -> None:
        latest = self._flagged or {}
        for entry in flagged:
            latest[entry.uid] = entry
        self._flagged = latest or None

    def _drop(self, uids: Iterable[Uid]) -> None:
        dropped = set(uids)
        if not dropped:
            return
        if self._appeared:  # it came and went before the client heard of it
            self._appeared = [uid for uid in self._appeared if uid not in dropped] or None
        self._gone = (self._gone or set()) | dropped

    # --- what to tell

    @property
    def has_news(self) -> bool:
        """Whether there may be something to tell."""
        return bool(self._appeared or self._gone or self._flagged)

    def news(self, *, expunges: bool) -> News:
        """Return what the client has not heard, and count it as told.

        Positions shift only where `expunges` may be told (RFC 9051 §7.5.1); else the gone wait on.
        """
        told = News()
        if expunges and self._gone:
            told.expunged = self._take_gone(self._gone)
            self._gone = None
        known = len(self.uids)
        if self._appeared:
            self.uids.extend(self._appeared)
            self._appeared = None
            told.exists = len(self.uids)
        if self._flagged:
            gone = self._gone or ()
            flagged = sorted(
                (entry for uid, entry in self._flagged.items() if uid not in gone),
                key=lambda entry: entry.uid,
            )
            told.flags = self._placed(flagged, known)
            self._flagged = None
        return told

    def _placed(self, flagged: list[EntryFlags], known: int) -> list[tuple[int, EntryFlags]]:
        # What the client hears of just now it fetches with its flags: only older ones are told.
        placed = []
        for entry in flagged:
            index = bisect_left(self.uids, entry.uid, 0, known)
            if index < known and self.uids[index] == entry.uid:
                placed.append((index + 1, entry))
        return placed

    def _take_gone(self, gone: set[int]) -> list[int]:
        positions = self.positions(sorted(gone))
        if len(positions) == len(self.uids):
            del self.uids[:]
        elif len(positions) > 16:  # each deletion moves the rest of the array
            self.opened.uids = array("I", [uid for uid in self.uids if uid not in gone])
        else:
            for position in reversed(positions):
                del self.uids[position - 1]
        positions.reverse()
        return positions
