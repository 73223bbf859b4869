"""The table of exports that people asked for: how far each is, and its key, sealed for its owner.

What is exported lies in files beside the database, and opens with the key in the row alone.
"""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import (
    OBJECT_OCTETS,
    account_key,
    column,
    epoch,
    instant,
    number,
    sealed,
    small,
)
from mailserver.store.tables import metadata

exports = Table(
    "exports",
    metadata,
    account_key("export"),
    column(
        "export_id",
        LargeBinary(OBJECT_OCTETS),
        "none",
        "random name, which the sealed key is bound to",
        "export",
        key=True,
    ),
    epoch("export"),
    sealed("secret", "the key of its files, and of which password it was made", "export"),
    small("state", "whether it is being made, whole, or failed (ExportState)", "export"),
    instant("created_at", "when its owner asked for it", "export"),
    instant("expires_at", "when it is deleted", "export"),
    instant("claimed_until", "until when a process writes at it", "export", pd="none"),
    number("messages", "how many messages there were to export", "export"),
    number("done", "how many of them are exported", "export"),
    number("octets", "how long the file is so far", "export"),
    Index("ix_exports_expires_at", "expires_at"),
    sqlite_with_rowid=True,
)
