"""Messages in files: what any kind of them is read into, and how files of ours are made.

Files on Unix end their lines with LF where mail has CRLF (RFC 5322 §2.1). `as_mail` goes from the
one to the other; what already has CRLF in its first line is taken as it is.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol

from mailserver.model.errors import Condition, Conflict, MailError, Refused, Transient
from mailserver.model.mailbox import Role
from mailserver.model.message import Flag, Keywords

HEADER_OCTETS = 256 * 1024
NAME_OCTETS = 200  # of a file; most systems allow 255

_BARE_LF = re.compile(rb"(?<!\r)\n")
_DATE = re.compile(rb"^date:[ \t]*([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, repr=False)
class FileMessage:
    """A message as it was found in a file."""

    octets: bytes
    flags: Flag = Flag.NONE
    keywords: Keywords = frozenset()
    internaldate: datetime | None = None


class Unreadable(MailError):
    """A message in a file that cannot be brought over; the text says why."""

    def __init__(self, why: str) -> None:
        """Say why, in a few words."""
        super().__init__(Condition.BAD_MESSAGE, why)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a box, not yet read."""

    key: str
    """Where it stands among the others: rises from one to the next."""
    read: Callable[[], FileMessage]
    """Reads it, for a thread. Raises Unreadable."""


class Box(Protocol):
    """A mailbox in files."""

    @property
    def levels(self) -> tuple[str, ...]:
        """Its name."""
        ...

    @property
    def role(self) -> Role | None:
        """Its special use, where that is known for certain."""
        ...

    def entries(self, after: str) -> Iterator[Entry]:
        """Yield its messages in order, those behind `after` alone; reads from the disk."""
        ...

    def count(self, up_to: str) -> int:
        """Count its messages up to `up_to`, that one included."""
        ...


def as_mail(octets: bytes) -> bytes:
    """Return a message with CRLF, unless its first line has it or it has no line at all."""
    first = octets.find(b"\n")
    if first < 0 or octets[first - 1 : first] == b"\r":
        return octets
    return _BARE_LF.sub(b"\r\n", octets)


def header_of(octets: bytes) -> bytes:
    """Return the header of a message, or as much of it as need be looked at."""
    head = octets[:HEADER_OCTETS]
    ends = [at for at in (head.find(b"\n\n"), head.find(b"\n\r\n")) if at >= 0]
    return head[: min(ends) + 1] if ends else head


def sent_at(octets: bytes) -> datetime | None:
    """Return what the Date field says, for files that keep no date of their own."""
    found = _DATE.search(header_of(octets))
    if found is None:
        return None
    try:
        date = parsedate_to_datetime(found.group(1).decode("ascii", "replace"))
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def instant(seconds: float) -> datetime | None:
    """Return an instant from a file's time; None where there is no such day."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_bounded(path: Path, octets: int) -> bytes:
    """Return a file's octets.

    Raises:
        Unreadable: it has more than `octets`, is no plain file, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("it is no file")
            if status.st_size > octets:
                raise Unreadable(f"it has more than {octets:,} octets")
            return file.read(octets + 1)
    except OSError as error:
        raise Unreadable((error.strerror or "it cannot be read").lower()) from None


def safe_name(text: str) -> str:
    """Return a file name for `text` that names nothing but itself, `%` for what is not plain.

    Two texts never have one name, unless they are longer than `NAME_OCTETS`.
    """
    plain = "".join(
        each
        if each.isalnum() or each in " -_,+()=.@"
        else "".join(f"%{o:02X}" for o in each.encode())
        for each in text
    )
    if plain[:1] in (".", " ", "-", ""):
        plain = "".join(f"%{o:02X}" for o in plain[:1].encode()) + plain[1:]
    return plain.encode()[:NAME_OCTETS].decode("utf-8", "ignore") or "%"


class FreeNames:
    """Gives out file names, each once, also where a disk takes `A` for `a`."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, wanted: str) -> str:
        """Return `wanted`, or something like it that was not given out yet."""
        name, count = wanted, 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{wanted}~{count}"
        self._taken.add(name.casefold())
        return name


def make_directory(path: Path) -> None:
    """Make a directory for nobody else to see, and those above it; it may exist.

    Raises:
        Transient, Refused: as `told` says.
    """
    try:
        missing = [each for each in (path, *path.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700)
    except OSError as error:
        raise told(error, path) from error


def claim_directory(path: Path) -> None:
    """Make the directory that an export goes to.

    Raises:
        Conflict: ALREADY_EXISTS, there is something in it: nothing is written over.
    """
    make_directory(path)
    try:
        if any(path.iterdir()):
            raise Conflict(Condition.ALREADY_EXISTS, f"{path} is not empty; name a new directory")
        path.chmod(0o700)
    except OSError as error:
        raise told(error, path) from error


def write_new(path: Path, octets: bytes, at: datetime | None = None) -> None:
    """Write a file that nobody else can read and that was not there; `at` becomes its date."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(octets)
        if at is not None:
            seconds = max(at.timestamp(), 0.0)
            os.utime(path, (seconds, seconds))
    except OSError as error:
        raise told(error, path) from error


def told(error: OSError, path: Path) -> MailError:
    """Put what the system says of a path in words."""
    reason = (error.strerror or "it cannot be written").lower()
    if isinstance(error, PermissionError):
        return Refused(Condition.NOT_PERMITTED, f"{path}: {reason}")
    return Transient(Condition.STORAGE_FULL, f"{path}: {reason}")
