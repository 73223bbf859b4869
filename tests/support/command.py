"""The command `zegel` as a person runs it: its words and its exit status.

It runs in this process, where it takes a tenth of the time, or in one of its own (`process`), where
the process is the point.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from mailserver.cli.program import program

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
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the environment, every time."""

    def __call__(self, *words: str, given: str = "", **environ: str) -> Said:
        """Run it with `given` on standard input; `environ` is added to a clean environment.

        What it does not foresee is raised here.
        """
        mine: dict[str, str | None] = {name: None for name in os.environ if name[:6] == "ZEGEL_"}
        mine |= {"ZEGEL_CONFIG": str(self.config), **self.settings, **environ}
        with _umask_kept():
            ran = CliRunner().invoke(program, words, input=given, env=mine, prog_name="zegel")
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return Said(ran.exit_code, ran.stdout, ran.stderr)

    def process(self, *words: str, given: str = "", **environ: str) -> Said:
        """Run it as `__call__` does, but in a process of its own."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ZEGEL_")}
        run = subprocess.run(
            [sys.executable, "-m", "mailserver", *words],
            input=given,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**clean, "ZEGEL_CONFIG": str(self.config), **self.settings, **environ},
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


@contextmanager
def _umask_kept() -> Iterator[None]:
    """Undo what a command does to this process: some make their files private by its umask."""
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)


def prepared(directory: Path, **settings: str) -> Zegel:
    """Make settings, keys and databases below `directory`, but for what `settings` say."""
    zegel = Zegel(directory / "zegel.toml", settings)
    zegel.done("init", "--directory", str(directory), ZEGEL_CONFIG="")
    zegel.done("migrate")
    return zegel
