"""Bringing mail in from files: Maildir, mbox, `.eml`; or from an export of ours, by its manifest.

Files are read a batch at a time, in a thread, and stored as an import over IMAP stores: each batch
with how far it brings its mailbox. So what was killed goes on, and a second run brings only what
was added behind the end of the first.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from mailserver.mail.arrivals import Arrival, Arrivals, Progress
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import MailboxId
from mailserver.model.mailbox import Role
from mailserver.model.message import NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.runtime.offload import Offload
from mailserver.transfer import eml, maildir, mbox
from mailserver.transfer.files import Box, Entry, FileMessage, Unreadable
from mailserver.transfer.imap_session import Namespaces
from mailserver.transfer.imap_values import Listed
from mailserver.transfer.manifest import Manifest
from mailserver.transfer.naming import Target, plan
from mailserver.transfer.report import Report, Unwatched, Watcher

MESSAGE_OCTETS = 150 << 20
BATCH_MESSAGES = 50
BATCH_OCTETS = 4 << 20

_CHANGED = "messages were added among those that are here already; only later ones were brought"


class Finder(Protocol):
    """Finds the mailboxes in some kind of files."""

    def __call__(self, path: Path, octets: int, /) -> Sequence[Box]:
        """Return them. Raises Absent."""
        ...


FINDERS: dict[str, Finder] = {"maildir": maildir.boxes, "mbox": mbox.boxes, "eml": eml.boxes}


@dataclass(frozen=True, slots=True)
class ManifestBox:
    """One mailbox of an export of ours."""

    manifest: Manifest
    number: int
    levels: tuple[str, ...]
    role: Role | None

    def entries(self, after: str) -> Iterator[Entry]:
        """Yield its messages by UID."""
        for line in self.manifest.lines(self.number):
            key = f"{line.uid:010}"
            if key > after:
                yield Entry(key, partial(self.manifest.read, line, MESSAGE_OCTETS))

    def count(self, up_to: str) -> int:
        """Return 0: an export does not change."""
        return 0


def find(kind: str, path: Path) -> Sequence[Box]:
    """Find the mailboxes at `path`: by the manifest where there is one, else by the files.

    Raises:
        Absent: NO_SUCH_MAILBOX, there is nothing of that kind.
        Corrupt: DAMAGED, the manifest is not ours.
    """
    manifest = Manifest.find(path) if path.is_dir() else None
    if manifest is None:
        return FINDERS[kind](path, MESSAGE_OCTETS)
    roles = {role.value: role for role in Role}
    return [
        ManifestBox(manifest, number, tuple(each["name"].split("/")), roles.get(each["role"]))
        for number, each in enumerate(manifest.mailboxes)
    ]


def targets(boxes: Sequence[Box]) -> list[Target]:
    """Return where each box goes: by its use where that is known, else as its name says."""
    listed = [
        Listed(str(number).encode(), box.levels, "/", frozenset())
        for number, box in enumerate(boxes)
    ]
    planned = plan(listed, Namespaces())
    by_name = {each.source.raw: each.target for each in planned.mailboxes}
    return [
        Target(by_name[one.raw].name, box.role) if box.role else by_name[one.raw]
        for one, box in zip(listed, boxes, strict=True)
    ]


class Filing:
    """One import from files."""

    def __init__(
        self,
        boxes: Sequence[Box],
        arrivals: Arrivals,
        source: bytes,
        offload: Offload,
        watcher: Watcher | None = None,
        into: Target | None = None,
    ) -> None:
        """Bring `boxes` to `arrivals`, all of them into one mailbox where `into` names it."""
        self._boxes = boxes
        self._arrivals = arrivals
        self._source = source
        self._offload = offload
        self._watcher = watcher or Unwatched()
        self._into = into
        self._report = Report()

    async def run(self) -> Report:
        """Bring what is not here yet.

        Raises:
            Refused: OVER_QUOTA.
            Absent, Corrupt: what is to be read went away or is not readable.
        """
        marks = await self._arrivals.progress(self._source)
        for box, target in zip(self._boxes, targets(self._boxes), strict=True):
            place = self._arrivals.name(self._source, "\0".join(box.levels).encode())
            known = _Mark.read(marks[place]) if place in marks else None
            await self._box(box, self._into or target, place, known)
        return self._report

    async def _box(self, box: Box, target: Target, place: bytes, known: "_Mark | None") -> None:
        name = "/".join(box.levels)
        if known is None or not await self._arrivals.exists(known.mailbox_id):
            known = _Mark(await self._arrivals.mailbox(target.name, target.role))
        elif await self._offload(partial(box.count, known.last)) > known.count:
            self._report.leave(name, "some messages", _CHANGED)
        entries = box.entries(known.last)
        self._watcher.mailbox(name, 0)
        while batch := await self._offload(partial(_read, entries)):
            known.last, known.count = batch[-1][0].key, known.count + len(batch)
            arrivals = []
            for entry, read in batch:
                if isinstance(read, Unreadable):
                    self._report.leave(name, entry.key, read.text)
                    continue
                arrivals.append(Arrival(_new(read), (known.mailbox_id,)))
            progress = known.kept(self._source, place)
            if arrivals:
                await self._arrivals.store(arrivals, progress)
            else:
                await self._arrivals.note(progress)
            octets = sum(len(arrival.message.octets) for arrival in arrivals)
            self._report.messages += len(arrivals)
            self._report.octets += octets
            self._watcher.moved(len(batch), octets)
        self._report.mailboxes += 1


@dataclass(slots=True)
class _Mark:
    """How far a box has come."""

    mailbox_id: MailboxId
    last: str = ""
    count: int = 0

    def kept(self, source: bytes, place: bytes) -> Progress:
        state = {"mailbox": self.mailbox_id, "last": self.last, "count": self.count}
        return Progress(source, place, json.dumps(state).encode())

    @classmethod
    def read(cls, progress: Progress) -> "_Mark":
        try:
            state = json.loads(progress.state)
            mailbox_id = MailboxId(int(state["mailbox"]))
            return cls(mailbox_id, str(state["last"]), int(state["count"]))
        except (ValueError, KeyError, TypeError):
            raise Corrupt(Condition.DAMAGED, "the mark of a transfer is not readable") from None


def _read(entries: Iterator[Entry]) -> list[tuple[Entry, FileMessage | Unreadable]]:
    """Read the next messages, a batch of bounded size."""
    batch: list[tuple[Entry, FileMessage | Unreadable]] = []
    octets = 0
    for entry in islice(entries, BATCH_MESSAGES):
        try:
            message = entry.read()
        except Unreadable as error:
            batch.append((entry, error))
            continue
        batch.append((entry, message))
        octets += len(message.octets)
        if octets >= BATCH_OCTETS:
            break
    return batch


def _new(message: FileMessage) -> NewMessage:
    return NewMessage(
        Plaintext(message.octets), message.flags, message.keywords, message.internaldate
    )
