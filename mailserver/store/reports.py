"""Reports about our domains as they came, and what we count for the reports that we write.

Days are days since 1970, UTC. Rows of one domain and day are settled together, when its report is
in the queue.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.driver import Sql, fetch, fetch_one, run, run_many
from mailserver.store.instants import from_microseconds, to_microseconds

REPORTS_KEPT = timedelta(days=30)  # PRIVACY §16: raw reports
OBSERVATIONS_KEPT = 4
"""Days: what could not be reported by then is of no use to anybody."""


class ReportKind(IntEnum):
    """What is reported."""

    DMARC = 1
    TLS = 2


class NewReport(NamedTuple):
    """A report about one of our domains."""

    domain: str
    name: bytes
    kind: ReportKind
    proven: bool
    total: int
    failed: int
    report: Guarded


class ReportRow(NamedTuple):
    """A report as it is kept."""

    domain: str
    name: bytes
    received_at: datetime
    proven: bool
    total: int
    failed: int
    report: Guarded


class Observed(NamedTuple):
    """How often something was observed on a day."""

    kind: ReportKind
    day: int
    domain: bytes
    name: bytes
    times: int
    detail: Guarded


class Day(NamedTuple):
    """A domain's observations of one day, to be reported together."""

    kind: ReportKind
    day: int
    domain: bytes


_ADD = Sql(
    "INSERT INTO received_reports"
    " (domain, name, kind, received_at, octets, proven, total, failed, report)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain, name) DO NOTHING"
)
_VOLUME = Sql(
    "SELECT COUNT(*), COALESCE(SUM(octets), 0) FROM received_reports"
    " WHERE domain = ? AND received_at > ?"
)
_LIST = Sql(
    "SELECT domain, name, received_at, proven, total, failed, report FROM received_reports"
    " WHERE domain = ? AND kind = ? AND received_at > ? AND (received_at, name) > (?, ?)"
    " ORDER BY received_at, name LIMIT ?"
)
_OBSERVE = Sql(
    "INSERT INTO observations (kind, day, domain, name, count, detail) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, day, domain, name) DO UPDATE SET"
    " count = observations.count + excluded.count"
)
_DAYS = Sql(
    "SELECT DISTINCT kind, day, domain FROM observations WHERE day < ?"
    " ORDER BY kind, day, domain LIMIT ?"
)
_OF_DAY = Sql(
    "SELECT name, count, detail FROM observations WHERE kind = ? AND day = ? AND domain = ?"
    " ORDER BY count DESC, name LIMIT ?"
)
_SETTLE = Sql("DELETE FROM observations WHERE kind = ? AND day = ? AND domain = ?")


class Reports:
    """Reports received, and observations to be reported."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(self, new: NewReport) -> bool:
        """Keep a report; False where it is known already."""
        values = (
            *(new.domain, new.name, int(new.kind), self._access.now(), len(new.report)),
            *(int(new.proven), new.total, new.failed, new.report),
        )
        return await self._access.write_instance(lambda c: run(c, _ADD, values)) == 1

    async def volume(self, domain: str, since: datetime) -> tuple[int, int]:
        """Say how many reports of a domain came since then, and how many octets they take."""
        place = (domain, to_microseconds(since))
        found = await self._access.read_once(lambda c: fetch_one(c, _VOLUME, place))
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    async def page(
        self,
        domain: str,
        kind: ReportKind,
        since: datetime,
        limit: int,
        last: ReportRow | None = None,
    ) -> list[ReportRow]:
        """Return reports of a domain that came since then, the oldest first, after `last`."""
        after = (0, b"") if last is None else (to_microseconds(last.received_at), last.name)
        place = (domain, int(kind), to_microseconds(since), *after, limit)
        rows = await self._access.read_once(lambda c: fetch(c, _LIST, place))
        return [
            ReportRow(
                of,
                bytes(name),
                from_microseconds(at),
                bool(proven),
                total,
                failed,
                Guarded(bytes(report)),
            )
            for of, name, at, proven, total, failed, report in rows
        ]

    async def observe(self, rows: Sequence[Observed]) -> None:
        """Add counts to what was counted, all or none."""
        ordered = sorted(rows, key=lambda row: row[:4])  # the same order everywhere: no deadlock

        def write(connection: Connection) -> None:
            run_many(connection, _OBSERVE, [(int(row.kind), *row[1:]) for row in ordered])

        await self._access.write_instance(write)

    async def days(self, before: int, limit: int) -> list[Day]:
        """Return what of the days before that one is still to be reported."""
        rows = await self._access.read_once(lambda c: fetch(c, _DAYS, (before, limit)))
        return [Day(ReportKind(kind), day, bytes(domain)) for kind, day, domain in rows]

    async def of_day(self, day: Day, limit: int) -> list[Observed]:
        """Return a domain's observations of a day, the most frequent first."""
        place = (int(day.kind), day.day, day.domain, limit)
        rows = await self._access.read_once(lambda c: fetch(c, _OF_DAY, place))
        return [
            Observed(*day, bytes(name), count, Guarded(bytes(detail)))
            for name, count, detail in rows
        ]

    async def settle(self, day: Day) -> None:
        """Drop a domain's observations of a day: they are reported, or nobody wants them."""
        place = (int(day.kind), day.day, day.domain)
        await self._access.write_instance(lambda c: run(c, _SETTLE, place))


def day_of(at: datetime) -> int:
    """Return the day of an instant, in days since 1970, UTC."""
    return int(at.timestamp() // 86_400)
