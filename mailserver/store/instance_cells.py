"""The instance's own guarded data, wherever it lies: found and replaced when its key is exchanged.

A guarded value begins with its format and the number of its master key (`vault.guard`); by those
octets, the *prefix*, values are counted and found without being read whole.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, and_, func, select, true, tuple_, update

from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.consent_tables import consent_courses, consent_events
from mailserver.store.queue_rows import INSTANCE
from mailserver.store.queue_tables import queue, queue_destinations, queue_messages
from mailserver.store.register_tables import register_entries
from mailserver.store.report_tables import observations, received_reports
from mailserver.store.sts_tables import sts_policies

PREFIX_OCTETS = 5


class Place(Enum):
    """What is guarded by the instance."""

    STS_POLICY = "policies of other domains"
    REPORT = "reports that came"
    OBSERVATION = "counts for reports"
    QUEUED = "recipients of our own mail in the queue"
    SUBMISSION = "our own mail in the queue"
    DESTINATION = "names of destinations"
    REGISTER = "entries of the registers"
    CONSENT = "whose consents"
    CONSENT_EVENT = "how each was given or withdrawn"


class Cell(NamedTuple):
    """A guarded value, and what finds it."""

    key: tuple[Any, ...]
    object_id: bytes
    """What the ciphertext is bound to."""
    guarded: Guarded


class _Column(NamedTuple):
    table: Table
    guarded: str
    object_id: str
    owned: bool = False
    """Whether accounts have rows there, too."""


_COLUMNS = {
    Place.STS_POLICY: _Column(sts_policies, "policy", "domain"),
    Place.REPORT: _Column(received_reports, "report", "name"),
    Place.OBSERVATION: _Column(observations, "detail", "name"),
    Place.QUEUED: _Column(queue, "item", "queue_id", owned=True),
    Place.SUBMISSION: _Column(queue_messages, "envelope", "object_id", owned=True),
    Place.DESTINATION: _Column(queue_destinations, "domain", "destination"),
    Place.REGISTER: _Column(register_entries, "entry", "object_id"),
    Place.CONSENT: _Column(consent_courses, "person", "object_id"),
    Place.CONSENT_EVENT: _Column(consent_events, "detail", "object_id"),
}


def _prefix(column: _Column) -> Any:
    return func.substr(column.table.c[column.guarded], 1, PREFIX_OCTETS)


def _ours(column: _Column) -> Any:
    return column.table.c.account_id == INSTANCE if column.owned else true()


def _count(connection: Connection, place: Place) -> dict[bytes, int]:
    column = _COLUMNS[place]
    prefix = _prefix(column)
    chosen = select(prefix, func.count()).select_from(column.table)
    found = connection.execute(chosen.where(_ours(column)).group_by(prefix))
    return {bytes(each): count for each, count in found}


def _page(
    connection: Connection, place: Place, but: bytes, after: tuple[Any, ...] | None, limit: int
) -> list[Cell]:
    column = _COLUMNS[place]
    key = list(column.table.primary_key.columns)
    chosen = select(
        *key,
        column.table.c[column.object_id].label("bound_to"),
        column.table.c[column.guarded].label("value"),
    ).where(_ours(column), _prefix(column) != but)
    if after is not None:
        chosen = chosen.where(tuple_(*key) > after)
    rows = connection.execute(chosen.order_by(*key).limit(limit))
    return [Cell(tuple(row[:-2]), bytes(row[-2]), Guarded(bytes(row[-1]))) for row in rows]


def _replace(connection: Connection, place: Place, changes: Sequence[tuple[Cell, Guarded]]) -> int:
    column = _COLUMNS[place]
    key = list(column.table.primary_key.columns)
    replaced = 0
    for cell, value in changes:
        as_read = and_(
            column.table.c[column.guarded] == cell.guarded,
            *(each == part for each, part in zip(key, cell.key, strict=True)),
        )
        done = connection.execute(
            update(column.table).where(as_read).values({column.guarded: value})
        )
        replaced += done.rowcount
    return replaced


class InstanceCells:
    """Guarded values of the instance."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def prefixes(self, place: Place) -> dict[bytes, int]:
        """Count the values of a place by their prefix."""
        return await self._access.read_once(lambda connection: _count(connection, place))

    async def page(
        self, place: Place, but: bytes, last: Cell | None = None, *, limit: int
    ) -> list[Cell]:
        """Return values that begin otherwise than with `but`, after `last`, by key."""
        after = None if last is None else last.key
        return await self._access.read_once(
            lambda connection: _page(connection, place, but, after, limit)
        )

    async def replace(self, place: Place, changes: Sequence[tuple[Cell, Guarded]]) -> int:
        """Put values in the place of those that were read; return how many stood there still."""
        return await self._access.write_instance(
            lambda connection: _replace(connection, place, changes)
        )
