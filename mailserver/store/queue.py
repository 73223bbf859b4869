"""The outgoing queue as the layers above call it."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Transient
from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.blobs import Place
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds
from mailserver.store.queue_batch import run_requests
from mailserver.store.queue_rows import (
    INSTANCE,
    NEVER,
    DestinationRow,
    Enqueue,
    NewSubmission,
    Outcome,
    Part,
    Placed,
    QueueRow,
    QueueState,
    Request,
    Settle,
    Task,
)
from mailserver.store.queue_turns import FROM_QUEUE

_BODY = Sql("SELECT envelope, data FROM queue_messages WHERE account_id = ? AND object_id = ?")
_ROW = Sql(f"{FROM_QUEUE} WHERE q.queue_id = ?")
_PAGE = Sql(f"{FROM_QUEUE} WHERE q.queue_id > ? ORDER BY q.queue_id LIMIT ?")
_OF_ACCOUNT = Sql(
    f"{FROM_QUEUE} WHERE q.account_id = ? AND q.queue_id > ? ORDER BY q.queue_id LIMIT ?"
)
_OF_DESTINATION = Sql(
    f"{FROM_QUEUE} WHERE q.destination = ? AND q.queue_id > ? ORDER BY q.queue_id LIMIT ?"
)
_OF_MESSAGE = Sql(f"{FROM_QUEUE} WHERE q.account_id = ? AND q.object_id = ? ORDER BY q.queue_id")
_NEXT_TURN = Sql("SELECT MIN(turn_at) FROM queue_destinations")
_COUNTS = Sql("SELECT state, COUNT(*) FROM queue GROUP BY state")
_AGES = Sql(
    "SELECT q.state, COUNT(*),"
    " SUM(CASE WHEN q.expires_at < ? THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN q.expires_at < ? THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN q.expires_at < ? THEN 1 ELSE 0 END),"
    " MIN(q.expires_at) FROM queue q GROUP BY q.state"
)
_DESTINATIONS = Sql(
    "SELECT d.destination, d.domain, d.turn_at, d.rest_until, d.paused,"
    " (SELECT COUNT(*) FROM queue q WHERE q.destination = d.destination AND q.state = 1),"
    " (SELECT MIN(q.next_at) FROM queue q WHERE q.destination = d.destination AND q.state = 0)"
    " FROM queue_destinations d WHERE d.destination >= ? ORDER BY d.destination LIMIT ?"
)

_REGUARD = {
    Part.ITEM: Sql("UPDATE queue SET item = ? WHERE queue_id = ? AND item = ?"),
    Part.ENVELOPE: Sql(
        "UPDATE queue_messages SET envelope = ? WHERE object_id = ? AND envelope = ?"
        " AND account_id = ?"
    ),
    Part.DOMAIN: Sql(
        "UPDATE queue_destinations SET domain = ? WHERE destination = ? AND domain = ?"
    ),
}

AGES = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1))
"""What rows of the queue are counted by."""
_MICROSECOND = timedelta(microseconds=1)

FIRST = QueueId(b"")
"""Before every row: where a list begins."""


class Waiting(NamedTuple):
    """Rows of a state: how many, how many of them older than each of `AGES`, and the oldest."""

    state: QueueState
    rows: int
    older: tuple[int, ...]
    oldest_at: datetime
    """When it was released to be sent."""


class Reguarded(NamedTuple):
    """Guarded octets of the instance, sealed anew: which, what stood there, and what shall."""

    part: Part
    name: bytes
    old: Guarded
    new: Guarded


class StoredBody(NamedTuple):
    """A submission's envelope, which has the key, and its ciphertext."""

    envelope: Guarded
    body: Guarded


def _rows(connection: Connection, sql: Sql, values: tuple[object, ...]) -> list[QueueRow]:
    return [QueueRow._make(row) for row in fetch(connection, sql, values)]


def _reguard(connection: Connection, changes: Sequence[Reguarded]) -> None:
    for part, name, old, new in sorted(changes):  # in one order, as locks are always taken
        values = (new, name, old)
        run(connection, _REGUARD[part], (*values, INSTANCE) if part is Part.ENVELOPE else values)


class Queue:
    """Mail that waits to be sent, of all accounts and of the instance."""

    def __init__(self, access: Access, row_octets: int) -> None:
        """Use the store's `access`; bodies above `row_octets` go to the blob store."""
        self._access = access
        self._row_octets = row_octets
        self.per_destination = 20
        """How many rows of one destination are leased at once, by all processes together."""

    async def enqueue(self, submission: NewSubmission) -> None:
        """Store a submission, joined with all that is asked at the same time; durable on return.

        Raises:
            Absent: NO_SUCH_USER, there is no such account.
            Transient: STORAGE_FULL, BUSY, UNAVAILABLE; nothing is stored.
        """
        placed = await self._placed(submission)
        try:
            await self._ask(submission.account_id, Enqueue(placed))
        except Absent:  # only then is it certain that no row names it
            await self._access.drop([submission.object_id] if placed.place else [])
            raise

    async def settle(self, settle: Settle, report: NewSubmission | None = None) -> bool:
        """Write down a sender's word, with a report; False where its lease does not stand.

        The report is stored exactly if the word is.
        """
        placed = None if report is None else await self._placed(report)
        task = Settle(settle.row, settle.lease, settle.done, settle.again, placed)
        outcome = await self._ask(settle.row.account_id, task)
        if not outcome.changed and placed is not None and placed.place:
            await self._access.drop([placed.submission.object_id])
        return bool(outcome.changed)

    async def ask(self, task: Task, account_id: AccountId = INSTANCE) -> Outcome:
        """Do what changes leases, rows or destinations; durable on return."""
        return await self._ask(account_id, task)

    async def _ask(self, account_id: AccountId, task: Task) -> Outcome:
        request = Request(task, self._access.now(), self.per_destination)
        outcome = await self._access.join(account_id, run_requests, request)
        with suppress(Transient):  # the write is done; what stays behind is for the sweep
            await self._access.drop(outcome.dropped)
        return outcome

    async def _placed(self, submission: NewSubmission) -> Placed:
        """Put a large body where it belongs."""
        body = submission.body
        if len(body) <= self._row_octets:
            return Placed(submission, Place.ROW, hashlib.sha256(body).digest())
        await self._access.offload(partial(self._access.blobs.put, submission.object_id, body))
        digest = await self._access.offload(lambda: hashlib.sha256(body).digest())
        return Placed(submission, Place.FILE, digest)

    async def body(self, account_id: AccountId, object_id: ObjectId) -> StoredBody:
        """Return a message.

        Raises:
            Absent: NO_SUCH_MESSAGE, it went with its last recipient.
            Corrupt: DAMAGED, it is missing outside of the database.
        """
        row = await self._access.read_once(
            lambda connection: fetch_one(connection, _BODY, (account_id, object_id))
        )
        if row is None:
            raise Absent(Condition.NO_SUCH_MESSAGE, "it is no longer in the queue")
        envelope, data = row
        if data is None:
            data = await self._access.stored_body(object_id)
        return StoredBody(Guarded(envelope), Guarded(data))

    async def row(self, queue_id: QueueId) -> QueueRow:
        """Return a row. Raises Absent (NO_SUCH_MESSAGE)."""
        found = await self._access.read_once(lambda c: _rows(c, _ROW, (queue_id,)))
        if not found:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such entry in the queue")
        return found[0]

    async def rows(
        self,
        limit: int,
        after: QueueId = FIRST,
        *,
        account_id: AccountId | None = None,
        destination: bytes | None = None,
    ) -> list[QueueRow]:
        """List rows after one, the oldest first; of one account or destination, where named."""
        sql: Sql = _PAGE
        chosen: tuple[bytes, ...] = ()
        if account_id is not None:
            sql, chosen = _OF_ACCOUNT, (account_id,)
        elif destination is not None:
            sql, chosen = _OF_DESTINATION, (destination,)
        values = (*chosen, after, limit)
        return await self._access.read_once(lambda c: _rows(c, sql, values))

    async def submission_of(self, account_id: AccountId, queue_id: QueueId) -> list[QueueRow]:
        """Return all rows left of the submission that a row of the account belongs to.

        Raises:
            Absent: NO_SUCH_MESSAGE, the account has no such row.
        """
        row = await self.row(queue_id)
        if row.account_id != account_id:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such entry in the queue")
        values = (account_id, row.object_id)
        rows = await self._access.read_once(lambda c: _rows(c, _OF_MESSAGE, values))
        return rows or [row]

    async def destinations(self, limit: int, first: bytes = b"") -> list[DestinationRow]:
        """List the destinations from `first` on, in the order of their hashes."""
        found = await self._access.read_once(lambda c: fetch(c, _DESTINATIONS, (first, limit)))
        return [DestinationRow._make(row) for row in found]

    async def counts(self) -> dict[QueueState, int]:
        """Count the rows of each state; this looks at all of them."""
        found = await self._access.read_once(lambda connection: fetch(connection, _COUNTS))
        return {QueueState(state): count for state, count in found}

    async def ages(self, life: timedelta) -> list[Waiting]:
        """Count the rows of each state by age; this looks at all of them.

        Args:
            life: for how long a row is tried, which tells from its end when it was released.
        """
        now = self._access.now()
        released = to_microseconds(from_microseconds(now) + life)
        values = tuple(released - age // _MICROSECOND for age in AGES)
        found = await self._access.read_once(lambda c: fetch(c, _AGES, values))
        return [
            Waiting(
                QueueState(state),
                int(count),
                tuple(int(older) for older in older_than),
                from_microseconds(first) - life,
            )
            for state, count, *older_than, first in found
        ]

    async def reguard(self, changes: Sequence[Reguarded]) -> None:
        """Replace guarded octets of the instance, those that nobody changed meanwhile."""
        await self._access.write_instance(lambda connection: _reguard(connection, changes))

    async def next_turn(self) -> int | None:
        """Say when the next destination has its turn, in microseconds; None: nothing waits."""
        rows = await self._access.read_once(lambda connection: fetch(connection, _NEXT_TURN))
        turn: int | None = rows[0][0]
        return None if turn in (None, NEVER) else turn
