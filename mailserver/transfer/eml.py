"""A directory of `.eml` files: a message each, octet for octet; directories are mailboxes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from mailserver.model.errors import Absent, Condition
from mailserver.model.mailbox import INBOX, Role
from mailserver.transfer.files import (
    Entry,
    FileMessage,
    as_mail,
    instant,
    make_directory,
    read_bounded,
    sent_at,
    write_new,
)

DEPTH = 20
SUFFIX = ".eml"


@dataclass(frozen=True, slots=True)
class EmlBox:
    """One directory."""

    path: Path
    levels: tuple[str, ...]
    octets: int
    role: Role | None = None

    def entries(self, after: str) -> Iterator[Entry]:
        """Yield its messages by name."""
        for path in self._sorted():
            if path.name > after:
                yield Entry(path.name, partial(self._read, path))

    def count(self, up_to: str) -> int:
        """Count its messages up to a name."""
        return sum(1 for path in self._sorted() if path.name <= up_to)

    def _sorted(self) -> list[Path]:
        return sorted(_files(self.path))

    def _read(self, path: Path) -> FileMessage:
        octets = as_mail(read_bounded(path, self.octets))
        return FileMessage(octets, internaldate=sent_at(octets) or instant(path.stat().st_mtime))


def boxes(root: Path, octets: int) -> list[EmlBox]:
    """Find the directories with messages; those of `root` itself go to INBOX.

    Raises:
        Absent: NO_SUCH_MAILBOX, there are none.
    """
    found = _boxes(root, (), octets)
    if not found:
        raise Absent(Condition.NO_SUCH_MAILBOX, f"there is no message (*{SUFFIX}) in {root}")
    return found


def _boxes(path: Path, levels: tuple[str, ...], octets: int) -> list[EmlBox]:
    if not path.is_dir():
        return []
    found = [EmlBox(path, levels or (INBOX,), octets)] if any(_files(path)) else []
    if len(levels) < DEPTH:
        for each in sorted(each for each in path.iterdir() if each.is_dir()):
            if not each.is_symlink():
                found += _boxes(each, (*levels, each.name), octets)
    return found


def _files(path: Path) -> Iterator[Path]:
    return (
        each for each in path.iterdir() if each.suffix.lower() == SUFFIX and not each.is_symlink()
    )


class EmlWriter:
    """Writes one mailbox as a directory."""

    def __init__(self, path: Path) -> None:
        """Make it."""
        self.path = path
        make_directory(path)

    def write(self, uid: int, octets: bytes, at: datetime) -> Path:
        """Write a message as it is; returns where."""
        path = self.path / f"{uid:010}{SUFFIX}"
        write_new(path, octets, at)
        return path
