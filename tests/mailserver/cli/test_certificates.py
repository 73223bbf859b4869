"""`zegel user remove --certificate` and `zegel privacy certificate`."""

import json
from pathlib import Path

import pytest

from tests.support.command import prepared

WHO, PASSWORD = "noor@example.test", "seven tides under the bridge\n"


@pytest.mark.long
def test_an_erasure_is_certified_and_the_certificate_verifies_without_the_server(
    tmp_path: Path,
) -> None:
    zegel = prepared(tmp_path / "run")
    zegel.done("domain", "add", "example.test")
    zegel.done("user", "add", WHO, given=PASSWORD)
    file = tmp_path / "erased.json"
    zegel.done("user", "remove", WHO, "--yes", "--certificate", str(file))
    said = json.loads(file.read_text())
    assert said["counts"]["addresses"] == 1
    assert WHO not in file.read_text()
    assert "Genuine" in zegel.done("privacy", "certificate", str(file))
    key = ("--key", said["key"])
    assert "Genuine" in zegel.done("privacy", "certificate", str(file), *key)
    file.write_text(file.read_text().replace(said["horizon"], "2020-01-01"))
    zegel.refused("privacy", "certificate", str(file), *key)
    assert "hex" in zegel.refused("privacy", "certificate", str(file), "--key", "x")
    again = zegel.refused("user", "remove", WHO, "--yes", "--certificate", str(file))
    assert "there already" in again
    zegel.done("user", "add", "bram@example.test", given=PASSWORD)
    nowhere = str(tmp_path / "none" / "erased.json")
    lost = zegel("user", "remove", "bram@example.test", "--yes", "--certificate", nowhere)
    assert "signature" in lost.out
    assert "printed above" in lost.err
