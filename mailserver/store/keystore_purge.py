"""Making deleted keystore rows leave the disk, and saying how sure that is (PRIVACY §1, "Purge").

On SQLite: no reader of this process is open, the write-ahead log is emptied (busy must be 0), the
file is rewritten without its free pages, the log is emptied again, and the files are searched for
the octets. On PostgreSQL: each table is rewritten, the log is switched and checkpointed away where
our role may do so, and whatever we can read of it is searched. What could not be done, or is set up
so that it cannot be known, is a doubt: with doubts there is no erasure certificate.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, LargeBinary, bindparam, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from mailserver.model.errors import Condition, Transient
from mailserver.store import file_search
from mailserver.store.database import Database, Kind
from mailserver.store.keystore_tables import TABLES

CHECKPOINT_MILLISECONDS = 2_000  # other processes (the command line) read for moments only
SEARCH_SECONDS = 60.0
MARK_OCTETS = 24  # of each row we look for its first octets: a kid, a random nonce and ciphertext
SCANNED_LOGS = 64  # segments of 16 MB: what a checkpoint leaves is a few of them


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did: `found` names files that still hold octets, `doubts` what is not known."""

    looked_for: int
    found: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the octets are gone, as far as a database and its files can show."""
        return not self.found and not self.doubts


async def purge_files(database: Database, url: str, condemned: Sequence[bytes]) -> Purged:
    """Clear the files of what is deleted, then search them for `condemned` rows.

    Raises:
        Transient: the database is busy or away.
    """
    marks = sorted({bytes(octets[:MARK_OCTETS]) for octets in condemned})
    if database.kind is Kind.POSTGRES:
        doubts = await database.exclusive(_clear_postgres)
        found, unread = await database.exclusive(
            lambda connection: _search_postgres(connection, marks)
        )
        return Purged(len(marks), found, doubts + unread)
    doubts = await database.exclusive(_clear_sqlite)
    path = Path(make_url(url).database or "")
    return Purged(len(marks), await _search_files(path, marks), doubts)


def _clear_sqlite(connection: Connection) -> tuple[str, ...]:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={CHECKPOINT_MILLISECONDS}")
    if _emptied_log(connection):
        connection.exec_driver_sql("VACUUM")
        if _emptied_log(connection):
            return ()
    return ("another process reads the keystore: its write-ahead log could not be emptied",)


def _emptied_log(connection: Connection) -> bool:
    busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return bool(busy == 0)


async def _search_files(path: Path, marks: Sequence[bytes]) -> tuple[str, ...]:
    """Name the files of an SQLite database that hold one of `marks`.

    Never in this process: closing the files would give up SQLite's locks on them (`file_search`).
    """
    if not marks:
        return ()
    files = [f"{path}{suffix}" for suffix in ("", "-wal", "-journal", "-shm")]
    command = (sys.executable, "-I", "-B", file_search.__file__, *files)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env={})
    try:
        async with asyncio.timeout(SEARCH_SECONDS):
            said, _ = await process.communicate("\n".join(m.hex() for m in marks).encode())
    except TimeoutError:
        raise Transient(Condition.BUSY, "searching the keystore's files took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode:
        raise Transient(Condition.UNAVAILABLE, "the keystore's files could not be searched")
    return tuple(Path(name).name for name in said.decode().splitlines())


_SETTINGS = text(
    "SELECT current_setting('wal_recycle'), current_setting('archive_mode'),"
    " (SELECT count(*) FROM pg_replication_slots)"
)


def _clear_postgres(connection: Connection) -> tuple[str, ...]:
    doubts: list[str] = []
    for table in TABLES.values():
        connection.execute(text(f"VACUUM FULL {table.name}"))
    recycle, archive, slots = connection.execute(_SETTINGS).one()
    if recycle != "off":
        doubts.append("wal_recycle is on: old write-ahead log is kept under new names")
    if archive != "off":
        doubts.append("archive_mode is on: the archive keeps deleted rows")
    if slots:
        doubts.append("a replication slot keeps old write-ahead log")
    for statement in ("SELECT pg_switch_wal()", "CHECKPOINT"):
        if not _permitted(connection, statement):
            doubts.append(f"our role may not run {statement}: the write-ahead log stays")
    return tuple(doubts)


def _permitted(connection: Connection, statement: str) -> bool:
    try:
        connection.execute(text(statement))
    except DBAPIError as refused:
        if getattr(refused.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        return False
    return True


_LOGS = text("SELECT name FROM pg_ls_waldir() ORDER BY modification DESC LIMIT :most")
_TABLE_FILES = text("SELECT pg_relation_filepath(CAST(:table AS regclass))")
_IN_FILE = text(
    "SELECT position(:mark in pg_read_binary_file(:name, 0, :most, true)) > 0"
).bindparams(bindparam("mark", type_=LargeBinary))
_LOG_OCTETS = 64 << 20


def _search_postgres(
    connection: Connection, marks: Sequence[bytes]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Search the server's files where our role may read them; else that is a doubt."""
    if not marks:
        return (), ()
    try:
        logs = connection.execute(_LOGS, {"most": SCANNED_LOGS + 1}).scalars().all()
        names = [f"pg_wal/{name}" for name in logs[:SCANNED_LOGS]]
        for table in TABLES.values():
            names.append(connection.execute(_TABLE_FILES, {"table": table.name}).scalar_one())
        found = tuple(name for name in names if _file_holds(connection, name, marks))
    except DBAPIError as refused:
        if getattr(refused.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        return (), ("our role may not read the server's files: they were not searched",)
    if len(logs) > SCANNED_LOGS:
        return found, ("there is more write-ahead log than a purge searches",)
    return found, ()


def _file_holds(connection: Connection, name: str, marks: Sequence[bytes]) -> bool:
    return any(
        connection.execute(_IN_FILE, {"mark": mark, "name": name, "most": _LOG_OCTETS}).scalar()
        for mark in marks
    )
