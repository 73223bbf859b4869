"""PostgreSQL through asyncpg: reads on a pool, writes on a few lanes that commit in groups.

An account's writes always take the same lane, so that within this process they commit, and are
told, in order; other processes are held back by the lock that each group takes on its accounts'
rows. Lanes rather than one writer, because here a commit waits for the network and for another
machine's disk, and accounts have nothing to do with each other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mailserver.model.errors import Condition, MailError, Transient
from mailserver.store.database import Joined, Kind, Query
from mailserver.store.faults import translated
from mailserver.store.group import GROUP_JOBS, Job, LockAccounts, run_group

T = TypeVar("T")
ItemT = TypeVar("ItemT")

LANES = 4
READ_CONNECTIONS = 8
LISTENING = 1  # the connection that `notify` keeps
QUEUED_JOBS = 1_024
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0


class _Lane:
    """One queue, one task, one connection at a time."""

    def __init__(self, engine: AsyncEngine, lock: LockAccounts | None) -> None:
        self._engine = engine
        self._lock = lock
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False

    def put(self, job: Job) -> None:
        """Queue `job` for the next group."""
        self._jobs.append(job)
        self._wake.set()

    def close(self) -> None:
        """End `run` after what is queued."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Commit group after group until closed."""
        while self._jobs or not self._closing:
            if not self._jobs:
                self._wake.clear()
                await self._wake.wait()
                continue
            jobs = self._take()
            if jobs:
                await self._commit(jobs)
                for job in jobs:
                    job.settle()

    def _take(self) -> list[Job]:
        jobs: list[Job] = []
        while self._jobs and len(jobs) < GROUP_JOBS:
            if self._jobs[0].exclusive and jobs:
                break
            job = self._jobs.popleft()
            if not job.future.cancelled():
                jobs.append(job)
            if job.exclusive:
                break
        return jobs

    async def _commit(self, jobs: list[Job]) -> None:
        try:
            async with asyncio.timeout(STATEMENT_SECONDS), self._engine.connect() as connection:
                if jobs[0].exclusive:
                    await connection.execution_options(isolation_level="AUTOCOMMIT")
                    jobs[0].value = await connection.run_sync(jobs[0].perform)
                else:
                    await connection.run_sync(run_group, jobs, self._lock)
        except Exception as error:  # noqa: BLE001 (no fault may end the lane)
            for job in jobs:
                job.error = translated(error) or error


class PostgresDatabase:
    """A `Database` in one PostgreSQL database."""

    kind = Kind.POSTGRES

    def __init__(self, url: URL, lock: LockAccounts | None) -> None:
        """Use `open` instead: it connects first."""
        self.engine = create_async_engine(
            url,
            pool_size=READ_CONNECTIONS + LANES + LISTENING,
            max_overflow=0,
            pool_timeout=STATEMENT_SECONDS,
            hide_parameters=True,  # an error's text never holds a row
            connect_args={
                "timeout": CONNECT_SECONDS,
                "command_timeout": STATEMENT_SECONDS,
                "prepared_statement_cache_size": 500,
                "server_settings": {"application_name": "zegel"},
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        self._snapshots = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._statements = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._lanes = [_Lane(self.engine, lock) for _ in range(LANES)]
        self._permits = asyncio.Semaphore(QUEUED_JOBS)
        self._reads = asyncio.Semaphore(READ_CONNECTIONS)  # so that readers never starve the lanes
        self._closed = False
        self._running: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, address: str, lock: LockAccounts | None) -> "PostgresDatabase":
        """Connect to the server that `address` names."""
        database = cls(make_url(address).set(drivername="postgresql+asyncpg"), lock)
        try:
            await database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
        except BaseException:
            await database.engine.dispose()
            raise
        # The one task without a caller's group: it belongs to this object, and close() waits for
        # it.
        database._running = asyncio.create_task(database._run_lanes(), name="store-lanes")
        return database

    async def _run_lanes(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(lane.run())

    async def read(self, query: Query[T], *, snapshot: bool = True) -> T:
        """See `Database.read`."""
        self._refuse_when_closed()
        engine = self._snapshots if snapshot else self._statements
        async with self._reads:
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(query)
            except Exception as error:
                fault = None if isinstance(error, MailError) else translated(error)
                if fault is None:
                    raise
                raise fault from error

    async def write(
        self,
        query: Query[T],
        *,
        accounts: Sequence[bytes] = (),
        on_commit: Callable[[T], None] | None = None,
    ) -> T:
        """See `Database.write`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = Job(tuple(accounts), future, on_commit, run=query)
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
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = Job((account,), future, on_commit, joined=joined, item=item)
        return await self._queued(job, future)

    async def _queued(self, job: Job, future: "asyncio.Future[T]") -> T:
        async with self._permits:
            self._refuse_when_closed()
            lane = (
                job.accounts[0][-1] % LANES if job.accounts else 0
            )  # ids are random: their last octet spreads
            self._lanes[lane].put(job)
            return await future

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Transient(Condition.SHUTTING_DOWN, "the server is shutting down")

    async def exclusive(self, query: Query[T]) -> T:
        """See `Database.exclusive`; other processes go on, so the query takes its locks."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = Job((), future, None, run=query, exclusive=True)
        return await self._queued(job, future)

    async def close(self) -> None:
        """See `Database.close`."""
        if self._closed:
            return
        self._closed = True
        for lane in self._lanes:
            lane.close()
        if self._running is not None:
            await self._running
        await self.engine.dispose()


def _refuse_closed(driver: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that the server closed, before anybody uses it.

    asyncpg knows when its socket was closed, so that this costs nothing, unlike a ping.
    """
    if driver.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")
