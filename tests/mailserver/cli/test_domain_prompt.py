"""`zegel domain add` at a terminal asks who answers postmaster; a script is asked nothing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT, Zegel, prepared


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    """Settings of a server without a domain."""
    return prepared(tmp_path / "run")


def typed(zegel: Zegel, *words: str, given: bytes) -> str:
    """Run the command with a terminal as its standard input; return what it printed."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ZEGEL_")}
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "mailserver", *words],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**clean, "ZEGEL_CONFIG": str(zegel.config), **zegel.settings},
        ) as process:
            os.write(ours, given)
            said, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 0, said
    return said.decode()


def test_who_adds_a_domain_is_asked_who_answers_postmaster(zegel: Zegel) -> None:
    said = typed(zegel, "domain", "add", "example.org", given=b"jan@example.org\n")
    assert "Which address answers postmaster and abuse?" in said
    assert "has to wait" not in said
    assert "jan@example.org" in zegel.done("domain", "list")


def test_who_decides_later_is_told_what_waits(zegel: Zegel) -> None:
    said = typed(zegel, "domain", "add", "example.org", given=b"\n")
    assert "Mail for postmaster@example.org and abuse@example.org has to wait" in said


def test_a_script_is_asked_nothing(zegel: Zegel) -> None:
    said = zegel.done("domain", "add", "example.org")
    assert "Which address" not in said
    assert "has to wait" in said
