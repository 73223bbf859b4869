"""Budgets of the web app are judged by the right figure, and a missed one is seen."""

from typing import Any

from benchmarks.web_report import MB, judged, markdown


def took(wall: float, cpu: float, p95: float = 0.0) -> dict[str, float]:
    return {
        "wall_ms": wall, "wall_p95_ms": wall, "cpu_ms": cpu, "cpu_p95_ms": p95 or cpu,
        "page_cpu_ms": cpu, "server_cpu_ms": 0.0, "times": 3,
    }  # fmt: skip


def document(**zegel: dict[str, float]) -> dict[str, Any]:
    return {
        "messages": 100_000,
        "rounds": 3,
        "load": [0.1, 0.2],
        "first_load_octets": 90_000,
        "figures": {"zegel": zegel},
        "scrolling": {"rows": 30, "cpu_ms": 6.0, "frame_p95_ms": 50.0, "heap_octets": 10.0 * MB},
    }


def missed(told: dict[str, Any]) -> list[str]:
    return [each.name for each in judged(told) if not each.is_kept]


def test_time_on_the_wall_breaks_no_budget_and_time_of_the_processor_does() -> None:
    assert missed(document(open=took(wall=900, cpu=150))) == []
    assert missed(document(open=took(wall=150, cpu=201))) == ["open"]


def test_every_search_has_the_limit_of_searches() -> None:
    told = document(**{"search one": took(10, 501), "search two": took(10, 499)})
    assert missed(told) == ["search one"]


def test_keys_are_judged_by_their_95th_percentile() -> None:
    assert missed(document(key=took(20, 20, p95=101))) == ["key, p95"]


def test_the_peer_is_to_be_half_as_fast_on_the_wall() -> None:
    told = document(open=took(100, 100), list=took(100, 100))
    told["figures"]["roundcube"] = {"open": took(199, 1), "list": took(200, 1)}
    assert missed(told) == ["open, beside Roundcube"]


def test_what_scrolling_costs_is_judged() -> None:
    told = document()
    told["scrolling"] |= {"rows": 61, "cpu_ms": 10.1, "heap_octets": 61.0 * MB}
    assert missed(told) == ["rows in the page", "scrolling, a frame", "heap after scrolling"]


def test_the_table_says_what_was_missed() -> None:
    told = document(open=took(150, 201))
    lines = markdown(told, judged(told), "A title").splitlines()
    assert "| open | 201 | 150 | ≤ 200 ms of CPU | MISSED |" in lines
