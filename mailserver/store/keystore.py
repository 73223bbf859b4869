"""The keystore: who may open, sign in and receive, in a database of its own (PRIVACY §1).

This module moves rows and knows nothing of what they say: the vault seals and opens them.
Everything that changes together is one `apply` of steps, hence one transaction; each replacement
names the octets it replaces, so that of two that raced one is refused instead of lost.

Reads are cached. Every change raises `revision`, and a cache that has not looked at it for `FRESH`
looks before it answers: so a revocation on one node is seen by every other within that time
(PRIVACY §6). A write of this process drops its own rows at the commit.

What a step deletes or replaces is *condemned*: `purge` makes sure its octets leave the files too.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Self

from sqlalchemy import Connection, and_, func, or_, select

from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.store.database import Database
from mailserver.store.driver import Sql, fetch
from mailserver.store.engine import open_database
from mailserver.store.keystore_purge import Purged, purge_files
from mailserver.store.keystore_steps import (
    Delete,
    DeleteAll,
    Gone,
    Insert,
    Replace,
    Require,
    Row,
    Step,
    apply_steps,
    is_loud,
)
from mailserver.store.keystore_tables import TABLES, Rows, revision
from mailserver.store.migrate import Which, require_current

__all__ = [
    "FRESH",
    "Delete",
    "DeleteAll",
    "Insert",
    "Keystore",
    "Replace",
    "Require",
    "Row",
    "Step",
]

FRESH = timedelta(seconds=2)  # PRIVACY §6 allows 5 s from revoking to closing
CACHED_LISTS = 50_000  # of about 2 KB: one account's rows in one table each
LISTED_AT_ONCE = 500  # parameters of one statement
CONDEMNED = 256  # what a purge looks for in the files; older octets went by the same VACUUM

# The statements on the way of a sign-in; through SQLAlchemy's compiler they cost thrice as much.
_OF = {
    rows: Sql(
        "SELECT account_id, row_id, selector, kid, sealed"  # noqa: S608 (names of our own)
        f" FROM {rows.value} WHERE account_id = ? ORDER BY row_id"
    )
    for rows in Rows
}
_REVISION = Sql(f"SELECT number FROM {revision.name}")  # noqa: S608

_TURN = (b"\0",)  # one name for all, so that changes queue behind each other


class Keystore:
    """The open keystore. All methods are called on the event loop that opened it."""

    def __init__(self, database: Database, url: str, clock: Clock) -> None:
        """Use `database`, which `url` names; `open` does both."""
        self._database = database
        self._url = url
        self._clock = clock
        self._lists: OrderedDict[tuple[Rows, bytes], tuple[Row, ...]] = OrderedDict()
        self._generation = 0
        self._revision = -1
        self._checked_at = float("-inf")
        self._condemned: list[bytes] = []

    @classmethod
    async def open(cls, url: str, *, clock: Clock) -> Self:
        """Open the keystore at `url`, whose tables the migrations made.

        Raises:
            Misconfigured: the URL is wrong, or the schema is not this program's.
            Transient: UNAVAILABLE, the database does not answer.
        """
        database = await open_database(url, lock=_in_turn)
        keystore = cls(database, url, clock)
        try:
            await require_current(database, Which.KEYSTORE)
            await keystore.changed()
        except BaseException:
            await database.close()
            raise
        return keystore

    @property
    def database(self) -> Database:
        """The database itself, for what copies it whole."""
        return self._database

    @property
    def revision(self) -> int:
        """The number of the last change this process has seen."""
        return self._revision

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        self._lists.clear()
        await self._database.close()

    async def of(self, rows: Rows, account_id: AccountId) -> tuple[Row, ...]:
        """Return an account's rows of one table, in the order of their ids; at most `FRESH` old."""
        await self._look()
        key = (rows, bytes(account_id))
        known = self._lists.get(key)
        if known is not None:
            self._lists.move_to_end(key)
            return known
        generation = self._generation
        found = await self._database.read(
            partial(_of, rows=rows, account_id=account_id), snapshot=False
        )
        if generation == self._generation:  # else a write passed us by: this may be the old state
            self._lists[key] = found
            while len(self._lists) > CACHED_LISTS:
                self._lists.popitem(last=False)
        return found

    async def one(self, rows: Rows, account_id: AccountId, row_id: bytes) -> Row | None:
        """Return one row, at most `FRESH` old."""
        for row in await self.of(rows, account_id):
            if row.row_id == row_id:
                return row
        return None

    async def fresh(self, rows: Rows, account_id: AccountId) -> tuple[Row, ...]:
        """Return what `of` returns, but read now; for what is to be replaced, and for HEADS."""
        return await self._database.read(
            partial(_of, rows=rows, account_id=account_id), snapshot=False
        )

    async def selected(self, rows: Rows, account_id: AccountId, selector: bytes) -> tuple[Row, ...]:
        """Return an account's rows under `selector`: a few, where prefixes collide.

        Where there are none we look again at once: another process may have made one just now.
        """
        found = tuple(row for row in await self.of(rows, account_id) if row.selector == selector)
        if not found and await self.changed():
            listed = await self.of(rows, account_id)
            found = tuple(row for row in listed if row.selector == selector)
        return found

    async def living(
        self, rows: Rows, account_ids: Collection[AccountId]
    ) -> set[tuple[AccountId, bytes]]:
        """Name the rows that those accounts have now: account and row id, read afresh."""
        query = partial(_living, rows=rows, account_ids=list(account_ids))
        return await self._database.read(query)

    async def anywhere(self, rows: Rows, selector: bytes) -> tuple[Row, ...]:
        """Return any account's rows under `selector`, read afresh: cookies name no account."""
        return await self._database.read(partial(_anywhere, rows=rows, selector=selector))

    async def page(
        self, rows: Rows, after: Row | None = None, *, limit: int = 500, but_kid: int | None = None
    ) -> tuple[Row, ...]:
        """Return up to `limit` rows in key order behind `after`, read afresh.

        Those that `but_kid` seals are left out.
        """
        query = partial(_page, rows=rows, after=after, limit=limit, but_kid=but_kid)
        return await self._database.read(query)

    async def kids(self, rows: Rows) -> dict[int, int]:
        """Count the rows of a table by the master key that seals them."""
        return await self._database.read(partial(_kids, rows=rows))

    async def apply(self, steps: Sequence[Step]) -> None:
        """Do all of `steps`, in order, or none; returns when that is durable.

        Raises:
            Conflict: ALREADY_EXISTS or CHANGED_MEANWHILE, see the steps; nothing was done.
        """
        loud = is_loud(steps)
        query = partial(apply_steps, steps=tuple(steps))
        await self._database.write(
            query,
            accounts=_TURN if loud else (),
            on_commit=self._forget if loud else None,
        )

    def _forget(self, gone: Gone) -> None:
        """Drop what a commit of this process made stale; runs in the order of commits."""
        self._generation += 1
        for key in gone.touched:
            self._lists.pop(key, None)
        self._condemned = (self._condemned + gone.octets)[-CONDEMNED:]

    async def changed(self) -> bool:
        """Look at the revision now; True, and the cache emptied, where it moved.

        Raises:
            Transient: the database does not answer. Past 30 s of that, whatever is open must be
            closed.
        """
        began_at = self._clock.monotonic()
        number = await self._database.read(_revision, snapshot=False)
        moved = number != self._revision
        if moved:
            self._revision = number
            self._generation += 1
            self._lists.clear()
        self._checked_at = max(self._checked_at, began_at)
        return moved

    async def _look(self) -> None:
        if self._clock.monotonic() - self._checked_at >= FRESH.total_seconds():
            await self.changed()

    @property
    def has_condemned(self) -> bool:
        """Whether this process deleted or replaced rows since the last purge."""
        return bool(self._condemned)

    async def purge(self) -> Purged:
        """Make sure that what was deleted is gone from the files, and say how sure that is.

        Only what this process condemned is looked for; the clearing itself covers every deleted
        row.

        Raises:
            Transient: the database is busy or away; nothing is lost, try again.
        """
        condemned, self._condemned = self._condemned, []
        try:
            return await purge_files(self._database, self._url, condemned)
        except BaseException:
            self._condemned = (condemned + self._condemned)[-CONDEMNED:]
            raise


def _of(connection: Connection, *, rows: Rows, account_id: AccountId) -> tuple[Row, ...]:
    return _read(fetch(connection, _OF[rows], (bytes(account_id),)))


def _living(
    connection: Connection, *, rows: Rows, account_ids: list[AccountId]
) -> set[tuple[AccountId, bytes]]:
    table = TABLES[rows]
    found: set[tuple[AccountId, bytes]] = set()
    for start in range(0, len(account_ids), LISTED_AT_ONCE):
        some = account_ids[start : start + LISTED_AT_ONCE]
        query = select(table.c.account_id, table.c.row_id).where(table.c.account_id.in_(some))
        found.update((AccountId(row[0]), bytes(row[1])) for row in connection.execute(query))
    return found


def _anywhere(connection: Connection, *, rows: Rows, selector: bytes) -> tuple[Row, ...]:
    table = TABLES[rows]
    return _read(connection.execute(select(table).where(table.c.selector == selector)).all())


def _page(
    connection: Connection, *, rows: Rows, after: Row | None, limit: int, but_kid: int | None
) -> tuple[Row, ...]:
    table = TABLES[rows]
    query = select(table).order_by(table.c.account_id, table.c.row_id).limit(limit)
    if after is not None:
        query = query.where(
            or_(
                table.c.account_id > after.account_id,
                and_(table.c.account_id == after.account_id, table.c.row_id > after.row_id),
            )
        )
    if but_kid is not None:
        query = query.where(table.c.kid != but_kid)
    return _read(connection.execute(query).all())


def _kids(connection: Connection, *, rows: Rows) -> dict[int, int]:
    table = TABLES[rows]
    query = select(table.c.kid, func.count()).group_by(table.c.kid).order_by(table.c.kid)
    return {kid: number for kid, number in connection.execute(query).all()}


def _read(found: Iterable[Sequence[object]]) -> tuple[Row, ...]:
    return tuple(Row(*values) for values in found)  # type: ignore[arg-type]  # columns in Row's order


def _revision(connection: Connection) -> int:
    (row,) = fetch(connection, _REVISION)
    return int(row[0])


def _in_turn(connection: Connection, _: Sequence[bytes]) -> None:
    """Hold back other processes' changes; taken first, no two wait for it in a circle."""
    connection.execute(select(revision.c.number).with_for_update())
