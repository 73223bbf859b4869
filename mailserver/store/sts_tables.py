"""What other domains said of their mail hosts' TLS, kept so that a restart forgets none of it."""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import HASH_OCTETS, column, guarded, instant
from mailserver.store.tables import metadata

sts_policies = Table(
    "sts_policies",
    metadata,
    column(
        "domain",
        LargeBinary(HASH_OCTETS),
        "pseudonym",
        "keyed hash of a domain that was written to",
        "policy",
        key=True,
    ),
    guarded("policy", "its MTA-STS policy, and when it was fetched (RFC 8461 §3)", "policy"),
    instant("until", "when it is too old", "policy", pd="none"),
    Index("ix_sts_policies_until", "until"),
    sqlite_with_rowid=False,
)
