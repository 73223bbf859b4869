"""The tables of screening: nothing in them names anybody, and all of it grows old."""

from sqlalchemy import Column, Index, LargeBinary, Table

from mailserver.store.columns import (
    HASH_OCTETS,
    Retention,
    account_key,
    column,
    guarded,
    hashed,
    instant,
    number,
    object_name,
    small,
)
from mailserver.store.tables import metadata


def _name(purpose: str, retention: Retention) -> Column[bytes]:
    """Declare a keyed hash under the instance's key."""
    return column("name", LargeBinary(HASH_OCTETS), "pseudonym", purpose, retention, key=True)


reputations = Table(
    "reputations",
    metadata,
    _name("a domain or network that sent us mail", "reputation"),
    number("good", "1024 for each message of the week that was fine, halved weekly", "reputation"),
    number("bad", "the same for junk", "reputation"),
    number("week", "the week of the last count", "reputation"),
    sqlite_with_rowid=False,
)

greylist = Table(
    "greylist",
    metadata,
    _name("a network, a domain and a recipient that met", "greylist"),
    instant("first_at", "when they first met", "greylist", pd="none"),
    instant("expires_at", "when it is forgotten", "greylist", pd="none"),
    Index("ix_greylist_expires_at", "expires_at"),
    sqlite_with_rowid=False,
)

correspondents = Table(
    "correspondents",
    metadata,
    account_key("correspondents"),
    hashed("hash", "somebody the account has mail from, or wrote to", "correspondents", key=True),
    small("known", "which of the two (Known)", "correspondents", pd="pseudonym"),
    number("day", "the day of the last time", "correspondents", pd="pseudonym"),
    sqlite_with_rowid=False,
)

junk_models = Table(
    "junk_models",
    metadata,
    account_key(),
    object_name("account"),
    guarded("model", "keyed hashes of words, and how often each was in junk", "account"),
    instant("at", "when it last learned", "account"),
)
