"""How far transfers have come: a guarded mark for each mailbox of each source.

A mark is written in the transaction that stores the messages it speaks of (`Emails.append_all`), so
that a transfer that was killed goes on without losing or doubling one.
"""

from sqlalchemy import Connection

from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.appending import MARK, Mark
from mailserver.store.driver import Sql, fetch, run

__all__ = ["Mark", "Transfers"]

_MARKS = Sql("SELECT place, state FROM transfer_marks WHERE account_id = ? AND source = ?")
_FORGET = Sql("DELETE FROM transfer_marks WHERE account_id = ? AND source = ?")


def _set(connection: Connection, account_id: AccountId, mark: Mark) -> Done[None]:
    run(connection, MARK, (account_id, *mark))
    return Done(None)


def _forget(connection: Connection, account_id: AccountId, source: bytes) -> Done[None]:
    run(connection, _FORGET, (account_id, source))
    return Done(None)


class Transfers:
    """The marks of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def marks(self, account_id: AccountId, source: bytes) -> dict[bytes, Guarded]:
        """Return the states of a source's mailboxes by their `place`."""
        rows = await self._access.read_once(lambda c: fetch(c, _MARKS, (account_id, source)))
        return {place: Guarded(state) for place, state in rows}

    async def mark(self, account_id: AccountId, mark: Mark) -> None:
        """Set a mark by itself, where there was nothing to store."""
        await self._access.write(account_id, lambda c: _set(c, account_id, mark))

    async def forget(self, account_id: AccountId, source: bytes) -> None:
        """Forget a source: the next transfer begins anew."""
        await self._access.write(account_id, lambda c: _forget(c, account_id, source))
