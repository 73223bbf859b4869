"""The change log: made again, pruned, and told to other processes in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from mailserver.model.ids import AccountId, ModSeq
from mailserver.model.message import Flag, StoreMode
from mailserver.runtime.clock import ManualClock
from mailserver.store.appending import Lot, append_lots
from mailserver.store.blobs import Place
from mailserver.store.changes import KEPT, AccountChange
from mailserver.store.driver import Sql, fetch
from mailserver.store.notify import LOOK_SECONDS
from mailserver.store.postgres import PostgresDatabase
from mailserver.store.store import Store
from tests.support.postgres import PostgresServer
from tests.support.store import House, build, opened


async def live(house: House) -> list[AccountChange]:
    """Do a bit of everything; return what was told."""
    told: list[AccountChange] = []
    house.store.on_change = told.append
    entries, account = house.store.entries, house.account
    await house.fill(4)
    await entries.store_flags(account, house.inbox, ((1, 2), (4, 4)), StoreMode.ADD, Flag.DELETED)
    await entries.copy(account, house.inbox, ((1, 1),), house.archive)
    await entries.expunge(account, house.inbox, ((2, 2),))
    await entries.move(account, house.inbox, ((3, 3),), house.archive)
    return told


async def test_changes_are_made_again_from_the_log(house: House) -> None:
    start, _ = await house.store.changes.state(house.account)
    told = await live(house)
    end, _ = await house.store.changes.state(house.account)
    assert [change.modseq for change in told] == list(range(start + 1, end + 1))
    again = await house.store.changes.between(house.account, start, end)
    assert again[1].entries[0].flagged == [
        row for row in told[1].entries[0].flagged if row.uid != 2
    ], "flags of what is gone are not known any more"
    told[1].entries[0].flagged = again[1].entries[0].flagged
    assert again == told
    assert await house.store.changes.between(house.account, start, ModSeq(start + 1)) == told[:1]


async def test_a_pruned_log_says_so(house: House, store_clock: ManualClock) -> None:
    start, _ = await house.store.changes.state(house.account)
    await live(house)
    middle, _ = await house.store.changes.state(house.account)
    store_clock.advance(KEPT)
    await house.fill(1)
    await house.store.changes.prune(house.account, store_clock.now() - timedelta(days=1))
    assert await house.store.changes.state(house.account) == (middle + 1, middle)
    old = await house.store.entries.changed_since(house.account, house.inbox, start)
    recent = await house.store.entries.changed_since(house.account, house.inbox, middle)
    assert (old.complete, recent.complete) == (False, True)
    assert [row.uid for row in recent.flags] == [5]
    await house.store.changes.prune(house.account, store_clock.now() - timedelta(days=1))


async def test_a_bug_in_who_is_told_harms_nobody_else(house: House) -> None:
    def fail(change: AccountChange) -> None:
        raise ZeroDivisionError

    house.store.on_change = fail
    outcomes = await asyncio.gather(
        *[house.store.emails.append(house.email()) for _ in range(3)], return_exceptions=True
    )
    assert any(isinstance(each, ZeroDivisionError) for each in outcomes)
    assert not all(isinstance(each, BaseException) for each in outcomes)
    row = await house.store.mailboxes.get(house.account, house.inbox)
    assert row.total == 3


@pytest.fixture
async def nodes(
    postgres_main: PostgresServer, tmp_path: Path
) -> AsyncIterator[tuple[Store, Store]]:
    """Two processes' stores on one database, here in one process."""
    url = await postgres_main.create_database()
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(url, tmp_path / "b")) for _ in range(2)]
        yield stores[0], stores[1]
    await postgres_main.drop_database(url)


class Ear:
    """Hears changes, and lets a test wait for one."""

    def __init__(self) -> None:
        self.heard: list[AccountChange] = []
        self._more = asyncio.Event()

    def __call__(self, change: AccountChange) -> None:
        self.heard.append(change)
        self._more.set()

    async def until(self, modseq: ModSeq) -> list[int]:
        """Wait for news up to `modseq`; return all MODSEQs in the order of their coming."""
        async with asyncio.timeout(20):
            while not self.heard or self.heard[-1].modseq < modseq:
                self._more.clear()
                await self._more.wait()
        return [change.modseq for change in self.heard]


async def test_another_node_hears_of_changes_in_order(nodes: tuple[Store, Store]) -> None:
    here, there = nodes
    house = await build(here)
    ear = there.on_change = Ear()
    await there.follow(house.account)
    told = await live(house)
    assert await ear.until(told[-1].modseq) == [change.modseq for change in told]
    assert ear.heard[0] == told[0]
    assert ear.heard[-1] == told[-1]


async def test_two_nodes_that_write_each_hear_everything_once(nodes: tuple[Store, Store]) -> None:
    here, there = nodes
    house = await build(here)
    start, _ = await here.changes.state(house.account)
    ears = {here: Ear(), there: Ear()}
    for store in nodes:
        store.on_change = ears[store]
        await store.follow(house.account)

    async def write(store: Store) -> None:
        for _ in range(15):
            await store.emails.append(house.email())

    await asyncio.gather(*[write(store) for store in nodes for _ in range(2)])
    end, _ = await here.changes.state(house.account)
    for store in nodes:
        modseqs = await ears[store].until(end)
        assert modseqs == list(range(start + 1, end + 1))
        uids = [u for change in ears[store].heard for part in change.entries for u in part.appeared]
        assert uids == list(range(1, 61))


async def test_what_was_missed_while_the_connection_was_lost_is_told(
    nodes: tuple[Store, Store],
) -> None:
    here, there = nodes
    house = await build(here)
    start, _ = await here.changes.state(house.account)
    ear = there.on_change = Ear()
    await there.follow(house.account)
    await house.fill(1)
    await ear.until(ModSeq(start + 1))
    assert isinstance(here.database, PostgresDatabase)
    kill = Sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid != pg_backend_pid() AND query LIKE '%zegel_changes%'"
        " AND datname = current_database()"
    )
    killed = await here.database.write(lambda connection: fetch(connection, kill))
    assert len(killed) == 2
    await house.fill(1)
    assert await ear.until(ModSeq(start + 2)) == [start + 1, start + 2]


async def test_nobodys_accounts_are_not_followed(nodes: tuple[Store, Store]) -> None:
    here, there = nodes
    ann, bob = await build(here, "ann"), await build(here, "bob")
    ear = there.on_change = Ear()

    def only_bob(account_id: AccountId) -> bool:
        return account_id == bob.account

    there.watched = only_bob
    await ann.fill(1)
    await bob.fill(1)
    await ear.until(ModSeq(2))
    assert {change.account_id for change in ear.heard} == {bob.account}


async def test_an_own_change_does_not_hide_an_older_one_of_another_node(
    nodes: tuple[Store, Store],
) -> None:
    here, there = nodes
    house = await build(here)
    ear = there.on_change = Ear()
    await there.follow(house.account)
    start, _ = await here.changes.state(house.account)
    await house.fill(1)
    await there.emails.append(house.email())  # most often sooner than the news of the other
    assert await ear.until(ModSeq(start + 2)) == [start + 1, start + 2]


async def test_who_closes_right_after_a_commit_is_still_heard(
    nodes: tuple[Store, Store], tmp_path: Path
) -> None:
    here, there = nodes
    house = await build(here)
    ear = there.on_change = Ear()
    await there.follow(house.account)
    start, _ = await here.changes.state(house.account)
    assert isinstance(here.database, PostgresDatabase)
    url = here.database.engine.url.set(drivername="postgresql").render_as_string(False)
    async with opened(url, tmp_path / "b") as command:
        await command.emails.append(house.email())
    async with asyncio.timeout(LOOK_SECONDS / 2):  # it was told, and not found by looking
        assert await ear.until(ModSeq(start + 1)) == [start + 1]


@pytest.mark.long
async def test_what_a_node_died_before_telling_is_found_after_a_while(
    nodes: tuple[Store, Store],
) -> None:
    here, there = nodes
    house = await build(here)
    ear = there.on_change = Ear()
    await there.follow(house.account)
    start, _ = await here.changes.state(house.account)
    email = house.email()
    lot = Lot(house.account, (email,), ((Place.ROW, sha256(email.body).digest()),), 1)
    await here.database.join(append_lots, lot, account=house.account)  # committed, and never told
    assert await ear.until(ModSeq(start + 1)) == [start + 1]
