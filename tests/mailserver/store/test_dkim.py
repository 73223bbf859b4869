"""Signing keys: one signs, one waits, whoever else does the same at the same time."""

import asyncio
from datetime import timedelta

import pytest

from mailserver.model.errors import Conflict
from mailserver.model.sealed import Guarded
from mailserver.store.dkim import DkimKeyRow
from mailserver.store.store import Store
from tests.support.store import NOW

DAY = timedelta(days=1)


def a_key(selector: str, *, active: bool = False, domain: str = "example.org") -> DkimKeyRow:
    """Make the row of a key; what is guarded is of no concern here."""
    at = NOW if active else None
    return DkimKeyRow(domain, selector, "rsa", Guarded(selector.encode()), NOW, at)


ONE, TWO, THREE = a_key("one", active=True), a_key("two"), a_key("three")


async def test_keys_are_listed_by_domain_as_they_were_added(store: Store) -> None:
    other = a_key("one", active=True, domain="example.net")
    await store.dkim_keys.add([ONE, TWO])
    await store.dkim_keys.add([other])
    assert await store.dkim_keys.of("example.org") == [ONE, TWO]
    assert await store.dkim_keys.of("example.net") == [other]
    assert await store.dkim_keys.of("example.com") == []


async def test_switching_retires_activates_and_adds_at_once(store: Store) -> None:
    await store.dkim_keys.add([ONE, TWO])
    later = NOW + DAY
    await store.dkim_keys.switch(TWO, THREE, later)
    rows = {row.selector: row for row in await store.dkim_keys.of("example.org")}
    assert rows["one"] == ONE._replace(retired_at=later)
    assert rows["two"] == TWO._replace(active_from=later)
    assert rows["three"] == THREE


async def test_who_switches_second_changes_nothing(store: Store) -> None:
    await store.dkim_keys.add([ONE, TWO])
    switches = [store.dkim_keys.switch(TWO, a_key(f"next{n}"), NOW + DAY) for n in range(4)]
    outcomes = await asyncio.gather(*switches, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3
    rows = await store.dkim_keys.of("example.org")
    assert len(rows) == 3
    assert sum(row.active_from is None for row in rows) == 1


@pytest.mark.parametrize("second", [a_key("one"), a_key("other", active=True), a_key("next")])
async def test_a_domain_has_one_key_of_each_state(store: Store, second: DkimKeyRow) -> None:
    await store.dkim_keys.add([ONE, TWO])
    with pytest.raises(Conflict):
        await store.dkim_keys.add([second])
    assert len(await store.dkim_keys.of("example.org")) == 2


async def test_keys_are_forgotten_one_by_one_or_with_their_domain(store: Store) -> None:
    other = a_key("one", domain="example.net")
    await store.dkim_keys.add([ONE, TWO])
    await store.dkim_keys.add([other])
    await store.dkim_keys.forget("example.org", "one")
    assert await store.dkim_keys.of("example.org") == [TWO]
    await store.dkim_keys.forget("example.org")
    assert await store.dkim_keys.of("example.org") == []
    assert await store.dkim_keys.of("example.net") == [other]


async def test_all_keys_are_paged_through_in_order(store: Store) -> None:
    rows = [a_key(f"s{n}", active=False, domain=f"d{n % 7}.test") for n in range(7)]
    for row in rows:
        await store.dkim_keys.add([row])
    found: list[DkimKeyRow] = []
    while page := await store.dkim_keys.page(found[-1] if found else None, 3):
        found += page
    assert found == sorted(rows)


async def test_a_key_is_sealed_anew_only_as_it_was_read(store: Store) -> None:
    await store.dkim_keys.add([ONE])
    anew = Guarded(b"anew")
    assert await store.dkim_keys.reseal(ONE, anew)
    assert not await store.dkim_keys.reseal(ONE, Guarded(b"again"))
    assert await store.dkim_keys.of("example.org") == [ONE._replace(private=anew)]
