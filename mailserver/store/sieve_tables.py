"""The tables of filtering: scripts, the settings that stand for one, and ids seen before."""

from sqlalchemy import Table

from mailserver.store.columns import (
    account_key,
    guarded,
    hashed,
    instant,
    number,
    object_name,
    small,
)
from mailserver.store.tables import metadata

sieve_scripts = Table(
    "sieve_scripts",
    metadata,
    account_key(),
    hashed("name_hash", "keeps names unique without reading them", "account", key=True),
    guarded("name", "as its author called it", "account"),
    object_name("account"),
    guarded("content", "the script; delivery runs it while its author is away", "account"),
    number("size_octets", "for the quota of scripts", "account", pd="clear"),
    small("active", "whether it is the one that runs", "account"),
)

sieve_settings = Table(
    "sieve_settings",
    metadata,
    account_key(),
    number("setting", "vacation, forwarding, or the last failure (Setting)", "account", key=True),
    object_name("account"),
    guarded("value", "dates, text and addresses", "account"),
    instant("at", "when it was set", "account"),
    sqlite_with_rowid=False,
)

sieve_seen = Table(
    "sieve_seen",
    metadata,
    account_key(),
    hashed("hash", "whom vacation answered, or a message that came before", "account", key=True),
    instant("expires_at", "when it is forgotten", "account"),
    sqlite_with_rowid=False,
)
