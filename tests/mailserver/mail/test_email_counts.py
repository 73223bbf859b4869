"""The counts of mailboxes: kept right through every change, and equal to counting anew."""

import random

import pytest

from mailserver.mail.account import Account
from mailserver.mail.catalogue import Catalogue
from mailserver.mail.email_counts import MANY_THREADS, Tally, counted
from mailserver.model.ids import EmailId, MailboxId, ModSeq, ThreadId
from mailserver.model.mailbox import Role
from mailserver.model.message import Flag, StoreMode
from mailserver.store.catalogue import Counters, News, PlaceRow, Told
from tests.support.mail import EVERYTHING, MailNode, append, letter, something_happens

INBOX, TRASH = MailboxId(1), MailboxId(2)


async def _anew(mail: MailNode, account: Account) -> Catalogue:
    return Catalogue(*await mail.node.store.catalogues.whole(account.account_id))


async def _role(account: Account, role: Role) -> MailboxId:
    return next(box.id for box in await account.mailboxes.listing() if box.role is role)


@pytest.mark.parametrize("seed", range(4))
async def test_counts_equal_a_fresh_count_whatever_happened(mail: MailNode, seed: int) -> None:
    dice = random.Random(seed)
    account = await mail.account()
    trash = await _role(account, Role.TRASH)
    await account.emails.counts(trash)
    tally = account.emails.tally
    assert tally is not None
    for n in range(80):
        await something_happens(mail, account, dice, n)
        if dice.random() < 0.5:
            fresh = await _anew(mail, account)
            assert await account.emails.counts(trash) == counted(fresh, trash)
    assert account.emails.tally is tally  # it was kept all the time


@pytest.mark.parametrize("seed", range(2))
async def test_threads_equal_fresh_ones_whatever_happened(mail: MailNode, seed: int) -> None:
    dice = random.Random(seed)
    account = await mail.account()
    for n in range(80):
        await something_happens(mail, account, dice, n)
        if dice.random() < 0.5:
            kept, fresh = await account.emails.catalogue(), await _anew(mail, account)
            every = {ThreadId(thread) for thread in fresh.threads} | {ThreadId(1_000)}
            assert kept.of_threads(every) == fresh.of_threads(every)


async def test_what_lies_in_trash_is_counted_apart(mail: MailNode) -> None:
    account = await mail.account()
    inbox, trash = await _role(account, Role.INBOX), await _role(account, Role.TRASH)
    reply = letter("Re: Plan", Message_ID="<b@x>", In_Reply_To="<a@x>")
    await append(account, letter("Plan", Message_ID="<a@x>"), reply)
    await account.messages.store(inbox, [(1, 1)], StoreMode.ADD, Flag.SEEN, frozenset())
    assert (await account.emails.counts(trash))[inbox].unread_threads == 1
    await account.messages.move(inbox, [(2, 2)], trash)
    counts = await account.emails.counts(trash)
    assert (counts[inbox].unread_threads, counts[trash].unread_threads) == (0, 1)
    assert (await account.emails.counts(None))[inbox].unread_threads == 1
    await account.messages.store(trash, EVERYTHING, StoreMode.ADD, Flag.DELETED, frozenset())
    assert trash not in await account.emails.counts(trash)


async def test_a_rested_account_counts_again(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter())
    inbox = await _role(account, Role.INBOX)
    await account.emails.counts(None)
    account.rest()
    await append(account, letter())
    assert (await account.emails.counts(None))[inbox].emails == 2


def _counters(emails: int) -> Counters:
    number = emails + 1
    return Counters(
        ModSeq(number), ModSeq(0), EmailId(number), ThreadId(number), MailboxId(3), 0, 0
    )


def _rows(first: int, last: int) -> list[PlaceRow]:
    return [
        PlaceRow(INBOX, n, EmailId(n), 0, None, ThreadId(n), n, 100) for n in range(first, last)
    ]


@pytest.mark.parametrize(("more", "kept"), [(MANY_THREADS, True), (MANY_THREADS + 1, False)])
def test_more_than_counting_anew_would_cost_is_not_followed(more: int, *, kept: bool) -> None:
    catalogue = Catalogue(_counters(10), _rows(1, 11))
    tally = Tally(catalogue, TRASH)
    told = Told()
    told.vanished[INBOX] = {1, 2}
    told.destroyed = {EmailId(1), EmailId(2)}
    rows = _rows(11, 11 + more - 2)
    assert tally.apply(News(_counters(10 + more - 2), told, rows)) is kept
    assert len(catalogue.in_mailbox(INBOX)) == 8 + more - 2
    if kept:
        assert tally.counts() == counted(catalogue, TRASH)
