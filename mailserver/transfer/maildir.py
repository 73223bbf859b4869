r"""Maildir and Maildir++: a file a message, its flags in its name (cr.yp.to/proto/maildir.html).

A mailbox is a directory with `cur` and `new`. Below it, Maildir++ has `.Sent` and `.Work.2026`;
Dovecot's LAYOUT=fs has directories in directories. Both are read, names in modified UTF-7. Letters
a to z are keywords, which Dovecot names in a file `dovecot-keywords` beside `cur`.

The received date is the file's own, as every server keeps it; but a copy made without regard to
dates has today's, so that the name's number, where it is earlier, is nearer to the truth.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from mailserver.model.errors import Absent, Condition
from mailserver.model.mailbox import INBOX, Role
from mailserver.model.message import Flag, Keywords
from mailserver.protocol.imap import utf7
from mailserver.transfer.files import (
    Entry,
    FileMessage,
    FreeNames,
    Unreadable,
    as_mail,
    instant,
    make_directory,
    read_bounded,
    safe_name,
    write_new,
)
from mailserver.transfer.imap_values import read_name

FORWARDED = "$Forwarded"  # Maildir's "passed"
DEPTH = 20
KEYWORDS_FILE = "dovecot-keywords"
KEYWORDS = 26  # letters

_SYSTEM = {
    "D": Flag.DRAFT,
    "F": Flag.FLAGGED,
    "R": Flag.ANSWERED,
    "S": Flag.SEEN,
    "T": Flag.DELETED,
}
_PARTS = ("cur", "new", "tmp")
_INFO = re.compile(r"[:;!]2,([A-Za-z]*)$")
_NUMBER = re.compile(r"(\d{1,12})\b")


@dataclass(frozen=True, slots=True)
class MaildirBox:
    """One mailbox of a Maildir."""

    path: Path
    levels: tuple[str, ...]
    octets: int
    """How long a message may be."""
    role: Role | None = None
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    def entries(self, after: str) -> Iterator[Entry]:
        """Yield the messages in the order of their arrival."""
        letters = _letters(self.path)
        for key, path in self._sorted():
            if key > after:
                yield Entry(key, partial(self._read, path, letters))

    def count(self, up_to: str) -> int:
        """Count the messages up to a key."""
        return sum(1 for key, _ in self._sorted() if key <= up_to)

    def _sorted(self) -> list[tuple[str, Path]]:
        found = []
        for part in ("cur", "new"):
            try:
                names = os.listdir(self.path / part)
            except OSError:
                continue  # a mailbox that was never opened may lack one
            found += [(_key(name), self.path / part / name) for name in names if name[0] != "."]
        return sorted(found)

    def _read(self, path: Path, letters: dict[str, str]) -> FileMessage:
        octets = as_mail(read_bounded(path, self.octets))
        info = _INFO.search(path.name) if path.parent.name == "cur" else None
        flags, keywords = _flags(info.group(1) if info else "", letters)
        return FileMessage(octets, flags, keywords, _received_at(path))


def boxes(root: Path, octets: int) -> list[MaildirBox]:
    """Find the mailboxes of a Maildir, INBOX first.

    Raises:
        Absent: NO_SUCH_MAILBOX, `root` is no Maildir and there is none below it.
    """
    found = [MaildirBox(root, (INBOX,), octets)] if _is_box(root) else []
    found += _below(root, (), octets, 0)
    if not found:
        raise Absent(Condition.NO_SUCH_MAILBOX, f"{root} is no Maildir")
    return found


def _below(root: Path, levels: tuple[str, ...], octets: int, depth: int) -> list[MaildirBox]:
    found: list[MaildirBox] = []
    if depth > DEPTH:
        return found
    for path in sorted(each for each in root.iterdir() if each.is_dir() and not each.is_symlink()):
        if path.name in _PARTS and _is_box(root):
            continue
        dotted = path.name.startswith(".") and depth == 0
        parts = path.name[1:].split(".") if dotted else [path.name]
        if not all(parts):
            continue
        here = (*levels, *(read_name(os.fsencode(part)) for part in parts))
        if _is_box(path):
            found.append(MaildirBox(path, here, octets))
        if not dotted:
            found += _below(path, here, octets, depth + 1)
    return found


def _is_box(path: Path) -> bool:
    return (path / "cur").is_dir() or (path / "new").is_dir()


def _key(name: str) -> str:
    """Return where a message stands: by its number, then by its name without the flags."""
    number = _NUMBER.match(name)
    return f"{int(number.group(1)) if number else 0:012} {_INFO.sub('', name)}"


def _received_at(path: Path) -> datetime | None:
    number = _NUMBER.match(path.name)
    try:
        changed = path.stat().st_mtime
    except OSError:
        raise Unreadable("it went away while it was read") from None
    return instant(min(changed, int(number.group(1))) if number else changed)


def _letters(path: Path) -> dict[str, str]:
    """Read which letter stands for which keyword; `0 name` a line, 0 being `a`."""
    try:
        lines = read_bounded(path / KEYWORDS_FILE, 64 * 1024).decode("utf-8", "replace").split("\n")
    except Unreadable:
        return {}
    pairs = (line.partition(" ") for line in lines)
    return {
        chr(ord("a") + int(number)): name
        for number, _, name in pairs
        if number.isdecimal() and int(number) < KEYWORDS and name
    }


def _flags(letters: str, names: dict[str, str]) -> tuple[Flag, Keywords]:
    flags, keywords = Flag.NONE, set[str]()
    for letter in letters:
        flags |= _SYSTEM.get(letter, Flag.NONE)
        if letter == "P":
            keywords.add(FORWARDED)
        elif letter in names:
            keywords.add(names[letter])
    return flags, frozenset(keywords)


class MaildirWriter:
    """Writes one mailbox as a Maildir++."""

    def __init__(self, root: Path, name: str, free: FreeNames) -> None:
        """Make it: `root` itself for INBOX, else a directory in it."""
        self.path = root if name == INBOX else root / free(_directory(name))
        self._letters: dict[str, str] = {}
        for part in _PARTS:
            make_directory(self.path / part)
        if self.path != root:
            write_new(self.path / "maildirfolder", b"")  # Maildir++'s mark of a mailbox

    def write(self, uid: int, octets: bytes, flags: Flag, keywords: Keywords, at: datetime) -> Path:
        """Write a message as it is; returns where."""
        letters = "".join(sorted(letter for letter, flag in _SYSTEM.items() if flag in flags))
        for keyword in sorted(keywords):
            if keyword == FORWARDED:
                letters += "P"
            elif keyword in self._letters or len(self._letters) < KEYWORDS:
                new = chr(ord("a") + len(self._letters))
                letters += self._letters.setdefault(keyword, new)
        seconds = max(int(at.timestamp()), 0)
        info = "".join(sorted(letters))
        path = self.path / "cur" / f"{seconds}.U{uid:010}.zegel,S={len(octets)}:2,{info}"
        write_new(path, octets, at)
        return path

    def finish(self) -> None:
        """Write down which letter is which keyword."""
        if self._letters:
            lines = (f"{number} {name}\n" for number, name in enumerate(self._letters))
            write_new(self.path / KEYWORDS_FILE, "".join(lines).encode())


def _directory(name: str) -> str:
    """Return a Maildir++ name: levels parted by dots, so that none can stand within one."""
    levels = (utf7.encode(level.replace(".", "_")).decode("ascii") for level in name.split("/"))
    return "." + safe_name(".".join(levels)).replace("%26", "&").replace("%2E", "_")
