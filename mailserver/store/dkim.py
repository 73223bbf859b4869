"""The keys that domains sign their mail with: one signs, the next waits, others are retired.

Of each algorithm a domain has one key that signs and one that waits: two indexes see to it, whoever
else makes or switches keys at the same time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Condition, Conflict
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.dkim_tables import dkim_keys as keys
from mailserver.store.instants import from_microseconds, to_microseconds

_OF_ALL = ("", "")


class DkimKeyRow(NamedTuple):
    """A key; it signs from `active_from` until `retired_at`."""

    domain: str
    selector: str
    algorithm: str
    private: Guarded
    created_at: datetime
    active_from: datetime | None = None
    retired_at: datetime | None = None


def _instant(at: int | None) -> datetime | None:
    return None if at is None else from_microseconds(at)


def _microseconds(at: datetime | None) -> int | None:
    return None if at is None else to_microseconds(at)


def _row(domain: str, selector: str, algorithm: str, private: bytes, *at: int) -> DkimKeyRow:
    created_at, active_from, retired_at = at
    return DkimKeyRow(
        domain,
        selector,
        algorithm,
        Guarded(bytes(private)),
        from_microseconds(created_at),
        _instant(active_from),
        _instant(retired_at),
    )


def _of(connection: Connection, domain: str) -> list[DkimKeyRow]:
    chosen = (
        select(keys).where(keys.c.domain == domain).order_by(keys.c.created_at, keys.c.selector)
    )
    return [_row(*found) for found in connection.execute(chosen)]


def _page(connection: Connection, after: tuple[str, str], limit: int) -> list[DkimKeyRow]:
    place = tuple_(keys.c.domain, keys.c.selector)
    chosen = select(keys).where(place > after).order_by(keys.c.domain, keys.c.selector)
    return [_row(*found) for found in connection.execute(chosen.limit(limit))]


def _insert(connection: Connection, rows: Sequence[DkimKeyRow]) -> None:
    values = [
        row._replace(
            created_at=to_microseconds(row.created_at),  # type: ignore[arg-type]  # as it is stored
            active_from=_microseconds(row.active_from),  # type: ignore[arg-type]
            retired_at=_microseconds(row.retired_at),  # type: ignore[arg-type]
        )._asdict()
        for row in rows
    ]
    try:
        connection.execute(insert(keys), values)
    except IntegrityError as taken:
        raise Conflict(Condition.ALREADY_EXISTS, "the domain has such a key") from taken


def _switch(connection: Connection, to: DkimKeyRow, successor: DkimKeyRow, at: int) -> None:
    active = and_(
        keys.c.domain == to.domain,
        keys.c.algorithm == to.algorithm,
        keys.c.active_from.is_not(None),
        keys.c.retired_at.is_(None),
    )
    waiting = and_(
        keys.c.domain == to.domain, keys.c.selector == to.selector, keys.c.active_from.is_(None)
    )
    connection.execute(update(keys).where(active).values(retired_at=at))
    if connection.execute(update(keys).where(waiting).values(active_from=at)).rowcount != 1:
        raise Conflict(Condition.CHANGED_MEANWHILE, "the key was switched meanwhile")
    _insert(connection, [successor])


def _forget(connection: Connection, domain: str, selector: str | None) -> None:
    chosen = keys.c.domain == domain
    if selector is not None:
        chosen &= keys.c.selector == selector
    connection.execute(delete(keys).where(chosen))


def _reseal(connection: Connection, row: DkimKeyRow, private: Guarded) -> bool:
    as_read = and_(
        keys.c.domain == row.domain,
        keys.c.selector == row.selector,
        keys.c.private == row.private,
    )
    return connection.execute(update(keys).where(as_read).values(private=private)).rowcount == 1


class DkimKeys:
    """The signing keys of all domains."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def of(self, domain: str) -> list[DkimKeyRow]:
        """Return a domain's keys, oldest first."""
        return await self._access.read_once(lambda connection: _of(connection, domain))

    async def page(self, last: DkimKeyRow | None, limit: int) -> list[DkimKeyRow]:
        """Return keys of all domains after `last`, in the order of domain and selector."""
        after = _OF_ALL if last is None else (last.domain, last.selector)
        return await self._access.read_once(lambda connection: _page(connection, after, limit))

    async def add(self, rows: Sequence[DkimKeyRow]) -> None:
        """Add keys together.

        Raises:
            Conflict: ALREADY_EXISTS, a selector is taken, or the domain has such a key already.
        """
        await self._access.write_instance(lambda connection: _insert(connection, rows))

    async def switch(self, to: DkimKeyRow, successor: DkimKeyRow, at: datetime) -> None:
        """Let `to` sign from now on, retire what signed until then, and add the next.

        Raises:
            Conflict: somebody else did it first; nothing is changed.
        """
        instant = to_microseconds(at)
        await self._access.write_instance(
            lambda connection: _switch(connection, to, successor, instant)
        )

    async def forget(self, domain: str, selector: str | None = None) -> None:
        """Delete a key, or all of a domain."""
        await self._access.write_instance(lambda connection: _forget(connection, domain, selector))

    async def reseal(self, row: DkimKeyRow, private: Guarded) -> bool:
        """Put a key's ciphertext under another master key; False where it changed meanwhile."""
        return await self._access.write_instance(
            lambda connection: _reseal(connection, row, private)
        )
