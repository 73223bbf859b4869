"""FETCH carried out: read what the plan needs by batches, and write while the client reads."""

from collections.abc import AsyncIterator, Sequence

from mailserver.imap.bounds import WRITE_OCTETS
from mailserver.imap.fetch import Need, Plan, Writer, plan
from mailserver.imap.lines import LineWriter, in_blocks
from mailserver.imap.session import Session
from mailserver.imap.view import View
from mailserver.mail.account import Account
from mailserver.mail.lines import Listed
from mailserver.model.ids import ModSeq, Uid
from mailserver.model.message import NO_KEYWORDS, EntryFlags, Flag, Message, StoreMode
from mailserver.protocol.imap.command import Attribute, Fetch, FetchItem
from mailserver.protocol.imap.numset import Ranges, UidSet, merge

DAMAGED_NAMED = 20  # in one answer: bounds the line


async def fetch(session: Session, account: Account, view: View, tag: bytes, command: Fetch) -> None:
    """Answer FETCH or UID FETCH (RFC 9051 §6.4.5).

    A damaged message costs its own answer and the OK, not the answers of the others.
    """
    by_uid = isinstance(command.numbers, UidSet)
    if Attribute.MODSEQ in command.items:
        session.condstore = True  # RFC 7162 §3.1: the client speaks of MODSEQs
    ranges = view.uid_ranges(command.numbers, session.saved)
    if ranges and command.changed_since is not None:
        changed, _ = await account.messages.changed_since(
            view.mailbox_id, ModSeq(command.changed_since)
        )
        ranges = _within(ranges, sorted(entry.uid for entry in changed))
    reading = _Reading(session, account, view, Writer(plan(command.items), view))
    if ranges:
        await reading.answer(ranges)
    if reading.damaged:
        await session.tell(expunges=by_uid)
        session.no(tag, _damaged(reading.damaged), b"CORRUPTION")
    else:
        await session.complete(tag, b"FETCH completed", expunges=by_uid)


class _Reading:
    """One FETCH at work."""

    def __init__(self, session: Session, account: Account, view: View, writer: Writer) -> None:
        self.damaged: list[Message] = []
        self._session = session
        self._account = account
        self._view = view
        self._writer = writer
        self._marks = writer.plan.marks_seen and view.writable
        self._newly_seen: list[EntryFlags] = []

    async def answer(self, ranges: Ranges) -> None:
        if self._writer.plan.need is Need.FLAGS:
            await self._list_flags(ranges)
        elif in_blocks(self._writer.plan):
            await self._list(ranges)
        else:
            await self._write(ranges, self._writer)
        self.damaged += self._writer.damaged
        if self._writer.unanswered:  # a header field that the summary does not keep
            again = merge((uid, uid) for uid in self._writer.unanswered)
            by_content = Writer(self._writer.plan.by_content, self._view)
            await self._write(again, by_content)
            self.damaged += by_content.damaged

    async def _list_flags(self, ranges: Ranges) -> None:
        lines, link = LineWriter(self._writer.plan, self._view), self._session.link
        async for part in self._account.lines.flags(self._view.mailbox_id, ranges):
            link.say(lines.write(part))
            await link.relieve()

    async def _list(self, ranges: Ranges) -> None:
        """Answer from list blocks, and message by message what is in none."""
        view, link = self._view, self._session.link
        lines = LineWriter(self._writer.plan, view)
        uid_validity = view.opened.mailbox.uid_validity
        async for part in self._account.lines.read(view.mailbox_id, uid_validity, ranges):
            if isinstance(part, Listed):
                link.say(lines.write(part))
                await link.relieve()
            else:
                await self._write(tuple(part), self._writer)

    async def _write(self, ranges: Ranges, writer: Writer) -> None:
        async for batch in self._batches(ranges, writer.plan.need):
            await self._say(writer, batch)
            if self._newly_seen and Attribute.FLAGS not in writer.plan.attributes:
                await self._say(Writer(self._flags_plan(), self._view), self._newly_seen)
            self._newly_seen = []

    async def _say(self, writer: Writer, rows: Sequence[Message | EntryFlags]) -> None:
        for pieces in writer.write(rows, WRITE_OCTETS):
            self._session.link.say(*pieces)
            await self._session.link.relieve()

    async def _batches(
        self, ranges: Ranges, need: Need
    ) -> AsyncIterator[Sequence[Message | EntryFlags]]:
        messages, mailbox_id = self._account.messages, self._view.mailbox_id
        if need is Need.VIEW:
            yield [
                EntryFlags(Uid(uid), Flag.NONE, NO_KEYWORDS, ModSeq(0))
                for uid in self._view.within(ranges)
            ]
        else:
            async for batch in messages.fetch(
                mailbox_id,
                ranges,
                summary=need is Need.SUMMARY or bool(self._writer.plan.reads_summary),
                content=need is Need.CONTENT,
            ):
                yield await self._mark_seen(batch) if self._marks else batch

    async def _mark_seen(self, batch: list[Message]) -> list[Message]:
        r"""Set \Seen on what the client is about to read (RFC 9051 §6.4.5)."""
        unseen = merge((m.uid, m.uid) for m in batch if not (m.damaged or Flag.SEEN & m.flags))
        if not unseen:
            return batch
        stored = await self._account.messages.store(
            self._view.mailbox_id, unseen, StoreMode.ADD, Flag.SEEN, NO_KEYWORDS
        )
        self._view.note_stored(stored)
        self._newly_seen = stored.changed
        now = {entry.uid: entry for entry in stored.changed}
        return [
            m._replace(
                flags=now[m.uid].flags, keywords=now[m.uid].keywords, modseq=now[m.uid].modseq
            )
            if m.uid in now
            else m
            for m in batch
        ]

    def _flags_plan(self) -> Plan:
        wanted: list[FetchItem] = [Attribute.FLAGS]
        if Attribute.UID in self._writer.plan.attributes:
            wanted.insert(0, Attribute.UID)
        if self._session.condstore:
            wanted.append(Attribute.MODSEQ)
        return plan(tuple(wanted))


def _within(ranges: Ranges, uids: Sequence[Uid]) -> Ranges:
    """Return those of the ascending `uids` that lie in the ascending `ranges`."""
    found, at = [], 0
    for uid in uids:
        while at < len(ranges) and ranges[at][1] < uid:
            at += 1
        if at == len(ranges):
            break
        if ranges[at][0] <= uid:
            found.append((uid, uid))
    return merge(found)


def _damaged(messages: Sequence[Message]) -> bytes:
    """Name the messages that could not be opened, by UID and object (PRIVACY §2)."""
    named = [b"UID %d, object M%d" % (m.uid, m.email_id) for m in messages[:DAMAGED_NAMED]]
    more = b" and %d more" % (len(messages) - len(named)) if len(messages) > len(named) else b""
    return b"this message is damaged: " + b"; ".join(named) + more
