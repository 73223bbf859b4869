"""The lock that orders one account's writes across processes, on PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import Connection

from mailserver.store.driver import Sql, fetch

_LOCK = Sql(
    "SELECT 1 FROM accounts WHERE account_id = ANY(?::bytea[]) ORDER BY account_id FOR UPDATE"
)


def lock_accounts(connection: Connection, account_ids: Sequence[bytes]) -> None:
    """Lock the accounts' rows until the transaction ends, in their order.

    Each writer takes them in the same order, so that no two wait for each other. A row that does
    not exist locks nothing: the write that follows finds out by itself.
    """
    fetch(connection, _LOCK, (list(account_ids),))
