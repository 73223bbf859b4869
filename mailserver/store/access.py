"""What every group of methods shares: database, blobs, clock, and telling of changes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy import Connection

from mailserver.model.errors import Transient
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
        done = await self.database.write(query, accounts=(account_id,), on_commit=self._committed)
        with suppress(Transient):  # the write is done; what stays behind is an orphan for the sweep
            await self.drop(done.dropped)
        return done.value

    async def join(self, account_id: AccountId, joined: Joined[ItemT, Done[T]], item: ItemT) -> T:
        """Join `item` to what others write with the same function at the same time."""
        done = await self.database.join(joined, item, account=account_id, on_commit=self._committed)
        return done.value

    async def write_instance(self, query: Callable[[Connection], T]) -> T:
        """Run a write that is no account's."""
        return await self.database.write(query)

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
