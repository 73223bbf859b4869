"""What each account's classifier has learned, guarded."""

from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch_one, run

_GET = Sql("SELECT object_id, model FROM junk_models WHERE account_id = ?")
_PUT = Sql(
    "INSERT INTO junk_models (account_id, object_id, model, at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id) DO UPDATE"
    " SET object_id = excluded.object_id, model = excluded.model, at = excluded.at"
)
_DROP = Sql("DELETE FROM junk_models WHERE account_id = ?")


class ModelRow(NamedTuple):
    """A model as it stands."""

    object_id: ObjectId
    model: Guarded


class JunkModels:
    """The models of accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def get(self, account_id: AccountId) -> ModelRow | None:
        """Return an account's model; None where it never learned."""
        found = await self._access.read_once(lambda c: fetch_one(c, _GET, (account_id,)))
        return None if found is None else ModelRow(ObjectId(found[0]), Guarded(found[1]))

    async def put(self, account_id: AccountId, row: ModelRow) -> None:
        """Store a model in the place of the one before it."""
        now = self._access.now()

        def write(connection: Connection) -> Done[None]:
            run(connection, _PUT, (account_id, row.object_id, row.model, now))
            return Done(None)

        await self._access.write(account_id, write)

    async def drop(self, account_id: AccountId) -> None:
        """Forget all that an account's classifier learned."""

        def write(connection: Connection) -> Done[None]:
            run(connection, _DROP, (account_id,))
            return Done(None)

        await self._access.write(account_id, write)
