"""Sign-ins as their owner will read them: sealed, and kept for 90 days.

Those that failed share one device, so that nobody is known for having failed, and however many
there are, they displace none that succeeded.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds

ENTRIES = 1_000  # of one account: a script that signs in all day fills no disk
FAILURES = 100  # of one account: guesses do not either

_ADD = Sql(
    "INSERT INTO login_history (account_id, object_id, at, device, epoch, entry)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_FORGET = Sql("DELETE FROM login_history WHERE account_id = ? AND at < ?")
_OLDEST = Sql(
    "SELECT at FROM login_history WHERE account_id = ? AND device <> ?"
    " ORDER BY at DESC LIMIT 1 OFFSET ?"
)
_OVER = Sql("DELETE FROM login_history WHERE account_id = ? AND device <> ? AND at <= ?")
_OLDEST_FAILURE = Sql(
    "SELECT at FROM login_history WHERE account_id = ? AND device = ?"
    " ORDER BY at DESC LIMIT 1 OFFSET ?"
)
_FAILURES_OVER = Sql("DELETE FROM login_history WHERE account_id = ? AND device = ? AND at <= ?")
_LIST = Sql(
    "SELECT object_id, at, epoch, entry FROM login_history WHERE account_id = ?"
    " ORDER BY at DESC LIMIT ?"
)
_ANY = Sql("SELECT 1 FROM login_history WHERE account_id = ? AND device <> ? LIMIT 1")
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
        self,
        account_id: AccountId,
        row: HistoryRow,
        device: bytes,
        *,
        failures: bytes,
        since: datetime,
    ) -> None:
        """Add an entry, and forget those from before `since`.

        Args:
            account_id: whose it is.
            row: the entry.
            device: by which keyed hash it is known; `failures` for one that failed.
            failures: the device that all failures of the account have.
            since: how old the oldest may be.
        """
        oldest, over, most = _OLDEST, _OVER, ENTRIES
        if device == failures:
            oldest, over, most = _OLDEST_FAILURE, _FAILURES_OVER, FAILURES

        def write(connection: Connection) -> Done[None]:
            run(connection, _FORGET, (account_id, to_microseconds(since)))
            last = fetch_one(connection, oldest, (account_id, failures, most - 1))
            if last is not None:
                run(connection, over, (account_id, failures, last[0]))
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

    async def is_new(self, account_id: AccountId, device: bytes, *, failures: bytes) -> bool:
        """Say whether a device was not seen before, on an account that was signed in to before."""

        def read(connection: Connection) -> bool:
            if fetch_one(connection, _ANY, (account_id, failures)) is None:
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
