"""Scripts and what filters remember, on both engines."""

from datetime import timedelta

import pytest

from mailserver.model.errors import Absent, Condition, Conflict, MailError, Refused
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.ageing import Aged
from mailserver.store.sieve import NewScript, Setting
from mailserver.store.store import Store
from tests.support.store import NOW, House, name_hash


def script(name: str, size: int = 10, object_id: ObjectId | None = None) -> NewScript:
    content = Guarded(b"guarded " + b"x" * size)
    made = object_id or new_object_id()
    return NewScript(name_hash(name), Guarded(name.encode()), made, content, size)


async def put(store: Store, house: House, new: NewScript, most: int = 3) -> None:
    await store.sieve.put(house.account, new, most=most, most_octets=100)


def condition(error: "pytest.ExceptionInfo[MailError]") -> Condition:
    return error.value.condition


async def test_a_script_is_stored_replaced_and_read(store: Store, house: House) -> None:
    first, second = script("a"), script("a", 20)
    await put(store, house, first)
    await store.sieve.activate(house.account, name_hash("a"))
    await put(store, house, second)
    (row,) = await store.sieve.listing(house.account)
    assert (row.size_octets, row.active, row.object_id) == (20, True, second.object_id)
    content = (second.object_id, second.content)
    assert await store.sieve.content(house.account, name_hash("a")) == content
    assert await store.sieve.by_object(house.account, second.object_id) == second.content
    assert await store.sieve.by_object(house.account, first.object_id) is None


async def test_scripts_are_bounded_in_number_and_octets(store: Store, house: House) -> None:
    for name in "abc":
        await put(store, house, script(name))
    with pytest.raises(Refused) as refused:
        await put(store, house, script("d"))
    assert condition(refused) is Condition.LIMIT
    with pytest.raises(Refused) as refused:
        await put(store, house, script("a", 81))
    assert condition(refused) is Condition.OVER_QUOTA
    await put(store, house, script("a", 80))


async def test_only_one_script_is_active(store: Store, house: House) -> None:
    for name in "ab":
        await put(store, house, script(name))
        await store.sieve.activate(house.account, name_hash(name))
    assert [row.active for row in await store.sieve.listing(house.account)].count(True) == 1
    with pytest.raises(Absent):
        await store.sieve.activate(house.account, name_hash("c"))
    rows = {row.name_hash: row.active for row in await store.sieve.listing(house.account)}
    assert rows == {name_hash("a"): False, name_hash("b"): True}  # the failure undid nothing
    await store.sieve.activate(house.account, None)
    assert not any(row.active for row in await store.sieve.listing(house.account))


async def test_the_active_script_is_not_deleted(store: Store, house: House) -> None:
    await put(store, house, script("a"))
    await store.sieve.activate(house.account, name_hash("a"))
    with pytest.raises(Conflict) as refused:
        await store.sieve.delete(house.account, name_hash("a"))
    assert condition(refused) is Condition.SCRIPT_ACTIVE
    await store.sieve.activate(house.account, None)
    await store.sieve.delete(house.account, name_hash("a"))
    with pytest.raises(Absent):
        await store.sieve.delete(house.account, name_hash("a"))


async def test_a_name_is_taken_once(store: Store, house: House) -> None:
    for name in "ab":
        await put(store, house, script(name))
    with pytest.raises(Conflict) as refused:
        await store.sieve.rename(house.account, name_hash("a"), name_hash("b"), Guarded(b"b"))
    assert condition(refused) is Condition.ALREADY_EXISTS
    await store.sieve.rename(house.account, name_hash("a"), name_hash("c"), Guarded(b"c"))
    names = {row.name_hash for row in await store.sieve.listing(house.account)}
    assert names == {name_hash("b"), name_hash("c")}
    with pytest.raises(Absent):
        await store.sieve.content(house.account, name_hash("a"))


async def test_the_plan_names_the_active_script_and_every_setting(
    store: Store, house: House
) -> None:
    new = script("a")
    await put(store, house, new)
    assert await store.sieve.plan(house.account) == []
    await store.sieve.activate(house.account, name_hash("a"))
    object_id = new_object_id()
    for value in (Guarded(b"one"), Guarded(b"two")):
        await store.sieve.set(house.account, Setting.VACATION, (object_id, value))
    plan = {row.setting: row for row in await store.sieve.plan(house.account)}
    assert plan[Setting.SCRIPT].object_id == new.object_id
    assert plan[Setting.SCRIPT].value == b""
    assert plan[Setting.VACATION].value == b"two"
    assert await store.sieve.setting(house.account, Setting.VACATION) == plan[Setting.VACATION]
    await store.sieve.set(house.account, Setting.VACATION, None)
    assert await store.sieve.setting(house.account, Setting.VACATION) is None


async def test_an_id_is_claimed_once_until_it_expires(
    store: Store, house: House, store_clock: ManualClock
) -> None:
    id_, day = name_hash("id"), timedelta(days=1)
    assert await store.sieve.claim(house.account, id_, NOW + day)
    assert not await store.sieve.claim(house.account, id_, NOW + 2 * day)
    store_clock.advance(day)
    assert await store.sieve.claim(house.account, id_, NOW + 2 * day)


async def test_what_is_remembered_is_forgotten_in_time(
    store: Store, house: House, store_clock: ManualClock
) -> None:
    ids, day = [name_hash(name) for name in "abc"], timedelta(days=1)
    await store.sieve.remember(house.account, [(ids[0], NOW + day), (ids[1], NOW + 3 * day)])
    assert await store.sieve.seen(house.account, ids) == {ids[0], ids[1]}
    store_clock.advance(2 * day)
    assert await store.sieve.seen(house.account, ids) == {ids[1]}
    assert await store.ageing.end(Aged.FILTER_MEMORY, store_clock.now()) == 1
    assert await store.ageing.end(Aged.FILTER_MEMORY, store_clock.now() + 5 * day) == 1
