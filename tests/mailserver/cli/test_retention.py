"""`zegel retention`: the table, a dry run, a run, and holds."""

from pathlib import Path

import pytest

from tests.support.command import prepared


@pytest.mark.long
def test_what_ends_is_shown_counted_ended_and_held(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    shown = zegel.done("retention", "show")
    assert "audit" in shown
    assert "365 d" in shown
    assert "never" in shown
    assert "would end" in zegel.done("retention", "run", "--dry-run")
    assert "never" in zegel.done("retention", "show")
    assert "ended" in zegel.done("retention", "run")
    hold = ("retention", "hold", "order of a court, 12/26")
    assert zegel(*hold).status == 1
    assert zegel(*hold, "--category", "nonsense").status == 1
    assert "Hold 1 stands" in zegel.done(*hold, "--category", "audit", "--days", "30")
    assert "order of a court, 12/26" in zegel.done("retention", "holds")
    lines = zegel.done("retention", "run", "--dry-run").splitlines()
    assert ["audit", "held"] in [line.split() for line in lines]
    zegel.done("retention", "lift", "1")
    assert zegel("retention", "lift", "1").status == 1
