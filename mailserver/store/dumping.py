"""Every row of a database, out in one snapshot and in again, whatever the engines are.

    dump     frame …              a frame: length 4 ‖ MessagePack
    frame    ["table", name, [column …]] · ["rows", [[value …] …]] · ["end", {table: rows}]

Tables come in an order in which each may be filled after those that it refers to. What is dumped is
what lies in the rows, ciphertext or clear; nothing is opened. A dump of SQLite may be loaded into
PostgreSQL and the other way round, for the values are those of the columns, not of a file.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, Table, inspect

from mailserver.model.errors import Condition, Corrupt
from mailserver.store.database import Database
from mailserver.store.driver import Sql, fetch, run, run_many
from mailserver.store.keystore_tables import metadata as keystore
from mailserver.store.migrate import Which, current
from mailserver.store.schema import metadata as main

Write = Callable[[bytes], None]
Rows = list[list[Any]]

ROWS = 100
"""Of one read: so many of the largest values, 1 MiB, are what is in memory at once."""
_BATCH_OCTETS = 4 * 1024 * 1024
FRAME_OCTETS = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")
_REVISION = "alembic_version"
_METADATA: dict[Which, MetaData] = {Which.MAIN: main, Which.KEYSTORE: keystore}


def _page(table: Table) -> tuple[Sql, Sql, list[int]]:
    """Return how to read the first rows, and those behind a key, and where the key stands."""
    columns = [column.name for column in table.columns]
    key = [column.name for column in table.primary_key.columns]
    names, order = ", ".join(columns), ", ".join(key)
    marks = ", ".join("?" for _ in key)
    select = f"SELECT {names} FROM {table.name}"  # noqa: S608 (names of our own tables)
    tail = f" ORDER BY {order} LIMIT {ROWS}"
    behind = f" WHERE ({order}) > ({marks})"
    return Sql(select + tail), Sql(select + behind + tail), [columns.index(name) for name in key]


def _batches(rows: Sequence[Sequence[Any]]) -> Iterator[Rows]:
    """Cut rows into frames that are far below what `frames` takes."""
    batch: Rows = []
    octets = 0
    for row in rows:
        batch.append(list(row))
        octets += sum(len(value) for value in row if isinstance(value, bytes))
        if octets >= _BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def _dump(connection: Connection, which: Which, write: Write) -> tuple[str, dict[str, int]]:
    counts: dict[str, int] = {}
    for table in _METADATA[which].sorted_tables:
        first, behind, key = _page(table)
        write(_frame(["table", str(table.name), [str(each.name) for each in table.columns]]))
        counts[str(table.name)] = 0
        rows = fetch(connection, first)
        while rows:
            counts[str(table.name)] += len(rows)
            for some in _batches(rows):
                write(_frame(["rows", some]))
            rows = fetch(connection, behind, tuple(rows[-1][at] for at in key))
    write(_frame(["end", counts]))
    return current(connection) or "", counts


async def dump(database: Database, which: Which, write: Write) -> tuple[str, dict[str, int]]:
    """Hand every row of one snapshot to `write`, frame by frame.

    `write` is called in the thread or the task that reads, and holds it up.

    Returns:
        The revision of the schema, and how many rows each table had.

    Raises:
        Transient, Corrupt: as `Database.read`; what `write` raises comes through.
    """
    return await database.read(lambda connection: _dump(connection, which, write))


def frames(octets: Iterable[bytes]) -> Iterator[list[Any]]:
    """Read the frames of a dump out of its octets, cut anyhow.

    Raises:
        Corrupt: DAMAGED: these are no frames, or they end in the middle of one.
    """
    waiting = bytearray()
    for piece in octets:
        waiting += piece
        while len(waiting) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(waiting)
            if length > FRAME_OCTETS:
                raise _damaged()
            if len(waiting) < _LENGTH.size + length:
                break
            yield _decoded(bytes(waiting[_LENGTH.size : _LENGTH.size + length]))
            del waiting[: _LENGTH.size + length]
    if waiting:
        raise _damaged()


async def load(database: Database, which: Which, dumped: Iterable[list[Any]]) -> dict[str, int]:
    """Fill a database, migrated to the dump's revision, with a dump; what was there goes.

    That revision may be older than this program's: the database says which tables it has.

    A load that is broken off leaves a part: begin again with it.

    Returns:
        How many rows each table got.

    Raises:
        Corrupt: DAMAGED: the dump names what the schema does not have, or lacks rows.
    """
    tables = await database.write(lambda connection: _emptied(connection, which))
    counts: dict[str, int] = {}
    insert: Sql | None = None
    ended: dict[str, int] | None = None
    name = ""
    for kind, *given in dumped:
        if ended is not None:
            raise _damaged()
        if kind == "table":
            name, columns = given
            insert = _insert(tables, name, columns)
            counts[name] = 0
        elif kind == "rows" and insert is not None:
            counts[name] += len(given[0])
            rows = [tuple(row) for row in given[0]]
            await database.write(partial(run_many, sql=insert, rows=rows))
        elif kind == "end":
            ended = given[0]
        else:
            raise _damaged()
    if ended != counts:
        raise _damaged()
    return counts


def _emptied(connection: Connection, which: Which) -> dict[str, set[str]]:
    """Delete every row; return the columns of each table."""
    found = inspect(connection)
    columns = {
        name: {str(column["name"]) for column in found.get_columns(name)}
        for name in found.get_table_names()
        if name != _REVISION
    }
    order = [table.name for table in reversed(_METADATA[which].sorted_tables)]
    for name in sorted(columns, key=lambda name: order.index(name) if name in order else -1):
        run(connection, Sql(f"DELETE FROM {name}"))  # noqa: S608 (names of our own tables)
    return columns


def _insert(tables: dict[str, set[str]], name: str, columns: list[str]) -> Sql:
    if not set(columns) <= tables.get(name, set()) or not columns:
        raise _damaged()
    marks = ", ".join("?" for _ in columns)
    return Sql(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})")  # noqa: S608


def _frame(value: list[Any]) -> bytes:
    octets = msgspec.msgpack.encode(value)
    return _LENGTH.pack(len(octets)) + octets


def _decoded(octets: bytes) -> list[Any]:
    try:
        return msgspec.msgpack.decode(octets, type=list)
    except msgspec.DecodeError:
        raise _damaged() from None


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "this dump is damaged, or of another program")
