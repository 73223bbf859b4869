"""The web app's budgets, and its figures beside them (WEBUI §7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

KB, MB = 1_024, 1_024 * 1_024
TIMES_FASTER = 2.0
"""Than the peer, at least, in what both can."""

LIMITS = {
    "sign_in_page": 800.0,
    "list": 1_200.0,
    "list_warm": 500.0,
    "folder_cached": 150.0,
    "folder": 400.0,
    "open": 200.0,
    "search": 500.0,
    "key": 100.0,
    "jump": 200.0,
}
"""Milliseconds, by the first word of a step's name."""
BY_PERCENTILE = ("key", "jump")
"""Steps of which the 95th percentile is judged, not the middle."""
SCROLLING = {"rows": 60.0, "cpu_ms": 10.0, "heap_octets": 60.0 * MB}
FIRST_LOAD = 110.0 * KB
COMPARED = ("list", "open", "search")

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside its limit."""

    name: str
    figure: float
    limit: float
    unit: str
    wall_ms: float | None = None
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept."""
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def judged(document: Document) -> list[Verdict]:
    """Lay every limit beside its figure."""
    first_load = document["first_load_octets"] / KB
    found = [Verdict("first load, gz", round(first_load, 1), FIRST_LOAD / KB, "KB")]
    ours = document["figures"].get("zegel", {})
    for name, took in ours.items():
        limit = LIMITS.get(name.split()[0])
        if limit is not None:
            p95 = "p95_" if name in BY_PERCENTILE else ""
            wall = took[f"wall_{p95}ms"]
            label = f"{name}, p95" if p95 else name
            found.append(Verdict(label, took[f"cpu_{p95}ms"], limit, "ms of CPU", wall))
    scrolling = document["scrolling"]
    if scrolling:
        found += [
            Verdict("rows in the page", scrolling["rows"], SCROLLING["rows"], ""),
            Verdict(
                "scrolling, a frame", scrolling["cpu_ms"], SCROLLING["cpu_ms"], "ms of CPU",
                scrolling["frame_p95_ms"],
            ),
            Verdict(
                "heap after scrolling", round(scrolling["heap_octets"] / MB, 1),
                SCROLLING["heap_octets"] / MB, "MB",
            ),
        ]  # fmt: skip
    for name, theirs in document["figures"].get("roundcube", {}).items():
        if name.split()[0] in COMPARED:
            times = round(theirs["wall_ms"] / ours[name]["wall_ms"], 2)
            label = f"{name}, beside Roundcube"
            found.append(Verdict(label, times, TIMES_FASTER, "× as fast", at_least=True))
    return found


def markdown(document: Document, verdicts: Sequence[Verdict], title: str) -> str:
    """Write the tables."""
    lines = [
        f"# {title}",
        "",
        f"{document['messages']:,} letters, {document['rounds']} rounds, the middle of each; load "
        f"{document['load'][0]} before and {document['load'][1]} after. Time is the processor's, "
        "of the page's main thread and the server together; the wall stands beside it.",
        "",
        "| budget | measured | wall, ms | limit | |",
        "|---|---:|---:|---:|---|",
    ]
    for each in verdicts:
        wall = "" if each.wall_ms is None else f"{each.wall_ms:.0f}"
        limit = f"{'≥' if each.at_least else '≤'} {each.limit:g} {each.unit}"
        kept = "kept" if each.is_kept else "MISSED"
        lines.append(f"| {each.name} | {each.figure:g} | {wall} | {limit} | {kept} |")
    lines += [
        "",
        "| step, ms | wall | page's CPU | server's CPU | times |",
        "|---|---:|---:|---:|---:|",
    ]
    for server, steps in document["figures"].items():
        for name, took in steps.items():
            cells = [took[key] for key in ("wall_ms", "page_cpu_ms", "server_cpu_ms", "times")]
            lines.append(f"| {server}: {name} | {' | '.join(f'{cell:g}' for cell in cells)} |")
    return "\n".join(lines) + "\n"
