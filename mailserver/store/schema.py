"""The whole schema of the main database: the tables of mail, and those declared elsewhere.

A module of tables declares them on `tables.metadata` and is imported here, for its effect: so
migrations are compared with all of them, and erasing an account empties all of them.
"""

from sqlalchemy import Table

from mailserver.store import consent_tables as _consent  # noqa: F401
from mailserver.store import dkim_tables as _dkim  # noqa: F401
from mailserver.store import export_tables as _export  # noqa: F401
from mailserver.store import external_tables as _external  # noqa: F401
from mailserver.store import login_history_tables as _login_history  # noqa: F401
from mailserver.store import push_tables as _push  # noqa: F401
from mailserver.store import queue_tables as _queue  # noqa: F401
from mailserver.store import record_tables as _record  # noqa: F401
from mailserver.store import register_tables as _register  # noqa: F401
from mailserver.store import report_tables as _report  # noqa: F401
from mailserver.store import screening_tables as _screening  # noqa: F401
from mailserver.store import sending_tables as _sending  # noqa: F401
from mailserver.store import sieve_tables as _sieve  # noqa: F401
from mailserver.store import sts_tables as _sts  # noqa: F401
from mailserver.store import upload_tables as _upload  # noqa: F401
from mailserver.store.tables import metadata

__all__ = ["PER_ACCOUNT", "metadata"]

PER_ACCOUNT: tuple[Table, ...] = tuple(
    table for table in metadata.sorted_tables if "account_id" in table.c
)
"""Every table with rows of an account: what erasing an account empties."""
