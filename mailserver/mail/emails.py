"""The emails of an unlocked account by their own numbers: what JMAP and its screens list and open.

The catalogue says which there are and is brought up to date before each question, which costs one
read of the account's counters where nothing changed.
"""

from collections.abc import AsyncIterator, Collection, Sequence

from mailserver.mail.catalogue import Catalogue
from mailserver.mail.catalogue import State as EntryState
from mailserver.mail.email_counts import Tally
from mailserver.mail.letter import LARGE_OCTETS
from mailserver.mail.opened import Opened
from mailserver.mail.state import State
from mailserver.model.email import Email, MailboxCounts
from mailserver.model.errors import Absent, Condition, Corrupt
from mailserver.model.ids import EmailId, MailboxId, ThreadId
from mailserver.model.message import Flag, Keywords
from mailserver.model.sealed import Plaintext
from mailserver.store.catalogue import Counters, News
from mailserver.store.emails import BlobRow
from mailserver.store.packing import unpack_keywords

SUMMARIES = 2_000  # opened in some 10 ms, so that others get their turn
CONTENT_OCTETS = 4 * 1024 * 1024  # bounds the plaintext one question holds at a time
CONTENTS = 64

Known = dict[tuple[EntryState, ...], tuple[Flag, Keywords]]
"""Flags and keywords of emails, by the states of their entries."""


class Emails:
    """The emails of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def catalogue(self) -> Catalogue:
        """Return the account's emails as they stand now."""
        opened, store = self._opened, self._opened.store.catalogues
        async with opened.catalogue_lock:
            kept = opened.catalogue
            if kept is not None:
                news = await store.news(opened.account_id, kept.counters.modseq)
                if news.rows is not None:
                    self._apply(kept, news)
                    return kept
            counters, rows = await store.whole(opened.account_id)
            catalogue = await opened.offload(Catalogue, counters, rows)
            if not opened.unlocked.closed:
                opened.catalogue, opened.tally = catalogue, None
            return catalogue

    def _apply(self, catalogue: Catalogue, news: News) -> None:
        if self._opened.tally is None:
            catalogue.apply(news)
        elif not self._opened.tally.apply(news):
            self._opened.tally = None

    @property
    def tally(self) -> Tally | None:
        """What is kept of the last counts, if anything is."""
        return self._opened.tally

    async def state(self) -> State:
        """Return how far the account's counters have come."""
        return State.of(await self.counters())

    async def counters(self) -> Counters:
        """Return the account's counters, quota among them."""
        return await self._opened.store.catalogues.counters(self._opened.account_id)

    async def threads(self, thread_ids: Collection[ThreadId]) -> dict[ThreadId, list[EmailId]]:
        """Return the emails of those threads that have any, the oldest first."""
        return (await self.catalogue()).of_threads(set(thread_ids))

    async def counts(self, trash: MailboxId | None) -> dict[MailboxId, MailboxCounts]:
        """Count emails and threads of every mailbox that shows any; `trash` has that role."""
        opened, catalogue = self._opened, await self.catalogue()
        tally = opened.tally
        if tally is None or tally.catalogue is not catalogue or tally.trash != trash:
            tally = Tally(catalogue, trash)
            if catalogue is opened.catalogue:
                opened.tally = tally
        return tally.counts()

    async def get(
        self, email_ids: Sequence[EmailId], *, summary: bool = False, content: bool = False
    ) -> AsyncIterator[Email]:
        """Yield those emails that are there, in the order asked for.

        What does not open is `damaged`, and no reason to leave out the others.
        """
        catalogue, known = await self.catalogue(), Known()
        for start in range(0, len(email_ids), CONTENTS if content else SUMMARIES):
            some = email_ids[start : start + (CONTENTS if content else SUMMARIES)]
            summaries = await self._summaries(some) if summary else {}
            async for email_id, octets in self._contents(some, catalogue, content=content):
                places = catalogue.visible(email_id)
                if not places:
                    continue
                flags, keywords = await self._marks(tuple(state for _, _, state in places), known)
                opened = summaries.get(email_id)
                yield Email(
                    id=email_id,
                    thread_id=ThreadId(catalogue.threads[email_id]),
                    mailboxes=frozenset([mailbox_id for mailbox_id, _, _ in places]),
                    flags=flags,
                    keywords=keywords,
                    size_octets=catalogue.sizes[email_id],
                    received_us=catalogue.received[email_id],
                    summary=opened,
                    octets=octets,
                    damaged=(summary and opened is None) or (content and octets is None),
                )

    async def content(self, email_id: EmailId) -> Plaintext:
        """Return the octets of one email.

        Raises:
            Absent: NO_SUCH_MESSAGE.
            Corrupt: DAMAGED.
        """
        async for email in self.get([email_id], content=True):
            if email.octets is None:
                raise Corrupt(Condition.DAMAGED, "this message is damaged")
            return email.octets
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such message")

    async def places(
        self, email_id: EmailId, *, hidden: bool = False
    ) -> list[tuple[MailboxId, int]]:
        r"""Return (mailbox, UID) of every entry by which the email is seen.

        With `hidden` those with \\Deleted as well, if it is seen at all.
        """
        catalogue = await self.catalogue()
        if hidden and email_id in catalogue:
            return catalogue.places(email_id)
        return [(mailbox_id, uid) for mailbox_id, uid, _ in catalogue.visible(email_id)]

    async def _marks(self, states: tuple[EntryState, ...], known: Known) -> tuple[Flag, Keywords]:
        """Return what any of an email's entries has; most emails share a few states."""
        marks = known.get(states)
        if marks is None:
            bits, names = 0, frozenset[str]()
            for flags, packed in states:
                bits |= flags
                if packed is not None:
                    names |= await self._opened.keywords.names(unpack_keywords(packed))
            marks = known[states] = (Flag(bits), names)
        return marks

    async def _summaries(self, email_ids: Sequence[EmailId]) -> dict[EmailId, Plaintext]:
        store = self._opened.store.catalogues
        rows = await store.summaries(self._opened.account_id, list(email_ids))
        await self._opened.open_epochs({row.epoch for row in rows.values()})
        found = self._opened.unlocked.open_summaries(rows.values())
        opened = zip(rows, found, strict=True)
        return {email_id: each for email_id, each in opened if each is not None}

    async def _contents(
        self, email_ids: Sequence[EmailId], catalogue: Catalogue, *, content: bool
    ) -> AsyncIterator[tuple[EmailId, Plaintext | None]]:
        """Yield each email's octets, read in lots of bounded size; None where not asked for."""
        if not content:
            for email_id in email_ids:
                yield email_id, None
            return
        lot: list[EmailId] = []
        total = 0
        for email_id in email_ids:
            size = catalogue.sizes[email_id] if email_id in catalogue else 0
            if lot and total + size > CONTENT_OCTETS:
                async for pair in self._lot(lot):
                    yield pair
                lot, total = [], 0
            lot.append(email_id)
            total += size
        async for pair in self._lot(lot):
            yield pair

    async def _lot(
        self, email_ids: Sequence[EmailId]
    ) -> AsyncIterator[tuple[EmailId, Plaintext | None]]:
        rows = await self._opened.store.emails.blob(self._opened.account_id, email_ids)
        await self._opened.open_epochs({row.epoch for row in rows})
        by_email = {row.email_id: row for row in rows}
        for email_id in email_ids:
            row = by_email.get(email_id)
            yield email_id, None if row is None else await self._open(row)

    async def _open(self, row: BlobRow) -> Plaintext | None:
        if row.body is None:
            return None
        arguments = (row.epoch, row.object_id, row.body)
        try:
            if len(row.body) > LARGE_OCTETS:
                return await self._opened.offload(self._opened.unlocked.open_body, *arguments)
            return self._opened.unlocked.open_body(*arguments)
        except Corrupt:
            return None
