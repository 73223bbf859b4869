"""Opens a database on SQLite (`sqlite.py`) or PostgreSQL (`postgres.py`); both are a `Database`.

database = await open_database("sqlite:////var/lib/zegel/mail.db")
rows = await database.read(lambda connection: listing(connection, account_id))
await database.write(partial(rename, account_id=account_id, name=name), accounts=[account_id])
"""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mailserver.model.errors import Misconfigured
from mailserver.store.database import Database, Joined, Kind, Query
from mailserver.store.group import LockAccounts
from mailserver.store.postgres import PostgresDatabase
from mailserver.store.sqlite import SqliteDatabase

__all__ = ["Database", "Joined", "Kind", "Query", "kind_of", "open_database"]


def kind_of(url: str) -> Kind:
    """Say which engine `url` names.

    Raises:
        Misconfigured: it is no database URL, or of an engine we do not speak.
    """
    try:
        name = make_url(url).get_backend_name()
        return Kind(name)
    except (ArgumentError, ValueError) as unknown:
        raise Misconfigured(
            "the database URL must begin with sqlite:/// or postgresql://"
        ) from unknown


async def open_database(url: str, *, lock: LockAccounts | None = None) -> Database:
    """Open the database at `url`, making an SQLite file (mode 0600) where there is none.

    `lock` makes PostgreSQL hold back other processes' writes of the same accounts; SQLite has one
    writer anyway.

    Raises:
        Misconfigured: the URL, or a directory that does not exist.
        Transient: UNAVAILABLE, the server does not answer.
    """
    if kind_of(url) is Kind.SQLITE:
        return await SqliteDatabase.open(url)
    return await PostgresDatabase.open(url, lock)
