"""What every command shares: settings, running a coroutine, saying what went wrong in one line."""

import asyncio
import getpass
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.log import configure
from mailserver.runtime.settings import Settings, load

T = TypeVar("T")

FAILED = 1
PASSWORD_OCTETS = 4_096  # more than any password; bounds what is read from a pipe


def settings_of(context: typer.Context) -> Settings:
    """Load the settings that the command line names.

    Raises:
        Misconfigured: as `load`.
    """
    path: Path | None = context.find_root().params.get("config")
    settings = load(path)
    configure(level=settings.log.level)
    return settings


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on an event loop of its own; a MailError becomes one line and exit status 1."""
    return told(lambda: asyncio.run(work()))


def told(work: Callable[[], T]) -> T:
    """Call `work`; a MailError becomes one line on standard error and exit status 1."""
    try:
        return work()
    except MailError as error:
        fail(error.text)
    except ExceptionGroup as group:
        # A task failed; what it says is what the whole says, unless something else is in it.
        ours, others = group.split(MailError)
        if ours is None or others is not None:
            raise
        fail(_first(ours).text)


def _first(group: ExceptionGroup[MailError]) -> MailError:
    first = group.exceptions[0]
    return first if isinstance(first, MailError) else _first(first)


def fail(sentence: str) -> NoReturn:
    """Say one sentence on standard error and end with status 1."""
    typer.echo(f"zegel: {sentence}", err=True)
    raise typer.Exit(FAILED)


def say(text: str = "") -> None:
    """Write a line for people on standard output."""
    typer.echo(text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write aligned columns."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())


def read_password(what: str, *, new: bool = True) -> Plaintext:
    """Read a password: from a terminal without showing it, twice if `new`, else a line of input.

    Raises:
        Refused: WEAK_PASSWORD, nothing was given, or the two differ.
    """
    if sys.stdin.isatty():
        first = getpass.getpass(f"{what}: ")
        if new and getpass.getpass(f"{what}, again: ") != first:
            raise Refused(Condition.WEAK_PASSWORD, "the two passwords differ")
        octets = first.encode()
    else:
        octets = sys.stdin.buffer.readline(PASSWORD_OCTETS).rstrip(b"\r\n")
    if not octets:
        raise Refused(Condition.WEAK_PASSWORD, "there was no password on standard input")
    return Plaintext(octets)


def read_line(question: str) -> str:
    """Ask on standard error and read a line: from a terminal, or from a pipe that has more."""
    if sys.stdin.isatty():
        return str(typer.prompt(question, err=True)).strip()
    line = sys.stdin.buffer.readline(PASSWORD_OCTETS)
    return line.decode("utf-8", "replace").strip()


class Progress:
    """A count that is told on a terminal while long work goes on, and once at its end elsewhere."""

    def __init__(self, what: str) -> None:
        """Count `what`, a plural."""
        self._what = what
        self._on_terminal = sys.stderr.isatty()
        self._done = 0

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say how many are done."""
        self._done = done
        if self._on_terminal:
            of = f" of {total:,}" if total else ""
            typer.echo(f"\r{done:,}{of} {self._what}", err=True, nl=False)

    def end(self) -> None:
        """Say the final count."""
        lead = "\r" if self._on_terminal else ""
        typer.echo(f"{lead}{self._done:,} {self._what}", err=True)
