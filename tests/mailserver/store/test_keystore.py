"""The keystore: atomic steps, caches that notice, and a purge that leaves nothing."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.errors import Condition, Conflict, Misconfigured
from mailserver.model.ids import AccountId, new_account_id
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.keystore import (
    FRESH,
    Delete,
    DeleteAll,
    Insert,
    Keystore,
    Replace,
    Require,
    Row,
)
from mailserver.store.keystore_tables import Rows
from mailserver.store.migrate import Which, migrate
from tests.support.postgres import PostgresServer


def a_row(account: AccountId, name: bytes = b"one", *, selector: bytes = b"", kid: int = 1) -> Row:
    return Row(account, name, selector, kid, Guarded(os.urandom(300)))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def keystore(keystore_url: str, clock: ManualClock) -> AsyncIterator[Keystore]:
    keystore = await Keystore.open(keystore_url, clock=clock)
    yield keystore
    await keystore.close()


@pytest.fixture
async def other_node(
    keystore: Keystore, keystore_url: str, clock: ManualClock
) -> AsyncIterator[Keystore]:
    node = await Keystore.open(keystore_url, clock=clock)
    yield node
    await node.close()


async def test_rows_come_back_as_they_were(keystore: Keystore) -> None:
    account, other = new_account_id(), new_account_id()
    rows = (a_row(account, b"a", selector=b"s"), a_row(account, b"b", selector=b"t"))
    await keystore.apply([Insert(Rows.WRAPS, row) for row in reversed(rows)])
    assert await keystore.of(Rows.WRAPS, account) == rows
    assert await keystore.selected(Rows.WRAPS, account, b"t") == rows[1:]
    assert await keystore.one(Rows.WRAPS, account, b"a") == rows[0]
    assert await keystore.one(Rows.WRAPS, account, b"c") is None
    assert await keystore.of(Rows.WRAPS, other) == ()
    assert await keystore.of(Rows.SESSIONS, account) == ()


async def test_a_session_is_found_without_its_account(keystore: Keystore) -> None:
    row = a_row(new_account_id(), selector=b"h" * 32)
    await keystore.apply([Insert(Rows.SESSIONS, row)])
    assert await keystore.anywhere(Rows.SESSIONS, b"h" * 32) == (row,)
    assert await keystore.anywhere(Rows.SESSIONS, b"i" * 32) == ()


async def test_steps_are_done_together_or_not_at_all(keystore: Keystore) -> None:
    account = new_account_id()
    old, new = a_row(account), a_row(account)
    await keystore.apply([Insert(Rows.WRAPS, old)])
    with pytest.raises(Conflict) as raised:
        await keystore.apply(
            [
                Replace(Rows.WRAPS, new, old.sealed),
                Insert(Rows.ACCOUNTS, a_row(account)),
                Delete(Rows.WRAPS, account, b"not there"),
            ]
        )
    assert raised.value.condition is Condition.CHANGED_MEANWHILE
    assert await keystore.of(Rows.WRAPS, account) == (old,)
    assert await keystore.of(Rows.ACCOUNTS, account) == ()


async def test_of_two_replacements_one_is_refused(keystore: Keystore) -> None:
    account = new_account_id()
    old, first, second = (a_row(account) for _ in range(3))
    await keystore.apply([Insert(Rows.ACCOUNTS, old)])
    await keystore.apply([Replace(Rows.ACCOUNTS, first, old.sealed)])
    with pytest.raises(Conflict) as raised:
        await keystore.apply([Replace(Rows.ACCOUNTS, second, old.sealed)])
    assert raised.value.condition is Condition.CHANGED_MEANWHILE
    assert await keystore.of(Rows.ACCOUNTS, account) == (first,)


async def test_what_is_required_must_still_stand(keystore: Keystore) -> None:
    account = new_account_id()
    terms, made = a_row(account, b"terms"), a_row(account, b"made")
    await keystore.apply([Insert(Rows.ESCROW, terms)])
    other = Guarded(b"other terms")
    for was, name in ((other, b"terms"), (terms.sealed, b"gone")):
        require = Require(Rows.ESCROW, account, name, was)
        with pytest.raises(Conflict) as conflict:
            await keystore.apply([Insert(Rows.WRAPS, made), require])
        assert conflict.value.condition is Condition.CHANGED_MEANWHILE
        assert await keystore.of(Rows.WRAPS, account) == ()
    require = Require(Rows.ESCROW, account, b"terms", terms.sealed)
    await keystore.apply([require, Insert(Rows.WRAPS, made)])
    assert await keystore.of(Rows.WRAPS, account) == (made,)
    assert not keystore.has_condemned  # what was required stays, so nobody looks for it in files


async def test_a_taken_name_is_refused(keystore: Keystore) -> None:
    account = new_account_id()
    await keystore.apply([Insert(Rows.WRAPS, a_row(account))])
    with pytest.raises(Conflict) as raised:
        await keystore.apply([Insert(Rows.WRAPS, a_row(account))])
    assert raised.value.condition is Condition.ALREADY_EXISTS


async def test_delete_all_keeps_what_is_named(keystore: Keystore) -> None:
    account, other = new_account_id(), new_account_id()
    rows = [a_row(account, name) for name in (b"a", b"b", b"c")]
    foreign = a_row(other)
    await keystore.apply([Insert(Rows.WRAPS, row) for row in (*rows, foreign)])
    await keystore.apply([DeleteAll(Rows.WRAPS, account, keep=(b"b",))])
    assert await keystore.of(Rows.WRAPS, account) == (rows[1],)
    assert await keystore.of(Rows.WRAPS, other) == (foreign,)


async def test_a_revocation_elsewhere_is_seen_in_time(
    keystore: Keystore, other_node: Keystore, clock: ManualClock
) -> None:
    account = new_account_id()
    row = a_row(account)
    await keystore.apply([Insert(Rows.WRAPS, row)])
    assert await other_node.of(Rows.WRAPS, account) == (row,)
    await keystore.apply([Delete(Rows.WRAPS, account, row.row_id)])
    assert await keystore.of(Rows.WRAPS, account) == ()
    assert await other_node.of(Rows.WRAPS, account) == (row,)
    clock.advance(FRESH)
    assert await other_node.of(Rows.WRAPS, account) == ()


async def test_what_was_made_elsewhere_is_found_at_once(
    keystore: Keystore, other_node: Keystore
) -> None:
    account = new_account_id()
    row = a_row(account, selector=b"s")
    assert await other_node.selected(Rows.WRAPS, account, b"s") == ()
    await keystore.apply([Insert(Rows.WRAPS, row)])
    assert await other_node.selected(Rows.WRAPS, account, b"s") == (row,)


async def test_what_did_not_change_is_not_read_again(
    keystore: Keystore, clock: ManualClock
) -> None:
    account = new_account_id()
    await keystore.apply([Insert(Rows.WRAPS, a_row(account))])
    await keystore.changed()
    rows = await keystore.of(Rows.WRAPS, account)
    clock.advance(FRESH + timedelta(seconds=1))
    assert await keystore.of(Rows.WRAPS, account) is rows


async def test_the_audit_head_empties_no_cache(keystore: Keystore, clock: ManualClock) -> None:
    account = new_account_id()
    rows = await keystore.of(Rows.WRAPS, account)
    await keystore.apply([Insert(Rows.HEADS, a_row(account))])
    assert not await keystore.changed()
    assert await keystore.of(Rows.WRAPS, account) is rows


async def test_pages_walk_through_every_row_once(keystore: Keystore) -> None:
    rows = [a_row(new_account_id(), bytes([n]), kid=n % 2) for n in range(7)]
    await keystore.apply([Insert(Rows.WRAPS, row) for row in rows])
    seen: list[Row] = []
    while page := await keystore.page(Rows.WRAPS, seen[-1] if seen else None, limit=3):
        seen += page
    assert seen == sorted(rows, key=lambda row: (row.account_id, row.row_id))
    old = await keystore.page(Rows.WRAPS, but_kid=1)
    assert {row.kid for row in old} == {0}
    assert await keystore.kids(Rows.WRAPS) == {0: 4, 1: 3}


async def test_a_keystore_without_tables_is_refused(database_url: str, clock: ManualClock) -> None:
    with pytest.raises(Misconfigured, match="zegel migrate"):
        await Keystore.open(database_url, clock=clock)


async def test_the_schema_goes_back_and_forth(keystore_url: str, clock: ManualClock) -> None:
    await migrate(keystore_url, Which.KEYSTORE, to="base")
    with pytest.raises(Misconfigured):
        await Keystore.open(keystore_url, clock=clock)
    await migrate(keystore_url, Which.KEYSTORE)
    await (await Keystore.open(keystore_url, clock=clock)).close()


def holding(directory: Path, octets: bytes) -> list[str]:
    return [file.name for file in directory.iterdir() if octets in file.read_bytes()]


async def test_a_purge_leaves_no_octets_in_the_files(tmp_path: Path, clock: ManualClock) -> None:
    url = f"sqlite:///{tmp_path / 'keystore.sqlite3'}"
    await migrate(url, Which.KEYSTORE)
    keystore = await Keystore.open(url, clock=clock)
    account = new_account_id()
    kept, gone, replaced = (a_row(account, name) for name in (b"k", b"g", b"r"))
    await keystore.apply([Insert(Rows.WRAPS, row) for row in (kept, gone, replaced)])
    assert holding(tmp_path, gone.sealed)
    await keystore.apply(
        [
            Delete(Rows.WRAPS, account, b"g"),
            Replace(Rows.WRAPS, a_row(account, b"r"), replaced.sealed),
        ]
    )
    purged = await keystore.purge()
    assert purged.complete
    assert purged.looked_for == 2
    assert holding(tmp_path, gone.sealed) == []
    assert holding(tmp_path, replaced.sealed) == []
    assert holding(tmp_path, kept.sealed) == ["keystore.sqlite3"]
    assert (await keystore.purge()).looked_for == 0
    await keystore.close()


async def test_a_purge_says_where_octets_are_left(tmp_path: Path, clock: ManualClock) -> None:
    url = f"sqlite:///{tmp_path / 'keystore.sqlite3'}"
    await migrate(url, Which.KEYSTORE)
    keystore = await Keystore.open(url, clock=clock)
    account = new_account_id()
    row, twin = a_row(account, b"r"), a_row(account, b"t")
    twin = Row(account, b"t", b"", 1, row.sealed)  # stands for a copy that nobody deleted
    await keystore.apply([Insert(Rows.WRAPS, row), Insert(Rows.WRAPS, twin)])
    await keystore.apply([Delete(Rows.WRAPS, account, b"r")])
    purged = await keystore.purge()
    assert not purged.complete
    assert purged.found == ("keystore.sqlite3",)
    await keystore.close()


async def test_a_purge_waits_for_nobody_else_and_says_so(
    tmp_path: Path, clock: ManualClock
) -> None:
    import sqlite3

    path = tmp_path / "keystore.sqlite3"
    await migrate(f"sqlite:///{path}", Which.KEYSTORE)
    keystore = await Keystore.open(f"sqlite:///{path}", clock=clock)
    account = new_account_id()
    await keystore.apply([Insert(Rows.WRAPS, a_row(account))])
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM wraps").fetchone()
    await keystore.apply([Delete(Rows.WRAPS, account, b"one")])
    purged = await keystore.purge()
    assert not purged.complete
    assert "another process" in purged.doubts[0]
    reader.execute("ROLLBACK")
    reader.close()
    assert (await keystore.purge()).complete
    await keystore.close()


def deleted_files_of_this_process() -> list[str]:
    links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    targets = [os.readlink(link) for link in links]
    return [name for name in targets if name.endswith("(deleted)") and "keystore" in name]


async def test_a_purge_leaves_the_locks_that_keep_other_processes_off(
    tmp_path: Path, clock: ManualClock
) -> None:
    path = tmp_path / "keystore.sqlite3"
    await migrate(f"sqlite:///{path}", Which.KEYSTORE)
    keystore = await Keystore.open(f"sqlite:///{path}", clock=clock)
    account = new_account_id()
    await keystore.apply([Insert(Rows.WRAPS, a_row(account))])
    await keystore.apply([Delete(Rows.WRAPS, account, b"one")])
    assert (await keystore.purge()).complete
    await keystore.apply([Insert(Rows.WRAPS, a_row(account, b"before"))])
    another = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        " c.execute('CREATE TABLE IF NOT EXISTS another (a)'); c.commit(); c.close()"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", another, str(path))
    assert await process.wait() == 0
    # Who closes last takes the log away; the other process must not believe that it was.
    assert path.with_name("keystore.sqlite3-wal").exists()
    assert deleted_files_of_this_process() == []
    await keystore.apply([Insert(Rows.WRAPS, a_row(account, b"after"))])
    await keystore.close()
    again = await Keystore.open(f"sqlite:///{path}", clock=clock)
    assert {row.row_id for row in await again.fresh(Rows.WRAPS, account)} == {b"before", b"after"}
    await again.close()


async def test_postgresql_is_purged_as_far_as_it_can_be_known(
    postgres_keystore: PostgresServer, clock: ManualClock
) -> None:
    url = await postgres_keystore.create_database()
    await migrate(url, Which.KEYSTORE)
    keystore = await Keystore.open(url, clock=clock)
    account = new_account_id()
    kept, gone = a_row(account, b"k"), a_row(account, b"g")
    await keystore.apply([Insert(Rows.WRAPS, row) for row in (kept, gone)])
    await keystore.apply([Delete(Rows.WRAPS, account, b"g")])
    purged = await keystore.purge()
    assert await keystore.of(Rows.WRAPS, account) == (kept,)
    assert purged.looked_for == 1
    assert [name for name in purged.found if not name.startswith("pg_wal/")] == []
    assert not purged.complete  # this instance recycles its write-ahead log, as is the default
    assert any("wal_recycle" in doubt for doubt in purged.doubts)
    await keystore.close()
    await postgres_keystore.drop_database(url)
