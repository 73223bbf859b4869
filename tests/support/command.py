"""The command `zegel` as a person runs it: another process, its words and its exit status."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Zegel:
    """The command, on the settings in `config`."""

    config: Path

    def __call__(self, *words: str, given: str = "", **environ: str) -> Said:
        """Run it with `given` on standard input; `environ` is added to a clean environment."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZEGEL_")}
        run = subprocess.run(
            [sys.executable, "-m", "mailserver", *words],
            input=given,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**clean, "ZEGEL_CONFIG": str(self.config), **environ},
            timeout=60,
            check=False,
        )
        return Said(run.returncode, run.stdout, run.stderr)

    def done(self, *words: str, given: str = "", **environ: str) -> str:
        """Run it, see that it succeeded, and return what it printed."""
        said = self(*words, given=given, **environ)
        assert said.status == 0, said
        return said.out

    def refused(self, *words: str, given: str = "", **environ: str) -> str:
        """Run it, see that it failed in one line without a traceback, and return that line."""
        said = self(*words, given=given, **environ)
        assert said.status == 1, said
        lines = said.err.splitlines()
        assert len(lines) == 1, said
        assert lines[0].startswith("zegel: ")
        return lines[0].removeprefix("zegel: ")


def prepared(directory: Path) -> Zegel:
    """Make settings, keys and databases below `directory`."""
    zegel = Zegel(directory / "zegel.toml")
    zegel.done("init", "--directory", str(directory), ZEGEL_CONFIG="")
    zegel.done("migrate")
    return zegel
