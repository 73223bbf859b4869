"""External accounts: servers that accounts fetch mail from, and who fetches from which now.

A worker *leases* what is due before it begins. No two workers have one external account at once,
whatever process they run in; a lease that was not given back ends by itself.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds


class ExternalRow(NamedTuple):
    """An external account as it stands."""

    account_id: AccountId
    external_id: ObjectId
    settings: Guarded
    result: Guarded
    interval_seconds: int
    failures: int
    next_at: datetime
    created_at: datetime


class NewExternal(NamedTuple):
    """An external account to be."""

    external_id: ObjectId
    settings: Guarded
    result: Guarded
    interval_seconds: int


class Ended(NamedTuple):
    """How a fetching ended: what to keep of it, and when the next one is due."""

    result: Guarded
    failures: int
    next_at: datetime


_NOBODY = bytes(16)
_COLUMNS = (
    "account_id, external_id, settings, result, interval_seconds, failures, next_at, created_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM external_accounts WHERE account_id = ?"  # noqa: S608 (no input)
_LISTING = Sql(f"{_SELECT} ORDER BY created_at, external_id")
_ONE = Sql(f"{_SELECT} AND external_id = ?")
_INSERT = Sql(
    "INSERT INTO external_accounts (account_id, external_id, settings, result, interval_seconds,"
    " failures, next_at, leased_until, leased_by, created_at) VALUES (?, ?, ?, ?, ?, 0, ?, 0, ?, ?)"
)
_EXISTS = Sql("SELECT 1 FROM accounts WHERE account_id = ?")
_DELETE = Sql("DELETE FROM external_accounts WHERE account_id = ? AND external_id = ?")
_FORGET = Sql("DELETE FROM transfer_marks WHERE account_id = ? AND source = ?")
_DUE = Sql(
    "SELECT account_id, external_id FROM external_accounts"
    " WHERE next_at <= ? AND leased_until <= ? ORDER BY next_at LIMIT ?"
)
_LEASE = Sql(
    "UPDATE external_accounts SET leased_until = ?, leased_by = ?"  # noqa: S608 (no input)
    f" WHERE account_id = ? AND external_id = ? AND leased_until <= ? RETURNING {_COLUMNS}"
)
_END = Sql(
    "UPDATE external_accounts SET result = ?, failures = ?, next_at = ?, leased_until = 0"
    " WHERE account_id = ? AND external_id = ? AND leased_by = ?"
)


def _row(found: tuple[object, ...]) -> ExternalRow:
    row = ExternalRow._make(found)
    return row._replace(
        next_at=from_microseconds(int(found[6])),  # type: ignore[call-overload]  # a BIGINT
        created_at=from_microseconds(int(found[7])),  # type: ignore[call-overload]
    )


def _add(
    connection: Connection, account_id: AccountId, new: NewExternal, bound: int, now: int
) -> Done[None]:
    if fetch_one(connection, _EXISTS, (account_id,)) is None:
        raise Absent(Condition.NO_SUCH_USER)
    if len(fetch(connection, _LISTING, (account_id,))) >= bound:
        raise Conflict(Condition.LIMIT, "this account fetches from too many servers already")
    run(connection, _INSERT, (account_id, *new, now, _NOBODY, now))
    return Done(None)


def _remove(
    connection: Connection, account_id: AccountId, external_id: ObjectId, source: bytes
) -> Done[None]:
    if not run(connection, _DELETE, (account_id, external_id)):
        raise _absent()
    run(connection, _FORGET, (account_id, source))
    return Done(None)


def _lease(
    connection: Connection,
    wanted: Sequence[tuple[AccountId, ObjectId]],
    worker: bytes,
    now: int,
    until: int,
) -> list[ExternalRow]:
    leased = []
    for account_id, external_id in wanted:
        found = fetch_one(connection, _LEASE, (until, worker, account_id, external_id, now))
        if found is not None:
            leased.append(_row(found))
    return leased


def _lease_due(
    connection: Connection, limit: int, worker: bytes, now: int, until: int
) -> list[ExternalRow]:
    due = [(AccountId(a), ObjectId(e)) for a, e in fetch(connection, _DUE, (now, now, limit))]
    return _lease(connection, due, worker, now, until)


def _absent() -> Absent:
    return Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such external account")


class Externals:
    """The external accounts of all accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(self, account_id: AccountId, new: NewExternal, *, at_most: int) -> None:
        """Add one, due at once. Raises Absent (NO_SUCH_USER), Conflict (LIMIT)."""
        await self._access.write(
            account_id,
            partial(_add, account_id=account_id, new=new, bound=at_most, now=self._access.now()),
        )

    async def listing(self, account_id: AccountId) -> list[ExternalRow]:
        """List those of an account, the oldest first."""
        rows = await self._access.read_once(lambda c: fetch(c, _LISTING, (account_id,)))
        return [_row(row) for row in rows]

    async def get(self, account_id: AccountId, external_id: ObjectId) -> ExternalRow:
        """Return one. Raises Absent (NO_SUCH_CREDENTIAL)."""
        found = await self._access.read_once(
            lambda c: fetch_one(c, _ONE, (account_id, external_id))
        )
        if found is None:
            raise _absent()
        return _row(found)

    async def remove(self, account_id: AccountId, external_id: ObjectId, source: bytes) -> None:
        """Remove one and the marks of its `source`. Raises Absent (NO_SUCH_CREDENTIAL)."""
        await self._access.write(
            account_id,
            partial(_remove, account_id=account_id, external_id=external_id, source=source),
        )

    async def lease_due(self, limit: int, *, worker: bytes, until: datetime) -> list[ExternalRow]:
        """Take for `worker` (16 octets) what is due and nobody has, the longest due first."""
        return await self._access.write_instance(
            partial(
                _lease_due,
                limit=limit,
                worker=worker,
                now=self._access.now(),
                until=to_microseconds(until),
            )
        )

    async def lease(
        self, account_id: AccountId, external_id: ObjectId, *, worker: bytes, until: datetime
    ) -> ExternalRow | None:
        """Take one whether or not it is due; None where another worker has it.

        Raises:
            Absent: NO_SUCH_CREDENTIAL.
        """
        await self.get(account_id, external_id)
        leased = await self._access.write_instance(
            partial(
                _lease,
                wanted=[(account_id, external_id)],
                worker=worker,
                now=self._access.now(),
                until=to_microseconds(until),
            )
        )
        return leased[0] if leased else None

    async def end(self, row: ExternalRow, ended: Ended, *, worker: bytes) -> None:
        """Write down how it went and give the lease back; nothing where it was removed."""
        values = (ended.result, ended.failures, to_microseconds(ended.next_at))
        await self._access.write_instance(
            lambda c: run(c, _END, (*values, row.account_id, row.external_id, worker))
        )
