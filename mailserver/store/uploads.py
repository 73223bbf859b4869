"""What owners upload before they make something of it: sealed, for an hour, in any process.

Large ciphertext lies in the blob store like that of messages. What is kept is bounded for each
account; of one account's the oldest goes first.
"""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.blobs import Place
from mailserver.store.driver import Row, Sql, fetch, fetch_one, run, run_many

KEPT = timedelta(hours=1)
UPLOADS_EACH = 200
OCTETS_EACH = 320 * 1024 * 1024  # two of the largest messages

_EXISTS = Sql("SELECT 1 FROM accounts WHERE account_id = ?")
_ADD = Sql(
    "INSERT INTO uploads (account_id, object_id, epoch, expires_at, place, sealed_octets, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NEWEST = Sql(
    "SELECT object_id, place, sealed_octets, expires_at FROM uploads WHERE account_id = ?"
    " ORDER BY expires_at DESC, object_id"
)
_GET = Sql(
    "SELECT epoch, data FROM uploads WHERE account_id = ? AND object_id = ? AND expires_at > ?"
)
_EXPIRED = Sql(
    "SELECT account_id, object_id, place FROM uploads WHERE expires_at <= ?"
    " ORDER BY expires_at LIMIT 1000"
)
_DELETE = Sql("DELETE FROM uploads WHERE account_id = ? AND object_id = ?")


class UploadRow(NamedTuple):
    """An upload as it is stored."""

    object_id: ObjectId
    epoch: EpochId
    data: Sealed


def _add(connection: Connection, values: Row, now: int, octets_each: int) -> Done[None]:
    owner, octets = values[0], values[5]
    if fetch_one(connection, _EXISTS, (owner,)) is None:
        raise Absent(Condition.NO_SUCH_USER)
    over: list[Row] = []
    kept = 1
    for object_id, place, own_octets, expires_at in fetch(connection, _NEWEST, (owner,)):
        kept += 1
        octets += own_octets
        if kept > UPLOADS_EACH or octets > octets_each or expires_at <= now:
            over.append((owner, object_id, place))
    run(connection, _ADD, values)
    return Done(None, dropped=_deleted(connection, over))


def _sweep(connection: Connection, now: int) -> tuple[int, list[ObjectId]]:
    expired = fetch(connection, _EXPIRED, (now,))
    return len(expired), _deleted(connection, expired)


def _deleted(connection: Connection, rows: list[Row]) -> list[ObjectId]:
    """Delete rows (account, object, place); return the objects that lie outside of them."""
    run_many(connection, _DELETE, [row[:2] for row in rows])
    return [ObjectId(object_id) for _, object_id, place in rows if place == Place.FILE]


class Uploads:
    """The uploads of all accounts."""

    def __init__(self, access: Access, row_octets: int) -> None:
        """Use the store's `access`; ciphertext above `row_octets` goes to the blob store."""
        self._access = access
        self._row_octets = row_octets
        self.octets_each = OCTETS_EACH
        """How much an account may have."""

    async def add(self, account_id: AccountId, new: UploadRow) -> None:
        """Keep an upload for an hour; the oldest go where the account has too much.

        Raises:
            Absent: NO_SUCH_USER.
            Transient: STORAGE_FULL, BUSY, UNAVAILABLE; nothing is kept.
        """
        access, now = self._access, self._access.now()
        until = now + int(KEPT.total_seconds() * 1_000_000)
        place = Place.ROW if len(new.data) <= self._row_octets else Place.FILE
        if place is Place.FILE:
            await access.offload(partial(access.blobs.put, new.object_id, new.data))
        data = new.data if place is Place.ROW else None
        values = (account_id, new.object_id, new.epoch, until, int(place), len(new.data), data)
        try:
            await access.write(account_id, lambda c: _add(c, values, now, self.octets_each))
        except Absent:  # only then is it certain that no row names it
            await access.drop([new.object_id] if place is Place.FILE else [])
            raise

    async def get(self, account_id: AccountId, object_id: ObjectId) -> UploadRow:
        """Return an upload.

        Raises:
            Absent: NO_SUCH_MESSAGE, there is no such upload, or not any more.
            Corrupt: DAMAGED, its ciphertext is missing.
        """
        wanted = (account_id, object_id, self._access.now())
        row = await self._access.read_once(lambda connection: fetch_one(connection, _GET, wanted))
        if row is None:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such upload")
        epoch, data = row
        sealed = await self._access.stored_body(object_id) if data is None else Sealed(data)
        return UploadRow(object_id, EpochId(epoch), sealed)

    async def sweep(self) -> int:
        """Delete what expired; return how many.

        Raises:
            Transient: the store does not answer; the next sweep goes on.
        """
        swept, now = 0, self._access.now()
        while True:
            some, dropped = await self._access.write_instance(partial(_sweep, now=now))
            await self._access.drop(dropped)
            swept += some
            if not some:
                return swept
