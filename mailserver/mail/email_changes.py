r"""What changed since a state: emails, threads, mailboxes; and what that does to a query's results.

The log names entries; the catalogue says which emails those are. An entry that went names none any
more, but then its email is elsewhere (which the log says), or gone (which it says, too). What was
created is told by its number. Something may be told that did not change, never the other way.

Source: RFC 8620 §5.2, §5.6; RFC 8621 §2.2, §3.2, §4.3.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from mailserver.mail.catalogue import Catalogue
from mailserver.mail.emails import Emails
from mailserver.mail.opened import Opened
from mailserver.mail.state import Cursor, State
from mailserver.model.ids import EmailId, MailboxId, ModSeq, ThreadId
from mailserver.store.catalogue import Told


@dataclass(slots=True)
class Changed:
    """Numbers of what changed."""

    created: list[int] = field(default_factory=list)
    updated: list[int] = field(default_factory=list)
    destroyed: list[int] = field(default_factory=list)

    def numbers(self) -> list[int]:
        """Return all of them, ascending."""
        return sorted({*self.created, *self.updated, *self.destroyed})

    def among(self, numbers: Collection[int]) -> "Changed":
        """Return what is in `numbers`."""
        return Changed(
            [n for n in self.created if n in numbers],
            [n for n in self.updated if n in numbers],
            [n for n in self.destroyed if n in numbers],
        )


class Answer(NamedTuple):
    """What a client that stands at a cursor is told."""

    changed: Changed
    new: Cursor
    more: bool
    counts_only: bool = False
    """Of mailboxes: nothing but how many emails and threads they show."""


class Since(NamedTuple):
    """All that changed in an account since a state."""

    told: Told
    catalogue: Catalogue
    now: State
    emails: Changed
    threads: set[int]
    """Threads of the emails that changed in any way."""
    moved_threads: set[int]
    """Those that gained or lost an email."""


class EmailChanges:
    """Changes of one unlocked account, by the log of the last 30 days."""

    def __init__(self, opened: Opened, emails: Emails) -> None:
        self._opened = opened
        self._emails = emails

    async def emails(self, at: Cursor, limit: int | None) -> Answer | None:
        """Say which emails changed; None where it cannot be known any more."""
        since = await self.since(at.since)
        if since is None:
            return None
        return _answer(at, since.now, since.emails, limit, kind=1)

    async def threads(self, at: Cursor, limit: int | None) -> Answer | None:
        """Say which threads gained or lost emails; None where it cannot be known any more."""
        since = await self.since(at.since)
        if since is None:
            return None
        changed = Changed()
        living = since.catalogue.of_threads({ThreadId(n) for n in since.moved_threads})
        created = set(since.emails.created)
        for thread in sorted(since.moved_threads):
            emails = living.get(ThreadId(thread))
            new = thread >= at.since.thread
            if emails is None:
                if not new:
                    changed.destroyed.append(thread)
            elif new or (created.issuperset(emails) and thread not in since.told.threads):
                changed.created.append(thread)
            else:
                changed.updated.append(thread)
        return _answer(at, since.now, changed, limit, kind=2)

    async def mailboxes(self, at: Cursor, limit: int | None) -> Answer | None:
        """Say which mailboxes changed, counts included; None where it cannot be known any more."""
        since = await self.since(at.since)
        if since is None:
            return None
        rows = await self._opened.store.mailboxes.listing(self._opened.account_id)
        living = {row.id for row in rows}
        touched = set(since.told.mailboxes)
        touched.update(mailbox_id for mailbox_id, uids in since.told.entries.items() if uids)
        touched.update(mailbox_id for mailbox_id, uids in since.told.vanished.items() if uids)
        for emails in since.catalogue.of_threads({ThreadId(n) for n in since.threads}).values():
            for email in emails:
                touched.update(place[0] for place in since.catalogue.visible(email))
        changed = Changed()
        for mailbox_id in sorted(touched):
            if mailbox_id not in living:
                if mailbox_id < at.since.mailbox:
                    changed.destroyed.append(mailbox_id)
            elif mailbox_id >= at.since.mailbox:
                changed.created.append(mailbox_id)
            else:
                changed.updated.append(mailbox_id)
        answer = _answer(at, since.now, changed, limit, kind=3)
        named = since.told.mailboxes.intersection(map(MailboxId, answer.changed.updated))
        return answer._replace(counts_only=bool(answer.changed.updated) and not named)

    async def since(self, state: State) -> Since | None:
        """Say all that changed since `state`; None where the log does not reach back so far."""
        store, account = self._opened.store.catalogues, self._opened.account_id
        counters, told = await store.told(account, ModSeq(state.modseq))
        if not counters.pruned <= state.modseq <= counters.modseq:
            return None
        catalogue = await self._emails.catalogue()
        now = State.of(counters)
        changed = catalogue.emails_at(_places(told.entries)) | told.left
        undeleted = catalogue.emails_at(_places(told.undeleted))
        return _since(state, now, told, catalogue, changed, undeleted)


def _places(uids: dict[MailboxId, set[int]]) -> Iterable[tuple[MailboxId, int]]:
    return ((mailbox_id, uid) for mailbox_id, some in uids.items() for uid in some)


def _since(
    state: State,
    now: State,
    told: Told,
    catalogue: Catalogue,
    changed: set[EmailId],
    undeleted: set[EmailId],
) -> Since:
    emails, threads, moved = Changed(), set[int](told.threads), set[int](told.threads)
    for email in sorted(changed | told.destroyed):
        thread = catalogue.threads[email] if email < len(catalogue.threads) else 0
        visible = email in catalogue
        new = email >= state.email
        if thread:
            threads.add(thread)
        if thread and (new or not visible or email in undeleted):
            moved.add(thread)
        if new:
            if visible and email < now.email:
                emails.created.append(email)
        elif not visible:
            emails.destroyed.append(email)
        elif email in undeleted and not _stayed(catalogue, told, email):
            emails.created.append(email)
        else:
            emails.updated.append(email)
    return Since(told, catalogue, now, emails, threads, moved)


def _stayed(catalogue: Catalogue, told: Told, email: EmailId) -> bool:
    """Say whether an entry of the email was there and visible all the time."""
    return any(
        uid not in told.entries.get(mailbox_id, ())
        for mailbox_id, uid, _ in catalogue.visible(email)
    )


def _answer(at: Cursor, now: State, changed: Changed, limit: int | None, kind: int) -> Answer:
    """Cut what changed to `limit`; `kind` is the place in a state of the counter it is told by."""
    until = now if at.until is None else at.until
    numbers = changed.numbers()
    if at.until is not None:  # what is numbered from there on comes when the list is through
        numbers = [n for n in numbers if at.passed < n < until[kind]]
    if limit is not None and len(numbers) > limit:
        numbers = numbers[:limit]
        new = Cursor(at.since, until, numbers[-1])
        return Answer(changed.among(set(numbers)), new, more=True)
    return Answer(changed.among(set(numbers)), Cursor(until), more=until.modseq < now.modseq)
