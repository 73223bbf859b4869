"""What a database says when something is wrong, in our words.

Three questions matter to a caller: is it full (try again when somebody made room), is it away or
busy (try again soon), is it damaged (an alarm)? Everything else is a bug in a query and stays the
exception it is.
"""

import errno
import sqlite3

import asyncpg
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailserver.model.errors import Condition, Corrupt, MailError, Transient
from mailserver.runtime.metrics import COUNTS

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL})
_SQLITE_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_AWAY = frozenset(
    {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM}
)


def _full() -> MailError:
    COUNTS.fault("full")
    return Transient(Condition.STORAGE_FULL, "there is no room to store this now, try again later")


def _busy() -> MailError:
    COUNTS.fault("busy")
    return Transient(Condition.BUSY, "the store is busy, try again later")


def _away() -> MailError:
    COUNTS.fault("away")
    return Transient(Condition.UNAVAILABLE, "the store is not available, try again later")


def _damaged() -> MailError:
    COUNTS.fault("damaged")
    return Corrupt(Condition.DAMAGED, "the database file is damaged")


def _of_sqlite(error: sqlite3.Error) -> MailError | None:
    """Read the result code; its low octet is the primary code (sqlite.org/rescode.html)."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary in _SQLITE_FULL:
        return _full()
    if primary in _SQLITE_BUSY:
        return _busy()
    if primary in _SQLITE_DAMAGED:
        return _damaged()
    return _away() if primary in _SQLITE_AWAY else None


def _of_postgres(state: str) -> MailError | None:
    """Read a SQLSTATE (PostgreSQL manual, appendix A)."""
    if state in {"53100", "53200"}:  # disk full; out of memory
        return _full() if state == "53100" else _busy()
    if state in {
        "40001",
        "40P01",
        "55P03",
        "57014",
        "53300",
    }:  # conflict, deadlock, lock, cancel, clients
        return _busy()
    if state in {"XX001", "XX002"}:  # data corrupted, index corrupted
        return _damaged()
    # 08 connection, 57P shutdown and the like, 25006 a standby, 58 the machine under the server.
    if state.startswith(("08", "57P", "58")) or state == "25006":
        return _away()
    return None


def translated(error: BaseException) -> MailError | None:
    """Return the storage fault that `error` stands for, or None where it is a bug of a query."""
    if isinstance(error, sqlite3.Error):  # from `driver.py`, which goes past SQLAlchemy
        return _of_sqlite(error)
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):  # from `notify.py`
        return _of_postgres(getattr(error, "sqlstate", None) or "08000")
    if isinstance(error, OSError):
        return _full() if error.errno in _FULL_ERRNOS else _away()
    if isinstance(error, PoolTimeout):
        return _busy()
    if isinstance(error, InvalidRequestError):
        # SQLAlchemy's word for a transaction that the database ended under us.
        return _away() if "invalid transaction" in str(error) else None
    if not isinstance(error, DBAPIError):
        return None
    if error.connection_invalidated:
        return _away()
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str):
        return _of_postgres(state)
    cause = getattr(original, "__cause__", None)
    return translated(cause) if isinstance(cause, OSError) else None
