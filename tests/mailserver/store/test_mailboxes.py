"""Mailboxes, subscriptions, keywords and what SELECT sees."""

import pytest

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import MailboxId, new_account_id
from mailserver.model.mailbox import Role
from mailserver.model.message import Flag
from mailserver.store.changes import AccountChange
from mailserver.store.store import Store
from tests.support.store import House, build, name_hash, new_mailbox


async def test_mailboxes_are_listed_as_they_were_made(house: House) -> None:
    inbox, archive = await house.store.mailboxes.listing(house.account)
    assert (inbox.name, inbox.role, inbox.subscribed) == (b"guarded INBOX", Role.INBOX, True)
    assert (archive.name_hash, archive.role) == (name_hash("Archive"), Role.ARCHIVE)
    assert (inbox.total, inbox.uid_next, inbox.recent_from) == (0, 1, 1)
    assert inbox.uid_validity != archive.uid_validity
    assert await house.store.mailboxes.by_name_hash(house.account, name_hash("INBOX")) == inbox
    assert await house.store.mailboxes.by_name_hash(house.account, name_hash("Nope")) is None


async def test_a_name_made_anew_has_another_uid_validity(house: House) -> None:
    boxes = house.store.mailboxes
    told: list[AccountChange] = []
    house.store.on_change = told.append
    first = await boxes.create(house.account, new_mailbox("Work", subscribed=False))
    assert (first.role, first.subscribed) == (None, False)
    with pytest.raises(Conflict) as taken:
        await boxes.create(house.account, new_mailbox("Work"))
    assert taken.value.condition is Condition.ALREADY_EXISTS
    await boxes.delete(house.account, first.id)
    second = await boxes.create(house.account, new_mailbox("Work"))
    assert second.uid_validity > first.uid_validity
    assert second.id != first.id
    assert [change.mailboxes for change in told] == [[first.id], [first.id], [second.id]]


async def test_deleting_a_mailbox_destroys_what_lies_only_there(house: House) -> None:
    await house.fill(3)
    await house.store.entries.copy(house.account, house.inbox, ((1, 1),), house.archive)
    told: list[AccountChange] = []
    house.store.on_change = told.append
    await house.store.mailboxes.delete(house.account, house.inbox)
    [change] = told
    assert (change.mailboxes, change.emails_destroyed) == ([house.inbox], [2, 3])
    assert [(p.mailbox_id, p.vanished) for p in change.entries] == [(house.inbox, [1, 2, 3])]
    assert (await house.store.accounts.get(house.account)).used_octets == 1_000
    with pytest.raises(Absent):
        await house.store.mailboxes.get(house.account, house.inbox)
    with pytest.raises(Absent):
        await house.store.mailboxes.delete(house.account, house.inbox)


async def test_renames_are_done_together_or_not_at_all(house: House) -> None:
    boxes = house.store.mailboxes
    work = await boxes.create(house.account, new_mailbox("Work"))
    play = new_mailbox("Play")
    with pytest.raises(Conflict):
        await boxes.rename(
            house.account,
            [
                (work.id, play.name, play.name_hash),
                (house.archive, new_mailbox("INBOX").name, name_hash("INBOX")),
            ],
        )
    assert (await boxes.get(house.account, work.id)).name == work.name
    await boxes.rename(house.account, [(work.id, play.name, play.name_hash)])
    await boxes.rename(house.account, [(work.id, play.name, play.name_hash)])
    renamed = await boxes.get(house.account, work.id)
    assert (renamed.name, renamed.uid_validity) == (play.name, work.uid_validity)
    assert not renamed.subscribed
    with pytest.raises(Absent):
        await boxes.rename(house.account, [(MailboxId(99), work.name, work.name_hash)])


async def test_a_subscription_is_a_names_and_not_a_mailboxs(house: House) -> None:
    boxes = house.store.mailboxes
    told: list[AccountChange] = []
    house.store.on_change = told.append
    ghost = new_mailbox("Ghost")
    for _ in range(2):
        await boxes.set_subscribed(house.account, ghost.name_hash, ghost.name, subscribed=True)
    assert told == []
    subscribed = {row.name_hash for row in await boxes.subscriptions(house.account)}
    assert subscribed == {ghost.name_hash, name_hash("INBOX"), name_hash("Archive")}
    box = await boxes.create(house.account, new_mailbox("Ghost", subscribed=False))
    assert box.subscribed
    await boxes.set_subscribed(house.account, ghost.name_hash, ghost.name, subscribed=False)
    assert not (await boxes.get(house.account, box.id)).subscribed
    assert told[-1].mailboxes == [box.id]


async def test_select_sees_uids_and_takes_the_recent_ones(house: House) -> None:
    boxes, account = house.store.mailboxes, house.account
    empty = await boxes.select(account, house.inbox, writable=True)
    assert (list(empty.uids), empty.first_unseen, empty.recent_from) == ([], None, 1)
    await house.store.emails.append_all([house.email(flags=Flag.SEEN), house.email()])
    looking = await boxes.select(account, house.inbox, writable=False)
    assert (list(looking.uids), looking.recent_from, looking.first_unseen) == ([1, 2], 1, 2)
    first = await boxes.select(account, house.inbox, writable=True)
    assert first.recent_from == 1
    await house.fill(1)
    second = await boxes.select(account, house.inbox, writable=True)
    assert (list(second.uids), second.recent_from) == ([1, 2, 3], 3)
    third = await boxes.select(account, house.inbox, writable=True)
    assert third.recent_from == 4
    with pytest.raises(Absent):
        await boxes.select(account, MailboxId(9), writable=True)


async def test_keywords_get_a_number_once(store: Store) -> None:
    house = await build(store)
    names = store.keyword_names
    name, hashed = new_mailbox("$Important").name, name_hash("$Important")
    number = await names.add(house.account, name, hashed)
    assert await names.add(house.account, name, hashed) == number
    other = await names.add(house.account, name, name_hash("$Other"))
    assert other != number
    known = await names.listing(house.account)
    assert {n: row.name_hash for n, row in known.items()} == {
        number: hashed,
        other: name_hash("$Other"),
    }
    with pytest.raises(Absent):
        await names.add(new_account_id(), name, hashed)
    with pytest.raises(Absent):
        await store.mailboxes.create(new_account_id(), new_mailbox("X"))
