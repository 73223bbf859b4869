"""The hot paths' way to the driver: SQL text with `?`, tuples in, tuples out.

Core costs 20–60 µs a statement (compile cache, result metadata, row objects); an append runs ten
of them. So appends, lists and flag changes speak through this module. It is the one place that
knows that SQLite wants `?` and the plain driver, PostgreSQL `$1` and `exec_driver_sql`; a
statement is written once, for both.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mailserver.store.packing import Ranges

EVERY_UID: Ranges = ((1, 0xFFFF_FFFF),)
NO_LIMIT = 0xFFFF_FFFF

Row = tuple[Any, ...]


def _dollars(text: str) -> str:
    """Number the placeholders; our statements have no `?` in a literal."""
    pieces = text.split("?")
    numbered = [f"{piece}${n}" for n, piece in enumerate(pieces[:-1], start=1)]
    return "".join(numbered) + pieces[-1]


class Sql:
    """One statement, for both engines."""

    __slots__ = ("postgres", "sqlite")

    def __init__(self, text: str) -> None:
        """Take `text` with `?` for each parameter."""
        self.sqlite = text
        self.postgres = _dollars(text)


def sqlite_driver(connection: Connection) -> sqlite3.Connection | None:
    """Return the driver's own connection on SQLite, None elsewhere."""
    driver: object = connection.connection.dbapi_connection
    return driver if isinstance(driver, sqlite3.Connection) else None


def fetch(connection: Connection, sql: Sql, parameters: Row = ()) -> list[Row]:
    """Run one statement and return all its rows as tuples."""
    driver = sqlite_driver(connection)
    if driver is not None:
        return driver.execute(sql.sqlite, parameters).fetchall()
    return [*connection.exec_driver_sql(sql.postgres, parameters)]


def fetch_one(connection: Connection, sql: Sql, parameters: Row = ()) -> Row | None:
    """Run one statement and return its first row, or None."""
    rows = fetch(connection, sql, parameters)
    return rows[0] if rows else None


def run(connection: Connection, sql: Sql, parameters: Row = ()) -> int:
    """Run one statement for its effect; return how many rows it touched."""
    driver = sqlite_driver(connection)
    if driver is not None:
        return driver.execute(sql.sqlite, parameters).rowcount
    return connection.exec_driver_sql(sql.postgres, parameters).rowcount


def run_many(connection: Connection, sql: Sql, rows: Sequence[Row]) -> None:
    """Run one statement for each of `rows`; a batch on the wire where there is a wire."""
    if not rows:
        return
    driver = sqlite_driver(connection)
    if driver is not None:
        driver.executemany(sql.sqlite, rows)
    elif len(rows) == 1:
        connection.exec_driver_sql(sql.postgres, rows[0])
    else:
        connection.exec_driver_sql(sql.postgres, list(rows))


class Lookup:
    """Point reads by many keys at once: a loop on SQLite, one join with the keys on PostgreSQL.

    `(a, b) IN (VALUES …)` would be one text for both, but makes SQLite scan the table.
    """

    __slots__ = ("_alone", "_together", "_width", "records")

    def __init__(self, columns: str, tables: str, key: Sequence[tuple[str, str]]) -> None:
        """Read `columns` of `tables`; `key` is pairs of a column and its PostgreSQL type."""
        self._width = len(key)
        where = " AND ".join(f"{name} = ?" for name, _ in key)
        self._alone = Sql(f"SELECT {columns} FROM {tables} WHERE {where}")  # noqa: S608 (our names)
        arrays = ", ".join(f"?::{kind}[]" for _, kind in key)
        wanted = ", ".join(f"k{n}" for n in range(self._width))
        match = " AND ".join(f"{name} = k{n}" for n, (name, _) in enumerate(key))
        source = f"FROM unnest({arrays}) AS w({wanted}), {tables} WHERE {match}"
        self._together = Sql(f"SELECT {columns} {source}")
        self.records = f"SELECT ROW({columns}) {source}"
        """Each row as one value, for a part of a larger statement (`together`)."""

    def rows(self, connection: Connection, keys: Sequence[Row]) -> list[Row]:
        """Return the rows that exist, in no order; `columns` should name the key."""
        if not keys:
            return []
        driver = sqlite_driver(connection)
        if driver is not None:
            text = self._alone.sqlite
            found = [driver.execute(text, key).fetchone() for key in keys]
            return [row for row in found if row is not None]
        return fetch(connection, self._together, tuple(self.arrays(keys)))

    def arrays(self, keys: Sequence[Row]) -> list[list[object]]:
        """Return the parameters of the statement for all `keys`, an array a column."""
        return [[key[n] for key in keys] for n in range(self._width)]


class RangeRead:
    """Rows of one mailbox by UID ranges, in UID order.

    One statement a range on SQLite, where a statement costs microseconds; one for all on
    PostgreSQL, where it costs a round trip.
    """

    __slots__ = ("_many", "_one")

    def __init__(self, columns: str, tables: str, *, where: str = "") -> None:
        """Read `columns` of `tables`, a FROM list in which `entries` is called `e`."""
        in_mailbox = f"e.account_id = ? AND e.mailbox_id = ? {where}"
        self._one = Sql(
            f"SELECT {columns} FROM {tables}"  # noqa: S608 (our own names)
            f" WHERE {in_mailbox} AND e.uid BETWEEN ? AND ? ORDER BY e.uid LIMIT ?"
        )
        self._many = Sql(
            f"SELECT {columns} FROM {tables}"  # noqa: S608 (our own names)
            f" JOIN unnest(?::bigint[], ?::bigint[]) AS r(first, last)"
            f" ON e.uid BETWEEN r.first AND r.last WHERE {in_mailbox} ORDER BY e.uid LIMIT ?"
        )

    def rows(
        self,
        connection: Connection,
        account_id: bytes,
        mailbox_id: int,
        ranges: Ranges | None,
        limit: int = NO_LIMIT,
    ) -> list[Row]:
        """Return the first `limit` rows in `ranges`, or of the mailbox where that is None."""
        if ranges is None:
            ranges = EVERY_UID
        driver = sqlite_driver(connection)
        if driver is None and len(ranges) > 1:
            lows, highs = [low for low, _ in ranges], [high for _, high in ranges]
            return fetch(connection, self._many, (lows, highs, account_id, mailbox_id, limit))
        found: list[Row] = []
        for low, high in ranges:
            if len(found) >= limit:
                break
            wanted = (account_id, mailbox_id, low, high, limit - len(found))
            found += fetch(connection, self._one, wanted)
        return found
