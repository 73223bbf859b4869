"""Entries: reading by ranges, flags, copies, moves, expunges, and what changed since."""

import os

import pytest

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import EmailId, MailboxId, ModSeq
from mailserver.model.message import Flag, StoreMode
from mailserver.store.changes import AccountChange
from mailserver.store.expunging import AT_ONCE
from mailserver.store.packing import Ranges
from tests.support.store import House


async def uids_of(house: House, mailbox: MailboxId) -> list[int]:
    return list((await house.store.mailboxes.select(house.account, mailbox, writable=False)).uids)


async def flags_of(house: House, ranges: Ranges | None = None) -> list[int]:
    return [
        row.flags for row in await house.store.entries.flags(house.account, house.inbox, ranges)
    ]


async def add(house: House, ranges: Ranges | None, flags: Flag) -> None:
    await house.store.entries.store_flags(house.account, house.inbox, ranges, StoreMode.ADD, flags)


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (None, [1, 2, 3, 4, 5, 6]),
        ((), []),
        (((2, 3),), [2, 3]),
        (((1, 1), (3, 4), (6, 0xFFFF_FFFF)), [1, 3, 4, 6]),
        (((7, 9),), []),
    ],
)
async def test_ranges_name_what_exists(
    house: House, ranges: Ranges | None, expected: list[int]
) -> None:
    await house.fill(6)
    await house.fill(2, house.archive)
    entries = house.store.entries
    rows = await entries.rows(house.account, house.inbox, ranges, summary=True)
    assert [row.uid for row in rows] == expected
    assert all(row.summary and row.body is None for row in rows)
    assert [row.uid for row in await entries.flags(house.account, house.inbox, ranges)] == expected


async def test_flags_are_replaced_added_and_removed(house: House) -> None:
    await house.fill(3)
    entries, account, inbox = house.store.entries, house.account, house.inbox
    await entries.store_flags(account, inbox, ((1, 2),), StoreMode.REPLACE, Flag.SEEN, (5, 2))
    await entries.store_flags(account, inbox, ((2, 3),), StoreMode.ADD, Flag.DELETED, (9,))
    stored = await entries.store_flags(account, inbox, ((2, 2),), StoreMode.REMOVE, Flag.SEEN, (5,))
    [changed] = stored.changed
    assert (changed.uid, changed.flags, changed.keywords) == (2, Flag.DELETED, (2, 9))
    assert changed.modseq == stored.modseq
    rows = await entries.flags(account, inbox, None)
    assert [(row.flags, row.keywords) for row in rows] == [
        (Flag.SEEN, (2, 5)),
        (Flag.DELETED, (2, 9)),
        (Flag.DELETED, (9,)),
    ]
    mailbox = await house.store.mailboxes.get(account, inbox)
    assert (mailbox.unseen, mailbox.deleted) == (2, 2)
    assert mailbox.highest_modseq == stored.modseq


async def test_what_is_so_already_does_not_change(house: House) -> None:
    await house.fill(2)
    await add(house, None, Flag.SEEN)
    before = await house.store.changes.state(house.account)
    stored = await house.store.entries.store_flags(
        house.account, house.inbox, None, StoreMode.ADD, Flag.SEEN
    )
    assert (stored.changed, stored.modified, stored.modseq) == ([], [], None)
    assert await house.store.changes.state(house.account) == before


async def test_unchanged_since_keeps_back_what_changed(house: House) -> None:
    await house.fill(3)
    seen = await house.store.mailboxes.get(house.account, house.inbox)
    await add(house, ((2, 2),), Flag.FLAGGED)
    stored = await house.store.entries.store_flags(
        house.account,
        house.inbox,
        None,
        StoreMode.ADD,
        Flag.SEEN,
        unchanged_since=seen.highest_modseq,
    )
    assert stored.modified == [2]
    assert [row.uid for row in stored.changed] == [1, 3]
    assert await flags_of(house) == [Flag.SEEN, Flag.FLAGGED, Flag.SEEN]


async def test_marking_around_gaps_and_exceptions(house: House) -> None:
    await house.fill(8)
    await add(house, ((3, 4),), Flag.DELETED)
    await house.store.entries.expunge(house.account, house.inbox)
    await add(house, ((6, 6),), Flag.SEEN | Flag.FLAGGED)
    await add(house, None, Flag.SEEN)
    assert await flags_of(house) == [1, 1, 1, 5, 1, 1]


async def test_entries_between_two_ranges_are_left_alone(house: House) -> None:
    await house.fill(6)
    await add(house, ((1, 2), (5, 5)), Flag.SEEN)
    assert await flags_of(house) == [1, 1, 0, 0, 1, 0]


async def test_a_copy_is_an_entry_and_no_blob(house: House) -> None:
    await house.fill(3)
    await add(house, ((2, 2),), Flag.FLAGGED)
    copied = await house.store.entries.copy(house.account, house.inbox, ((2, 3),), house.archive)
    archive = await house.store.mailboxes.get(house.account, house.archive)
    assert (copied.source, copied.destination) == ([2, 3], [1, 2])
    assert copied.uid_validity == archive.uid_validity
    rows = await house.store.entries.rows(house.account, house.archive, None)
    assert [(row.email_id, row.flags) for row in rows] == [(2, Flag.FLAGGED), (3, 0)]
    assert (await house.store.accounts.get(house.account)).used_octets == 3_000
    empty = await house.store.entries.copy(house.account, house.inbox, ((9, 9),), house.archive)
    assert empty.source == []


async def test_a_copied_email_lives_until_its_last_entry(house: House) -> None:
    await house.store.emails.append(house.email(os.urandom(100_000)))
    await house.store.entries.copy(house.account, house.inbox, None, house.inbox)
    await add(house, ((1, 1),), Flag.DELETED)
    assert await house.store.entries.expunge(house.account, house.inbox) == [1]
    [row] = await house.store.entries.rows(house.account, house.inbox, None, body=True)
    assert row.body is not None
    assert len(row.body) == 100_000
    await add(house, None, Flag.DELETED)
    assert await house.store.entries.expunge(house.account, house.inbox) == [2]
    assert await house.store.emails.blob(house.account, [EmailId(1)]) == []
    assert await house.store.tails.tails(house.account) == []
    assert list(house.store.blob_store.stored()) == []
    assert (await house.store.accounts.get(house.account)).used_octets == 0


async def test_only_deleted_ones_in_range_are_expunged(house: House) -> None:
    await house.fill(5)
    await add(house, ((2, 4),), Flag.DELETED)
    told: list[AccountChange] = []
    house.store.on_change = told.append
    expunge = house.store.entries.expunge
    assert await expunge(house.account, house.inbox, ((3, 9),)) == [3, 4]
    assert await uids_of(house, house.inbox) == [1, 2, 5]
    [change] = told
    assert [(part.mailbox_id, part.vanished) for part in change.entries] == [(house.inbox, [3, 4])]
    assert change.emails_destroyed == [3, 4]
    assert await expunge(house.account, house.inbox, ((1, 1),)) == []
    assert len(told) == 1


async def test_many_are_expunged_in_several_commits(house: House) -> None:
    await house.fill(AT_ONCE + 5)
    await add(house, ((3, 0xFFFF_FFFF),), Flag.DELETED)
    told: list[AccountChange] = []
    house.store.on_change = told.append
    gone = await house.store.entries.expunge(house.account, house.inbox)
    assert gone == list(range(3, AT_ONCE + 6))
    assert [len(change.emails_destroyed) for change in told] == [AT_ONCE, 3]
    assert await uids_of(house, house.inbox) == [1, 2]


async def test_uids_are_never_used_twice(house: House) -> None:
    await house.fill(2)
    await add(house, None, Flag.DELETED)
    await house.store.entries.expunge(house.account, house.inbox)
    assert (await house.store.emails.append(house.email())).uid == 3


async def test_a_move_vanishes_here_and_appears_there(house: House) -> None:
    await house.fill(3)
    told: list[AccountChange] = []
    house.store.on_change = told.append
    copied, modseq = await house.store.entries.move(
        house.account, house.inbox, ((1, 2),), house.archive
    )
    assert (copied.source, copied.destination) == ([1, 2], [1, 2])
    [change] = told
    assert change.modseq == modseq
    assert [(p.mailbox_id, p.vanished, p.appeared) for p in change.entries] == [
        (house.inbox, [1, 2], []),
        (house.archive, [], [1, 2]),
    ]
    assert await uids_of(house, house.inbox) == [3]
    assert await uids_of(house, house.archive) == [1, 2]
    counts = await house.store.mailboxes.get(house.account, house.archive)
    assert (counts.total, counts.unseen, counts.octets) == (2, 2, 2_000)


async def test_a_move_into_itself_gives_new_uids(house: House) -> None:
    await house.fill(2)
    copied, _ = await house.store.entries.move(house.account, house.inbox, ((1, 1),), house.inbox)
    assert copied.destination == [3]
    assert await uids_of(house, house.inbox) == [2, 3]


async def test_nowhere_to_copy_to_changes_nothing(house: House) -> None:
    await house.fill(1)
    nowhere = MailboxId(77)
    entries, account = house.store.entries, house.account
    for attempt in (
        entries.copy(account, house.inbox, None, nowhere),
        entries.move(account, house.inbox, None, nowhere),
        entries.copy(account, nowhere, None, house.inbox),
        entries.expunge(account, nowhere),
        entries.store_flags(account, nowhere, None, StoreMode.ADD, Flag.SEEN),
        entries.changed_since(account, nowhere, ModSeq(1)),
    ):
        with pytest.raises(Absent) as absent:
            await attempt
        assert absent.value.condition is Condition.NO_SUCH_MAILBOX
    assert await uids_of(house, house.inbox) == [1]


async def test_what_changed_since(house: House) -> None:
    await house.fill(4)
    start = (await house.store.mailboxes.get(house.account, house.inbox)).highest_modseq
    entries = house.store.entries
    unchanged = await entries.changed_since(house.account, house.inbox, start)
    assert (unchanged.flags, unchanged.vanished, unchanged.complete) == ([], [], True)
    await add(house, ((1, 1), (4, 4)), Flag.DELETED)
    await entries.expunge(house.account, house.inbox, ((4, 4),))
    await entries.move(house.account, house.inbox, ((2, 2),), house.archive)
    await house.fill(1)
    changed = await entries.changed_since(house.account, house.inbox, start)
    assert [(row.uid, row.flags) for row in changed.flags] == [(1, Flag.DELETED), (5, 0)]
    assert changed.vanished == [2, 4]
    assert changed.complete
    later = await entries.changed_since(house.account, house.inbox, changed.flags[-1].modseq)
    assert (later.flags, later.vanished) == ([], [])
