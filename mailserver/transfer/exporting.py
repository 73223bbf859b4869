"""An account's mail as files: every message octet for octet, none written over, all in a manifest.

The files go below one directory that is new or empty, are for their owner's eyes alone (0600, 0700)
and have names that can name nothing outside of it. A damaged message is listed and the rest goes
on. The manifest gets its name last: a directory without `manifest.json` is an export that was cut
short, and is begun anew elsewhere.
"""

from collections.abc import Sequence
from enum import Enum
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from mailserver.mail.account import Account
from mailserver.model.ids import Uid
from mailserver.model.mailbox import Mailbox
from mailserver.model.message import Message
from mailserver.runtime.offload import Offload
from mailserver.transfer.eml import EmlWriter
from mailserver.transfer.files import FreeNames, claim_directory, make_directory, safe_name
from mailserver.transfer.maildir import MaildirWriter
from mailserver.transfer.manifest import Line, ManifestWriter, Written
from mailserver.transfer.mbox import MboxWriter, is_reversible
from mailserver.transfer.report import Report, Unwatched, Watcher

MAIL = "mail"
_ALL = [(1, 0xFFFF_FFFF)]


class Format(Enum):
    """What kind of files."""

    MAILDIR = "maildir"
    MBOX = "mbox"
    EML = "eml"


class _Writer(Protocol):
    """Writes one mailbox."""

    def write(self, message: Message, octets: bytes) -> Path | tuple[Path, int, int]:
        """Write a message; returns its file, or the part of it."""
        ...

    def finish(self) -> None:
        """End the mailbox."""
        ...


class Exporting:
    """One export."""

    def __init__(
        self,
        account: Account,
        root: Path,
        kind: Format,
        offload: Offload,
        watcher: Watcher | None = None,
    ) -> None:
        """Write the mail of `account` below `root` as `kind`; files are written by `offload`."""
        self._account = account
        self._root = root
        self._kind = kind
        self._offload = offload
        self._watcher = watcher or Unwatched()
        self._report = Report()
        self._free = FreeNames()

    async def run(self) -> Report:
        """Write everything.

        Raises:
            Conflict: ALREADY_EXISTS, there is something in the directory.
            Refused, Transient: a file cannot be written.
            Locked: the account was closed meanwhile.
        """
        mailboxes = await self._account.mailboxes.listing()
        await self._offload(partial(claim_directory, self._root))
        named = [{"name": m.name, "role": m.role.value if m.role else None} for m in mailboxes]
        manifest = ManifestWriter(self._root, self._kind.value, named)
        try:
            for number, mailbox in enumerate(mailboxes):
                await self._mailbox(number, mailbox, manifest)
            report = self._report
            manifest.finish(
                messages=report.messages,
                octets=report.octets,
                mailboxes=report.mailboxes,
                damaged=report.left_count,
            )
        finally:
            manifest.close()
        return self._report

    async def _mailbox(self, number: int, mailbox: Mailbox, manifest: ManifestWriter) -> None:
        self._watcher.mailbox(mailbox.name, mailbox.total)
        writer = await self._offload(partial(self._writer, mailbox.name))
        try:
            fetching = self._account.messages.fetch(mailbox.id, _ALL, content=True)
            async for batch in fetching:
                lines = await self._offload(partial(self._write, writer, number, batch))
                for line in lines:
                    manifest.add(line)
                    self._count(mailbox.name, line)
        finally:
            await self._offload(writer.finish)
        self._report.mailboxes += 1

    def _writer(self, name: str) -> "_Writer":
        if self._kind is Format.MAILDIR:
            return _Maildir(MaildirWriter(self._root, name, self._free))
        make_directory(self._root / MAIL)
        path = self._root / MAIL / self._free(safe_name(name))
        return _Mbox(path) if self._kind is Format.MBOX else _Eml(path)

    def _write(self, writer: "_Writer", number: int, batch: Sequence[Message]) -> list[Line]:
        return [self._line(writer, number, message) for message in batch]

    def _line(self, writer: "_Writer", number: int, message: Message) -> Line:
        written, digest, octets = None, "", message.octets
        if octets is not None and not message.damaged:
            where = writer.write(message, octets.reveal())
            path, *part = where if isinstance(where, tuple) else (where,)
            written = Written(path.relative_to(self._root).as_posix(), *part)
            digest = sha256(octets.reveal()).hexdigest()
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

    def _count(self, name: str, line: Line) -> None:
        if line.written is None:
            self._report.leave(name, f"message {line.uid}", "it is damaged")
        else:
            self._report.messages += 1
            self._report.octets += line.octets
        self._watcher.moved(1, line.octets)


class _Maildir:
    def __init__(self, writer: MaildirWriter) -> None:
        self._writer = writer

    def write(self, message: Message, octets: bytes) -> Path:
        return self._writer.write(
            Uid(message.uid), octets, message.flags, message.keywords, message.internaldate
        )

    def finish(self) -> None:
        self._writer.finish()


class _Eml:
    def __init__(self, path: Path) -> None:
        self._writer = EmlWriter(path)

    def write(self, message: Message, octets: bytes) -> Path:
        return self._writer.write(message.uid, octets, message.internaldate)

    def finish(self) -> None:
        """Do nothing: each file is whole."""


class _Mbox:
    """An mbox, and beside it the messages that an mbox would alter."""

    def __init__(self, path: Path) -> None:
        self._beside = path
        self._mbox = MboxWriter(path.with_name(path.name + ".mbox"))

    def write(self, message: Message, octets: bytes) -> Path | tuple[Path, int, int]:
        if is_reversible(octets):
            at, span = self._mbox.write(octets, message.internaldate)
            return self._mbox.path, at, span
        return EmlWriter(self._beside).write(message.uid, octets, message.internaldate)

    def finish(self) -> None:
        """Do nothing: what was written stands."""
