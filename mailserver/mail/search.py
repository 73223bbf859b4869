"""A query over one mailbox: the UIDs of the session's view that match.

Flags are read from the store, sizes and dates from `Facts`, texts from the opened index. A header
that the index leaves out is looked for in the messages themselves, opened one batch at a time.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from datetime import date

from mailserver.index.words import needle, normalise
from mailserver.mail.facts import Facts
from mailserver.mail.index import Index
from mailserver.mail.messages import Messages
from mailserver.mail.opened import Opened
from mailserver.model.ids import EmailId, MailboxId, Uid
from mailserver.model.mailbox import MailboxView
from mailserver.model.message import EntryFlags
from mailserver.model.query import (
    All,
    And,
    ChangedSince,
    HasFlag,
    HasKeyword,
    Header,
    InSequence,
    InThread,
    InUids,
    IsEmail,
    IsRecent,
    Not,
    Or,
    Query,
    Received,
    Saved,
    Sent,
    Size,
    Text,
)
from mailserver.protocol.mime.headers import text_of, unfold
from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.text import UNINDEXED

Uids = set[int]


class Search:
    """Searches in one unlocked account."""

    def __init__(self, opened: Opened, messages: Messages, index: Index) -> None:
        self._opened = opened
        self._messages = messages
        self._index = index

    async def search(self, mailbox_id: MailboxId, view: MailboxView, query: Query) -> list[Uid]:
        """Return the matching UIDs of `view`, ascending (RFC 9051 §6.4.4).

        Text matches as a substring after NFKC and case folding, header and body alike.
        """
        run = _Run(self._opened, self._messages, self._index, mailbox_id, view)
        return [Uid(uid) for uid in sorted(await run.matching(query))]


class _Run:
    """One search: what it has read already is read once."""

    def __init__(
        self,
        opened: Opened,
        messages: Messages,
        index: Index,
        mailbox_id: MailboxId,
        view: MailboxView,
    ) -> None:
        self._opened = opened
        self._messages = messages
        self._index = index
        self._mailbox_id = mailbox_id
        self._view = view
        self._all: Uids = set(view.uids)
        self._flag_rows: list[EntryFlags] | None = None
        self._fresh_facts: Facts | None = None

    async def matching(self, query: Query) -> Uids:
        """Return the UIDs of the view that match `query`."""
        match query:
            case All():
                return self._all
            case Not(key):
                return self._all - await self.matching(key)
            case And(keys):
                return await self._and(keys)
            case Or(keys):
                return set().union(*[await self.matching(key) for key in keys])
            case InUids(ranges):
                return self._in_uids(ranges)
            case InSequence(ranges):
                return {uid for low, high in ranges for uid in self._view.uids[low - 1 : high]}
            case _:
                return await self._by_content(query)

    async def _by_content(self, query: Query) -> Uids:
        match query:
            case IsRecent():
                return {uid for uid in self._all if uid >= self._view.recent_from}
            case HasFlag() | HasKeyword() | ChangedSince():
                return await self._by_flags(query)
            case Received() | Saved() | Size() | IsEmail() | InThread():
                return self._by_facts(query, await self._facts()) & self._all
            case Text(field, text):
                return self._uids_of(await self._index.matching(field, text), await self._facts())
            case Header(name, text):
                return await self._by_header(name, text)
            case Sent(since, before):
                return await self._by_sent(since, before)
            case _:
                raise AssertionError("matching() takes the other keys")

    async def _and(self, keys: Sequence[Query]) -> Uids:
        found = self._all
        for key in sorted(keys, key=_cost):
            found = found & await self.matching(key)
            if not found:
                break
        return found

    def _in_uids(self, ranges: Sequence[tuple[int, int]]) -> Uids:
        uids, found = self._view.uids, set[int]()
        for first, last in ranges:
            found.update(uids[bisect_left(uids, first) : bisect_right(uids, last)])
        return found

    async def _by_flags(self, query: HasFlag | HasKeyword | ChangedSince) -> Uids:
        if self._flag_rows is None:
            everything = [(1, 0xFFFFFFFF)]
            self._flag_rows = await self._messages.flags(self._mailbox_id, everything)
        rows = self._flag_rows
        if isinstance(query, HasFlag):
            bit = int(query.flag)
            found = {int(row.uid) for row in rows if row.flags.value & bit}
        elif isinstance(query, HasKeyword):
            wanted = query.keyword.casefold()
            found = {int(r.uid) for r in rows if any(k.casefold() == wanted for k in r.keywords)}
        else:
            found = {int(row.uid) for row in rows if row.modseq >= query.modseq}
        return found & self._all

    async def _facts(self) -> Facts:
        if self._fresh_facts is None:
            facts = self._opened.facts(self._mailbox_id)
            rows = await self._opened.store.entries.facts(
                self._opened.account_id, self._mailbox_id, facts.highest_uid
            )
            facts.extend(rows)
            self._fresh_facts = facts
        return self._fresh_facts

    def _by_facts(self, query: Received | Saved | Size | IsEmail | InThread, facts: Facts) -> Uids:
        match query:
            case Size(larger, smaller):
                low = 0 if larger is None else larger + 1
                high = 1 << 63 if smaller is None else smaller
                return _between(facts.uids, facts.sizes, low, high)
            case Received(since, before):
                return _between(facts.uids, facts.days, *_days(since, before))
            case Saved(since, before):
                return _between(facts.uids, facts.saved_days, *_days(since, before))
            case IsEmail(email_id):
                low = email_id or 0
                return _between(facts.uids, facts.email_ids, low, low + 1)
            case InThread(thread_id):
                low = thread_id or 0
                return _between(facts.uids, facts.thread_ids, low, low + 1)

    def _uids_of(self, emails: set[EmailId], facts: Facts) -> Uids:
        columns = zip(facts.uids, facts.email_ids, strict=True)
        return {uid for uid, email_id in columns if email_id in emails} & self._all

    async def _by_header(self, name: str, text: str) -> Uids:
        if text and _unindexed(name):
            return await self._in_content(name, text)
        return self._uids_of(await self._index.with_header(name, text), await self._facts())

    async def _in_content(self, name: str, text: str) -> Uids:
        found: Uids = set()
        sought, wanted = needle(text).decode(), name.lower().encode()
        async for uid, octets in self._contents():
            for field, value, _ in scan(octets).fields:
                if field == wanted and sought in normalise(text_of(unfold(value))):
                    found.add(uid)
        return found

    async def _contents(self) -> AsyncIterator[tuple[int, bytes]]:
        ranges = [(uid, uid) for uid in self._view.uids]
        async for batch in self._messages.fetch(self._mailbox_id, ranges, content=True):
            for message in batch:
                if message.octets is not None:
                    yield int(message.uid), message.octets.reveal()

    async def _by_sent(self, since: date | None, before: date | None) -> Uids:
        days = await self._index.sent_days()
        emails = {
            email_id
            for email_id, day in days.items()
            if day and (since is None or day >= since) and (before is None or day < before)
        }
        return self._uids_of(emails, await self._facts())


def _between(uids: "array[int]", values: "array[int]", low: int, high: int) -> Uids:
    return {uid for uid, value in zip(uids, values, strict=True) if low <= value < high}


def _days(since: date | None, before: date | None) -> tuple[int, int]:
    return since.toordinal() if since else 0, before.toordinal() if before else date.max.toordinal()


def _unindexed(name: str) -> bool:
    return name.lower().encode() in UNINDEXED


def _cost(query: Query) -> int:
    """Order keys so that what is cheap narrows first."""
    match query:
        case All() | InUids() | InSequence() | IsRecent():
            return 0
        case HasFlag() | HasKeyword() | ChangedSince():
            return 1
        case Received() | Saved() | Size() | IsEmail() | InThread():
            return 2
        case Header(name, text) if text and _unindexed(name):
            return 5
        case Not(key):
            return _cost(key)
        case And(keys) | Or(keys):
            return max((_cost(key) for key in keys), default=0)
        case _:
            return 3
