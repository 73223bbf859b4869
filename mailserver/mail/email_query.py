"""Queries over all emails of an account (RFC 8621 §4.4): who matches, in which order.

What is looked for in texts is found first, in the sealed index or in summaries; then the rest is
decided in one step on the catalogue, so that a result is of one moment. A result is kept while
nothing changes: pages of one list are one query, or two, for who asks for its first page alone
gets no more put in order.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mailserver.index.words import needle, normalise
from mailserver.mail.catalogue import Catalogue
from mailserver.mail.email_order import arranged, summary_keys
from mailserver.mail.emails import Emails
from mailserver.mail.index import Index
from mailserver.mail.keywords import KeywordTable
from mailserver.mail.opened import Opened
from mailserver.mail.state import State
from mailserver.model.email import (
    HasAttachment,
    InMailbox,
    Marked,
    Order,
    OutsideOf,
    ReceivedAt,
    SizeIs,
    ThreadMarked,
)
from mailserver.model.ids import EmailId, MailboxId, ThreadId
from mailserver.model.query import Header, Text
from mailserver.protocol.mime.headers import header_fields, text_of, unfold
from mailserver.protocol.mime.scan import header_only
from mailserver.protocol.mime.summary import Summary
from mailserver.protocol.mime.text import UNINDEXED

RESULTS_KEPT = 4


@dataclass(frozen=True, slots=True)
class AllOf:
    """All conditions hold; of none, every email."""

    conditions: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one condition holds."""

    conditions: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No condition holds."""

    conditions: "tuple[Filter, ...]"


Leaf = (
    InMailbox
    | OutsideOf
    | ReceivedAt
    | SizeIs
    | Marked
    | ThreadMarked
    | HasAttachment
    | Text
    | Header
)
Filter = Leaf | AllOf | AnyOf | NoneOf
EVERY_EMAIL = AllOf(())


class Found(NamedTuple):
    """The result of a query, or the beginning of it."""

    ids: Sequence[int]
    total: int | None
    """How many there are in all; None where that was not found out."""
    state: State

    def reaches(self, most: int | None) -> bool:
        """Say whether the first `most` are among `ids`, or all where it is None."""
        return self.total == len(self.ids) or (most is not None and most <= len(self.ids))


class EmailQueries:
    """Queries in one unlocked account."""

    def __init__(self, opened: Opened, emails: Emails, index: Index) -> None:
        self._opened = opened
        self._emails = emails
        self._index = index
        self._kept: dict[object, Found] = {}

    async def query(
        self,
        condition: Filter,
        orders: tuple[Order, ...],
        *,
        collapsed: bool = False,
        most: int | None = None,
    ) -> Found:
        """Return the emails that match, in order; `collapsed`: one of each thread.

        Text matches as IMAP's does: as a substring, after NFKC and case folding. The first `most`
        are enough; their number is told of results that are not collapsed, and of whole ones.
        """
        catalogue = await self._emails.catalogue()
        state = State.of(catalogue.counters)
        key = (state, condition, orders, collapsed)
        kept = self._kept.get(key)
        if kept is not None:
            if kept.reaches(most):
                return kept
            most = None  # who turns pages goes on
        known: dict[Leaf, AbstractSet[int]] = {}
        for leaf in set(_leaves(condition)):
            known[leaf] = await self._looked_up(leaf, catalogue)
        keys = {}
        marks = {mark: await self._number(mark) for mark in _marks(condition, orders)}
        run = _Run(catalogue, known, marks, state.email)
        wanted = run.matching(condition)
        if any(order.by in summary_keys for order in orders):
            keys = await self._sort_keys(wanted, orders)
        having = {order: run.marked(order) for order in orders if order.mark}
        ids = arranged(catalogue, wanted, orders, keys, having, collapsed=collapsed, most=most)
        total = None if collapsed else len(wanted)
        if most is None or len(ids) < most:
            total = len(ids)
        found = Found(ids, total, state)
        self._keep(key, found)
        return found

    def _keep(self, key: object, found: Found) -> None:
        self._kept.pop(key, None)
        while len(self._kept) >= RESULTS_KEPT:
            self._kept.pop(next(iter(self._kept)))
        if not self._opened.unlocked.closed:
            self._kept[key] = found

    async def _number(self, mark: Marked) -> int | None:
        if mark.flag:
            return None
        return await _number(self._opened.keywords, mark.keyword)

    async def _looked_up(self, leaf: Leaf, catalogue: Catalogue) -> AbstractSet[int]:
        """Return the emails whose text, header or structure matches."""
        match leaf:
            case Text(field, text):
                return await self._index.matching(field, text)
            case Header(name, text):
                return await self._with_header(name, text)
            case _:
                return await self._attached(catalogue)

    async def _with_header(self, name: str, text: str) -> AbstractSet[int]:
        found = await self._index.with_header(name, text if indexed(name) else "")
        if not text or indexed(name):
            return found
        sought, wanted = needle(text).decode(), name.lower().encode()
        async for email in self._emails.get(sorted(found), content=True):
            octets = b"" if email.octets is None else email.octets.reveal()
            fields = header_fields(octets[: header_only(octets).header_end])
            values = (text_of(unfold(value)) for field, value, _ in fields if field == wanted)
            if not any(sought in normalise(value) for value in values):
                found.discard(email.id)
        return found

    async def _attached(self, catalogue: Catalogue) -> set[int]:
        """Return the emails with attachments; each summary is opened once for that."""
        new = [EmailId(n) for n in sorted(catalogue.living() - catalogue.looked_into)]
        async for email in self._emails.get(new, summary=True):
            catalogue.looked_into.add(email.id)
            if email.summary is not None and Summary(email.summary.reveal()).has_attachment:
                catalogue.attached.add(email.id)
        return set(catalogue.attached)

    async def _sort_keys(
        self, wanted: AbstractSet[int], orders: Sequence[Order]
    ) -> dict[str, dict[int, object]]:
        """Read what the emails are sorted by out of their summaries."""
        names = [order.by for order in orders if order.by in summary_keys]
        keys: dict[str, dict[int, object]] = {name: {} for name in names}
        ids = sorted(EmailId(n) for n in wanted)
        async for email in self._emails.get(ids, summary=True):
            if email.summary is not None:
                summary = Summary(email.summary.reveal())
                for name in names:
                    keys[name][email.id] = summary_keys[name](summary, email.received_us)
        return keys


def indexed(name: str) -> bool:
    """Say whether the index has the values of that field, not its presence alone."""
    return name.lower().encode() not in UNINDEXED


async def _number(keywords: KeywordTable, name: str) -> int | None:
    numbers = await keywords.known([name])
    return numbers[0] if numbers else None


def _leaves(condition: Filter) -> Iterable[Leaf]:
    """Return what has to be looked up before anything is decided."""
    match condition:
        case AllOf(conditions) | AnyOf(conditions) | NoneOf(conditions):
            for each in conditions:
                yield from _leaves(each)
        case Text() | Header() | HasAttachment():
            yield condition


def _marks(condition: Filter, orders: Sequence[Order]) -> set[Marked]:
    found = {order.mark for order in orders if order.mark is not None}
    waiting: list[Filter] = [condition]
    while waiting:
        match waiting.pop():
            case AllOf(conditions) | AnyOf(conditions) | NoneOf(conditions):
                waiting.extend(conditions)
            case Marked() as mark:
                found.add(mark)
            case ThreadMarked(mark):
                found.add(mark)
    return found


class _Run:
    """One evaluation on the catalogue, without a pause; emails from `end` on came too late."""

    def __init__(
        self,
        catalogue: Catalogue,
        known: dict[Leaf, AbstractSet[int]],
        marks: dict[Marked, int | None],
        end: int,
    ) -> None:
        self._catalogue = catalogue
        self._known = known
        self._marks = marks
        self._late = set(range(end, len(catalogue.threads)))

    @cached_property
    def _all(self) -> set[int]:
        living = self._catalogue.living()
        return living - self._late if self._late else living

    def matching(self, condition: Filter) -> AbstractSet[int]:
        """Return the emails of which `condition` holds."""
        match condition:
            case AllOf(()):
                return self._all
            case AllOf((first, *others)):
                found = self.matching(first)
                for each in others:
                    found = found & self.matching(each)
                return found
            case AnyOf(conditions):
                return set[int]().union(*[self.matching(each) for each in conditions])
            case NoneOf(conditions):
                return self._all.difference(*[self.matching(each) for each in conditions])
            case Text() | Header() | HasAttachment():
                return self._all & self._known[condition]
            case _:
                found = self._by_catalogue(condition)
                return found - self._late if self._late else found

    def marked(self, order: Order) -> set[int]:
        """Return the emails that `order` puts first where it descends."""
        mark = order.mark
        if mark is None:
            return set()
        if order.by == "hasKeyword":
            return self._having(mark)
        return self._threads_of(mark, every=order.by == "allInThreadHaveKeyword")

    def _by_catalogue(self, condition: Filter) -> set[int]:
        """Return the emails, late ones too, of which what the catalogue knows holds."""
        received, sizes = self._catalogue.received, self._catalogue.sizes
        match condition:
            case InMailbox(mailbox_id):
                return set() if mailbox_id is None else self._catalogue.in_mailbox(mailbox_id)
            case OutsideOf(mailbox_ids):
                return self._outside(mailbox_ids)
            case ReceivedAt(since, before):
                low = -(1 << 63) if since is None else since
                high = 1 << 63 if before is None else before
                return {n for n in self._all if low <= received[n] < high}
            case SizeIs(minimum, maximum):
                least, most = minimum or 0, 1 << 63 if maximum is None else maximum
                return {n for n in self._all if least <= sizes[n] < most}
            case Marked():
                return self._having(condition)
            case ThreadMarked(mark, every):
                return self._threads_of(mark, every=every)
            case _:
                raise AssertionError("matching() takes the other conditions")

    def _outside(self, mailbox_ids: frozenset[MailboxId]) -> set[int]:
        others = [box for box in self._catalogue.boxes if box not in mailbox_ids]
        return set().union(*[self._catalogue.in_mailbox(box) for box in others])

    def _having(self, mark: Marked) -> set[int]:
        return self._catalogue.having(int(mark.flag), self._marks[mark])

    def _threads_of(self, mark: Marked, *, every: bool) -> set[int]:
        threads = self._catalogue.threads
        having = self._having(mark) & self._all
        fitting = {ThreadId(threads[n]) for n in having}
        if every:
            fitting -= {ThreadId(threads[n]) for n in self._all - having}
        return {n for n in self._all if threads[n] in fitting}
