"""Uploads are kept for an hour, within bounds, and leave nothing behind."""

from datetime import timedelta

import pytest

from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId, EpochId, ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Sealed
from mailserver.runtime.clock import ManualClock
from mailserver.store import uploads
from mailserver.store.store import Store
from mailserver.store.uploads import UploadRow
from tests.support.store import House

LARGE = 100_000


async def _add(store: Store, owner: AccountId, octets: int = 10) -> ObjectId:
    row = UploadRow(new_object_id(), EpochId(1), Sealed(bytes(octets)))
    await store.uploads.add(owner, row)
    return row.object_id


@pytest.mark.parametrize("octets", [10, LARGE])
async def test_an_upload_is_there_for_an_hour(
    store: Store, house: House, store_clock: ManualClock, octets: int
) -> None:
    name = await _add(store, house.account, octets)
    assert (await store.uploads.get(house.account, name)).data == bytes(octets)
    with pytest.raises(Absent):
        await store.uploads.get(new_account_id(), name)
    assert await store.uploads.sweep() == 0
    store_clock.advance(timedelta(hours=1))
    with pytest.raises(Absent):
        await store.uploads.get(house.account, name)
    assert await store.uploads.sweep() == 1
    assert await store.check(quiet=True) == []  # no file is left, either


async def test_of_too_many_the_oldest_goes(
    store: Store, house: House, store_clock: ManualClock
) -> None:
    names = []
    for _ in range(uploads.UPLOADS_EACH + 1):
        names.append(await _add(store, house.account))
        store_clock.advance(timedelta(seconds=1))
    with pytest.raises(Absent):
        await store.uploads.get(house.account, names[0])
    for name in names[1:3]:
        await store.uploads.get(house.account, name)


async def test_of_too_much_the_oldest_goes(
    store: Store, house: House, store_clock: ManualClock
) -> None:
    names, store.uploads.octets_each = [], 2 * LARGE + 1
    for _ in range(3):
        names.append(await _add(store, house.account, LARGE))
        store_clock.advance(timedelta(seconds=1))
    with pytest.raises(Absent):
        await store.uploads.get(house.account, names[0])
    assert await store.check(quiet=True) == []


async def test_nobody_uploads_to_an_account_that_is_gone(store: Store, house: House) -> None:
    kept = await _add(store, house.account, LARGE)
    await store.accounts.remove(house.account)
    with pytest.raises(Absent):
        await store.uploads.get(house.account, kept)
    with pytest.raises(Absent):
        await _add(store, house.account, LARGE)
    assert await store.check(quiet=True) == []
