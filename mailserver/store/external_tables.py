"""The tables of what is fetched from other servers: where from, how far, and when again."""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import account_key, column, guarded, hashed, instant, number
from mailserver.store.tables import metadata

transfer_marks = Table(
    "transfer_marks",
    metadata,
    account_key(),
    hashed("source", "tells one source from another, without naming it", "account", key=True),
    hashed("place", "tells one of its mailboxes from another", "account", key=True),
    guarded("state", "which messages of it are here already", "account"),
    sqlite_with_rowid=False,
)

external_accounts = Table(
    "external_accounts",
    metadata,
    account_key(),
    column("external_id", LargeBinary(16), "none", "random name", "account", key=True),
    guarded("settings", "server, credentials, and where its mail goes", "account"),
    guarded("result", "how the last fetching went, in words", "account"),
    number("interval_seconds", "how often it is fetched", "account"),
    number("failures", "how often it failed in a row; spaces the next attempts", "account"),
    instant("next_at", "when it is due, found while the owner is away", "account", pd="none"),
    instant("leased_until", "until when one worker has it for itself", "account", pd="none"),
    column("leased_by", LargeBinary(16), "none", "which worker that is", "account"),
    instant("created_at", "shown to its owner", "account"),
    Index("ix_external_accounts_next_at", "next_at"),
    sqlite_with_rowid=False,
)
