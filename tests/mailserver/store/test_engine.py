"""The database interface: snapshots, groups, savepoints, faults and an exclusive hour."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailserver.model.errors import (
    Condition,
    Conflict,
    Corrupt,
    MailError,
    Misconfigured,
    Transient,
)
from mailserver.store.driver import Lookup, Sql, fetch, run, run_many
from mailserver.store.engine import Database, Kind, kind_of, open_database
from mailserver.store.faults import translated
from mailserver.store.group import GROUP_JOBS

INSERT = Sql("INSERT INTO notes (id, text) VALUES (?, ?)")
ALL = Sql("SELECT id, text FROM notes ORDER BY id")
A_BUG = (DBAPIError, sqlite3.Error)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url)
    await database.write(
        lambda c: c.exec_driver_sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    )
    yield database
    await database.close()


def write(number: int, text: str = "x") -> "Note":
    return Note(number, text)


class Note:
    """A write that inserts one row."""

    def __init__(self, number: int, text: str) -> None:
        self._row = (number, text)

    def __call__(self, connection: Connection) -> int:
        run(connection, INSERT, self._row)
        return self._row[0]


async def notes(database: Database) -> list[tuple[int, str]]:
    return [(row[0], row[1]) for row in await database.read(lambda c: fetch(c, ALL))]


async def test_what_was_written_is_read(database: Database) -> None:
    assert await database.write(write(1)) == 1
    assert await notes(database) == [(1, "x")]


async def test_writes_in_flight_are_all_done_and_told_in_order(database: Database) -> None:
    told: list[int] = []
    count = GROUP_JOBS * 2 + 10
    done = await asyncio.gather(
        *[database.write(write(n), on_commit=told.append) for n in range(count)]
    )
    assert done == list(range(count))
    assert len(await notes(database)) == count
    if database.kind is Kind.SQLITE:
        assert told == list(range(count))
    else:
        assert sorted(told) == list(range(count))


async def test_one_failure_takes_nobody_with_it(database: Database) -> None:
    await database.write(write(1))

    def refuse(connection: Connection) -> None:
        run(connection, INSERT, (50, "undone"))
        raise Conflict(Condition.ALREADY_EXISTS)

    def stumble(connection: Connection) -> None:
        run(connection, INSERT, (51, "undone"))
        raise ZeroDivisionError

    outcomes = await asyncio.gather(
        *(database.write(each) for each in (write(2), refuse, write(1), stumble, write(3))),
        return_exceptions=True,
    )
    assert [type(each) for each in (outcomes[1], outcomes[3])] == [Conflict, ZeroDivisionError]
    assert isinstance(outcomes[2], A_BUG)
    assert await notes(database) == [(1, "x"), (2, "x"), (3, "x")]
    for each in (refuse, stumble):
        with pytest.raises((Conflict, ZeroDivisionError)):
            await database.write(each)
    await database.write(write(4))
    assert len(await notes(database)) == 4


def insert_all(connection: Connection, items: list[int]) -> list[int | MailError]:
    """Refuse negative numbers, and fail as a whole where a number is taken."""
    run_many(connection, INSERT, [(n, "joined") for n in items if n >= 0])
    return [n if n >= 0 else Conflict(Condition.ALREADY_EXISTS) for n in items]


async def test_joined_items_share_one_call_and_no_fate(database: Database) -> None:
    calls: list[int] = []

    def counted(connection: Connection, items: list[int]) -> list[int | MailError]:
        calls.append(len(items))
        return insert_all(connection, items)

    outcomes = await asyncio.gather(
        *[database.join(counted, n, account=b"a") for n in (1, 2, -3, 4)], return_exceptions=True
    )
    assert outcomes[:2] + outcomes[3:] == [1, 2, 4]
    assert isinstance(outcomes[2], Conflict)
    assert sum(calls) == 4
    assert len(calls) < 4


async def test_a_joined_item_that_breaks_the_batch_breaks_alone(database: Database) -> None:
    await database.write(write(2))
    outcomes = await asyncio.gather(
        *[database.join(insert_all, n, account=b"a") for n in (1, 2, 3)],
        database.write(write(9)),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[2], outcomes[3]] == [1, 3, 9]
    assert isinstance(outcomes[1], A_BUG)
    assert [n for n, _ in await notes(database)] == [1, 2, 3, 9]


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises((MailError, *A_BUG)):
        await database.read(write(1))
    assert await notes(database) == []


async def test_a_read_sees_one_moment(database: Database) -> None:
    await database.write(write(1))
    loop = asyncio.get_running_loop()

    def twice(connection: Connection) -> tuple[int, int]:
        before = len(fetch(connection, ALL))
        if database.kind is Kind.SQLITE:  # we are on a thread, and the writer has its own
            asyncio.run_coroutine_threadsafe(database.write(write(2)), loop).result(10)
        else:
            from sqlalchemy.util import await_only

            await_only(database.write(write(2)))
        return before, len(fetch(connection, ALL))

    assert await database.read(twice) == (1, 1)
    assert len(await notes(database)) == 2


async def test_an_exclusive_query_runs_outside_a_transaction(database: Database) -> None:
    await database.write(write(1))
    queries = [database.exclusive(lambda c: c.exec_driver_sql("VACUUM")) for _ in range(2)]
    await asyncio.gather(*queries, database.write(write(2)), notes(database))
    with pytest.raises((MailError, *A_BUG)):
        await database.exclusive(lambda c: c.exec_driver_sql("VACUUM nothing at all"))
    assert len(await notes(database)) == 2


async def test_a_closed_database_refuses(database: Database) -> None:
    queued = asyncio.ensure_future(database.write(write(1)))
    await asyncio.sleep(0)
    await database.close()
    assert await queued == 1
    for attempt in (
        database.read(lambda c: 1),
        database.write(write(2)),
        database.exclusive(lambda c: 1),
        database.join(insert_all, 1, account=b"a"),
    ):
        with pytest.raises(Transient) as refused:
            await attempt
        assert refused.value.condition is Condition.SHUTTING_DOWN
    await database.close()


async def test_point_reads_do_not_wait_for_a_busy_loop(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'a.db'}")
    await database.close()
    assert sys.getswitchinterval() <= 0.001


@pytest.mark.parametrize("statement", ["ATTACH ':memory:' AS other", "ATTACH '{}' AS other"])
async def test_sqlite_cannot_reach_another_file(tmp_path: Path, statement: str) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'a.db'}")
    text = statement.format(tmp_path / "b.db")
    for attempt in (database.read, database.write):
        with pytest.raises(DBAPIError, match="too many attached"):
            await attempt(lambda c: c.exec_driver_sql(text))
    await database.close()
    assert not (tmp_path / "b.db").exists()


def modes_in(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}


async def test_sqlite_files_are_their_owners_alone(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'a.db'}")
    modes = await asyncio.to_thread(modes_in, tmp_path)
    await database.close()
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


async def test_sqlite_is_durable_and_erases(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'a.db'}")

    def settings(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "page_size")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert await database.write(settings) == ["wal", 2, 1, 1, 8192]
    await database.close()


async def outcome(attempt: Awaitable[int]) -> int | BaseException:
    [done] = await asyncio.gather(attempt, return_exceptions=True)
    return done


async def test_a_full_disk_is_said_and_outlived(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'a.db'}")
    await database.write(lambda c: c.exec_driver_sql("CREATE TABLE notes (id INTEGER, text TEXT)"))
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=20"))
    big = "x" * 60_000
    outcomes = await asyncio.gather(
        *[database.write(write(n, big)) for n in range(10)], return_exceptions=True
    )
    outcomes += [await outcome(database.write(write(n, big))) for n in range(10, 15)]
    kept = [each for each in outcomes if isinstance(each, int)]
    full = [each for each in outcomes if isinstance(each, Transient)]
    assert len(kept) + len(full) == 15
    assert {each.condition for each in full} == {Condition.STORAGE_FULL}
    assert [n for n, _ in await notes(database)] == kept
    await database.write(lambda c: c.exec_driver_sql("PRAGMA max_page_count=2000"))
    await database.write(write(100, big))
    assert [n for n, _ in await notes(database)] == [*kept, 100]
    await database.close()


async def test_a_damaged_file_is_an_alarm(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database at all" * 1_000)
    with pytest.raises(Corrupt) as damaged:
        await open_database(f"sqlite:///{path}")
    assert damaged.value.condition is Condition.DAMAGED


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"])
async def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        await open_database(url)


async def test_a_missing_directory_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="directory"):
        await open_database(f"sqlite:///{tmp_path / 'no' / 'a.db'}")


def test_engines_are_known_by_their_urls() -> None:
    assert kind_of("sqlite:///a.db") is Kind.SQLITE
    assert kind_of("postgresql://u:p@h/d") is Kind.POSTGRES


async def test_an_absent_server_is_transient() -> None:
    with pytest.raises(Transient) as away:
        await open_database("postgresql://nobody:x@127.0.0.1:1/none")
    assert away.value.condition is Condition.UNAVAILABLE


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("state", "condition"),
    [
        ("53100", Condition.STORAGE_FULL),
        ("53200", Condition.BUSY),
        ("40P01", Condition.BUSY),
        ("57P01", Condition.UNAVAILABLE),
        ("25006", Condition.UNAVAILABLE),
        ("XX001", Condition.DAMAGED),
    ],
)
async def test_what_postgres_says_is_understood(
    database: Database, state: str, condition: Condition
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"

    def fail(connection: Connection) -> None:
        run(connection, INSERT, (7, "undone"))
        connection.exec_driver_sql(raising)

    outcomes = await asyncio.gather(
        database.write(write(1)), database.write(fail), return_exceptions=True
    )
    assert isinstance(outcomes[1], MailError)
    assert outcomes[1].condition is condition
    await database.write(write(2))
    assert (7, "undone") not in await notes(database)


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_postgres_connections_that_died_are_replaced(database: Database) -> None:
    await asyncio.gather(*[database.write(write(n)) for n in range(20)])
    kill = Sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid != pg_backend_pid() AND datname = current_database()"
    )
    await database.read(lambda c: fetch(c, kill), snapshot=False)
    await asyncio.sleep(1)  # until our end has heard of it
    await database.write(write(100))
    assert len(await notes(database)) == 21


def test_bugs_are_not_taken_for_faults() -> None:
    assert translated(ZeroDivisionError()) is None
    assert translated(sqlite3.ProgrammingError("misuse")) is None


async def test_a_lookup_finds_what_exists(database: Database) -> None:
    await asyncio.gather(*[database.write(write(n, f"t{n}")) for n in range(1, 5)])
    lookup = Lookup("id, text", "notes", [("id", "integer"), ("text", "text")])
    keys = [(1, "t1"), (2, "t1"), (4, "t4"), (9, "t9")]
    found = await database.read(lambda c: lookup.rows(c, keys))
    assert sorted(found) == [(1, "t1"), (4, "t4")]
    assert await database.read(lambda c: lookup.rows(c, [])) == []


def test_placeholders_are_numbered_for_postgres() -> None:
    assert Sql("SELECT ? + ?").postgres == "SELECT $1 + $2"
    assert Sql("SELECT 1").postgres == "SELECT 1"
