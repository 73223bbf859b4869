"""Emails by their own numbers: the union of entries, queries, and changes since a state."""

import random

import pytest

from mailserver.mail.account import Account
from mailserver.mail.email_query import EVERY_EMAIL, AllOf, Filter, NoneOf
from mailserver.mail.state import Cursor
from mailserver.model.email import (
    Email,
    HasAttachment,
    InMailbox,
    Marked,
    Order,
    OutsideOf,
    SizeIs,
    ThreadMarked,
)
from mailserver.model.ids import EmailId, ThreadId
from mailserver.model.message import Flag, StoreMode
from mailserver.model.query import Field, Text
from tests.support.mail import EVERYTHING, MailNode, append, letter, something_happens

NEWEST = (Order("receivedAt", ascending=False),)


async def _all(account: Account, **wanted: bool) -> list[Email]:
    found = await account.email_queries.query(EVERY_EMAIL, NEWEST)
    ids = [EmailId(n) for n in found.ids]
    return [email async for email in account.emails.get(ids, **wanted)]


async def _ids(account: Account, condition: Filter, *orders: Order) -> list[int]:
    return list((await account.email_queries.query(condition, orders or NEWEST)).ids)


async def test_an_email_has_what_any_of_its_entries_has(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter())
    inbox = await account.mailboxes.named("INBOX")
    other = await account.mailboxes.create("Projects")
    await account.messages.copy(inbox.id, EVERYTHING, other.id)
    await account.messages.store(other.id, EVERYTHING, StoreMode.ADD, Flag.SEEN, frozenset({"x"}))
    (email,) = await _all(account, summary=True, content=True)
    assert email.mailboxes == {inbox.id, other.id}
    assert (email.flags, set(email.keywords)) == (Flag.SEEN, {"x"})
    assert email.octets is not None
    assert email.octets.reveal() == letter()


async def test_what_is_marked_deleted_is_not_there(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter("one"), letter("two"))
    inbox = await account.mailboxes.named("INBOX")
    state = await account.emails.state()
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, Flag.DELETED, frozenset())
    assert await _ids(account, EVERY_EMAIL) == [2]
    assert (await account.emails.counts(None))[inbox.id].emails == 1
    told = await account.email_changes.emails(Cursor(state), None)
    assert told is not None
    assert told.changed.destroyed == [1]
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.REMOVE, Flag.DELETED, frozenset())
    again = await account.email_changes.emails(told.new, None)
    assert again is not None
    assert again.changed.created == [1]


async def test_filters_look_at_mailboxes_marks_sizes_texts_and_threads(mail: MailNode) -> None:
    account = await mail.account()
    first = letter("Plan", "Strudel", Message_ID="<a@x>")
    reply = letter("Re: Plan", "Kuchen", Message_ID="<b@x>", In_Reply_To="<a@x>")
    await append(account, first, reply, letter("Else", "Strudel " * 50, Message_ID="<c@x>"))
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, Flag.FLAGGED, frozenset())
    flagged = Marked(Flag.FLAGGED)
    assert await _ids(account, Text(Field.BODY, "strudel")) == [3, 1]
    assert await _ids(account, flagged) == [1]
    assert await _ids(account, ThreadMarked(flagged, every=False)) == [2, 1]
    assert await _ids(account, ThreadMarked(flagged, every=True)) == []
    assert await _ids(account, NoneOf((flagged, InMailbox(None)))) == [3, 2]
    assert await _ids(account, AllOf((SizeIs(minimum=400), InMailbox(inbox.id)))) == [3]
    assert await _ids(account, OutsideOf(frozenset({inbox.id}))) == []
    assert await _ids(account, HasAttachment()) == []
    collapsed = await account.email_queries.query(EVERY_EMAIL, NEWEST, collapsed=True)
    assert list(collapsed.ids) == [3, 2]
    assert await _ids(account, EVERY_EMAIL, Order("subject")) == [3, 2, 1]


async def test_a_short_answer_goes_on_where_it_was_cut(mail: MailNode) -> None:
    account = await mail.account()
    start = await account.emails.state()
    await append(account, *(letter(str(n)) for n in range(5)))
    created: list[int] = []
    at = Cursor(start)
    while True:
        told = await account.email_changes.emails(at, 2)
        assert told is not None
        created += told.changed.created
        at = Cursor.parse(str(told.new)) or at
        if not told.more:
            break
        if len(created) == 2:  # what comes meanwhile is told behind the rest
            await append(account, letter("late"))
    assert created == [1, 2, 3, 4, 5, 6]
    assert at == Cursor(await account.emails.state())


async def test_a_state_nobody_gave_or_forgotten_cannot_be_answered(mail: MailNode) -> None:
    account = await mail.account()
    start = await account.emails.state()
    ahead = start._replace(modseq=start.modseq + 100)
    assert await account.email_changes.emails(Cursor(ahead), None) is None
    assert Cursor.parse("yesterday") is None


class _Mirror:
    """A client that fetches what it is told of and nothing else."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.emails: dict[int, object] = {}
        self.threads: dict[int, object] = {}
        self.boxes: dict[int, object] = {}
        self.at: list[Cursor] = []

    async def follow(self, limit: int | None) -> None:
        changes = self.account.email_changes
        for n, (ask, mine, fetch) in enumerate(
            (
                (changes.emails, self.emails, self.fetch_emails),
                (changes.threads, self.threads, self.fetch_threads),
                (changes.mailboxes, self.boxes, self.fetch_boxes),
            )
        ):
            more = True
            while more:
                told = await ask(self.at[n], limit)
                assert told is not None
                known = set(mine)
                assert known.isdisjoint(told.changed.created) or n
                assert known.issuperset(told.changed.updated)
                for gone in told.changed.destroyed:
                    mine.pop(gone, None)
                mine |= await fetch([*told.changed.created, *told.changed.updated])
                self.at[n], more = told.new, told.more

    async def fetch_emails(self, ids: list[int]) -> dict[int, object]:
        found = self.account.emails.get([EmailId(n) for n in ids])
        return {
            int(e.id): (e.mailboxes, e.flags & ~Flag.DELETED, e.keywords, e.thread_id)
            async for e in found
        }

    async def fetch_threads(self, ids: list[int]) -> dict[int, object]:
        found = await self.account.emails.threads([ThreadId(n) for n in ids])
        return {int(thread): tuple(emails) for thread, emails in found.items()}

    async def fetch_boxes(self, ids: list[int]) -> dict[int, object]:
        counts = await self.account.emails.counts(None)
        listing = await self.account.mailboxes.listing()
        return {
            int(box.id): (box.name, box.subscribed, counts.get(box.id))
            for box in listing
            if int(box.id) in ids
        }

    async def everything(self) -> "_Mirror":
        fresh = _Mirror(self.account)
        fresh.at = [Cursor(await self.account.emails.state())] * 3
        ids = await _ids(self.account, EVERY_EMAIL)
        fresh.emails = await fresh.fetch_emails(ids)
        catalogue = await self.account.emails.catalogue()
        fresh.threads = await fresh.fetch_threads(sorted(set(catalogue.threads)))
        listing = await self.account.mailboxes.listing()
        fresh.boxes = await fresh.fetch_boxes([int(box.id) for box in listing])
        return fresh


@pytest.mark.parametrize("seed", range(4))
async def test_who_applies_changes_holds_what_a_fresh_client_fetches(
    mail: MailNode, seed: int
) -> None:
    dice = random.Random(seed)
    account = await mail.account()
    mirror = await _Mirror(account).everything()
    for n in range(60):
        await something_happens(mail, account, dice, n)
        if dice.random() < 0.4:
            await mirror.follow(dice.choice([None, 1, 3]))
            fresh = await mirror.everything()
            assert mirror.emails == fresh.emails
            assert mirror.threads == fresh.threads
            assert mirror.boxes == fresh.boxes


@pytest.mark.parametrize("collapsed", [False, True])
async def test_the_first_of_a_result_are_the_beginning_of_all_of_it(
    mail: MailNode, *, collapsed: bool
) -> None:
    account = await mail.account()
    for n in range(9):
        await append(account, letter(str(n), Message_ID=f"<{n}@x>", References=f"<{n % 4}@x>"))
    queries = account.email_queries
    first = await queries.query(EVERY_EMAIL, NEWEST, collapsed=collapsed, most=3)
    assert (len(first.ids), first.total) == (3, None if collapsed else 9)
    more = await queries.query(EVERY_EMAIL, NEWEST, collapsed=collapsed, most=5)
    whole = await queries.query(EVERY_EMAIL, NEWEST, collapsed=collapsed)
    assert more == whole  # who turns the page has all of it
    assert list(whole.ids[:3]) == list(first.ids)
    assert whole.total == len(whole.ids) == (4 if collapsed else 9)
    few = await queries.query(EVERY_EMAIL, (Order("size"),), collapsed=collapsed, most=50)
    assert few.total == whole.total
