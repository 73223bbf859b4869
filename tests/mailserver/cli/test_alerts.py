"""`zegel alerts` and `zegel audit key`, as an operator types them."""

from pathlib import Path

import pytest

from mailserver.audit.checkpoint import load_key
from tests.support.command import prepared


@pytest.mark.long
def test_alerts_are_listed_and_tried(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    assert "Nobody is written to" in zegel.done("alerts", "list")
    assert "alerts.to is empty" in zegel.refused("alerts", "test")
    asked = {"ZEGEL_ALERTS_TO": "it@example.org,IT@elsewhere.test"}
    said = zegel("alerts", "test", **asked)
    assert said.status == 0
    assert said.out.splitlines() == [
        "A letter to it@example.org is in the queue.",
        "A letter to it@elsewhere.test is in the queue.",
    ]
    assert "Nobody" not in zegel("alerts", "list", **asked).out
    listed = zegel("queue", "list", **asked).out
    assert "example.org" in listed
    assert "elsewhere.test" in listed
    wrong = zegel("alerts", "list", ZEGEL_ALERTS_TO="nobody")
    assert wrong.status == 1
    assert "alerts.to" in wrong.err


@pytest.mark.long
def test_the_public_key_of_the_audit_log_is_printed(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    key = zegel.done("audit", "key").strip()
    assert len(bytes.fromhex(key)) == 32
    (file,) = (tmp_path / "run").rglob("audit.key")
    assert load_key(file).public.hex() == key
