"""What a process counts as it works: plain integers, read when somebody asks for the metrics.

Counting is one addition where it happens and knows of nobody who reads. Labels are words of ours,
never of a peer's: a condition, a service, a way. No address, no domain and no account is counted
under its name, so that the number of series is bounded whatever strangers do.

Source: the Prometheus text exposition format, version 0.0.4.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the histograms' buckets."""


class Histogram:
    """How many of something took how long."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    def told(self) -> dict[str, Any]:
        """Return it as JSON: how many in each bucket, and the sum of seconds."""
        return {"counts": list(self.counts), "sum": self.total}


class Counts:
    """The counters of one process; each is touched where what it counts happens."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.connections = 0
        self.connections_open = 0
        self.connections_refused = 0
        self.sign_ins = 0
        self.sign_ins_failed = 0
        self.imap_commands = 0
        self.sealed = 0
        self.opened = 0
        self.http = [0] * 6
        """By the first digit of the status; 0 where there was no answer."""
        self.incoming: dict[tuple[str, str, str], int] = {}
        """By service, outcome and condition."""
        self.outgoing: dict[tuple[str, str], int] = {}
        """By outcome and the first digit of the other server's code."""
        self.database: dict[str, int] = {}
        """Faults, by what was wrong."""
        self.commits = Histogram()
        self.loop_lag = Histogram()

    def came(self, service: str, outcome: str, condition: str = "none") -> None:
        """Count what became of a recipient of a message that was handed to us."""
        key = (service, outcome, condition)
        self.incoming[key] = self.incoming.get(key, 0) + 1

    def went(self, outcome: str, code: int = 0) -> None:
        """Count what became of an attempt to deliver elsewhere."""
        key = (outcome, f"{code // 100}xx" if code else "none")
        self.outgoing[key] = self.outgoing.get(key, 0) + 1

    def fault(self, what: str) -> None:
        """Count a fault of a database."""
        self.database[what] = self.database.get(what, 0) + 1


COUNTS = Counts()
"""Those of this process."""


@dataclass(frozen=True, slots=True)
class Series:
    """A number with its name: what a scrape shows."""

    name: str
    help: str
    kind: Kind
    labels: Labels
    value: float | dict[str, Any]
    """A histogram's is what `Histogram.told` returns."""


def counted(counts: Counts) -> Iterator[Series]:
    """Read all counters of a process."""
    table: tuple[tuple[str, str, Kind, float | dict[str, Any]], ...] = (
        ("connections", "Connections that came in.", "counter", counts.connections),
        ("connections_open", "Connections that are open.", "gauge", counts.connections_open),
        ("connections_refused", "Those beyond a limit.", "counter", counts.connections_refused),
        ("imap_commands", "Commands of IMAP clients.", "counter", counts.imap_commands),
        ("sealed_objects", "Objects that were sealed.", "counter", counts.sealed),
        ("opened_objects", "Sealed objects that were opened.", "counter", counts.opened),
        ("commit_seconds", "Group commits.", "histogram", counts.commits.told()),
        ("loop_lag_seconds", "How late the loop was.", "histogram", counts.loop_lag.told()),
    )
    for name, text, kind, value in table:
        yield Series(name, text, kind, (), value)
    for result, times in (("ok", counts.sign_ins), ("failed", counts.sign_ins_failed)):
        yield Series("sign_ins", "Sign-ins.", "counter", (("result", result),), times)
    for digit, times in enumerate(counts.http):
        status = (("status", f"{digit}xx" if digit else "none"),)
        yield Series("http_requests", "Answers over HTTP.", "counter", status, times)
    yield from _tables(counts)


def _tables(counts: Counts) -> Iterator[Series]:
    labels: Labels
    for (service, outcome, condition), times in sorted(counts.incoming.items()):
        labels = (("service", service), ("outcome", outcome), ("reason", condition))
        text = "Recipients of messages handed to this server."
        yield Series("incoming_recipients", text, "counter", labels, times)
    for (outcome, code), times in sorted(counts.outgoing.items()):
        labels = (("outcome", outcome), ("code", code))
        yield Series("outgoing_attempts", "Attempts to deliver.", "counter", labels, times)
    for what, times in sorted(counts.database.items()):
        text = "Faults of a database."
        yield Series("database_errors", text, "counter", (("kind", what),), times)
