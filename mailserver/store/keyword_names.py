"""Keywords: their guarded names, each with the number that entries hold (RFC 9051 §2.3.2)."""

from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch, fetch_one, run


class NameRow(NamedTuple):
    """A guarded name and the hash it is bound to."""

    name: Guarded
    name_hash: bytes


_KEYWORDS = Sql("SELECT keyword, name, name_hash FROM keywords WHERE account_id = ?")
_KEYWORD = Sql("SELECT keyword FROM keywords WHERE account_id = ? AND name_hash = ?")
_NEXT_KEYWORD = Sql(
    "UPDATE accounts SET next_keyword = next_keyword + 1 WHERE account_id = ?"
    " RETURNING next_keyword"
)
_ADD_KEYWORD = Sql(
    "INSERT INTO keywords (account_id, keyword, name, name_hash) VALUES (?, ?, ?, ?)"
)


def _add_keyword(
    connection: Connection, account_id: AccountId, name: Guarded, name_hash: bytes
) -> Done[int]:
    known = fetch_one(connection, _KEYWORD, (account_id, name_hash))
    if known is not None:
        return Done(int(known[0]))
    counter = fetch_one(connection, _NEXT_KEYWORD, (account_id,))
    if counter is None:
        raise Absent(Condition.NO_SUCH_USER)
    number: int = counter[0] - 1
    run(connection, _ADD_KEYWORD, (account_id, number, name, name_hash))
    return Done(number)


class KeywordNames:
    """The names of accounts' keywords."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def listing(self, account_id: AccountId) -> dict[int, NameRow]:
        """Return the names of keyword numbers."""
        rows = await self._access.read_once(lambda c: fetch(c, _KEYWORDS, (account_id,)))
        return {number: NameRow(name, name_hash) for number, name, name_hash in rows}

    async def add(self, account_id: AccountId, name: Guarded, name_hash: bytes) -> int:
        """Return the keyword's number, a new one where it is new. Raises Absent."""
        return await self._access.write(
            account_id,
            partial(_add_keyword, account_id=account_id, name=name, name_hash=name_hash),
        )
