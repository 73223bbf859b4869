"""Everything of an account in one zip, written from its first octet to its last, never sought in.

    mail/INBOX.mbox            mboxrd, a file a mailbox
    mail/INBOX/0000000007.eml  a message that an mbox would alter (`mbox.is_reversible`)
    contacts.vcf, …            documents that the caller brings
    manifest.json              at the end: each message with its place and hash, each file with its

So what takes the octets may be a file, or something that seals them on their way. Only one batch of
messages is in memory; of those that are written, their lines in the manifest are, compressed: about
a hundred octets each. Unpacked, it is a directory that an import takes (`Manifest.find`). A message
that is damaged is listed, and the rest goes on. Source: GDPR Art. 15(3), 20(1).
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO, Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from mailserver.mail.account import Account
from mailserver.model.mailbox import Mailbox
from mailserver.model.message import Message
from mailserver.model.sealed import Plaintext
from mailserver.runtime.offload import Offload
from mailserver.transfer.exporting import MAIL, Format
from mailserver.transfer.files import FreeNames, safe_name
from mailserver.transfer.manifest import NAME, Line, Written, head, tail
from mailserver.transfer.mbox import encode, is_reversible
from mailserver.transfer.report import Report, Unwatched, Watcher

_ALL = [(1, 0xFFFF_FFFF)]
_MODE = 0o600 << 16  # of each file, for whoever unpacks it on Unix
_LEVEL = 1  # higher ones cost more time than they save octets
_GONE = "it was expunged meanwhile"


class Sink(Protocol):
    """What takes the octets of an export, in order."""

    def write(self, octets: bytes, /) -> int:
        """Take some octets; returns how many."""
        ...

    def flush(self) -> None:
        """Be told that some are whole."""
        ...


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    octets: int
    digest: str

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "octets": self.octets, "sha256": self.digest}


class _Archive:
    """A zip, one file after the other."""

    def __init__(self, sink: Sink, at: datetime) -> None:
        self._forward = _Forward(sink)
        self._zip = ZipFile(self._forward, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._at = at.timetuple()[:6]
        self._file: IO[bytes] | None = None
        self._path, self._octets, self._hash = "", 0, sha256()
        self.files: list[_File] = []

    def begin(self, path: str) -> None:
        """Begin a file."""
        info = ZipInfo(path, self._at)
        info.compress_type, info.external_attr = ZIP_DEFLATED, _MODE
        self._file = self._zip.open(info, "w", force_zip64=True)
        self._path, self._octets, self._hash = path, 0, sha256()

    def write(self, octets: bytes) -> int:
        """Add to the file that was begun; returns where in it."""
        assert self._file is not None  # noqa: S101 (begun by the caller)
        self._file.write(octets)
        self._hash.update(octets)
        self._octets += len(octets)
        return self._octets - len(octets)

    def end(self) -> None:
        """End the file that was begun."""
        assert self._file is not None  # noqa: S101 (begun by the caller)
        self._file.close()
        self._file = None
        self.files.append(_File(self._path, self._octets, self._hash.hexdigest()))

    def add(self, path: str, octets: bytes) -> None:
        """Add a whole file."""
        self.begin(path)
        self.write(octets)
        self.end()

    def close(self) -> None:
        """Write the directory at the end."""
        self._zip.close()

    def abandon(self) -> None:
        """Let go of everything; nothing more goes to the sink, and what it has is no zip."""
        self._forward.stopped = True
        if self._file is not None:
            self._file.close()
        self._zip.close()


class _Forward:
    """A sink that cannot say where it is, let alone go back: so a zip does not try to."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.stopped = False

    def write(self, octets: bytes) -> int:
        return len(octets) if self.stopped else self._sink.write(octets)

    def flush(self) -> None:
        if not self.stopped:
            self._sink.flush()

    def close(self) -> None:
        """Do nothing: the sink is its maker's."""


class _Lines:
    """The messages of a manifest, compressed until they are written at its end."""

    def __init__(self, kind: str, mailboxes: list[dict[str, Any]]) -> None:
        self._deflate, self._parts, self._first = zlib.compressobj(), list[bytes](), True
        self._put(head(kind, mailboxes))

    def add(self, line: Line) -> None:
        """Add a message."""
        self._put(("\n" if self._first else ",\n") + json.dumps(line.to_json()))
        self._first = False

    def _put(self, text: str) -> None:
        if part := self._deflate.compress(text.encode()):
            self._parts.append(part)

    def write_to(self, archive: _Archive, more: Mapping[str, object]) -> None:
        """Write the manifest."""
        self._put(tail(more))
        self._parts.append(self._deflate.flush())
        inflate = zlib.decompressobj()
        archive.begin(NAME)
        for part in self._parts:
            archive.write(inflate.decompress(part))
        archive.write(inflate.flush())
        archive.end()


class PortableExport:
    """One export of an account's mail, and of what is brought along."""

    def __init__(
        self,
        account: Account,
        sink: Sink,
        documents: Mapping[str, Plaintext],
        offload: Offload,
        at: datetime,
        watcher: Watcher | None = None,
    ) -> None:
        """Write the mail of `account` and `documents`, by path, to `sink` by `offload`."""
        self._account = account
        self._sink = sink
        self._documents = documents
        self._offload = offload
        self._at = at
        self._watcher = watcher or Unwatched()
        self._report = Report()
        self._free = FreeNames()

    async def run(self) -> Report:
        """Write everything.

        Raises:
            Transient: the sink takes no more.
            Locked: the account was closed meanwhile.
        """
        mailboxes = await self._account.mailboxes.listing()
        named = [{"name": m.name, "role": m.role.value if m.role else None} for m in mailboxes]
        archive, lines = _Archive(self._sink, self._at), _Lines(Format.MBOX.value, named)
        try:
            for number, mailbox in enumerate(mailboxes):
                await self._mailbox(archive, lines, number, mailbox)
            for path, document in self._documents.items():
                await self._offload(archive.add, path, document.reveal())
            await self._end(archive, lines)
        except BaseException:
            archive.abandon()
            raise
        return self._report

    async def _end(self, archive: _Archive, lines: _Lines) -> None:
        report = self._report
        counts = {
            "messages": report.messages,
            "octets": report.octets,
            "mailboxes": report.mailboxes,
            "damaged": report.left_count,
        }
        files = [file.to_json() for file in archive.files]
        more = {"made": self._at.isoformat(), "files": files, "counts": counts}
        await self._offload(lines.write_to, archive, more)
        await self._offload(archive.close)

    async def _mailbox(
        self, archive: _Archive, lines: _Lines, number: int, mailbox: Mailbox
    ) -> None:
        """Write an mbox, and then, beside it, the messages that it would alter."""
        self._watcher.mailbox(mailbox.name, mailbox.total)
        stem = f"{MAIL}/{self._free(safe_name(mailbox.name))}"
        beside: list[tuple[int, int]] = []
        await self._offload(archive.begin, f"{stem}.mbox")
        async for batch in self._account.messages.fetch(mailbox.id, _ALL, content=True):
            for line in await self._offload(_written, archive, number, stem, batch):
                lines.add(line)
                self._count(mailbox.name, line)
                if line.written is not None and line.written.at is None:
                    beside.append((line.uid, line.uid))
        await self._offload(archive.end)
        left = {uid for uid, _ in beside}
        async for batch in self._account.messages.fetch(mailbox.id, beside, content=True):
            left -= set(await self._offload(_written_beside, archive, stem, batch))
        for uid in sorted(left):
            self._report.leave(mailbox.name, f"message {uid}", _GONE)
        self._report.mailboxes += 1

    def _count(self, name: str, line: Line) -> None:
        if line.written is None:
            self._report.leave(name, f"message {line.uid}", "it is damaged")
        else:
            self._report.messages += 1
            self._report.octets += line.octets
        self._watcher.moved(1, line.octets)


def _written(archive: _Archive, number: int, stem: str, batch: Sequence[Message]) -> list[Line]:
    return [_line(archive, number, stem, message) for message in batch]


def _line(archive: _Archive, number: int, stem: str, message: Message) -> Line:
    """Write a message into the mbox if it belongs there, and say where it lies or will lie."""
    written, digest = None, ""
    if message.octets is not None and not message.damaged:
        octets = message.octets.reveal()
        digest = sha256(octets).hexdigest()
        if is_reversible(octets):
            quoted = encode(octets, message.internaldate)
            written = Written(f"{stem}.mbox", archive.write(quoted), len(quoted))
        else:
            written = Written(_beside(stem, message.uid))
    return Line(
        mailbox=number,
        uid=message.uid,
        written=written,
        octets=message.size_octets,
        digest=digest,
        internaldate=message.internaldate,
        flags=message.flags,
        keywords=message.keywords,
    )


def _written_beside(archive: _Archive, stem: str, batch: Sequence[Message]) -> list[int]:
    done = []
    for message in batch:
        if message.octets is not None and not message.damaged:
            archive.add(_beside(stem, message.uid), message.octets.reveal())
            done.append(int(message.uid))
    return done


def _beside(stem: str, uid: int) -> str:
    return f"{stem}/{uid:010}.eml"
