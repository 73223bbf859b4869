"""Sign-ins as their owner will read them: sealed, and kept for 90 days."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds

ENTRIES = 1_000  # of one account: a script that signs in all day fills no disk

_ADD = Sql(
    "INSERT INTO login_history (account_id, object_id, at, device, epoch, entry)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_FORGET = Sql("DELETE FROM login_history WHERE account_id = ? AND at < ?")
_OLDEST = Sql("SELECT at FROM login_history WHERE account_id = ? ORDER BY at DESC LIMIT 1 OFFSET ?")
_LIST = Sql(
    "SELECT object_id, at, epoch, entry FROM login_history WHERE account_id = ?"
    " ORDER BY at DESC LIMIT ?"
)
_ANY = Sql("SELECT 1 FROM login_history WHERE account_id = ? LIMIT 1")
_KNOWN = Sql("SELECT 1 FROM login_history WHERE account_id = ? AND device = ? LIMIT 1")


class HistoryRow(NamedTuple):
    """One entry as it stands."""

    object_id: ObjectId
    at: datetime
    epoch: EpochId
    entry: Sealed


class LoginHistory:
    """The sign-ins of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(
        self, account_id: AccountId, row: HistoryRow, device: bytes, *, since: datetime
    ) -> None:
        """Add an entry, and forget those from before `since`."""

        def write(connection: Connection) -> Done[None]:
            over = fetch_one(connection, _OLDEST, (account_id, ENTRIES - 1))
            kept_from = to_microseconds(since)
            if over is not None:
                kept_from = max(kept_from, int(over[0]) + 1)
            run(connection, _FORGET, (account_id, kept_from))
            values = (
                account_id,
                row.object_id,
                to_microseconds(row.at),
                device,
                row.epoch,
                row.entry,
            )
            run(connection, _ADD, values)
            return Done(None)

        await self._access.write(account_id, write)

    async def is_new(self, account_id: AccountId, device: bytes) -> bool:
        """Say whether a device was not seen before, on an account that was signed in to before."""

        def read(connection: Connection) -> bool:
            if fetch_one(connection, _ANY, (account_id,)) is None:
                return False
            return fetch_one(connection, _KNOWN, (account_id, device)) is None

        return await self._access.read_once(read)

    async def listing(self, account_id: AccountId, limit: int) -> list[HistoryRow]:
        """Return the newest entries, newest first."""
        rows = await self._access.read_once(lambda c: fetch(c, _LIST, (account_id, limit)))
        return [
            HistoryRow(ObjectId(name), from_microseconds(at), EpochId(epoch), Sealed(entry))
            for name, at, epoch, entry in rows
        ]
