from typing import Any

import pytest

from benchmarks.report import markdown, times_better


def document(**figures: float) -> dict[str, Any]:
    return {
        "results": {"list.full": figures},
        "checks": {"passed": 3, "failed": []},
        "meta": {"machine": [{"load": 0.5, "python_loop_ms": 100.0, "fsync_p50_ms": 0.2}]},
    }


@pytest.mark.parametrize(
    ("figure", "ours", "theirs", "times"),
    [
        ("msgs_per_s", 200, 100, 2),
        ("warm_ms", 50, 100, 2),
        ("server_cpu_s_per_1000", 4, 2, 0.5),
        ("disk_bytes_per_msg", 0, 2, None),
    ],
)
def test_better_is_above_one_whichever_way_the_figure_runs(
    figure: str, ours: float, theirs: float, times: float | None
) -> None:
    assert times_better(figure, ours, theirs) == times


def test_table_sets_ours_against_each_peer_and_tells_what_failed() -> None:
    ours = document(warm_ms=50.0, cold_ms=7)
    ours["checks"] = {"passed": 2, "failed": ["a message was lost"]}
    text = markdown({"dovecot-plain": document(warm_ms=100.0), "zegel": ours}, "Measured today")
    assert "| figure | dovecot-plain | zegel | × dovecot-plain |" in text
    assert "| list.full warm_ms | 100 | 50 | 2.00 |" in text
    assert "| list.full cold_ms | – | 7 |  |" in text
    assert "- zegel: 2 checks passed, 1 failed; load 0.5" in text
    assert "  - a message was lost" in text


def test_peers_alone_have_no_ratios() -> None:
    assert "×" not in markdown({"dovecot-plain": document(warm_ms=1.0)}, "t").splitlines()[4]
