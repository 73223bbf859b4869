"""The domains we take mail for."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.store.access import Access
from mailserver.store.driver import Sql, fetch_one
from mailserver.store.instants import from_microseconds
from mailserver.store.tables import domains


class DomainRow(NamedTuple):
    """A domain in its canonical form (`model.address.canonical_domain`)."""

    name: str
    created_at: datetime


_ONE = Sql("SELECT name, created_at FROM domains WHERE name = ?")  # asked for each recipient


def _one(connection: Connection, name: str) -> DomainRow | None:
    found = fetch_one(connection, _ONE, (name,))
    return None if found is None else DomainRow(found[0], from_microseconds(found[1]))


def _rows(connection: Connection) -> list[DomainRow]:
    chosen = select(domains.c.name, domains.c.created_at).order_by(domains.c.name)
    return [DomainRow(found, from_microseconds(at)) for found, at in connection.execute(chosen)]


def _add(connection: Connection, name: str, now: int) -> None:
    try:
        connection.execute(insert(domains).values(name=name, created_at=now))
    except IntegrityError as taken:
        raise Conflict(Condition.ALREADY_EXISTS, "the domain exists already") from taken


def _remove(connection: Connection, name: str) -> None:
    if not connection.execute(delete(domains).where(domains.c.name == name)).rowcount:
        raise Absent(Condition.NO_SUCH_DOMAIN)


class Domains:
    """The domains of this server."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(self, name: str) -> None:
        """Add a domain. Raises Conflict (ALREADY_EXISTS)."""
        now = self._access.now()
        await self._access.write_instance(lambda connection: _add(connection, name, now))

    async def get(self, name: str) -> DomainRow | None:
        """Return the domain, or None where it is not ours."""
        return await self._access.read_once(lambda connection: _one(connection, name))

    async def listing(self) -> list[DomainRow]:
        """List the domains by name."""
        return await self._access.read(_rows)

    async def remove(self, name: str) -> None:
        """Remove a domain; its accounts stay. Raises Absent (NO_SUCH_DOMAIN)."""
        await self._access.write_instance(lambda connection: _remove(connection, name))
