"""What is read or written together is what each part would read or write alone, on both engines."""

import pytest
from sqlalchemy import Connection

from mailserver.store.database import Database
from mailserver.store.driver import Lookup, Sql, fetch, run
from mailserver.store.engine import open_database
from mailserver.store.together import Many, look_up_together, write_together

INSERT = Many("INSERT INTO pairs (a, b, kind) VALUES (?, ?, 7)", "bigint bytea")
RAISE = Many("UPDATE sums SET total = total + ?, n = n + 1 WHERE name = ?", "bigint bytea")
PAIRS = Lookup("a, b", "pairs", [("a", "bigint")])
SUMS = Lookup("name, total, n", "sums", [("name", "bytea")])


def made(connection: Connection) -> None:
    octets = "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"
    run(connection, Sql(f"CREATE TABLE pairs (a BIGINT PRIMARY KEY, b {octets}, kind BIGINT)"))
    run(connection, Sql(f"CREATE TABLE sums (name {octets} PRIMARY KEY, total BIGINT, n BIGINT)"))
    run(connection, Sql("INSERT INTO sums VALUES (?, 0, 0)"), (b"x",))
    run(connection, Sql("INSERT INTO sums VALUES (?, 0, 0)"), (b"y",))


@pytest.fixture
async def database(database_url: str) -> Database:
    """Two small tables."""
    database = await open_database(database_url)
    await database.write(made)
    return database


async def test_parts_are_written_and_read_at_once(database: Database) -> None:
    rows = [(1, b"one"), (2, None), (3, b"")]
    await database.write(
        lambda c: write_together(c, [(INSERT, rows), (RAISE, [(10, b"x"), (5, b"y"), (1, b"z")])])
    )
    pairs, sums, none = await database.read(
        lambda c: look_up_together(
            c, [(PAIRS, [(1,), (3,), (2,), (9,)]), (SUMS, [(b"x",), (b"z",)]), (PAIRS, [])]
        )
    )
    assert sorted(pairs) == rows
    assert sums == [(b"x", 10, 1)]
    assert none == []
    kinds = await database.read(lambda c: fetch(c, Sql("SELECT DISTINCT kind FROM pairs")))
    assert kinds == [(7,)]
    await database.close()


async def test_parts_without_rows_write_nothing(database: Database) -> None:
    await database.write(lambda c: write_together(c, [(INSERT, []), (RAISE, [])]))
    await database.write(lambda c: write_together(c, [(INSERT, [(4, b"four")]), (RAISE, [])]))
    assert await database.read(lambda c: PAIRS.rows(c, [(4,)])) == [(4, b"four")]
    assert await database.read(lambda c: SUMS.rows(c, [(b"x",)])) == [(b"x", 0, 0)]
    await database.close()


def test_a_statement_names_the_type_of_each_value() -> None:
    with pytest.raises(ValueError, match="type of each value"):
        Many("INSERT INTO pairs (a, b) VALUES (?, ?)", "bigint")
