"""MTA-STS policies of other domains, guarded (RFC 8461 §5.1: they hold over a restart)."""

from datetime import datetime

from sqlalchemy import Connection

from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.driver import Sql, fetch_one, run
from mailserver.store.instants import to_microseconds

_GET = Sql("SELECT policy FROM sts_policies WHERE domain = ? AND until > ?")
_PUT = Sql(
    "INSERT INTO sts_policies (domain, policy, until) VALUES (?, ?, ?)"
    " ON CONFLICT (domain) DO UPDATE SET policy = excluded.policy, until = excluded.until"
)
_EXPIRE = Sql("DELETE FROM sts_policies WHERE until <= ?")


class StsPolicies:
    """The policies of domains that are written to, by a keyed hash of the domain."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def get(self, domain: bytes) -> Guarded | None:
        """Return what is kept of a domain, unless it is too old."""
        now = self._access.now()
        found = await self._access.read_once(
            lambda connection: fetch_one(connection, _GET, (domain, now))
        )
        return None if found is None else Guarded(bytes(found[0]))

    async def put(self, domain: bytes, policy: Guarded, *, until: datetime) -> None:
        """Keep a policy until then, in place of what was kept; drop all that are too old."""
        now, end = self._access.now(), to_microseconds(until)

        def write(connection: Connection) -> None:
            run(connection, _EXPIRE, (now,))
            run(connection, _PUT, (domain, policy, end))

        await self._access.write_instance(write)
