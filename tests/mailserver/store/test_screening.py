"""What screening remembers grows old by itself, and counts of several processes add up."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.ids import AccountId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.ageing import Aged
from mailserver.store.greylist import FIRST_KEPT, PASSED_KEPT
from mailserver.store.junk_models import ModelRow
from mailserver.store.senders import (
    CORRESPONDENTS_KEPT,
    UNIT,
    WEEKS_KEPT,
    Acquaintance,
    Counts,
    Known,
)
from mailserver.store.sending import Count
from mailserver.store.store import Store
from tests.support.store import build, opened

WEEK, DELAY = timedelta(weeks=1), timedelta(minutes=5)
ONE, OTHER = b"1" * 16, b"2" * 16


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        yield store


async def counts(store: Store) -> dict[bytes, Counts]:
    return (await store.senders.look_up([ONE, OTHER], []))[0]


async def test_counts_add_up_and_halve_every_week(store: Store, clock: ManualClock) -> None:
    await store.senders.note({ONE: Counts(4 * UNIT, 0), OTHER: Counts(0, UNIT)}, [])
    await store.senders.note({ONE: Counts(0, 2 * UNIT)}, [])
    assert await counts(store) == {ONE: Counts(4 * UNIT, 2 * UNIT), OTHER: Counts(0, UNIT)}
    clock.advance(WEEK)
    assert (await counts(store))[ONE] == Counts(2 * UNIT, UNIT)
    await store.senders.note({ONE: Counts(UNIT, 0)}, [])
    assert (await counts(store))[ONE] == Counts(3 * UNIT, UNIT)
    clock.advance(100 * WEEK)
    assert (await counts(store))[ONE] == Counts(0, 0)
    await store.senders.note({ONE: Counts(UNIT, 0)}, [])
    assert (await counts(store))[ONE] == Counts(UNIT, 0)


async def test_reputations_are_forgotten(store: Store, clock: ManualClock) -> None:
    await store.senders.note({ONE: Counts(UNIT, 0)}, [])
    clock.advance(WEEKS_KEPT * WEEK)
    await store.senders.note({OTHER: Counts(UNIT, 0)}, [])
    await store.ageing.end(Aged.REPUTATIONS, clock.now() - WEEKS_KEPT * WEEK)
    assert (await counts(store)).keys() == {ONE, OTHER}
    clock.advance(WEEK)
    await store.ageing.end(Aged.REPUTATIONS, clock.now() - WEEKS_KEPT * WEEK)
    assert (await counts(store)).keys() == {OTHER}


async def test_acquaintances_are_an_accounts_own(store: Store, clock: ManualClock) -> None:
    alice, bob = (await build(store)).account, (await build(store, "bob")).account
    gone = AccountId(b"g" * 16)
    met = [Acquaintance(alice, ONE, Known.WROTE_TO), Acquaintance(gone, ONE, Known.WROTE_TO)]
    await store.senders.note({}, met)
    await store.senders.note({}, [Acquaintance(alice, ONE, Known.HEARD_FROM)])
    asked = [(alice, ONE), (bob, ONE), (alice, OTHER), (gone, ONE)]
    both = Known.WROTE_TO | Known.HEARD_FROM
    assert (await store.senders.look_up([], asked))[1] == {(alice, ONE): both}
    strangers = Count(4, timedelta(days=1), 0)
    await store.sending.charge(alice, [], hashes={OTHER}, strangers=strangers)
    found = (await store.senders.look_up([], asked))[1]
    assert found == {(alice, ONE): both, (alice, OTHER): Known.WROTE_TO}
    clock.advance(CORRESPONDENTS_KEPT)
    await store.ageing.end(Aged.CORRESPONDENTS, clock.now() - CORRESPONDENTS_KEPT)
    assert (alice, ONE) in (await store.senders.look_up([], asked))[1]
    clock.advance(timedelta(days=1))
    await store.ageing.end(Aged.CORRESPONDENTS, clock.now() - CORRESPONDENTS_KEPT)
    assert (alice, ONE) not in (await store.senders.look_up([], asked))[1]


async def test_who_comes_back_later_passes_and_is_remembered(
    store: Store, clock: ManualClock
) -> None:
    assert not await store.greylist.has_waited([ONE, OTHER], DELAY)
    clock.advance(DELAY - timedelta(seconds=1))
    assert not await store.greylist.has_waited([ONE], DELAY)
    clock.advance(timedelta(seconds=1))
    assert await store.greylist.has_waited([ONE], DELAY)
    clock.advance(PASSED_KEPT - timedelta(seconds=1))
    await store.ageing.end(Aged.GREYLIST, clock.now())
    assert await store.greylist.has_waited([ONE], DELAY)


async def test_who_never_comes_back_is_forgotten(store: Store, clock: ManualClock) -> None:
    assert not await store.greylist.has_waited([ONE], DELAY)
    clock.advance(FIRST_KEPT)
    assert not await store.greylist.has_waited([ONE], DELAY)  # even where nobody swept
    clock.advance(FIRST_KEPT)
    await store.ageing.end(Aged.GREYLIST, clock.now())
    assert not await store.greylist.has_waited([ONE], DELAY)


async def test_one_known_recipient_lets_a_message_through(store: Store, clock: ManualClock) -> None:
    await store.greylist.has_waited([ONE], DELAY)
    clock.advance(DELAY)
    assert await store.greylist.has_waited([ONE, OTHER], DELAY)


async def test_a_model_is_replaced_and_dropped(store: Store) -> None:
    alice = (await build(store)).account
    assert await store.junk_models.get(alice) is None
    for octets in (b"first", b"second"):
        row = ModelRow(new_object_id(), Guarded(octets))
        await store.junk_models.put(alice, row)
        assert await store.junk_models.get(alice) == row
    await store.junk_models.drop(alice)
    assert await store.junk_models.get(alice) is None
