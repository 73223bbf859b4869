r"""The emails of an account in memory: which there are, where they are and how they are marked.

IMAP asks by mailbox and UID; JMAP asks by email and by thread, and wants the newest hundred of all
there are. Columns are indexed by the email's number, which grows by one a message, so that a
lookup is one step and a message costs some 40 octets. The emails of a thread are a chain through a
column: each names the one that was met before it. Numbers, dates and flags are clear in the store
as well; nothing sealed is kept here.

An entry with \Deleted does not exist for JMAP (RFC 8621 §4.1.1). Flags belong to entries; an email
has what any of its visible entries has. Whoever brings the catalogue up to date (`emails.py`) does
it in one step of the event loop, so that every reader finds it whole.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress, repeat

from mailserver.model.ids import EmailId, MailboxId, ThreadId
from mailserver.model.message import Flag
from mailserver.store.catalogue import Counters, News, PlaceRow
from mailserver.store.driver import Row
from mailserver.store.packing import unpack_keywords

State = tuple[int, bytes | None]
"""Flags and packed keywords as an entry has them; many entries share one."""

FEW = 64  # of changes that are put in one by one; more are cheaper put in by going over the column
DELETED = int(Flag.DELETED)


class Box:
    """The entries of one mailbox, in UID order."""

    __slots__ = ("emails", "states", "uids")

    def __init__(self) -> None:
        """Begin empty."""
        self.uids = array("I")
        self.emails = array("Q")
        self.states = array("I")
        """Numbers of states (`Catalogue.state`)."""

    def find(self, uid: int) -> int | None:
        """Return where the entry stands, if it does."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def put(self, uid: int, email: int, state: int) -> None:
        """Add an entry; nearly always it is the last."""
        at = len(self.uids)
        if at and self.uids[-1] > uid:
            at = bisect_left(self.uids, uid)
        self.uids.insert(at, uid)
        self.emails.insert(at, email)
        self.states.insert(at, state)

    def take(self, gone: set[int]) -> list[tuple[int, int]]:
        """Remove entries by UID; return (UID, email) of those that were there."""
        places = [at for at in map(self.find, gone) if at is not None]
        taken = [(self.uids[at], self.emails[at]) for at in places]
        if len(places) <= FEW:
            for at in sorted(places, reverse=True):
                del self.uids[at], self.emails[at], self.states[at]
        else:
            kept = [uid not in gone for uid in self.uids]
            self.uids = array("I", compress(self.uids, kept))
            self.emails = array("Q", compress(self.emails, kept))
            self.states = array("I", compress(self.states, kept))
        return taken


class Catalogue:
    """All of an account's emails at one moment."""

    def __init__(self, counters: Counters, rows: Sequence[Row]) -> None:
        """Take every entry of the account (columns of `PlaceRow`), by mailbox and UID."""
        self.counters = counters
        self.version = 0
        """Counts how often anything changed; what is computed from here is kept by it."""
        size = counters.next_email
        self.threads = array("I", bytes(4 * size))
        """By email; 0 where there is none."""
        self.received = array("q", bytes(8 * size))
        self.sizes = array("I", bytes(4 * size))
        self._box = array("I", bytes(4 * size))
        self._uid = array("I", bytes(4 * size))
        self._earlier = array("I", bytes(4 * size))
        """By email; the email of its thread before it, itself where it is the first; 0: unknown."""
        self._latest = array("I", bytes(4 * counters.next_thread))
        """By thread; where its chain begins."""
        self._further: dict[int, list[tuple[int, int]]] = {}
        self.boxes: dict[MailboxId, Box] = {}
        self.looked_into: set[int] = set()
        """Emails whose summaries were opened to know whether something is attached."""
        self.attached: set[int] = set()
        self.states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._hidden: frozenset[int] = frozenset()
        for row in rows:
            self._add(PlaceRow._make(row))
        self._order = self._sorted()
        self._gone = False
        """Whether the order may have emails that are not there any more."""

    # ------------------------------------------------------------ keeping up

    def apply(self, news: News) -> None:
        """Bring it up to `news.counters`; `news.rows` must be there."""
        grown = news.counters.next_email - len(self.threads)
        if grown > 0:
            for column in (self.threads, self.sizes, self._box, self._uid, self._earlier):
                column.extend(repeat(0, grown))
            self.received.extend(repeat(0, grown))
        self._latest.extend(repeat(0, news.counters.next_thread - len(self._latest)))
        came: list[int] = []
        for row in news.rows or ():
            if not self.threads[row.email_id]:
                came.append(row.email_id)
            self._add(row)
        for mailbox_id, uids in news.told.vanished.items():
            self._vanish(mailbox_id, uids)
        for email in news.told.destroyed:
            self.threads[email] = 0
        self._gone = self._gone or bool(news.told.destroyed or news.told.vanished)
        self._reorder(came)
        if news.counters.modseq != self.counters.modseq:
            self.version += 1
        self.counters = news.counters

    def _add(self, row: PlaceRow) -> None:
        """Add an entry, or change the flags of one."""
        state = self._state((row.flags, row.packed_keywords))
        box = self.boxes.get(row.mailbox_id)
        if box is None:
            box = self.boxes[row.mailbox_id] = Box()
        at = None if not box.uids or box.uids[-1] < row.uid else box.find(row.uid)
        if at is not None:
            box.states[at] = state
            return
        box.put(row.uid, row.email_id, state)
        email = row.email_id
        if self.threads[email]:
            self._further.setdefault(email, []).append((row.mailbox_id, row.uid))
            return
        self.threads[email] = row.thread_id
        self.received[email] = row.received_us
        self.sizes[email] = row.size_octets
        self._box[email], self._uid[email] = row.mailbox_id, row.uid
        if not self._earlier[email]:
            self._earlier[email] = self._latest[row.thread_id] or email
            self._latest[row.thread_id] = email

    def _state(self, state: State) -> int:
        number = self._numbers.get(state)
        if number is None:
            number = self._numbers[state] = len(self.states)
            self.states.append(state)
            if state[0] & DELETED:
                self._hidden |= {number}
        return number

    def _vanish(self, mailbox_id: MailboxId, uids: set[int]) -> None:
        box = self.boxes.get(mailbox_id)
        if box is None:
            return
        for uid, email in box.take(uids):
            rest = [place for place in self._places(email) if place != (mailbox_id, uid)]
            self._box[email], self._uid[email] = rest[0] if rest else (0, 0)
            if len(rest) > 1:
                self._further[email] = rest[1:]
            else:
                self._further.pop(email, None)
            if not rest:
                self.threads[email] = 0
        if not box.uids:
            del self.boxes[mailbox_id]

    def _reorder(self, came: list[int]) -> None:
        """Put new emails where their date belongs; gone ones are passed over until too many."""
        if len(came) > FEW or len(self._order) > 2 * self._living() + FEW:
            self._order = self._sorted()
            self._gone = False
            return
        for email in sorted(came):
            insort(self._order, email, key=self.received.__getitem__)

    def _sorted(self) -> "array[int]":
        living = [email for email, thread in enumerate(self.threads) if thread]
        return array("Q", sorted(living, key=self.received.__getitem__))

    def _living(self) -> int:
        return sum(len(box.uids) for box in self.boxes.values())

    def touched(self, news: News) -> set[int]:
        """Return the threads of all emails that `news`, not applied yet, is about."""
        emails: set[int] = set(news.told.destroyed)
        for mailbox_id, uids in news.told.vanished.items():
            emails.update(self.emails_at((mailbox_id, uid) for uid in uids))
        known = len(self.threads)
        threads = {self.threads[email] for email in emails if email < known}
        threads.update(row.thread_id for row in news.rows or ())
        threads.discard(0)
        return threads

    # ------------------------------------------------------------ asking

    def __contains__(self, email: EmailId) -> bool:
        """Say whether the email is there to be seen."""
        return 0 < email < len(self.threads) and bool(self.visible(email))

    def _places(self, email: int) -> list[tuple[int, int]]:
        """Return (mailbox, UID) of each entry of an email."""
        if not self._box[email]:
            return []
        first = (self._box[email], self._uid[email])
        return [first, *self._further.get(email, ())]

    @property
    def shared(self) -> bool:
        """Whether any email has more than one entry."""
        return bool(self._further)

    def places(self, email: EmailId) -> list[tuple[MailboxId, int]]:
        r"""Return (mailbox, UID) of each entry, of those with \\Deleted too."""
        if not 0 < email < len(self.threads) or not self.threads[email]:
            return []
        return [(MailboxId(mailbox_id), uid) for mailbox_id, uid in self._places(email)]

    def visible(self, email: EmailId) -> list[tuple[MailboxId, int, State]]:
        """Return (mailbox, UID, state) of each entry that JMAP shows."""
        if not 0 < email < len(self.threads) or not self.threads[email]:
            return []
        found = []
        for mailbox_id, uid in self._places(email):
            box = self.boxes[MailboxId(mailbox_id)]
            at = box.find(uid)
            if at is not None and box.states[at] not in self._hidden:
                found.append((MailboxId(mailbox_id), uid, self.states[box.states[at]]))
        return found

    def hidden(self) -> set[int]:
        r"""Return the emails all of whose entries have \\Deleted."""
        if not self._hidden:
            return set()
        doubted = {
            email
            for box in self.boxes.values()
            for email, state in zip(box.emails, box.states, strict=True)
            if state in self._hidden
        }
        return {email for email in doubted if not self.visible(EmailId(email))}

    def newest_first(self, among: Collection[int]) -> Iterator[int]:
        """Return `among` by when they came, the newest first, as the catalogue stands now."""
        return self._in_order(among, self._order[::-1])

    def oldest_first(self, among: Collection[int]) -> Iterator[int]:
        """Return `among` by when they came, the oldest first, as the catalogue stands now."""
        return self._in_order(among, self._order[:])

    def _in_order(self, among: Collection[int], order: "array[int]") -> Iterator[int]:
        return filter(among.__contains__, order)

    def living(self) -> set[int]:
        """Return every email there is to be seen."""
        found = set(self._order)
        if self._gone:
            found -= {email for email in found if not self.threads[email]}
        return found - self.hidden()

    def in_mailbox(self, mailbox_id: MailboxId) -> set[int]:
        """Return the emails a mailbox shows."""
        box = self.boxes.get(mailbox_id)
        if box is None:
            return set()
        if not self._hidden:
            return set(box.emails)
        pairs = zip(box.emails, box.states, strict=True)
        return {email for email, state in pairs if state not in self._hidden}

    def having(self, flag: int, keyword: int | None) -> set[int]:
        """Return the emails of which a visible entry has `flag`, or the keyword of that number."""
        fitting = {
            number
            for number, (flags, packed) in enumerate(self.states)
            if not flags & DELETED
            and (flags & flag or (keyword is not None and keyword in unpack_keywords(packed)))
        }
        if not fitting:
            return set()
        return {
            email
            for box in self.boxes.values()
            for email, state in zip(box.emails, box.states, strict=True)
            if state in fitting
        }

    def in_thread(self, thread: int) -> Iterator[EmailId]:
        r"""Yield the emails of a thread that are there, those with \Deleted too, in no order."""
        email = self._latest[thread] if 0 < thread < len(self._latest) else 0
        while email:
            if self.threads[email]:
                yield EmailId(email)
            before = self._earlier[email]
            email = 0 if before == email else before

    def of_threads(self, wanted: set[ThreadId]) -> dict[ThreadId, list[EmailId]]:
        """Return the visible emails of threads, the oldest first; empty threads are left out."""
        found: dict[ThreadId, list[EmailId]] = {}
        for thread in wanted:
            emails = [email for email in self.in_thread(thread) if self.visible(email)]
            if emails:
                emails.sort(key=lambda email: (self.received[email], email))
                found[thread] = emails
        return found

    def emails_at(self, places: Iterable[tuple[MailboxId, int]]) -> set[EmailId]:
        """Return the emails whose entries stand at (mailbox, UID), as far as they do."""
        found = set()
        for mailbox_id, uid in places:
            box = self.boxes.get(mailbox_id)
            at = None if box is None else box.find(uid)
            if box is not None and at is not None:
                found.add(EmailId(box.emails[at]))
        return found
