"""List blocks: they hold just what the mailbox holds, and go with the first message that goes."""

import asyncio

import pytest

from mailserver.model.ids import MailboxId, Uid, new_object_id
from mailserver.model.message import Flag, StoreMode
from mailserver.model.sealed import Sealed
from mailserver.store.driver import Sql, run
from mailserver.store.list_blocks import STRETCH_BLOCKS, BlockHead, NewBlock
from tests.support.store import House


def block(house: House, first: int, last: int, messages: int | None = None) -> NewBlock:
    count = last - first + 1 if messages is None else messages
    named = new_object_id()
    return NewBlock(Uid(first), Uid(last), count, named, house.epoch, Sealed(b"sealed lines"))


async def put(house: House, *bounds: tuple[int, int]) -> None:
    for first, last in bounds:
        new = block(house, first, last)
        assert await house.store.list_blocks.put(house.account, house.inbox, new)


async def bounds(house: House, mailbox: MailboxId | None = None) -> list[tuple[int, int]]:
    where = house.inbox if mailbox is None else mailbox
    _, heads = await house.store.list_blocks.layout(house.account, where)
    return [(head.first_uid, head.last_uid) for head in heads]


async def expunge(house: House, *uids: int) -> None:
    ranges, entries = [(uid, uid) for uid in uids], house.store.entries
    await entries.store_flags(house.account, house.inbox, ranges, StoreMode.ADD, Flag.DELETED)
    assert await entries.expunge(house.account, house.inbox) == list(uids)


async def test_a_stretch_has_whole_blocks_and_live_flags(house: House) -> None:
    await house.fill(12)
    await put(house, (1, 4), (5, 6), (9, 12))
    blocks = house.store.list_blocks
    everything = await blocks.stretch(house.account, house.inbox, 1, 100)
    assert [row.first_uid for row in everything.blocks] == [1, 5, 9]
    assert everything.blocks[0].data == b"sealed lines"
    assert [row[0] for row in everything.flags] == list(range(1, 13))
    within = await blocks.stretch(house.account, house.inbox, 2, 11)
    assert [(row.first_uid, row.last_uid) for row in within.blocks] == [(5, 6)]
    assert [row[0] for row in within.flags] == [5, 6]
    ranges = [(5, 5)]
    await house.store.entries.store_flags(
        house.account, house.inbox, ranges, StoreMode.ADD, Flag.SEEN
    )
    [(_, flags, _, modseq), _] = (await blocks.stretch(house.account, house.inbox, 5, 6)).flags
    assert (flags, modseq) == (Flag.SEEN, everything.flags[4][3] + 1)
    assert await blocks.stretch(house.account, house.archive, 1, 100) == ([], [])


async def test_a_stretch_is_bounded(house: House) -> None:
    await house.fill(STRETCH_BLOCKS + 3)
    await put(house, *((uid, uid) for uid in range(1, STRETCH_BLOCKS + 3)))
    stretch = await house.store.list_blocks.stretch(house.account, house.inbox, 2, 100)
    assert [row.first_uid for row in stretch.blocks] == list(range(2, STRETCH_BLOCKS + 2))


async def test_expunge_drops_the_blocks_it_touches_and_no_others(house: House) -> None:
    await house.fill(9)
    await put(house, (1, 3), (4, 6), (7, 9))
    await expunge(house, 5)
    assert await bounds(house) == [(1, 3), (7, 9)]
    await expunge(house, 1, 4, 9)
    assert await bounds(house) == []


async def test_move_drops_them_and_copy_does_not(house: House) -> None:
    await house.fill(6)
    await put(house, (1, 3), (4, 6))
    entries = house.store.entries
    await entries.copy(house.account, house.inbox, ((1, 6),), house.archive)
    assert await bounds(house) == [(1, 3), (4, 6)]
    await entries.move(house.account, house.inbox, ((6, 6),), house.archive)
    assert await bounds(house) == [(1, 3)]
    await entries.move(house.account, house.inbox, ((1, 1),), house.inbox)
    assert await bounds(house) == []


async def test_they_go_with_their_mailbox(house: House) -> None:
    await house.fill(3)
    await put(house, (1, 3))
    await house.store.mailboxes.delete(house.account, house.inbox)
    assert await bounds(house) == []


async def test_a_block_that_misses_what_the_mailbox_holds_is_refused(house: House) -> None:
    """As when a message was expunged between reading and storing."""
    await house.fill(6)
    await expunge(house, 5)
    blocks = house.store.list_blocks
    assert not await blocks.put(house.account, house.inbox, block(house, 4, 6))
    assert not await blocks.put(house.account, house.archive, block(house, 1, 3))
    assert await blocks.put(house.account, house.inbox, block(house, 4, 6, messages=2))
    assert await bounds(house) == [(4, 6)]


async def test_of_two_who_make_a_block_one_is_taken(house: House) -> None:
    await house.fill(8)
    blocks = house.store.list_blocks
    made = await asyncio.gather(
        *(blocks.put(house.account, house.inbox, block(house, 1, last)) for last in (4, 4, 5, 6))
    )
    assert sorted(made) == [False, False, False, True]
    assert len(await bounds(house)) == 1


async def test_a_block_takes_the_place_of_another_that_is_named(house: House) -> None:
    await house.fill(6)
    await put(house, (4, 6))
    blocks = house.store.list_blocks
    _, [head] = await blocks.layout(house.account, house.inbox)
    gone = BlockHead(head.first_uid, head.last_uid, new_object_id())
    assert not await blocks.put(house.account, house.inbox, block(house, 1, 5), gone)
    assert await blocks.put(house.account, house.inbox, block(house, 1, 5), head)
    assert await bounds(house) == [(1, 5)]


async def test_a_damaged_block_is_dropped_and_a_newer_one_stays(house: House) -> None:
    await house.fill(3)
    old = block(house, 1, 3)
    await put(house, (1, 3))
    blocks = house.store.list_blocks
    await blocks.drop(house.account, house.inbox, old)
    assert await bounds(house) == [(1, 3)]
    [there] = (await blocks.stretch(house.account, house.inbox, 1, 3)).blocks
    await blocks.drop(house.account, house.inbox, there)
    assert await bounds(house) == []


async def test_places_are_mailboxes_with_messages_in_no_block(house: House) -> None:
    await house.fill(5)
    await house.fill(2, house.archive)
    blocks = house.store.list_blocks
    assert [place.mailbox_id for place in await blocks.places(house.account, 2)] == [
        house.inbox,
        house.archive,
    ]
    await put(house, (1, 5))
    assert [place.mailbox_id for place in await blocks.places(house.account, 2)] == [house.archive]
    assert await blocks.places(house.account, 3) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE list_blocks SET messages = 4", "it holds 4 messages and should hold 3"),
        ("UPDATE list_blocks SET last_uid = 4, messages = 4", "it overlaps another"),
        ("UPDATE list_blocks SET epoch = 99", "its content key is gone"),
    ],
)
async def test_check_finds_what_does_not_hold(house: House, change: str, what: str) -> None:
    await house.fill(4)
    await put(house, (1, 3), (4, 4))
    store, first = house.store, " WHERE first_uid = 1"
    assert await store.check() == []
    await store.database.write(lambda c: run(c, Sql(change + first)))
    assert what in "; ".join(finding.what for finding in await store.check())
    await store.database.write(lambda c: run(c, Sql("DELETE FROM list_blocks")))
