"""Exports that people asked for: who writes at which, how far it is, and until when it is kept.

An export is written by the process that *claimed* it; a claim ends by itself, so that another goes
on with what a process left that died.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import Row, Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds

CLAIM = timedelta(minutes=1)
"""How long a process that says nothing keeps others from going on."""


class ExportState(IntEnum):
    """How far an export is; the number is what is stored."""

    MAKING = 1
    READY = 2
    FAILED = 3


class ExportRow(NamedTuple):
    """An export as it stands."""

    export_id: ObjectId
    epoch: EpochId
    secret: Sealed
    state: ExportState
    began_at: datetime
    expires_at: datetime
    claimed_until: datetime
    messages: int
    done: int
    octets: int


_COLUMNS = (
    "export_id, epoch, secret, state, created_at, expires_at, claimed_until, messages, done, octets"
)
_LISTING = Sql(
    f"SELECT {_COLUMNS} FROM exports WHERE account_id = ? AND expires_at > ?"  # noqa: S608
    " ORDER BY created_at DESC"
)
_EXISTS = Sql("SELECT 1 FROM accounts WHERE account_id = ?")
_MAKING = Sql("SELECT 1 FROM exports WHERE account_id = ? AND state = ? AND expires_at > ?")
_ADD = Sql(
    f"INSERT INTO exports (account_id, {_COLUMNS})"  # noqa: S608 (no input)
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)"
)
_CLAIM = Sql(
    "UPDATE exports SET claimed_until = ? WHERE account_id = ? AND export_id = ? AND state = ?"
    " AND claimed_until <= ?"
)
_PROGRESS = Sql(
    "UPDATE exports SET claimed_until = ?, done = ?, octets = ?"
    " WHERE account_id = ? AND export_id = ? AND state = ?"
)
_END = Sql(
    "UPDATE exports SET state = ?, expires_at = ?, claimed_until = 0, done = ?, octets = ?"
    " WHERE account_id = ? AND export_id = ?"
)
_REMOVE = Sql("DELETE FROM exports WHERE account_id = ? AND export_id = ?")
_EXPIRED = Sql("DELETE FROM exports WHERE expires_at <= ?")
_NAMES = Sql("SELECT account_id, export_id FROM exports")


def _row(found: Row) -> ExportRow:
    export_id, epoch, secret, state, began, expires, claimed, messages, done, octets = found
    return ExportRow(
        ObjectId(export_id),
        EpochId(epoch),
        Sealed(secret),
        ExportState(state),
        *(from_microseconds(began), from_microseconds(expires), from_microseconds(claimed)),
        *(messages, done, octets),
    )


def _add(connection: Connection, values: Row, now: int) -> Done[None]:
    owner = values[0]
    if fetch_one(connection, _EXISTS, (owner,)) is None:
        raise Absent(Condition.NO_SUCH_USER)
    if fetch_one(connection, _MAKING, (owner, int(ExportState.MAKING), now)) is not None:
        raise Conflict(Condition.ALREADY_EXISTS, "an export is being made already")
    run(connection, _ADD, values)
    return Done(None)


class Exports:
    """The exports of all accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(
        self,
        account_id: AccountId,
        export_id: ObjectId,
        epoch: EpochId,
        secret: Sealed,
        *,
        messages: int,
        expires_at: datetime,
    ) -> None:
        """Begin an export of `messages`, claimed by the caller.

        Raises:
            Absent: NO_SUCH_USER.
            Conflict: ALREADY_EXISTS, one of the account is being made.
        """
        now = self._access.now()
        making, until = int(ExportState.MAKING), now + _micro(CLAIM)
        times = (now, to_microseconds(expires_at), until)
        values = (account_id, export_id, epoch, secret, making, *times, messages)
        await self._access.write(account_id, partial(_add, values=values, now=now))

    async def listing(self, account_id: AccountId) -> list[ExportRow]:
        """List those of an account that did not expire, the newest first."""
        wanted = (account_id, self._access.now())
        return [_row(r) for r in await self._access.read_once(lambda c: fetch(c, _LISTING, wanted))]

    async def claim(self, account_id: AccountId, export_id: ObjectId) -> bool:
        """Take on an export that nobody writes at; say whether it is the caller's now."""
        now, making = self._access.now(), int(ExportState.MAKING)
        values = (now + _micro(CLAIM), account_id, export_id, making, now)
        return bool(await self._access.write_instance(lambda c: run(c, _CLAIM, values)))

    async def progress(
        self, account_id: AccountId, export_id: ObjectId, done: int, octets: int, *, kept: bool
    ) -> bool:
        """Write down how far it is, and keep the claim or give it back; False: it is gone."""
        until = self._access.now() + _micro(CLAIM) if kept else 0
        values = (until, done, octets, account_id, export_id, int(ExportState.MAKING))
        return bool(await self._access.write_instance(lambda c: run(c, _PROGRESS, values)))

    async def end(
        self,
        account_id: AccountId,
        export_id: ObjectId,
        state: ExportState,
        expires_at: datetime,
        *,
        done: int = 0,
        octets: int = 0,
    ) -> None:
        """Write down that it is whole, or failed."""
        values = (int(state), to_microseconds(expires_at), done, octets, account_id, export_id)
        await self._access.write_instance(lambda c: run(c, _END, values))

    async def remove(self, account_id: AccountId, export_id: ObjectId) -> None:
        """Delete one, and with it the key of its files; it may be gone already."""
        await self._access.write_instance(lambda c: run(c, _REMOVE, (account_id, export_id)))

    async def sweep(self) -> int:
        """Delete those that expired; return how many."""
        now = self._access.now()
        return await self._access.write_instance(lambda c: run(c, _EXPIRED, (now,)))

    async def names(self) -> Sequence[tuple[AccountId, ObjectId]]:
        """Name every export, with whose it is."""
        rows = await self._access.read_once(lambda c: fetch(c, _NAMES, ()))
        return [(AccountId(owner), ObjectId(export)) for owner, export in rows]


def _micro(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
