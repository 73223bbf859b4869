r"""mbox: all messages of a mailbox in one file, each behind a line that begins with `From `.

    From someone@example.org Mon Mar  2 09:00:00 2026
    Subject: …
                                            (lines end in LF; a line of the message that begins
    >From here on it is quoted.              with any number of `>` and `From ` has one `>` more)
                                            (an empty line)
    From …

What is written is mboxrd, which loses nothing of a message whose lines all end in CRLF; for others
`is_reversible` says no, and an export puts them in a file of their own (PRIVACY §14). What is read
may be mboxrd, mboxo (only `From ` is quoted) or mboxcl, where Content-Length says how long a body
is: that is believed only where the next message, or the end, lies there.
Source: RFC 4155; qmail's mbox(5).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader
from pathlib import Path

from mailserver.model.errors import Absent, Condition
from mailserver.model.mailbox import INBOX, Role
from mailserver.model.message import Flag, Keywords
from mailserver.transfer.files import (
    Entry,
    FileMessage,
    Unreadable,
    as_mail,
    header_of,
    sent_at,
    told,
    write_new,
)

LINE_OCTETS = 1 << 20  # a longer line is read in parts
CHUNK_OCTETS = 1 << 20

_FROM = re.compile(rb"From .*\d:\d\d.*\d{4}")  # a sentence after an empty line has no time in it
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_TO_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_UNQUOTED = re.compile(rb"^From ", re.MULTILINE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,10})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(
    rb"^(status|x-status|x-keywords|x-mozilla-status|x-mozilla-keys):[ \t]*([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_WHEN = re.compile(rb"([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d)(?::(\d\d))?[^\n]*? (\d{4})")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov")
_STATUS = {b"R": Flag.SEEN}
_X_STATUS = {b"A": Flag.ANSWERED, b"F": Flag.FLAGGED, b"T": Flag.DRAFT, b"D": Flag.DELETED}
_MOZILLA = {0x1: Flag.SEEN, 0x2: Flag.ANSWERED, 0x4: Flag.FLAGGED, 0x8: Flag.DELETED}


def is_reversible(octets: bytes) -> bool:
    """Say whether a message comes back from an mbox as it went in: each line ends in CRLF."""
    pairs = octets.count(b"\r\n")
    whole = octets.endswith(b"\r\n")
    return whole and octets.count(b"\n") == pairs and octets.count(b"\r") == pairs


def encode(octets: bytes, at: datetime) -> bytes:
    """Write a message as mboxrd, received at `at`.

    Raises:
        ValueError: it is not reversible.
    """
    if not is_reversible(octets):
        raise ValueError("only a message whose lines end in CRLF goes into an mbox")
    lines = _TO_QUOTE.sub(rb">\1", octets.replace(b"\r\n", b"\n"))
    when = f"{at.astimezone(UTC):%a %b} {at.astimezone(UTC).day:2} {at.astimezone(UTC):%H:%M:%S %Y}"
    return b"From MAILER-DAEMON " + when.encode() + b"\n" + lines + b"\n"


def decode(written: bytes) -> bytes:
    """Return the message of one `encode`."""
    _, _, lines = written.partition(b"\n")
    return _QUOTED.sub(rb"\1", lines[:-1]).replace(b"\n", b"\r\n")


class MboxWriter:
    """Writes one mailbox as an mbox."""

    def __init__(self, path: Path) -> None:
        """Make the file, empty."""
        self.path = path
        write_new(path, b"")
        self._at = 0

    def write(self, octets: bytes, at: datetime) -> tuple[int, int]:
        """Add a message; returns where it begins and how many octets it takes.

        Raises:
            ValueError: it is not reversible.
            Transient: STORAGE_FULL.
        """
        written = encode(octets, at)
        try:
            with self.path.open("ab") as file:
                file.write(written)
        except OSError as error:
            raise told(error, self.path) from error
        begun, self._at = self._at, self._at + len(written)
        return begun, len(written)


@dataclass(frozen=True, slots=True)
class MboxBox:
    """One file."""

    path: Path
    levels: tuple[str, ...]
    octets: int
    """How long a message may be."""
    role: Role | None = None

    def entries(self, after: str) -> Iterator[Entry]:
        """Yield its messages in order; a key is where the next one begins."""
        try:
            with self.path.open("rb") as file:
                file.seek(int(after or 0))
                for start, end in _spans(file):
                    yield Entry(f"{end:020}", partial(self._read, start, end))
        except OSError as error:
            reason = (error.strerror or "it cannot be read").lower()
            raise Absent(Condition.NO_SUCH_MAILBOX, f"{self.path}: {reason}") from error

    def count(self, up_to: str) -> int:
        """Return 0: what was read of a file stays before what is added to it."""
        return 0

    def _read(self, start: int, end: int) -> FileMessage:
        if end - start > self.octets:
            raise Unreadable(f"it has more than {self.octets:,} octets")
        with self.path.open("rb") as file:
            file.seek(start)
            return parse(file.read(end - start))


def parse(written: bytes) -> FileMessage:
    """Read one message of an mbox of whatever kind, its `From ` line first."""
    first, _, lines = written.partition(b"\n")
    for blank in (b"\n\r\n", b"\n\n"):
        if lines.endswith(blank):
            lines = lines[: 1 - len(blank)]
            break
    body = lines[len(header_of(lines)) :]
    if not _UNQUOTED.search(body):  # else nothing was quoted: it is mboxcl2
        lines = _QUOTED.sub(rb"\1", lines)
    octets = as_mail(lines)
    flags, keywords = _flags(header_of(octets))
    return FileMessage(octets, flags, keywords, _from_line(first) or sent_at(octets))


def boxes(path: Path, octets: int) -> list[MboxBox]:
    """Return the mailboxes of a file, or of a directory's files that are mboxes.

    Raises:
        Absent: NO_SUCH_MAILBOX, there are none.
    """
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file() and _is_mbox(each))
        found = [MboxBox(each, _levels(path, each), octets) for each in files]
    else:
        found = [MboxBox(path, (INBOX,), octets)] if path.is_file() and _is_mbox(path) else []
    if not found:
        raise Absent(Condition.NO_SUCH_MAILBOX, f"{path} is no mbox, and holds none")
    return found


def _is_mbox(path: Path) -> bool:
    if path.is_symlink():
        return False
    try:
        with path.open("rb") as file:
            return file.read(5) == b"From "
    except OSError:
        return False


def _levels(root: Path, path: Path) -> tuple[str, ...]:
    """Name a mailbox by its file; Thunderbird puts those below it into `name.sbd`."""
    parts = [part.removesuffix(".sbd") for part in path.relative_to(root).parts]
    parts[-1] = parts[-1].removesuffix(".mbox")
    return tuple(part for part in parts if part)


def _spans(file: BufferedReader) -> Iterator[tuple[int, int]]:
    """Yield where each message begins and ends, from a `From ` line on; holds one line."""
    start = file.tell()
    after_blank, known_end = True, None
    header = bytearray()
    in_header = False
    at = start
    seen_any = False
    while line := file.readline(LINE_OCTETS):
        if after_blank and _FROM.match(line) and (known_end is None or at >= known_end):
            if seen_any:
                yield start, at
            start, seen_any, in_header, known_end = at, True, True, None
            header.clear()
        elif in_header:
            header += line
            if line in (b"\n", b"\r\n") or len(header) > CHUNK_OCTETS:
                in_header = False
                known_end = _told_end(file, at + len(line), bytes(header))
        after_blank = line in (b"\n", b"\r\n")
        at += len(line)
    if seen_any:
        yield start, at


def _told_end(file: BufferedReader, body: int, header: bytes) -> int | None:
    """Return where Content-Length says that a message ends, if it is right about that."""
    found = _LENGTH.search(header)
    if found is None:
        return None
    end = body + int(found.group(1))
    here = file.tell()
    file.seek(end)
    next_octets = file.read(7).lstrip(b"\r\n")
    at_end = not next_octets and not file.read(1)
    file.seek(here)
    return end if at_end or (b"From ".startswith(next_octets[:5]) and next_octets) else None


def _from_line(line: bytes) -> datetime | None:
    found = _WHEN.search(line)
    if found is None:
        return None
    month, day, hour, minute, second, year = found.groups()
    number = (*_MONTHS, b"Dec").index(month) + 1 if month in (*_MONTHS, b"Dec") else 0
    try:
        parts = (int(year), number, int(day), int(hour), int(minute), min(int(second or 0), 59))
        return datetime(*parts, tzinfo=UTC)
    except ValueError:
        return None


def _flags(header: bytes) -> tuple[Flag, Keywords]:
    """Read what mail programs write into the header of a message in an mbox."""
    flags, keywords = Flag.NONE, set[str]()
    for name, value in _FIELD.findall(header):
        match name.lower():
            case b"status":
                flags |= _lettered(value, _STATUS)
            case b"x-status":
                flags |= _lettered(value, _X_STATUS)
            case b"x-mozilla-status":
                flags |= _bits(value)
            case _:
                keywords.update(value.decode("utf-8", "replace").split())
    return flags, frozenset(keywords)


def _lettered(value: bytes, known: dict[bytes, Flag]) -> Flag:
    flags = Flag.NONE
    for letter, flag in known.items():
        if letter in value:
            flags |= flag
    return flags


def _bits(value: bytes) -> Flag:
    try:
        number = int(value.strip() or b"0", 16)
    except ValueError:
        return Flag.NONE
    flags = Flag.NONE
    for bit, flag in _MOZILLA.items():
        if number & bit:
            flags |= flag
    return flags
