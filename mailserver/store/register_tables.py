"""The table of registers: holds, breaches, what is processed, and how far retention has come.

One table for all: a register's entry is a few hundred octets of guarded text, written by people now
and then and read whole. What one entry says of another is in the text (`privacy.ledger`).
"""

from sqlalchemy import Index, Table

from mailserver.store.columns import guarded, instant, number, object_name
from mailserver.store.tables import metadata

register_entries = Table(
    "register_entries",
    metadata,
    number("register", "which register it is of (Register)", "register", key=True),
    number("number", "its number there, from 1", "register", key=True),
    number("revision", "how often it was written: a lost update is seen", "register"),
    object_name("register"),
    instant("at", "when it was written last", "register", pd="none"),
    guarded("entry", "what it says: may name people and systems", "register"),
    Index("ix_register_entries_at", "register", "at"),
    sqlite_with_rowid=True,
)
