"""Other people's programs: found, or named with the package that brings them; run to their end."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[1] / "interop" / "packages.txt"
WITHOUT = "ZEGEL_TESTS_WITHOUT_PROGRAMS"
"""Set to 1 it skips tests whose program is not installed; else they fail."""
PATIENCE_SECONDS = 60


@cache
def packages() -> dict[str, str]:
    """Return which Debian packages bring which program."""
    lines = (line.partition("#")[0].split() for line in PACKAGES.read_text().splitlines())
    return {words[0]: " ".join(words[1:]) for words in lines if words}


def program(name: str) -> str:
    """Return where a program of `packages.txt` is; without it the test fails, or is skipped."""
    found = shutil.which(name)
    if found is None:
        sentence = f"{name} is not installed: apt-get install {packages()[name]}"
        if os.environ.get(WITHOUT) == "1":
            pytest.skip(sentence)
        pytest.fail(f"{sentence} (or set {WITHOUT}=1 to leave such tests out)")
    return found


def run(
    *command: str | Path,
    home: Path,
    stdin: bytes = b"",
    environ: Mapping[str, str] | None = None,
    exits: Sequence[int] = (0,),
) -> bytes:
    """Run a program to its end with `home` as its home and place; returns what it printed.

    It must exit with one of `exits`; what it said on standard error is told when it does not.
    """
    own = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    ended = subprocess.run(
        [program(str(command[0])), *map(str, command[1:])],
        input=stdin,
        capture_output=True,
        cwd=home,
        env=own | dict(environ or {}),
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if ended.returncode not in exits:
        said = (ended.stdout[-2_000:] + ended.stderr[-4_000:]).decode("utf-8", "replace")
        pytest.fail(f"{command[0]} exited with {ended.returncode}: {said}")
    return ended.stdout
