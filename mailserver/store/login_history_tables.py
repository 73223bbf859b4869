"""Each account's sign-ins on the web, sealed to its owner (PRIVACY §6)."""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import (
    OBJECT_OCTETS,
    account_key,
    column,
    epoch,
    hashed,
    instant,
    sealed,
)
from mailserver.store.tables import metadata

login_history = Table(
    "login_history",
    metadata,
    account_key("history"),
    column(
        "object_id",
        LargeBinary(OBJECT_OCTETS),
        "none",
        "random name that the ciphertext is bound to",
        "history",
        key=True,
    ),
    instant("at", "when somebody signed in: for how long it is kept", "history"),
    hashed("device", "whether the device and network were seen before", "history"),
    epoch("history"),
    sealed("entry", "what happened, from which address and browser", "history"),
    Index("ix_login_history_at", "account_id", "at"),
    sqlite_with_rowid=False,
)
