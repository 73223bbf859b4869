"""Content keys ("epochs"), each sealed to its account; we number and keep them (PRIVACY §2)."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId, EpochId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import Lookup, Sql, fetch, fetch_one, run, run_many
from mailserver.store.instants import from_microseconds, to_microseconds


class NewEpoch(NamedTuple):
    """A content key as the vault sealed it."""

    origin: int
    """Who made it: `crypto.context.Origin`."""
    generation: int
    suite: int
    sealed: Sealed
    dep_kid: int
    """Which master key authenticates a deposit epoch; 0 for an owner's."""
    dep_mac: bytes
    created_at: datetime


class EpochRow(NamedTuple):
    """A content key as it is stored."""

    epoch: EpochId
    origin: int
    generation: int
    suite: int
    sealed: Sealed
    dep_kid: int
    dep_mac: bytes
    created_us: int

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        return from_microseconds(self.created_us)


_COLUMNS = "epoch, origin, generation, suite, sealed, dep_kid, dep_mac, created_at"
_NEXT = Sql(
    "UPDATE accounts SET next_epoch = next_epoch + 1 WHERE account_id = ? RETURNING next_epoch"
)
_INSERT = Sql(
    f"INSERT INTO epochs (account_id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
)
_ALL = Sql(f"SELECT {_COLUMNS} FROM epochs WHERE account_id = ? ORDER BY epoch")  # noqa: S608
_SOME = Lookup(
    ", ".join(f"epochs.{name}" for name in _COLUMNS.split(", ")),
    "epochs",
    [("account_id", "bytea"), ("epoch", "bigint")],
)
_REWRAP = Sql("UPDATE epochs SET sealed = ? WHERE account_id = ? AND epoch = ?")
_MARKED = Sql(
    f"SELECT account_id, {_COLUMNS} FROM epochs"  # noqa: S608
    " WHERE dep_kid NOT IN (0, ?) AND length(sealed) > ?"
    " AND (account_id > ? OR (account_id = ? AND epoch > ?))"
    " ORDER BY account_id, epoch LIMIT ?"
)
_REMARK = Sql("UPDATE epochs SET dep_kid = ?, dep_mac = ? WHERE account_id = ? AND epoch = ?")
_MARKS = Sql("SELECT dep_kid, count(*) FROM epochs WHERE length(sealed) > ? GROUP BY dep_kid")
_WRAPPED_OCTETS = 60  # a deposit that was converted has no use for its mark any more


def _create(
    connection: Connection, account_id: AccountId, make: Callable[[EpochId], NewEpoch]
) -> Done[EpochRow]:
    row = fetch_one(connection, _NEXT, (account_id,))
    if row is None:
        raise Absent(Condition.NO_SUCH_USER)
    epoch = EpochId(row[0] - 1)
    new = make(epoch)
    made = EpochRow(epoch, *new[:-1], to_microseconds(new.created_at))
    run(connection, _INSERT, (account_id, *made))
    return Done(made)


def _rows(
    connection: Connection, account_id: AccountId, numbers: Collection[EpochId] | None
) -> list[EpochRow]:
    if numbers is None:
        found = fetch(connection, _ALL, (account_id,))
    else:
        found = _SOME.rows(connection, [(account_id, number) for number in sorted(set(numbers))])
    return sorted(EpochRow._make(row) for row in found)


def _rewrap(
    connection: Connection, account_id: AccountId, wraps: Sequence[tuple[EpochId, Sealed]]
) -> Done[None]:
    run_many(connection, _REWRAP, [(sealed, account_id, epoch) for epoch, sealed in wraps])
    return Done(None)


def _marked(
    connection: Connection, kid: int, after: tuple[AccountId, EpochId], limit: int
) -> list[tuple[AccountId, EpochRow]]:
    account_id, epoch = after
    values = (kid, _WRAPPED_OCTETS, account_id, account_id, epoch, limit)
    return [
        (AccountId(owner), EpochRow._make(row))
        for owner, *row in fetch(connection, _MARKED, values)
    ]


def _remark(
    connection: Connection, account_id: AccountId, marks: Sequence[tuple[EpochId, int, bytes]]
) -> Done[None]:
    values = [(kid, mark, account_id, epoch) for epoch, kid, mark in marks]
    run_many(connection, _REMARK, values)
    return Done(None)


class Epochs:
    """The content keys of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def create(self, account_id: AccountId, make: Callable[[EpochId], NewEpoch]) -> EpochRow:
        """Take the next number, let `make` seal a key for it, and store that.

        `make` runs on the writer and holds it up: half a millisecond for HPKE is what it may take.
        Raises Absent (NO_SUCH_USER).
        """
        return await self._access.write(
            account_id, partial(_create, account_id=account_id, make=make)
        )

    async def rows(
        self, account_id: AccountId, numbers: Collection[EpochId] | None = None
    ) -> list[EpochRow]:
        """Return the epochs of these numbers that exist, or all, in order."""
        return await self._access.read_once(partial(_rows, account_id=account_id, numbers=numbers))

    async def rewrap(self, account_id: AccountId, wraps: Sequence[tuple[EpochId, Sealed]]) -> None:
        """Replace sealed keys (HPKE by a wrap under the storage key); all else stays."""
        if wraps:
            await self._access.write(
                account_id, partial(_rewrap, account_id=account_id, wraps=wraps)
            )

    async def marked_otherwise(
        self, kid: int, after: tuple[AccountId, EpochId], limit: int
    ) -> list[tuple[AccountId, EpochRow]]:
        """Return deposits that other master keys than `kid` mark, of all accounts, in key order.

        For a rotation of the master key: never on the way of a request.
        """
        return await self._access.read(partial(_marked, kid=kid, after=after, limit=limit))

    async def mark_kids(self) -> dict[int, int]:
        """Count the unconverted content keys by the master key that marks them; 0 for owners'."""
        counted = await self._access.read(
            lambda connection: fetch(connection, _MARKS, (_WRAPPED_OCTETS,))
        )
        return {int(kid): int(number) for kid, number in counted}

    async def remark(
        self, account_id: AccountId, marks: Sequence[tuple[EpochId, int, bytes]]
    ) -> None:
        """Replace the marks of deposits (epoch, master key, mark); all else stays."""
        if marks:
            await self._access.write(
                account_id, partial(_remark, account_id=account_id, marks=marks)
            )
