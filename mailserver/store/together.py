"""Several statements in one round trip, where there is a wire.

On PostgreSQL a statement costs a round trip and, in Python, four times the work of one on SQLite;
an append runs nine of them. So what is read together is one row of arrays of records there, and
what is written together is one statement: each part an INSERT or UPDATE over arrays, in a WITH
clause. All parts see the snapshot from before the statement, so that no two may touch one row. On
SQLite each part runs by itself: a round trip is a function call.
"""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection

from mailserver.store.driver import Lookup, Row, Sql, fetch_one, run_many, sqlite_driver


class Many(Sql):
    """An `INSERT … VALUES (…)` or `UPDATE … SET … WHERE …` that is run for each of many rows."""

    __slots__ = ("part", "width")

    def __init__(self, text: str, types: str) -> None:
        """Take `text` with `?` for each value; `types` are those of PostgreSQL, in their order."""
        super().__init__(text)
        kinds = types.split()
        self.width = len(kinds)
        pieces = text.split("?")
        if len(pieces) != len(kinds) + 1:
            raise ValueError("a statement for many rows names the type of each value")
        named = "".join(f"{piece}v{n}" for n, piece in enumerate(pieces[:-1])) + pieces[-1]
        arrays = ", ".join(f"?::{kind}[]" for kind in kinds)
        names = ", ".join(f"v{n}" for n in range(self.width))
        source = f"FROM unnest({arrays}) AS w({names})"
        insert, _, values = named.partition(" VALUES (")
        update, _, where = named.partition(" WHERE ")
        self.part = (
            f"{insert} SELECT {values.removesuffix(')')} {source}"
            if values
            else f"{update} {source} WHERE {where}"
        )


def write_together(connection: Connection, parts: Sequence[tuple[Many, Sequence[Row]]]) -> None:
    """Run each statement for its rows, which may be none; no two may touch one row."""
    if sqlite_driver(connection) is not None:
        for statement, rows in parts:
            run_many(connection, statement, rows)
        return
    arrays: list[list[object]] = []
    for statement, rows in parts:
        arrays += [list(values) for values in zip(*rows, strict=True)] or [
            [] for _ in range(statement.width)
        ]
    text = _woven(tuple(statement for statement, _ in parts)).postgres
    connection.exec_driver_sql(text, tuple(arrays))


def look_up_together(
    connection: Connection, lookups: Sequence[tuple[Lookup, Sequence[Row]]]
) -> list[list[Row]]:
    """Return for each lookup what its `rows` would return."""
    if sqlite_driver(connection) is not None:
        return [lookup.rows(connection, keys) for lookup, keys in lookups]
    arrays: list[list[object]] = []
    for lookup, keys in lookups:
        arrays += lookup.arrays(keys)
    found = fetch_one(connection, _nested(tuple(lookup for lookup, _ in lookups)), tuple(arrays))
    return [] if found is None else [[tuple(row) for row in rows] for rows in found]


@lru_cache
def _woven(statements: tuple[Many, ...]) -> Sql:
    *first, last = (statement.part for statement in statements)
    named = ", ".join(f"s{n} AS ({part})" for n, part in enumerate(first))
    return Sql(f"WITH {named} {last}" if named else last)


@lru_cache
def _nested(lookups: tuple[Lookup, ...]) -> Sql:
    return Sql("SELECT " + ", ".join(f"ARRAY({lookup.records})" for lookup in lookups))
