"""Accounts, addresses, domains and content keys."""

from functools import partial
from pathlib import Path

import pytest

from mailserver.model.errors import Absent, Condition, Conflict, MailError
from mailserver.model.ids import EpochId, new_account_id
from mailserver.model.sealed import Sealed
from mailserver.store.accounts import AccountState
from mailserver.store.driver import Sql, fetch
from mailserver.store.schema import PER_ACCOUNT
from mailserver.store.store import Store
from tests.support.store import NOW, House, build, new_epoch, new_mailbox


def holding(directory: Path, octets: bytes) -> list[Path]:
    """Name the files below `directory` in which `octets` occur."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if octets in path.read_bytes()]


async def condition_of(attempt: object) -> Condition:
    with pytest.raises(MailError) as raised:
        await attempt  # type: ignore[misc]  # any awaitable; what it returns does not matter
    return raised.value.condition


async def test_an_account_is_found_by_id_and_address(store: Store) -> None:
    house = await build(store, quota=5)
    row = await store.accounts.get(house.account)
    assert (row.account_id, row.addresses) == (house.account, ("ann@zegel.test",))
    assert (row.quota_octets, row.used_octets, row.active, row.created_at) == (5, 0, True, NOW)
    assert await store.accounts.by_address("ann@zegel.test") == house.account
    assert await store.accounts.by_address("bob@zegel.test") is None
    assert await store.accounts.listing() == [row]
    assert await condition_of(store.accounts.get(new_account_id())) is Condition.NO_SUCH_USER


async def test_an_address_has_one_account(store: Store) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    accounts = store.accounts
    await accounts.add_address(ann.account, "info@zegel.test")
    taken = accounts.add_address(bob.account, "info@zegel.test")
    assert await condition_of(taken) is Condition.ALREADY_EXISTS
    anew = accounts.create(new_account_id(), "info@zegel.test", 0, [], active=True)
    assert await condition_of(anew) is Condition.ALREADY_EXISTS
    assert len(await accounts.listing()) == 2
    not_bobs = accounts.remove_address(bob.account, "info@zegel.test")
    assert await condition_of(not_bobs) is Condition.NO_SUCH_USER
    await accounts.remove_address(ann.account, "info@zegel.test")
    assert await accounts.by_address("info@zegel.test") is None
    nobodys = accounts.add_address(new_account_id(), "x@zegel.test")
    assert await condition_of(nobodys) is Condition.NO_SUCH_USER


async def test_states_and_quota(store: Store) -> None:
    account = new_account_id()
    await store.accounts.create(account, "new@zegel.test", 0, [], active=False)
    assert (await store.accounts.get(account)).state is AccountState.PENDING
    await store.accounts.activate(account)
    await store.accounts.set_quota(account, 77)
    row = await store.accounts.get(account)
    assert (row.state, row.quota_octets) == (AccountState.ACTIVE, 77)
    await store.accounts.set_state(account, AccountState.FROZEN)
    assert not (await store.accounts.get(account)).active
    stranger = store.accounts.activate(new_account_id())
    assert await condition_of(stranger) is Condition.NO_SUCH_USER


async def test_removing_an_account_leaves_no_row_and_no_file(store: Store) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    for house in (ann, bob):
        await store.emails.append_all([house.email(), house.email(b"x" * 200_000)])
        await store.keyword_names.add(house.account, new_mailbox("k").name, b"k" * 16)
    await store.accounts.remove(ann.account)
    for table in PER_ACCOUNT:
        sql = Sql(f"SELECT COUNT(*) FROM {table.name} WHERE account_id = ?")
        query = partial(fetch, sql=sql, parameters=(ann.account,))
        [(count,)] = await store.database.read(query)
        assert count == 0, table.name
    assert len(list(store.blob_store.stored())) == 1
    rows = await store.entries.rows(bob.account, bob.inbox, None, body=True)
    assert [len(row.body or b"") for row in rows] == [11, 200_000]
    assert await condition_of(store.accounts.remove(ann.account)) is Condition.NO_SUCH_USER


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_no_octet_of_a_removed_account_stays_in_the_files(
    store: Store, tmp_path: Path
) -> None:
    ann, bob = await build(store, "ann"), await build(store, "bob")
    canary = b"canary that must be gone " * 40
    for house in (ann, bob):
        await house.fill(20)
    await store.emails.append_all([ann.email(canary), ann.email(canary * 100)])
    assert holding(tmp_path, canary[:25]) != []
    await store.accounts.remove(ann.account)
    assert holding(tmp_path, canary[:25]) == []
    assert holding(tmp_path, ann.account) == []
    assert holding(tmp_path, bob.account) != []


async def test_domains(store: Store) -> None:
    await store.domains.add("zegel.test")
    await store.domains.add("example.test")
    assert [row.name for row in await store.domains.listing()] == ["example.test", "zegel.test"]
    found = await store.domains.get("zegel.test")
    assert found is not None
    assert found.created_at == NOW
    assert await store.domains.get("other.test") is None
    assert await condition_of(store.domains.add("zegel.test")) is Condition.ALREADY_EXISTS
    await store.domains.remove("zegel.test")
    assert await condition_of(store.domains.remove("zegel.test")) is Condition.NO_SUCH_DOMAIN


async def test_content_keys_are_numbered_by_the_store(house: House) -> None:
    epochs = house.store.epochs
    second = await epochs.create(house.account, new_epoch)
    assert second.epoch == house.epoch + 1
    assert second.sealed == b"sealed key %d" % second.epoch
    assert second.created_at == NOW
    assert [row.epoch for row in await epochs.rows(house.account)] == [1, 2]
    wanted = [EpochId(2), EpochId(9), EpochId(2)]
    assert await epochs.rows(house.account, wanted) == [second]
    assert await epochs.rows(house.account, []) == []
    await epochs.rewrap(house.account, [(EpochId(2), Sealed(b"wrapped"))])
    first, now = await epochs.rows(house.account)
    assert (first.sealed, now.sealed) == (b"sealed key 1", b"wrapped")
    assert now.origin == second.origin
    with pytest.raises(Absent):
        await epochs.create(new_account_id(), new_epoch)


async def test_a_key_that_cannot_be_sealed_takes_no_number(house: House) -> None:
    def fail(epoch: EpochId) -> None:
        raise Conflict(Condition.CHANGED_MEANWHILE)

    with pytest.raises(Conflict):
        await house.store.epochs.create(house.account, fail)  # type: ignore[arg-type]  # never returns
    assert (await house.store.epochs.create(house.account, new_epoch)).epoch == 2
