"""The table of what owners keep beside their mail: identities, contacts, submissions."""

from sqlalchemy import Index, Table

from mailserver.store.columns import (
    account_key,
    epoch,
    instant,
    number,
    object_name,
    sealed,
)
from mailserver.store.tables import metadata

records = Table(
    "records",
    metadata,
    account_key(),
    number("kind", "what it is (records.Kind)", "account", key=True),
    number("record_id", "number within the account and kind", "account", key=True),
    object_name("account"),
    epoch("account"),
    number("created_modseq", "when it came, for /changes", "account"),
    number("modseq", "when it changed last; the counter that JMAP calls state", "account"),
    instant("at", "when it changed last; forgets what was destroyed", "account"),
    sealed("data", "what its owner wrote; nothing once it was destroyed", "account", optional=True),
    Index("ix_records_modseq", "account_id", "kind", "modseq"),
    sqlite_with_rowid=True,
)
