"""The messages of a mailbox: read, append, flag, copy, move, expunge."""

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from datetime import UTC, datetime

from mailserver.mail import letter
from mailserver.mail.lessons import of_keywords, of_move
from mailserver.mail.opened import Opened
from mailserver.model.errors import Corrupt
from mailserver.model.ids import MailboxId, ModSeq, Uid
from mailserver.model.message import (
    Appended,
    Copied,
    EntryFlags,
    Flag,
    Keywords,
    Message,
    NewMessage,
    Stored,
    StoreMode,
)
from mailserver.model.sealed import Plaintext
from mailserver.store.changes import FlagRow
from mailserver.store.entries import EntryRow
from mailserver.store.packing import unpack_keywords

_FLAGS = [Flag(bits) for bits in range(32)]
"""Every combination of system flags; a lookup is a tenth of a call of the enumeration."""

Ranges = Sequence[tuple[int, int]]
"""Inclusive UID ranges, ascending."""

LIST_ROWS = 2_000  # a batch opens in about 10 ms, so that other connections get their turn
CONTENT_OCTETS = 4 * 1024 * 1024  # bounds the plaintext one fetch holds at a time
CONTENT_ROWS = 64


class Messages:
    """The messages of one unlocked account, by mailbox and UID."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._unlocked = opened.unlocked
        self._entries = opened.store.entries

    async def append(self, mailbox_id: MailboxId, messages: Sequence[NewMessage]) -> list[Appended]:
        """Store messages in the order given, all or none (RFC 9051 §6.3.12, RFC 3502).

        Raises:
            Absent: the mailbox is gone.
            Refused: over quota.
        """
        emails = []
        for message in messages:
            key = await self._opened.owner_key()
            emails.append(
                await letter.seal(
                    await letter.scan(message.octets.reveal(), self._opened.offload),
                    key,
                    self._unlocked.guard,
                    mailbox_id,
                    offload=self._opened.offload,
                    internaldate=message.internaldate or datetime.now(UTC),
                    flags=message.flags,
                    keywords=await self._opened.keywords.numbers(message.keywords),
                )
            )
        if len(emails) == 1:
            return [await self._opened.store.emails.append(emails[0])]
        return await self._opened.store.emails.append_all(emails)

    async def flags(self, mailbox_id: MailboxId, ranges: Ranges) -> list[EntryFlags]:
        """Return the flags of the entries in `ranges`, in UID order."""
        rows = await self._entries.flags(self._opened.account_id, mailbox_id, ranges)
        return await self._flags(rows)

    async def fetch(
        self,
        mailbox_id: MailboxId,
        ranges: Ranges,
        *,
        summary: bool = False,
        content: bool = False,
    ) -> AsyncGenerator[list[Message], None]:
        """Yield the entries in `ranges` in UID order, in batches of bounded size.

        Entries that are gone are left out; one whose seal does not hold is `damaged`.
        """
        rest, listed = list(ranges), 0
        while rest:
            rows = await self._entries.rows(
                self._opened.account_id,
                mailbox_id,
                rest,
                summary=summary,
                body=content,
                limit=CONTENT_ROWS if content else LIST_ROWS,
                octets=CONTENT_OCTETS if content else None,
            )
            if not rows:
                break
            yield await self._open(rows, summary=summary, content=content)
            rest = _after(rest, rows[-1].uid)
            listed += len(rows)
        if not content:
            self._opened.met(listed)  # not before: the answer comes first

    async def store(
        self,
        mailbox_id: MailboxId,
        ranges: Ranges,
        mode: StoreMode,
        flags: Flag,
        keywords: Keywords,
        *,
        unchanged_since: ModSeq | None = None,
    ) -> Stored:
        """Change flags (RFC 9051 §6.4.6); entries changed after `unchanged_since` are kept back.

        `changed` has the entries whose flags now differ.
        """
        if mode is StoreMode.REMOVE:
            numbers = await self._opened.keywords.known(keywords)
        else:
            numbers = await self._opened.keywords.numbers(keywords)
        stored = await self._entries.store_flags(
            self._opened.account_id,
            mailbox_id,
            ranges,
            mode,
            flags,
            numbers,
            unchanged_since=unchanged_since,
        )
        changed = await self._flags(stored.changed)
        if keywords and mode is not StoreMode.REMOVE:
            self._opened.show(of_keywords(mailbox_id, [each.uid for each in changed], keywords))
        return Stored(changed, list(stored.modified), stored.modseq)

    async def copy(self, mailbox_id: MailboxId, ranges: Ranges, to: MailboxId) -> Copied:
        """Copy entries, flags and dates included; nothing is sealed again."""
        copied = await self._entries.copy(self._opened.account_id, mailbox_id, ranges, to)
        self._opened.show(of_move(mailbox_id, to, copied))
        return copied

    async def move(self, mailbox_id: MailboxId, ranges: Ranges, to: MailboxId) -> Copied:
        """Move entries in one transaction (RFC 6851)."""
        copied, _ = await self._entries.move(self._opened.account_id, mailbox_id, ranges, to)
        self._opened.show(of_move(mailbox_id, to, copied))
        return copied

    async def expunge(self, mailbox_id: MailboxId, ranges: Ranges | None = None) -> list[Uid]:
        r"""Remove entries marked \\Deleted, of those in `ranges` only where given."""
        return await self._entries.expunge(self._opened.account_id, mailbox_id, ranges)

    async def changed_since(
        self, mailbox_id: MailboxId, modseq: ModSeq
    ) -> tuple[list[EntryFlags], list[Uid]]:
        """Return entries changed and UIDs vanished after `modseq` (RFC 7162)."""
        changes = await self._entries.changed_since(self._opened.account_id, mailbox_id, modseq)
        return await self._flags(changes.flags), list(changes.vanished)

    async def _flags(self, rows: Collection[FlagRow]) -> list[EntryFlags]:
        keywords = await self._keywords({packed for _, _, packed, _ in rows})
        return [
            EntryFlags(uid, _FLAGS[flags], keywords[packed], modseq)
            for uid, flags, packed, modseq in rows
        ]

    async def _keywords(self, packed: Iterable[bytes | None]) -> dict[bytes | None, Keywords]:
        """Return the names behind each packed set of keyword numbers."""
        return {each: await self._opened.keywords.names(unpack_keywords(each)) for each in packed}

    async def _open(
        self, rows: Sequence[EntryRow], *, summary: bool, content: bool
    ) -> list[Message]:
        if summary or content:
            await self._opened.open_epochs({row.epoch for row in rows})
        keywords = await self._keywords({row.packed_keywords for row in rows})
        summaries: Sequence[Plaintext | None] = [None] * len(rows)
        if summary:
            summaries = self._unlocked.open_summaries(rows)
        contents = [await self._content(row) for row in rows] if content else [None] * len(rows)
        return [
            Message(
                row.uid,
                row.email_id,
                row.thread_id,
                _FLAGS[row.flags],
                keywords[row.packed_keywords],
                row.modseq,
                row.size_octets,
                row.internaldate_us,
                row.saved_us,
                opened,
                octets,
                (summary and opened is None) or (content and octets is None),
            )
            for row, opened, octets in zip(rows, summaries, contents, strict=True)
        ]

    async def _content(self, row: EntryRow) -> Plaintext | None:
        if row.body is None:
            return None
        arguments = (row.epoch, row.object_id, row.body)
        try:
            if row.size_octets > letter.LARGE_OCTETS:
                return await self._opened.offload(self._unlocked.open_body, *arguments)
            return self._unlocked.open_body(*arguments)
        except Corrupt:
            return None


def _after(ranges: Ranges, uid: int) -> list[tuple[int, int]]:
    """Cut `ranges` down to what lies above `uid`."""
    return [(max(first, uid + 1), last) for first, last in ranges if last > uid]
