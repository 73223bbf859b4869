"""The audit log's rows and its signed checkpoints, which `audit` makes (PRIVACY §17).

Rows are only ever added, and dropped from the beginning when their time is over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Condition, Conflict
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.driver import Sql, run
from mailserver.store.instants import from_microseconds, to_microseconds
from mailserver.store.tables import audit, audit_checkpoints


class AuditRow(NamedTuple):
    """One entry: what is in clear beside it is for finding it; the hashed octets decide."""

    number: int
    account_id: AccountId | None
    event: str
    at: datetime
    entry: Guarded
    """The canonical entry; its personal fields are ciphertext."""
    hash: bytes
    previous: bytes


class CheckpointRow(NamedTuple):
    """The hash of an entry, signed."""

    number: int
    at: datetime
    hash: bytes
    signature: bytes


_ROWS = select(
    audit.c.seq,
    audit.c.subject,
    audit.c.event,
    audit.c.at,
    audit.c.entry,
    audit.c.hash,
    audit.c.prev_hash,
)
_CHECKPOINTS = select(
    audit_checkpoints.c.seq,
    audit_checkpoints.c.at,
    audit_checkpoints.c.hash,
    audit_checkpoints.c.signature,
)


_CHECKPOINT = Sql(
    "INSERT INTO audit_checkpoints (seq, at, hash, signature) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (seq) DO NOTHING"
)


def _rows(connection: Connection, chosen: Select[Any]) -> list[AuditRow]:
    return [
        AuditRow(
            number,
            None if subject is None else AccountId(subject),
            event,
            from_microseconds(at),
            Guarded(entry),
            own,
            previous,
        )
        for number, subject, event, at, entry, own, previous in connection.execute(chosen)
    ]


def _checkpoints(connection: Connection, chosen: Select[Any]) -> list[CheckpointRow]:
    return [
        CheckpointRow(number, from_microseconds(at), own, signature)
        for number, at, own, signature in connection.execute(chosen)
    ]


def _append(connection: Connection, rows: Sequence[AuditRow]) -> None:
    values = [
        {
            "seq": row.number,
            "at": to_microseconds(row.at),
            "event": row.event,
            "subject": row.account_id,
            "prev_hash": row.previous,
            "entry": row.entry,
            "hash": row.hash,
        }
        for row in rows
    ]
    try:
        connection.execute(insert(audit), values)
    except IntegrityError as taken:
        raise Conflict(
            Condition.CHANGED_MEANWHILE, "the audit log has entries with these numbers"
        ) from taken


def _add_checkpoint(connection: Connection, row: CheckpointRow) -> None:
    # Another process may sign the same end at the same moment.
    run(connection, _CHECKPOINT, (row.number, to_microseconds(row.at), row.hash, row.signature))


def _prune(connection: Connection, up_to: int) -> int:
    connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.seq < up_to))
    return connection.execute(delete(audit).where(audit.c.seq <= up_to)).rowcount


class AuditLog:
    """The rows of the audit log."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def append(self, rows: Sequence[AuditRow]) -> None:
        """Add `rows`, all or none. Raises Conflict (CHANGED_MEANWHILE), a number is taken."""
        await self._access.write_instance(lambda connection: _append(connection, rows))

    async def rows(self, after: int, limit: int) -> list[AuditRow]:
        """Return up to `limit` entries behind number `after`, in order."""
        chosen = _ROWS.where(audit.c.seq > after).order_by(audit.c.seq).limit(limit)
        return await self._access.read(lambda connection: _rows(connection, chosen))

    async def newest(self, limit: int, *, before: int | None = None) -> list[AuditRow]:
        """Return up to `limit` entries, newest first; those with a number below `before`."""
        chosen = _ROWS.order_by(audit.c.seq.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(audit.c.seq < before)
        return await self._access.read(lambda connection: _rows(connection, chosen))

    async def of_account(
        self, account_id: AccountId, limit: int, *, before: int | None = None
    ) -> list[AuditRow]:
        """Return up to `limit` entries that concern an account, newest first."""
        chosen = _ROWS.where(audit.c.subject == account_id).order_by(audit.c.seq.desc())
        if before is not None:
            chosen = chosen.where(audit.c.seq < before)
        chosen = chosen.limit(limit)
        return await self._access.read(lambda connection: _rows(connection, chosen))

    async def last(self) -> AuditRow | None:
        """Return the newest entry."""
        chosen = _ROWS.order_by(audit.c.seq.desc()).limit(1)
        rows = await self._access.read(lambda connection: _rows(connection, chosen))
        return rows[0] if rows else None

    async def add_checkpoint(self, row: CheckpointRow) -> None:
        """Add a signed checkpoint; one for the same entry is left as it is."""
        await self._access.write_instance(lambda connection: _add_checkpoint(connection, row))

    async def checkpoints(self) -> list[CheckpointRow]:
        """Return every checkpoint, in order."""
        chosen = _CHECKPOINTS.order_by(audit_checkpoints.c.seq)
        return await self._access.read(lambda connection: _checkpoints(connection, chosen))

    async def last_checkpoint(self) -> CheckpointRow | None:
        """Return the newest checkpoint."""
        chosen = _CHECKPOINTS.order_by(audit_checkpoints.c.seq.desc()).limit(1)
        rows = await self._access.read(lambda connection: _checkpoints(connection, chosen))
        return rows[0] if rows else None

    async def prune(self, up_to: int) -> int:
        """Drop the entries up to number `up_to`, which a checkpoint covers; return how many."""
        return await self._access.write_instance(lambda connection: _prune(connection, up_to))
