"""What owners keep beside their mail, sealed, each kind with states of its own.

A record that was destroyed leaves its number and the MODSEQ of its end, until the account's change
log is pruned past it: so `/changes` is exact for as long as the log is.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict, Refused
from mailserver.model.ids import AccountId, EpochId, ModSeq, ObjectId
from mailserver.model.record import RecordChange, RecordId, RecordKind
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.changes import AccountChange, counters, log, next_modseq
from mailserver.store.driver import Sql, fetch, fetch_one, run, run_many

PER_KIND = 20_000  # bounds what one account can have us open at once


class RecordRow(NamedTuple):
    """A record as it stands."""

    record_id: RecordId
    object_id: ObjectId
    epoch: EpochId
    modseq: ModSeq
    data: Sealed


class SealedRecord(NamedTuple):
    """What a record shall hold."""

    object_id: ObjectId
    epoch: EpochId
    data: Sealed


class RecordState(NamedTuple):
    """How far a kind has come."""

    modseq: ModSeq
    """Of its last change; 0 where there never was one."""
    pruned: ModSeq
    """Up to here nobody knows any more what was destroyed."""


_LIVE = Sql(
    "SELECT record_id, object_id, epoch, modseq, data FROM records"
    " WHERE account_id = ? AND kind = ? AND data IS NOT NULL ORDER BY record_id"
)
_CHANGED = Sql(
    "SELECT record_id, created_modseq, modseq, data IS NULL FROM records"
    " WHERE account_id = ? AND kind = ? AND modseq > ? ORDER BY modseq, record_id"
)
_STATE = Sql("SELECT MAX(modseq), MAX(record_id) FROM records WHERE account_id = ? AND kind = ?")
_COUNT = Sql("SELECT COUNT(*) FROM records WHERE account_id = ? AND kind = ? AND data IS NOT NULL")
_INSERT = Sql(
    "INSERT INTO records (account_id, kind, record_id, object_id, epoch, created_modseq, modseq,"
    " at, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = Sql(
    "UPDATE records SET object_id = ?, epoch = ?, data = ?, modseq = ?, at = ?"
    " WHERE account_id = ? AND kind = ? AND record_id = ? AND data IS NOT NULL"
)
_DESTROY = Sql(
    "UPDATE records SET data = NULL, modseq = ?, at = ?"
    " WHERE account_id = ? AND kind = ? AND record_id = ? AND data IS NOT NULL"
)
# The last number stays, so that it is not given again; the last change, so that the state stands.
_FORGET = Sql(
    "DELETE FROM records WHERE account_id = ? AND kind = ? AND data IS NULL AND modseq <= ?"
    " AND record_id < ? AND modseq < ?"
)


def _state(connection: Connection, account_id: AccountId, kind: RecordKind) -> RecordState:
    _, pruned = counters(connection, account_id)
    row = fetch_one(connection, _STATE, (account_id, int(kind)))
    return RecordState(ModSeq(0 if row is None or row[0] is None else row[0]), pruned)


class Records:
    """The records of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def state(self, account_id: AccountId, kind: RecordKind) -> RecordState:
        """Return how far a kind has come. Raises Absent (NO_SUCH_USER)."""
        return await self._access.read(lambda c: _state(c, account_id, kind))

    async def listing(
        self, account_id: AccountId, kind: RecordKind
    ) -> tuple[RecordState, list[RecordRow]]:
        """Return every record of a kind, by number, and the state they show."""

        def read(connection: Connection) -> tuple[RecordState, list[RecordRow]]:
            rows = fetch(connection, _LIVE, (account_id, int(kind)))
            return _state(connection, account_id, kind), [RecordRow._make(row) for row in rows]

        return await self._access.read(read)

    async def changes(
        self, account_id: AccountId, kind: RecordKind, since: ModSeq
    ) -> tuple[RecordState, list[RecordChange]]:
        """Return what became of records after `since`, in order, as far as is known."""

        def read(connection: Connection) -> tuple[RecordState, list[RecordChange]]:
            rows = fetch(connection, _CHANGED, (account_id, int(kind), since))
            told = [RecordChange(row[0], row[1], row[2], bool(row[3])) for row in rows]
            return _state(connection, account_id, kind), told

        return await self._access.read(read)

    async def write(
        self,
        account_id: AccountId,
        kind: RecordKind,
        *,
        create: Sequence[SealedRecord] = (),
        update: Sequence[tuple[RecordId, SealedRecord]] = (),
        destroy: Sequence[RecordId] = (),
        expected: ModSeq | None = None,
    ) -> list[RecordId]:
        """Write all of it under one MODSEQ, or nothing; return the numbers of what was created.

        Raises:
            Absent: NO_SUCH_USER; NO_SUCH_MESSAGE, a record to change is not there.
            Conflict: CHANGED_MEANWHILE, the kind's state is not `expected` any more.
            Refused: LIMIT, there would be too many.
            Transient: nothing is written.
        """
        if not (create or update or destroy):
            return []
        now = self._access.now()

        def write(connection: Connection) -> Done[list[RecordId]]:
            change = AccountChange(account_id, next_modseq(connection, account_id))
            state = _state(connection, account_id, kind)
            if expected is not None and state.modseq != expected:
                raise Conflict(Condition.CHANGED_MEANWHILE, "this has just been changed")
            made = _create(connection, change, kind, create, now)
            owner, modseq = account_id, change.modseq
            for number, new in update:
                values = (new.object_id, new.epoch, new.data, modseq, now, owner, int(kind), number)
                _touched(run(connection, _UPDATE, values))
            for number in destroy:
                _touched(run(connection, _DESTROY, (modseq, now, owner, int(kind), number)))
            last = fetch_one(connection, _STATE, (owner, int(kind)))
            if last is not None and state.pruned:
                run(connection, _FORGET, (owner, int(kind), state.pruned, last[1], last[0]))
            change.records.append(int(kind))
            log(connection, [change], now)
            return Done(made, change)

        return await self._access.write(account_id, write)


def _create(
    connection: Connection,
    change: AccountChange,
    kind: RecordKind,
    create: Sequence[SealedRecord],
    now: int,
) -> list[RecordId]:
    if not create:
        return []
    owner, modseq = change.account_id, change.modseq
    there = fetch_one(connection, _COUNT, (owner, int(kind)))
    if there is not None and there[0] + len(create) > PER_KIND:
        raise Refused(Condition.LIMIT, f"{PER_KIND} of these are the most")
    row = fetch_one(connection, _STATE, (owner, int(kind)))
    last = 0 if row is None or row[1] is None else int(row[1])
    made = [RecordId(last + n) for n in range(1, len(create) + 1)]
    rows = [
        (owner, int(kind), number, new.object_id, new.epoch, modseq, modseq, now, new.data)
        for number, new in zip(made, create, strict=True)
    ]
    run_many(connection, _INSERT, rows)
    return made


def _touched(rows: int) -> None:
    if not rows:
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such object")
