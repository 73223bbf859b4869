"""What every group of methods shares: database, blobs, clock, and telling of changes."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from mailserver.model.errors import MailError, Transient
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.blobs import BlobStore
from mailserver.store.changes import AccountChange
from mailserver.store.database import Database, Joined, Query
from mailserver.store.instants import to_microseconds

T = TypeVar("T")
ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a write did: its result, what to tell of it, and objects that no row names any more."""

    value: T
    change: AccountChange | None = None
    dropped: list[ObjectId] = field(default_factory=list)


Announce = Callable[[Connection, Sequence[AccountChange]], None]
"""Tells other processes, with the commit of the transaction it is called in."""


def _announced(query: Query[Done[T]], announce: Announce, connection: Connection) -> Done[T]:
    """Run a write and announce its change."""
    done = query(connection)
    if done.change is not None:
        announce(connection, [done.change])
    return done


def _announced_all(
    joined: Joined[ItemT, Done[T]], announce: Announce, connection: Connection, items: list[ItemT]
) -> list[Done[T] | MailError]:
    """Run joined writes and announce their changes together."""
    outcomes = joined(connection, items)
    done = [outcome for outcome in outcomes if isinstance(outcome, Done)]
    changes = [outcome.change for outcome in done if outcome.change is not None]
    if changes:
        announce(connection, changes)
    return outcomes


def _ignore(change: AccountChange) -> None:
    """Tell nobody."""


class Access:
    """The way of a group of methods to the database."""

    def __init__(
        self, database: Database, blobs: BlobStore, clock: Clock, offload: Offload
    ) -> None:
        """Share what `Store.open` opened."""
        self.database = database
        self.blobs = blobs
        self.offload = offload
        self.committed: Callable[[AccountChange], None] = _ignore
        self.announce: Announce | None = None
        self._wrappers: dict[Joined[Any, Any], Joined[Any, Any]] = {}
        self._clock = clock

    def instant(self) -> datetime:
        """Return what time it is."""
        return self._clock.now()

    def now(self) -> int:
        """Return what time it is, as the database holds it."""
        return to_microseconds(self._clock.now())

    async def read(self, query: Query[T]) -> T:
        """Run a query that reads on one snapshot."""
        return await self.database.read(query)

    async def read_once(self, query: Query[T]) -> T:
        """Run a query that is one reading statement."""
        return await self.database.read(query, snapshot=False)

    async def write(self, account_id: AccountId, query: Query[Done[T]]) -> T:
        """Run a write of one account; when it returns, it is durable and has been told."""
        told = query if self.announce is None else partial(_announced, query, self.announce)
        done = await self.database.write(told, accounts=(account_id,), on_commit=self._committed)
        with suppress(Transient):  # the write is done; what stays behind is an orphan for the sweep
            await self.drop(done.dropped)
        return done.value

    async def join(self, account_id: AccountId, joined: Joined[ItemT, Done[T]], item: ItemT) -> T:
        """Join `item` to what others write with the same function at the same time."""
        told = joined if self.announce is None else self._announcing(joined, self.announce)
        done = await self.database.join(told, item, account=account_id, on_commit=self._committed)
        return done.value

    async def write_instance(self, query: Callable[[Connection], T]) -> T:
        """Run a write that is no account's."""
        return await self.database.write(query)

    def _announcing(
        self, joined: Joined[ItemT, Done[T]], announce: "Announce"
    ) -> Joined[ItemT, Done[T]]:
        """Wrap a joined function, always in the same wrapper: calls are joined by identity."""
        wrapper = self._wrappers.get(joined)
        if wrapper is None:
            wrapper = self._wrappers[joined] = partial(_announced_all, joined, announce)
        return wrapper

    def _committed(self, done: Done[T]) -> None:
        if done.change is not None:
            self.committed(done.change)

    async def drop(self, objects: list[ObjectId]) -> None:
        """Delete what no row names any more. Raises Transient where it cannot be done now."""
        for object_id in objects:
            await self.offload(partial(self.blobs.delete, object_id))

    async def stored_body(self, object_id: ObjectId) -> Sealed:
        """Fetch a body from the blob store. Raises Corrupt (DAMAGED) where it is missing."""
        return await self.offload(partial(self.blobs.get, object_id))
