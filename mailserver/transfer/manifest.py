"""The manifest of an export: every message with its file, size, hash, date and flags.

It is what makes an export whole: mbox has no room for keywords, no file system for UIDs. Read back
by an import it gives every message its mailbox, flags and date again, and shows by the hash of its
octets that it is the one that went out (PRIVACY §14). One message is one line, so that a mailbox of
a million needs no more memory than a small one.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from mailserver.model.errors import Condition, Corrupt
from mailserver.model.message import Flag
from mailserver.transfer.files import FileMessage, Unreadable, read_bounded, told
from mailserver.transfer.mbox import decode

NAME = "manifest.json"
SCHEMA = 1
LINE_OCTETS = 1 << 20

_FLAGS = {
    "answered": Flag.ANSWERED,
    "deleted": Flag.DELETED,
    "draft": Flag.DRAFT,
    "flagged": Flag.FLAGGED,
    "seen": Flag.SEEN,
}


@dataclass(frozen=True, slots=True)
class Written:
    """Where a message lies: a file, or a part of one."""

    path: str
    """Relative to the manifest's directory, `/` between its parts."""
    at: int | None = None
    """Where it begins in an mbox."""
    span: int | None = None
    """How many octets it takes there."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the manifest."""

    mailbox: int
    """Which of `Manifest.mailboxes`."""
    uid: int
    written: Written | None
    """None: it was damaged, and not exported."""
    octets: int
    digest: str
    internaldate: datetime
    flags: Flag
    keywords: frozenset[str]

    def to_json(self) -> dict[str, Any]:
        """Write it as JSON has it."""
        told: dict[str, Any] = {"mailbox": self.mailbox, "uid": self.uid}
        if self.written is None:
            return told | {"damaged": True}
        told["path"] = self.written.path
        if self.written.at is not None:
            told |= {"at": self.written.at, "span": self.written.span}
        return told | {
            "octets": self.octets,
            "sha256": self.digest,
            "internaldate": self.internaldate.astimezone(UTC).isoformat(),
            "flags": [name for name, flag in _FLAGS.items() if flag in self.flags],
            "keywords": sorted(self.keywords),
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Line":
        """Read it. Raises ValueError, KeyError, TypeError where it is none."""
        flags = Flag.NONE
        for name in told.get("flags", ()):
            flags |= _FLAGS[name]
        damaged = told.get("damaged", False)
        return cls(
            mailbox=int(told["mailbox"]),
            uid=int(told["uid"]),
            written=None if damaged else Written(told["path"], told.get("at"), told.get("span")),
            octets=int(told.get("octets", 0)),
            digest=str(told.get("sha256", "")),
            internaldate=datetime.fromisoformat(told.get("internaldate", "1970-01-01T00:00:00Z")),
            flags=flags,
            keywords=frozenset(map(str, told.get("keywords", ()))),
        )


def head(kind: str, mailboxes: list[dict[str, Any]]) -> str:
    """Write how a manifest begins: its messages follow, each on a line of its own."""
    told = {"schema": SCHEMA, "product": "zegel", "format": kind, "mailboxes": mailboxes}
    return json.dumps(told)[:-1] + ', "messages": ['


def tail(more: Mapping[str, object]) -> str:
    """Write how a manifest ends, behind its last message."""
    return "\n], " + json.dumps(more)[1:] + "\n"


class ManifestWriter:
    """Writes a manifest line by line; it has its name only once it is whole."""

    def __init__(self, root: Path, kind: str, mailboxes: list[dict[str, Any]]) -> None:
        """Begin one in `root`; `mailboxes` have `name` and `role`."""
        self._path = root / NAME
        self._partial = root / (NAME + ".partial")
        self._first = True
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._partial, flags, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8")
            self._file.write(head(kind, mailboxes))
        except OSError as error:
            raise told(error, self._partial) from error

    def add(self, line: Line) -> None:
        """Add a message."""
        try:
            self._file.write("\n" if self._first else ",\n")
            self._file.write(json.dumps(line.to_json()))
        except OSError as error:
            raise told(error, self._partial) from error
        self._first = False

    def finish(self, **counts: int) -> None:
        """End it with `counts`, durably, and give it its name."""
        try:
            self._file.write(tail({"counts": counts}))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.rename(self._path)
        except OSError as error:
            raise told(error, self._path) from error

    def close(self) -> None:
        """Let go of the file, finished or not."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: its mailboxes; the messages are read again line by line."""

    root: Path
    kind: str
    mailboxes: list[dict[str, Any]]

    @classmethod
    def find(cls, root: Path) -> "Manifest | None":
        """Read the manifest in `root`; None where there is none.

        Raises:
            Corrupt: DAMAGED, it is not one of ours.
        """
        path = root / NAME
        if not path.is_file():
            return None
        try:
            with path.open(encoding="utf-8") as file:
                found = json.loads(file.readline(LINE_OCTETS).rstrip() + "]}")
            if found["schema"] != SCHEMA or found["product"] != "zegel":
                raise ValueError
            mailboxes = [{"name": str(m["name"]), "role": m["role"]} for m in found["mailboxes"]]
            return cls(root, str(found["format"]), mailboxes)
        except (ValueError, KeyError, TypeError, OSError):
            raise Corrupt(Condition.DAMAGED, f"{path}: this is no manifest of ours") from None

    def lines(self, mailbox: int) -> Iterator[Line]:
        """Yield the messages of one of `mailboxes`.

        Raises:
            Corrupt: DAMAGED, a line is not one of ours, or the end is missing.
        """
        with (self.root / NAME).open(encoding="utf-8") as file:
            file.readline(LINE_OCTETS)
            while line := file.readline(LINE_OCTETS):
                if line.startswith("]"):
                    return
                if not line.startswith(f'{{"mailbox": {mailbox},'):
                    continue  # it is another's
                try:
                    yield Line.from_json(json.loads(line.strip().removesuffix(",")))
                except (ValueError, KeyError, TypeError, AttributeError):
                    break
        raise Corrupt(Condition.DAMAGED, f"{self.root / NAME}: it is cut short or altered")

    def read(self, line: Line, octets: int) -> FileMessage:
        """Read a message of up to `octets` and see that it is the one that went out.

        Raises:
            Unreadable: it is not, or cannot be read.
        """
        if line.written is None:
            raise Unreadable("it was damaged before it was exported")
        path = self.root / line.written.path
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise Unreadable("its file is not one of the export's")
        found = _part(path, line.written, octets)
        if sha256(found).hexdigest() != line.digest:
            raise Unreadable("it is not the message that was exported: its hash is another")
        return FileMessage(found, line.flags, line.keywords, line.internaldate)


def _part(path: Path, written: Written, octets: int) -> bytes:
    if written.at is None or written.span is None:
        return read_bounded(path, octets)
    if written.span > octets:
        raise Unreadable(f"it has more than {octets:,} octets")
    try:
        with path.open("rb") as file:
            file.seek(written.at)
            return decode(file.read(written.span))
    except OSError as error:
        raise Unreadable((error.strerror or "it cannot be read").lower()) from None
