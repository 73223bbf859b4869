"""SQLite: reader threads with a connection each, and one writer that commits in groups.

The driver is synchronous, so each read is a hop to a thread and back; the pool keeps a connection
per thread, for compiled statements live in it. There is exactly one writer, so SQLITE_BUSY does
not occur within a process, and the writer takes whatever is queued when the last commit returned:
under load the groups grow by themselves.

A writer that has been idle for a moment moves what is in the write-ahead log into the database and
empties the log: 4 MiB less on disk, and what was erased leaves both files.

The queue is bounded by permits: a caller holds one of `QUEUED_JOBS` until its job is settled, and
waits for one first.
"""

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from mailserver.model.errors import Condition, MailError, Misconfigured, Transient
from mailserver.runtime.log import get_logger
from mailserver.runtime.process import take_short_turns
from mailserver.store.database import Joined, Kind, Query
from mailserver.store.driver import sqlite_driver
from mailserver.store.faults import translated
from mailserver.store.group import GROUP_JOBS, Job, run_group

log = get_logger("store")

T = TypeVar("T")
ItemT = TypeVar("ItemT")

READERS = 2  # a long list holds up no point read; under one interpreter lock more gain nothing
QUEUED_JOBS = 1_024
IDLE_SECONDS = 0.25  # longer than what lies between the writes of a busy moment
PAGE_OCTETS = 8_192
STATEMENTS = 512
BUSY_MILLISECONDS = 5_000

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # durable at COMMIT: the 250 is said after it (RFC 5321 §6.1)
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",  # erased rows leave no octets behind in free pages
    f"PRAGMA busy_timeout={BUSY_MILLISECONDS}",
    "PRAGMA wal_autocheckpoint=512",  # 4 MiB: what it grows to while writes go on
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",  # nothing of ours lies in a temporary file
)


class _Use(Enum):
    """What a connection is for. Equal values would make two members one."""

    READ = "read"
    """It says BEGIN itself, for it may go past SQLAlchemy (`driver.py`)."""
    WRITE = "write"
    EXCLUSIVE = "exclusive"
    """Outside of transactions."""


def _engine(url: URL, use: _Use) -> Engine:
    """Make an engine whose connections live as long as whoever asked for them."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,  # an error's text never holds a row
        connect_args={
            "isolation_level": None,  # we say BEGIN ourselves, below
            "check_same_thread": False,  # close() comes from another thread, after the last query
            "cached_statements": STATEMENTS,
        },
    )

    @event.listens_for(engine, "connect")
    def prepare(driver: object, _: ConnectionPoolEntry) -> None:
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101 (the dialect is pysqlite)
        driver.execute(f"PRAGMA page_size={PAGE_OCTETS}")  # heeded by a new file only
        for pragma in _PRAGMAS:
            driver.execute(pragma)
        if use is _Use.READ:
            driver.execute("PRAGMA query_only=ON")
        # A statement that slipped in must not reach another file (PRIVACY §1, Purge); VACUUM
        # attaches the file it builds.
        driver.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 1 if use is _Use.EXCLUSIVE else 0)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if use is _Use.WRITE:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class _Readers:
    """Reader threads and their connections; closed and made anew around an exclusive query."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._mine = threading.local()
        self._all: list[Connection] = []
        self.pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")

    def run(self, query: Query[T], *, snapshot: bool) -> T:
        """Run `query` on this thread's connection, as one transaction if it needs a snapshot."""
        connection: Connection | None = getattr(self._mine, "connection", None)
        try:
            if connection is None:
                connection = self._mine.connection = self._engine.connect()
                self._all.append(connection)
            driver = sqlite_driver(connection)
            assert driver is not None  # noqa: S101 (the dialect is pysqlite)
            try:
                if snapshot:
                    driver.execute("BEGIN")
                return query(connection)
            finally:
                connection.rollback()
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
        except Exception as error:
            fault = None if isinstance(error, MailError) else translated(error)
            if fault is None:
                raise
            self._mine.connection = (
                None  # the next query opens a fresh one; close() closes this one
            )
            raise fault from error

    def close(self) -> None:
        """Wait for running queries and close the connections; blocks."""
        self.pool.shutdown(wait=True)
        for connection in self._all:
            connection.close()


class SqliteDatabase:
    """A `Database` in one SQLite file."""

    kind = Kind.SQLITE

    def __init__(self, url: URL, loop: asyncio.AbstractEventLoop) -> None:
        """Use `open` instead: it makes the file first."""
        self._loop = loop
        self._read_engine = _engine(url, _Use.READ)
        self._write_engine = _engine(url, _Use.WRITE)
        self._exclusive_engine = _engine(url, _Use.EXCLUSIVE)
        self._readers = _Readers(self._read_engine)
        self._reading_allowed = asyncio.Event()
        self._reading_allowed.set()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._permits = asyncio.Semaphore(QUEUED_JOBS)
        self._closed = False
        self._writing: Connection | None = None
        self._log_grew = False
        self._next: Job | None = None
        self._exclusively = asyncio.Lock()
        self._writer = threading.Thread(
            target=self._write_groups,
            name="store-write",
            daemon=True,  # a program that fails before close() must still be able to end
        )

    @classmethod
    async def open(cls, address: str) -> "SqliteDatabase":
        """Open or make the file that `address` names (`sqlite:///relative`, `sqlite:////absolute`)."""
        url = make_url(address).set(drivername="sqlite+pysqlite")
        if not url.database or url.database == ":memory:":
            raise Misconfigured("the SQLite URL must name a file")
        take_short_turns()  # sqlite3 gives the interpreter lock away at every row
        loop = asyncio.get_running_loop()
        database = cls(url, loop)
        await loop.run_in_executor(database._readers.pool, _make_file, url.database)
        database._writer.start()
        await database.write(
            lambda connection: None
        )  # the file is ours and in WAL mode from here on
        return database

    async def read(self, query: Query[T], *, snapshot: bool = True) -> T:
        """See `Database.read`."""
        if not self._reading_allowed.is_set():
            await self._reading_allowed.wait()
        self._refuse_when_closed()
        run = partial(self._readers.run, query, snapshot=snapshot)
        return await self._loop.run_in_executor(self._readers.pool, run)

    async def write(
        self,
        query: Query[T],
        *,
        accounts: Sequence[bytes] = (),
        on_commit: Callable[[T], None] | None = None,
    ) -> T:
        """See `Database.write`."""
        future: asyncio.Future[T] = self._loop.create_future()
        job = Job((), future, on_commit, run=query)
        return await self._queued(job, future)

    async def join(
        self,
        joined: Joined[ItemT, T],
        item: ItemT,
        *,
        account: bytes,
        on_commit: Callable[[T], None] | None = None,
    ) -> T:
        """See `Database.join`."""
        future: asyncio.Future[T] = self._loop.create_future()
        job = Job((), future, on_commit, joined=joined, item=item)
        return await self._queued(job, future)

    async def _queued(self, job: Job, future: "asyncio.Future[T]") -> T:
        async with self._permits:
            self._refuse_when_closed()
            self._queue.put(job)
            return await future

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Transient(Condition.SHUTTING_DOWN, "the server is shutting down")

    def _write_groups(self) -> None:
        """Be the writer thread: take what waits, commit it, tell the loop once a group."""
        more = True
        while more:
            jobs, more = self._take()
            if jobs:
                self._commit(jobs)
                self._loop.call_soon_threadsafe(_settle, jobs)
        if self._writing is not None:
            self._writing.close()

    def _take(self) -> tuple[list[Job], bool]:
        """Wait for one job and take all that are there; False with the last of them."""
        if self._next is not None:
            alone, self._next = self._next, None
            return [alone], True
        jobs: list[Job] = []
        block = True
        while len(jobs) < GROUP_JOBS:
            try:
                job = self._queue.get(block, IDLE_SECONDS if self._log_grew else None)
            except queue.Empty:
                if not block:
                    break
                self._empty_log()
                continue
            if job is None:
                return jobs, False
            block = False
            if job.future.cancelled():
                continue
            if job.exclusive and jobs:
                self._next = job  # a group of its own, after this one
                break
            jobs.append(job)
            if job.exclusive:
                break
        return jobs, True

    def _commit(self, jobs: list[Job]) -> None:
        """Run one group; the next one never meets a connection that failed."""
        if jobs[0].exclusive:
            self._run_exclusive(jobs[0])
            return
        try:
            if self._writing is None:
                self._writing = self._write_engine.connect()
            self._log_grew = True
            run_group(self._writing, jobs, None)
        except Exception as error:  # noqa: BLE001 (no fault may end the writer thread)
            for job in jobs:
                job.error = translated(error) or error
        if self._writing is not None and any(job.error is not None for job in jobs):
            self._mend()

    def _empty_log(self) -> None:
        """Move the log into the database, unless somebody reads: then it is tried again later."""
        connection = self._writing
        driver = None if connection is None else sqlite_driver(connection)
        if driver is None:
            self._log_grew = False
            return
        try:
            driver.execute("PRAGMA busy_timeout=0")  # a job that comes now waits for no reader
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                driver.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            self._log_grew = bool(busy)
        except sqlite3.Error as error:  # a full or failing disk: the next write says so
            self._log_grew = False
            log.warning("log not emptied", error=type(error).__name__)
            self._mend()

    def _mend(self) -> None:
        """Leave no transaction open behind a failed group."""
        connection = self._writing
        if connection is None or _at_rest(connection):
            return
        self._writing = None
        connection.invalidate()
        connection.close()

    def _run_exclusive(self, job: Job) -> None:
        try:
            with self._exclusive_engine.connect() as connection:
                job.value = job.perform(connection)
        except Exception as error:  # noqa: BLE001 (no fault may end the writer thread)
            job.error = translated(error) or error

    async def exclusive(self, query: Query[T]) -> T:
        """See `Database.exclusive`."""
        async with self._exclusively:
            self._refuse_when_closed()
            self._reading_allowed.clear()
            try:
                await self._loop.run_in_executor(None, self._readers.close)
                future: asyncio.Future[T] = self._loop.create_future()
                job = Job((), future, None, run=query, exclusive=True)
                return await self._queued(job, future)
            finally:
                self._readers = _Readers(self._read_engine)
                self._reading_allowed.set()

    async def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._writer.join)
        await self._loop.run_in_executor(None, self._readers.close)
        self._read_engine.dispose()
        self._write_engine.dispose()
        self._exclusive_engine.dispose()


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        job.settle()


def _make_file(path: str) -> None:
    """Make the database file readable by its owner only; WAL and SHM take its mode over."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileNotFoundError as missing:
        raise Misconfigured("the directory of the SQLite database does not exist") from missing
    except PermissionError as forbidden:
        raise Misconfigured("the SQLite database cannot be opened for writing") from forbidden


def _at_rest(connection: Connection) -> bool:
    """Say whether `connection` is sound and has no transaction open."""
    if connection.closed or connection.in_transaction():
        return False
    driver: object = connection.connection.dbapi_connection
    return isinstance(driver, sqlite3.Connection) and not driver.in_transaction
