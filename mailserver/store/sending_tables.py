"""How much accounts send: counts in windows of time, keyed hashes, never a correspondent."""

from sqlalchemy import Index, SmallInteger, Table

from mailserver.store.columns import account_key, column, hashed, instant, number, text
from mailserver.store.tables import metadata

sending = Table(
    "sending",
    metadata,
    account_key(),
    column("span", SmallInteger, "none", "what is counted, and over how long", "account", key=True),
    instant("at", "when the running window began", "account"),
    number("sent", "how much in the running window: bounds a thief", "account", pd="clear"),
    number("sent_before", "how much in the window before", "account", pd="clear"),
    sqlite_with_rowid=False,
)

sending_known = Table(
    "sending_known",
    metadata,
    account_key(),
    hashed("hash", "a recipient or network: whether it is new to the account", "account", key=True),
    instant("at", "when it was first seen; after a year it is forgotten", "account"),
    Index("ix_sending_known_at", "at"),
    sqlite_with_rowid=False,
)

told = Table(
    "told",
    metadata,
    account_key(),
    text(
        "notice", "clear", "what the owner was told and need not be told again", "account", key=True
    ),
    instant("at", "when", "account"),
    sqlite_with_rowid=False,
)
