"""What a database is to the rest of the store: read, write, join, and one exclusive hour.

A *query* is a plain function over a SQLAlchemy Core `Connection`; it is one transaction, sees one
snapshot and must not commit by itself.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from mailserver.model.errors import MailError

T = TypeVar("T")
ItemT = TypeVar("ItemT")

Query = Callable[[Connection], T]
Joined = Callable[[Connection, list[ItemT]], list[T | MailError]]


class Kind(Enum):
    """Which engine; the value is SQLAlchemy's name of the dialect."""

    SQLITE = "sqlite"
    POSTGRES = "postgresql"


class Database(Protocol):
    """One open database. All methods are called on the event loop that opened it.

    Every method may raise `Transient` (STORAGE_FULL, BUSY, UNAVAILABLE, SHUTTING_DOWN: nothing
    was written) or `Corrupt` (DAMAGED); what the query itself raises comes through.
    """

    kind: Kind

    async def read(self, query: Query[T], *, snapshot: bool = True) -> T:
        """Run `query` on one snapshot; it cannot write.

        Without `snapshot` each of its statements sees its own: enough for one statement, and two
        round trips cheaper on PostgreSQL.
        """
        ...

    async def write(
        self,
        query: Query[T],
        *,
        accounts: Sequence[bytes] = (),
        on_commit: Callable[[T], None] | None = None,
    ) -> T:
        """Run `query` in the next group and return when that is durable.

        `accounts` are locked first: writes of one account run one after the other, in every
        process. `on_commit` is called with the result, on the event loop, in the order of
        commits.
        """
        ...

    async def join(
        self,
        joined: Joined[ItemT, T],
        item: ItemT,
        *,
        account: bytes,
        on_commit: Callable[[T], None] | None = None,
    ) -> T:
        """Hand `item` to `joined`, with all that others join to it, in the next group.

        `joined` returns one outcome an item, in order; a `MailError` is raised to that item's
        caller alone.
        """
        ...

    async def exclusive(self, query: Query[T]) -> T:
        """Run `query` outside a transaction while nobody else here reads or writes (VACUUM)."""
        ...

    async def close(self) -> None:
        """Finish what was queued, refuse the rest, and let go of every connection."""
        ...
