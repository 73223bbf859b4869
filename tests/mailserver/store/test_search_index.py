"""Tails and segments, and the hashes of conversations that ended."""

import pytest

from mailserver.model.errors import Absent, Conflict
from mailserver.model.ids import EmailId, new_account_id, new_object_id
from mailserver.model.message import Flag, StoreMode
from mailserver.model.sealed import Sealed
from mailserver.store.search import NewSegment
from tests.support.store import House


def segment(house: House, first: int, last: int) -> NewSegment:
    values: dict[str, object] = {
        "object_id": new_object_id(),
        "epoch": house.epoch,
        "first_email": EmailId(first),
        "last_email": EmailId(last),
        "documents": last - first + 1,
        "data": Sealed(b"sealed segment"),
    }
    return NewSegment(**{name: values[name] for name in NewSegment._fields})  # type: ignore[arg-type]  # by name


async def test_tails_are_read_in_order_and_in_steps(house: House) -> None:
    await house.fill(5)
    tails = house.store.tails
    assert [row.email_id for row in await tails.tails(house.account)] == [1, 2, 3, 4, 5]
    assert [row.email_id for row in await tails.tails(house.account, 2, limit=2)] == [3, 4]


async def test_a_segment_takes_the_place_of_what_it_holds(house: House) -> None:
    await house.fill(4)
    tails = house.store.tails
    merged = [EmailId(1), EmailId(2)]
    first = await tails.put_segment(house.account, segment(house, 1, 2), merged)
    assert [row.email_id for row in await tails.tails(house.account)] == [3, 4]
    merged = [EmailId(3), EmailId(4)]
    second = await tails.put_segment(house.account, segment(house, 1, 4), merged, [first])
    [row] = await tails.segments(house.account)
    assert (row.segment_id, row.first_email, row.last_email) == (second, 1, 4)
    assert (row.data, row.documents) == (b"sealed segment", 4)
    assert await tails.tails(house.account) == []
    with pytest.raises(Absent):
        await tails.put_segment(new_account_id(), segment(house, 1, 1), [])


async def test_of_two_who_merge_the_same_the_second_is_refused(house: House) -> None:
    await house.fill(3)
    tails = house.store.tails
    merged = [EmailId(1), EmailId(2)]
    first = await tails.put_segment(house.account, segment(house, 1, 2), merged)
    with pytest.raises(Conflict):
        await tails.put_segment(house.account, segment(house, 1, 3), [*merged, EmailId(3)])
    await tails.put_segment(house.account, segment(house, 1, 2), [], [first])
    with pytest.raises(Conflict):
        await tails.put_segment(house.account, segment(house, 1, 2), [], [first])
    assert [row.email_id for row in await tails.tails(house.account)] == [3]
    assert len(await tails.segments(house.account)) == 1


async def test_hashes_go_when_their_conversation_has_ended(house: House) -> None:
    one, two = b"1" * 16, b"2" * 16
    await house.store.emails.append_all([house.email(hashes=(one,)), house.email(hashes=(two,))])
    entries = house.store.entries
    sweeps = house.store.sweeps
    assert await sweeps.forget_threads(house.account) == 0
    await entries.store_flags(house.account, house.inbox, ((1, 1),), StoreMode.ADD, Flag.DELETED)
    await entries.expunge(house.account, house.inbox)
    assert await sweeps.forget_threads(house.account) == 1
    await house.store.emails.append_all([house.email(hashes=(one,)), house.email(hashes=(two,))])
    threads = [row.thread_id for row in await entries.rows(house.account, house.inbox, None)]
    assert threads == [2, 3, 2]


async def test_the_write_ahead_log_can_be_emptied(house: House) -> None:
    await house.fill(3)
    assert await house.store.sweeps.truncate_log()
