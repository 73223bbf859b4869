"""The figures of several servers as one Markdown table, ours against each of the others."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
"""What mailbench.py writes: `meta`, `results` and `checks`."""

OURS = "zegel"
SMALLER_IS_BETTER = re.compile(r"^ms$|_ms$|cpu|bytes|kib")
FIGURES = (
    "msgs_per_s",
    "per_s",
    "ops_per_s",
    "mb_per_s",
    "p50_ms",
    "p99_ms",
    "cold_ms",
    "warm_ms",
    "first_ms",
    "ms",
    "opened_per_s",
    "pss_kib_per_conn",
    "fanout_told",
    "fanout_p99_ms",
    "server_cpu_s_per_1000",
    "disk_bytes_per_msg",
)


def times_better(figure: str, ours: float, theirs: float) -> float | None:
    """Say how many times better `ours` is than `theirs`; below 1 it is worse, None: no telling."""
    if not ours or not theirs:
        return None
    return theirs / ours if SMALLER_IS_BETTER.search(figure) else ours / theirs


def markdown(documents: Mapping[str, Document], title: str) -> str:
    """Write the table, what it was measured on, and every check that failed."""
    peers = [name for name in documents if name != OURS]
    columns = [*peers, *([OURS] if OURS in documents else [])]
    ratios = peers if OURS in documents else []
    head = ["figure", *columns, *(f"× {name}" for name in ratios)]
    lines = [
        f"# {title}",
        "",
        "× is how many times better Zegel is; below 1 it is worse.",
        "",
        "| " + " | ".join(head) + " |",
        "|---|" + "---:|" * (len(head) - 1),
    ]
    for scenario, figure in _figures(documents):
        values = {name: _value(documents[name], scenario, figure) for name in columns}
        cells = [_number(values[name]) for name in columns]
        ours = values.get(OURS)
        for name in ratios:
            theirs = values[name]
            both = ours is not None and theirs is not None
            times = times_better(figure, ours, theirs) if both else None  # type: ignore[arg-type]  # both says so
            cells.append("" if times is None else f"{times:.2f}")
        lines.append(f"| {scenario} {figure} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_conditions(documents, columns), ""])


def _figures(documents: Mapping[str, Document]) -> Iterator[tuple[str, str]]:
    scenarios = dict.fromkeys(name for doc in documents.values() for name in doc["results"])
    for scenario in scenarios:
        for figure in FIGURES:
            if any(_value(doc, scenario, figure) is not None for doc in documents.values()):
                yield scenario, figure


def _value(document: Document, scenario: str, figure: str) -> float | None:
    value = document["results"].get(scenario, {}).get(figure)
    return value if isinstance(value, int | float) else None


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _conditions(documents: Mapping[str, Document], columns: list[str]) -> Iterator[str]:
    for name in columns:
        checks, meta = documents[name].get("checks", {}), documents[name].get("meta", {})
        machine = meta.get("machine") or [{}]
        before = machine[0] if isinstance(machine[0], dict) else {}
        yield (
            f"- {name}: {checks.get('passed')} checks passed,"
            f" {len(checks.get('failed', []))} failed; load {before.get('load', 0):.1f},"
            f" fixed Python loop {before.get('python_loop_ms')} ms,"
            f" fsync p50 {before.get('fsync_p50_ms')} ms"
        )
        for failure in checks.get("failed", []):
            yield f"  - {failure}"
