"""The keys that domains sign their mail with."""

from sqlalchemy import BigInteger, Index, Table
from sqlalchemy import text as sql

from mailserver.store.columns import column, guarded, instant, text
from mailserver.store.tables import metadata

_ACTIVE = sql("active_from IS NOT NULL AND retired_at IS NULL")
_NEXT = sql("active_from IS NULL")

dkim_keys = Table(
    "dkim_keys",
    metadata,
    text("domain", "none", "whose key it is", "domain", key=True),
    text("selector", "none", "under which name its public half stands in DNS", "domain", key=True),
    text("algorithm", "none", "rsa or ed25519", "domain"),
    guarded("private", "the key; its public half is made from it (PRIVACY §8)", "domain"),
    instant("created_at", "shown to the administrator", "domain", pd="none"),
    column("active_from", BigInteger, "none", "when it began to sign", "domain", optional=True),
    column("retired_at", BigInteger, "none", "when another took over", "domain", optional=True),
    Index(
        "ix_dkim_keys_active",
        "domain",
        "algorithm",
        unique=True,
        sqlite_where=_ACTIVE,
        postgresql_where=_ACTIVE,
    ),
    Index(
        "ix_dkim_keys_next",
        "domain",
        "algorithm",
        unique=True,
        sqlite_where=_NEXT,
        postgresql_where=_NEXT,
    ),
    sqlite_with_rowid=False,
)
