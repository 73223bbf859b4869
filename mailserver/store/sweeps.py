"""What is cleared away regularly: hashes of conversations that ended, blobs without a row."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, ObjectId
from mailserver.store.access import Access, Done
from mailserver.store.database import Kind
from mailserver.store.driver import Sql, fetch, run_many

ORPHAN_AGE = timedelta(days=1)  # a blob is put before its row: younger ones may be on their way
_AT_ONCE = 1_000

FILES = Sql(
    "SELECT object_id FROM blobs WHERE place = 1"
    " UNION ALL SELECT object_id FROM queue_messages WHERE place = 1"
    " UNION ALL SELECT object_id FROM uploads WHERE place = 1"
)
"""The names of all objects that belong in the blob store."""
_THREADS = Sql(
    "SELECT DISTINCT h.thread_id FROM thread_hashes h WHERE h.account_id = ?"
    " AND h.thread_id NOT IN (SELECT m.thread_id FROM emails m WHERE m.account_id = ?)"
)
_FORGET = Sql("DELETE FROM thread_hashes WHERE account_id = ? AND thread_id = ?")


def _forget_threads(connection: Connection, account_id: AccountId) -> Done[int]:
    ended = fetch(connection, _THREADS, (account_id, account_id))
    run_many(connection, _FORGET, [(account_id, thread_id) for (thread_id,) in ended])
    return Done(len(ended))


def _truncate_log(connection: Connection) -> bool:
    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
    return busy == 0


def _batches(objects: Iterable[ObjectId]) -> Iterable[list[ObjectId]]:
    iterator = iter(objects)
    while batch := list(islice(iterator, _AT_ONCE)):
        yield batch


class Sweeps:
    """Regular work on the store; each call is short or goes in steps."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def forget_threads(self, account_id: AccountId) -> int:
        """Delete Message-ID hashes of conversations without an email; return how many."""
        return await self._access.write(account_id, lambda c: _forget_threads(c, account_id))

    async def orphans(self, before: datetime) -> list[ObjectId]:
        """Name the blobs stored before an instant that no row names.

        `before` should be `ORPHAN_AGE` ago or earlier.
        """
        # Names first, rows second: a row that comes between the two was not old enough to matter.
        old = await self._access.offload(lambda: list(self._access.blobs.stored(before=before)))
        rows = await self._access.read_once(lambda connection: fetch(connection, FILES))
        named = {ObjectId(object_id) for (object_id,) in rows}
        return [object_id for object_id in old if object_id not in named]

    async def delete_orphans(self, before: datetime) -> int:
        """Delete what `orphans` names; return how many."""
        orphans = await self.orphans(before)
        for batch in _batches(orphans):
            await self._access.drop(batch)
        return len(orphans)

    async def truncate_log(self) -> bool:
        """Empty SQLite's write-ahead log, so that erased rows leave it too; False where it is busy.

        PostgreSQL recycles its log by itself; there it is True and nothing is done.
        """
        return await truncate_log(self._access)


async def truncate_log(access: Access) -> bool:
    """Do what `Sweeps.truncate_log` does."""
    if access.database.kind is not Kind.SQLITE:
        return True
    return await access.database.exclusive(_truncate_log)
