"""`zegel privacy requests` and `request`, as an officer types them."""

from pathlib import Path

import pytest

from tests.support.command import prepared


@pytest.mark.long
def test_a_request_from_its_receipt_to_its_answer(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    receive = ("privacy", "request", "receive", "access", "Noor, Kade 7")
    said = zegel.done(*receive, "--at", "2026-01-31T12:00")
    assert said.strip() == "Request 1 is received; due 2026-03-02."
    assert "the same as request 1" in zegel.done(*receive, "--controller", "Tides B.V.")
    assert "TOO LATE" in zegel.done("privacy", "requests")
    assert "needs a reason" in zegel.refused("privacy", "request", "answer", "1")
    zegel.done("privacy", "request", "answer", "1", "--late", "The officer was ill.")
    said = zegel.done("privacy", "request", "forward", "2", "--language", "nl")
    assert "Tides B.V." in said
    assert "done" in zegel.done("privacy", "requests", "--all")
    assert "Kade 7" in zegel.done("privacy", "request", "show", "1")
    assert "write the time" in zegel.refused(*receive, "--at", "soon")
