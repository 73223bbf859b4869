"""A bar that shows how far a transfer is, on a terminal; elsewhere nothing.

Where standard error is a file, a mailbox's name would stay there for others to read.
"""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)


class Bar:
    """Watches a transfer; used as a context."""

    def __init__(self) -> None:
        """Show on standard error."""
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None, rate="")

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def mailbox(self, name: str, messages: int) -> None:
        """Show the next mailbox; with 0 messages nobody knows how many there are."""
        printable = "".join(each if each.isprintable() else "?" for each in name)
        self._bar.reset(self._task, description=printable, total=messages or None, rate="")

    def moved(self, messages: int, octets: int) -> None:
        """Show that messages are done."""
        self._bar.advance(self._task, messages)
        speed = self._bar.tasks[0].speed
        self._bar.update(self._task, rate=f"{speed:,.0f}/s" if speed else "")


class Octets:
    """Shows how many octets went by and how fast; used as a context, called with each piece."""

    def __init__(self, what: str) -> None:
        """Show on standard error; `what` follows the number."""
        self._bar = Progress(
            DownloadColumn(),
            TextColumn(what, markup=False),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the line away."""
        self._bar.stop()

    def __call__(self, octets: int) -> None:
        """Show that more went by; from any thread."""
        self._bar.advance(self._task, octets)
