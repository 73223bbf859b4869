"""`zegel trace`, as two administrators type it."""

from pathlib import Path

import pytest

from tests.support.command import prepared

ANN = "ann@example.org"
PASSWORD = "seven tides under the bridge"


@pytest.mark.long
def test_a_trace_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    zegel = prepared(tmp_path / "run")
    zegel.done("domain", "add", "example.org")
    zegel.done("user", "add", ANN, given=PASSWORD + "\n")
    start = ("trace", "start", ANN, "--reason", "a letter is missing")
    assert zegel(*start).status == 2  # nobody consents
    assert zegel(*start, "--second-admin", "ruth", "--minutes", "61").status == 2
    alone = (*start, "--second-admin", "ruth")
    assert "no administrator" in zegel.refused(*alone, given=PASSWORD + "\n")
    zegel.done("admin", "create", "ruth", given=PASSWORD + "\n")
    assert "not right" in zegel.refused(*alone, given="not hers\n")
    assert "its owner was told" in zegel.done(*alone, "--minutes", "5", given=PASSWORD + "\n")
    assert "being traced" in zegel.refused(*alone, given=PASSWORD + "\n")
    assert "a letter is missing" in zegel.done("trace", "show", "1")
    assert "ruth" in zegel.done("trace", "list")
    zegel.done("trace", "stop", "1")
    assert "is over" in zegel.refused("trace", "stop", "1")
    assert "no such entry" in zegel.refused("trace", "show", "2")
