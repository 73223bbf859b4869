"""Reports between mail servers: those about our domains, and counts for those that we write.

Both name addresses of machines, which can be somebody's: so they are guarded, and soon forgotten.
"""

from sqlalchemy import Index, LargeBinary, SmallInteger, Table

from mailserver.store.columns import HASH_OCTETS, column, guarded, instant, number, small, text
from mailserver.store.tables import metadata

received_reports = Table(
    "received_reports",
    metadata,
    text("domain", "none", "which of our domains it is about", "report", key=True),
    column(
        "name",
        LargeBinary(HASH_OCTETS),
        "none",
        "keyed hash of reporter and report, so that one that comes twice is known",
        "report",
        key=True,
    ),
    small("kind", "DMARC or TLS (ReportKind)", "report"),
    instant("received_at", "when it came", "report", pd="none"),
    number("octets", "how much it takes: bounds what strangers make us keep", "report"),
    small("proven", "whether its sender's domain vouched for it", "report"),
    number("total", "messages or sessions it tells of", "report"),
    number("failed", "how many of them failed", "report"),
    guarded("report", "the report as it came (PRIVACY §8)", "report"),
    Index("ix_received_reports_received_at", "received_at"),
)

observations = Table(
    "observations",
    metadata,
    column("kind", SmallInteger, "none", "DMARC or TLS (ReportKind)", "observation", key=True),
    column("day", SmallInteger, "none", "days since 1970, UTC", "observation", key=True),
    column(
        "domain",
        LargeBinary(HASH_OCTETS),
        "pseudonym",
        "keyed hash of the domain that asks for reports",
        "observation",
        key=True,
    ),
    column(
        "name",
        LargeBinary(HASH_OCTETS),
        "pseudonym",
        "keyed hash of what was observed",
        "observation",
        key=True,
    ),
    number("count", "how often it was", "observation"),
    guarded("detail", "what was observed: the line of a report", "observation"),
    sqlite_with_rowid=False,
)
