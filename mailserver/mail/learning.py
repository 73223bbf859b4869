"""Learning what a reader calls junk, while he is there.

Lessons are taken in the background, after the command that gave them was answered. For each message
of junk that is learned, one that its reader has read and left in his INBOX is learned as wanted:
without an opposite, no word would say anything. Two processes that learn for one account at the
same time lose one another's last lessons; the next ones are learned all the same.
"""

from collections.abc import Collection, Sequence

from mailserver.mail.junk import Junk, words_of
from mailserver.mail.lessons import AT_ONCE, JUNK_WORDS, Lesson, Lessons
from mailserver.mail.letter import LARGE_OCTETS
from mailserver.mail.messages import Messages
from mailserver.mail.opened import Opened
from mailserver.model.ids import MailboxId, Uid
from mailserver.model.mailbox import Role
from mailserver.model.message import Flag, Message
from mailserver.screening.classifier import HASH_OCTETS, Model
from mailserver.store.entries import EntryRow
from mailserver.store.mailboxes import MailboxRow

LOOKED_AT = 500  # messages of the INBOX, the newest, for what is wanted


class Learning:
    """Takes the lessons of one opened account."""

    def __init__(self, opened: Opened, junk: Junk) -> None:
        self._opened = opened
        self._junk = junk
        self._messages = Messages(opened)

    async def learn(self, lessons: Lessons) -> int:
        """Take every lesson that waits; return how many messages were learned.

        Raises:
            Locked: the account was closed meanwhile; what was learned until then may be lost.
            Transient: the store does not answer.
        """
        learned = 0
        if not (await self._opened.store.accounts.get(self._opened.account_id)).active:
            lessons.clear()  # its owner wants it kept, and no more (GDPR Art. 18)
        while lessons:  # more may come while what was learned is written down
            learned += await self._take(lessons)
        return learned

    async def _take(self, lessons: Lessons) -> int:
        account_id, guard = self._opened.account_id, self._opened.unlocked.guard
        model: Model | None = None
        learned = 0
        while (lesson := lessons.take()) is not None:
            rows = {row.id: row for row in await self._opened.store.mailboxes.listing(account_id)}
            junk = _kind(lesson, rows)
            if junk is None:
                continue
            if model is None:
                model = await self._junk.load(account_id, guard) or Model()
            learned += await self._learn(model, lesson.mailbox_id, lesson.uids, junk=junk)
            learned += await self._balance(model, rows.values())
        if model is not None and learned:
            await self._junk.save(account_id, guard, model)
        return learned

    async def _learn(
        self, model: Model, mailbox_id: MailboxId, uids: Sequence[Uid], *, junk: bool
    ) -> int:
        learned = 0
        ranges = [(uid, uid) for uid in sorted(set(uids))]
        async for batch in self._messages.fetch(mailbox_id, ranges, content=True):
            for message in batch:
                hashes = await self._hashes(message)
                if hashes:
                    learned += model.learn(message.email_id, hashes, junk=junk)
        return learned

    async def _hashes(self, message: Message) -> list[bytes]:
        if message.octets is None:
            return []
        octets = message.octets.reveal()
        if len(octets) > LARGE_OCTETS:
            words = await self._opened.offload(words_of, octets)
        else:
            words = words_of(octets)
        return self._opened.unlocked.guard.word_hashes(words, HASH_OCTETS)

    async def _balance(self, model: Model, rows: Collection[MailboxRow]) -> int:
        """Learn read mail of the INBOX as wanted, until there is as much of it as of junk."""
        missing = min(model.junk - model.wanted, AT_ONCE)
        inbox = next((row for row in rows if row.role is Role.INBOX), None)
        if missing <= 0 or inbox is None:
            return 0
        newest = [(Uid(max(inbox.uid_next - LOOKED_AT, 1)), Uid(inbox.uid_next))]
        entries = self._opened.store.entries
        uids = [
            row.uid
            for row in await entries.rows(self._opened.account_id, inbox.id, newest)
            if not model.knows(row.email_id) and await self._is_wanted(row)
        ]
        return await self._learn(model, inbox.id, uids[-missing:], junk=False)

    async def _is_wanted(self, row: EntryRow) -> bool:
        flags = Flag(row.flags)
        if Flag.SEEN not in flags or Flag.DELETED in flags:
            return False
        names = await self._opened.keywords.names(row.keywords)
        return not {name.casefold() for name in names} & JUNK_WORDS


def _kind(lesson: Lesson, rows: dict[MailboxId, MailboxRow]) -> bool | None:
    """Say whether a lesson is of junk (True) or of wanted mail; None where it is of neither."""
    if lesson.junk is not None:
        return lesson.junk
    here = rows.get(lesson.mailbox_id)
    origin = rows.get(lesson.origin) if lesson.origin is not None else None
    if here is None or origin is None or here.role is origin.role is Role.JUNK:
        return None
    if here.role is Role.JUNK:
        return True
    rescued = origin.role is Role.JUNK and here.role is not Role.TRASH
    return False if rescued else None
