"""Who came for the first time, and when; shared by all processes, for a sender may meet any."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection

from mailserver.store.access import Access
from mailserver.store.driver import Lookup, Sql, run_many

FIRST_KEPT = timedelta(days=2)  # who has not come back by then never will
PASSED_KEPT = timedelta(days=35)  # so that a monthly letter is not held up each time

_SEEN = Lookup("first_at", "greylist", [("name", "bytea")])
_ARRIVE = Sql(
    "INSERT INTO greylist (name, first_at, expires_at) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET"
    " first_at = CASE WHEN greylist.expires_at <= excluded.first_at THEN excluded.first_at"
    " ELSE greylist.first_at END,"
    " expires_at = CASE WHEN greylist.expires_at <= excluded.first_at THEN excluded.expires_at"
    " ELSE greylist.expires_at END"
)
_PASS = Sql(
    "UPDATE greylist SET expires_at = ?,"
    " first_at = CASE WHEN first_at > ? THEN ? ELSE first_at END WHERE name = ?"
)
_MICROSECOND = timedelta(microseconds=1)


class Greylist:
    """Meetings of a network, a sender's domain and a recipient, by keyed hash."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def has_waited(self, names: Collection[bytes], delay: timedelta) -> bool:
        """Say whether one of these first met at least `delay` ago; those that are new are noted.

        One is enough: a message to several people, some of them known to its sender, is one retry,
        and all of them have met then.
        """
        now, wait = self._access.now(), delay // _MICROSECOND
        ordered = sorted(names)

        def write(connection: Connection) -> bool:
            until = now + FIRST_KEPT // _MICROSECOND
            run_many(connection, _ARRIVE, [(name, now, until) for name in ordered])
            seen = _SEEN.rows(connection, [(name,) for name in ordered])
            if all(now - first < wait for (first,) in seen):
                return False
            kept = now + PASSED_KEPT // _MICROSECOND
            run_many(connection, _PASS, [(kept, now - wait, now - wait, name) for name in ordered])
            return True

        return await self._access.write_instance(write)
