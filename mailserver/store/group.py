"""Group commit: writes that wait at the same time share one transaction and one fsync.

A *job* is one caller's write. Jobs come in two kinds:

- **alone**: `run(connection)`, a whole operation (rename, flags, copy …), inside a savepoint of
  its own, so that its failure takes nobody with it;
- **joined**: many callers' items handed to one function as a list (appends, above all), so that
  statements are shared as well as the commit. It returns one outcome an item: a value, or the
  error that only that item gets.

`run_group` is plain synchronous code on one connection, hence the same for both engines.
Invariants:

1. No future is resolved before the commit returned; a failed commit fails every job of the group.
2. `on_commit` runs on the event loop in the order in which jobs ran, before the job's future is
   resolved; it runs even where the caller was cancelled, for the write is done.
3. A fault of the storage (full, away) rolls the whole group back: the database may have done so
   already.
4. A bug in one job reaches its caller only. Nothing but a storage fault ends a group.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from sqlalchemy import Connection

from mailserver.model.errors import MailError
from mailserver.runtime.metrics import COUNTS
from mailserver.store.faults import translated

Run = Callable[[Connection], Any]
JoinedRun = Callable[[Connection, list[Any]], "list[Any]"]
LockAccounts = Callable[[Connection, Sequence[bytes]], None]

GROUP_JOBS = (
    256  # bounds how long one transaction holds the writer, and what a crash makes callers repeat
)


@dataclass(slots=True, eq=False)
class Job:
    """One caller's write, and later its outcome."""

    accounts: tuple[bytes, ...]
    future: "asyncio.Future[Any]"
    on_commit: Callable[[Any], None] | None
    run: Run | None = None
    joined: JoinedRun | None = None
    item: Any = None
    exclusive: bool = False
    """It runs by itself, outside a transaction."""
    value: Any = None
    error: BaseException | None = None

    def perform(self, connection: Connection) -> Any:
        """Run the query of a job that is alone."""
        assert self.run is not None  # noqa: S101 (a job has `run` or `joined`)
        return self.run(connection)

    def settle(self) -> None:
        """Tell the caller; runs on the event loop, after the commit or the rollback."""
        if self.error is None and self.on_commit is not None:
            try:
                self.on_commit(self.value)
            except Exception as bug:  # noqa: BLE001 (the caller sees it; others are still to be told)
                self.error = bug
        if self.future.done():  # the caller was cancelled meanwhile; the write stands
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


@dataclass(slots=True)
class _Unit:
    """What shares a savepoint: one job alone, or all items of one joined function."""

    jobs: list[Job] = field(default_factory=list)


def _units(jobs: Iterable[Job]) -> list[_Unit]:
    """Put joined jobs of one function together, where the first of them stood."""
    units: list[_Unit] = []
    by_function: dict[JoinedRun, _Unit] = {}
    for job in jobs:
        if job.joined is None:
            units.append(_Unit([job]))
            continue
        unit = by_function.get(job.joined)
        if unit is None:
            unit = by_function[job.joined] = _Unit()
            units.append(unit)
        unit.jobs.append(job)
    return units


def _perform(connection: Connection, jobs: list[Job]) -> None:
    """Run one unit's statements and write down what each job got."""
    first = jobs[0]
    if first.joined is None:
        first.value = first.perform(connection)
        return
    outcomes = first.joined(connection, [job.item for job in jobs])
    for job, outcome in zip(jobs, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            job.error = outcome
        else:
            job.value = outcome


class StorageFault(Exception):
    """Carries the storage error that ends a whole group."""

    def __init__(self, error: MailError) -> None:
        """Carry `error`."""
        super().__init__(str(error))
        self.error = error


def _perform_in_savepoint(connection: Connection, jobs: list[Job]) -> None:
    """Run one unit so that its failure undoes it alone.

    A fault of the storage goes up at once, past the savepoint: SQLite has ended the whole
    transaction by then, and what is said after that would be committed by itself.
    """
    savepoint = connection.begin_nested()
    try:
        _perform(connection, jobs)
    except Exception as error:
        fault = None if isinstance(error, MailError) else translated(error)
        if fault is not None:
            raise StorageFault(fault) from error
        savepoint.rollback()
        _blame(connection, jobs, error)
    else:
        savepoint.commit()


def _blame(connection: Connection, jobs: list[Job], error: Exception) -> None:
    """Give `error` to the job that caused it, trying joined items one by one to find which."""
    if len(jobs) == 1:
        jobs[0].error = error
        return
    for job in jobs:
        job.value = job.error = None
        _perform_in_savepoint(connection, [job])


def run_group(connection: Connection, jobs: list[Job], lock: LockAccounts | None) -> None:
    """Run `jobs` in one transaction and commit it; each job then holds its value or its error.

    Never raises: what goes wrong is written into the jobs.
    """
    began_at = perf_counter()
    try:
        _run_in_transaction(connection, jobs, lock)
        COUNTS.commits.observe(perf_counter() - began_at)
    except Exception as error:  # noqa: BLE001 (the writer outlives every fault; see invariant 3)
        fault = error.error if isinstance(error, StorageFault) else translated(error)
        if fault is None:
            COUNTS.fault("query")
        for job in jobs:
            job.value = None
            job.error = fault or error


def _run_in_transaction(connection: Connection, jobs: list[Job], lock: LockAccounts | None) -> None:
    units = _units(jobs)
    with connection.begin() as transaction:
        if lock is not None:
            accounts = sorted({account for job in jobs for account in job.accounts})
            if accounts:
                lock(
                    connection, accounts
                )  # sorted, so that two processes never wait for each other
        if len(units) == 1 and len(units[0].jobs) == 1:
            job = units[0].jobs[0]  # one caller: the transaction itself is its savepoint
            try:
                _perform(connection, [job])
            except MailError as refusal:
                job.error = refusal
            if job.error is not None:
                transaction.rollback()
            return
        for unit in units:
            _perform_in_savepoint(connection, unit.jobs)
