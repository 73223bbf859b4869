"""Everything of an account in one zip, written from its first octet to its last, never sought in.

    mail/INBOX.mbox            mboxrd, a file a mailbox
    mail/INBOX/part-2.mbox     its messages beyond the first 5,000, or 256 MiB
    mail/INBOX/0000000007.eml  a message that an mbox would alter (`mbox.is_reversible`)
    contacts.vcf, …            documents that the caller brings
    manifest.json              at the end: each message with its place and hash, each file with its

So what takes the octets may be a file, or something that seals them on their way. Only one batch of
messages is in memory; of those that are written, their lines in the manifest are, compressed: about
a hundred octets each. Behind each file of mail the export can be marked, and another run goes on
from there. Unpacked, it is a directory that an import takes (`Manifest.find`). A message that is
damaged is listed, and the rest goes on. Source: GDPR Art. 15(3), 20(1).
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

from mailserver.mail.account import Account
from mailserver.model.ids import MailboxId
from mailserver.model.message import Message
from mailserver.model.sealed import Plaintext
from mailserver.runtime.offload import Offload
from mailserver.transfer.archive import Archive, Lines, Sink, State
from mailserver.transfer.exporting import MAIL, Format
from mailserver.transfer.files import FreeNames, safe_name
from mailserver.transfer.manifest import Line, Written
from mailserver.transfer.mbox import encode, is_reversible
from mailserver.transfer.report import Report, Unwatched, Watcher

PART_MESSAGES = 5_000
PART_OCTETS = 256 * 1024 * 1024
_LAST_UID = 0xFFFF_FFFF
_GONE = "it was expunged meanwhile"


class Marks(Protocol):
    """What keeps how far an export is."""

    def mark(self, state: State, lines: bytes, /) -> None:
        """Keep `state`, and `lines` behind those of the marks before, once every octet is kept.

        Raises:
            Transient: there is no room for it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Marked:
    """What was kept of a run that did not come to its end."""

    state: State
    lines: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the account it is."""

    mailbox: int = 0
    part: int = 0
    uid: int = 0
    """The last one that is done in this mailbox."""


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
        *,
        marks: Marks | None = None,
        part_messages: int = PART_MESSAGES,
    ) -> None:
        """Write the mail of `account` and `documents`, by path, to `sink` by `offload`.

        `at` is when it is made. It is marked in `marks` behind every file of mail.
        """
        self._account = account
        self._sink = sink
        self._documents = documents
        self._offload = offload
        self._made_at = at
        self._watcher = watcher or Unwatched()
        self._marks = marks
        self._part_messages = part_messages
        self._report = Report()
        self._mailboxes: list[dict[str, Any]] = []

    async def run(self, begun: Marked | None = None) -> Report:
        """Write everything, or what `begun` did not.

        Raises:
            Transient: the sink takes no more.
            Locked: the account was closed meanwhile.
        """
        state = begun.state if begun else None
        if state is None:
            self._mailboxes, at = await self._listed(), _At()
        else:
            self._mailboxes, at = state["mailboxes"], _At(**state["at"])
            self._made_at = datetime.fromisoformat(state["made"])
            self._go_on(state["report"])
        archive = Archive(self._sink, self._made_at, state["archive"] if state else None)
        lines = self._lines(begun)
        try:
            for number in range(at.mailbox, len(self._mailboxes)):
                await self._mailbox(archive, lines, at if number == at.mailbox else _At(number))
            for path, document in self._documents.items():
                await self._offload(archive.add, path, document.reveal())
            await self._end(archive, lines)
        except BaseException:
            archive.abandon()
            raise
        return self._report

    async def _listed(self) -> list[dict[str, Any]]:
        """Name the mailboxes, each with the name of its files."""
        free = FreeNames()
        return [
            {
                "id": int(mailbox.id),
                "name": mailbox.name,
                "role": mailbox.role.value if mailbox.role else None,
                "messages": mailbox.total,
                "stem": f"{MAIL}/{free(safe_name(mailbox.name))}",
            }
            for mailbox in await self._account.mailboxes.listing()
        ]

    def _lines(self, begun: Marked | None) -> Lines:
        named = [{"name": one["name"], "role": one["role"]} for one in self._mailboxes]
        if begun is None:
            return Lines(Format.MBOX.value, named)
        return Lines(Format.MBOX.value, named, begun.lines, begun.state["lines"])

    def _go_on(self, told: Mapping[str, Any]) -> None:
        report = self._report
        report.messages, report.octets = told["messages"], told["octets"]
        report.mailboxes, report.left_count = told["mailboxes"], told["damaged"]
        self._watcher.moved(report.messages + report.left_count, report.octets)

    def _counts(self) -> dict[str, int]:
        report = self._report
        return {
            "messages": report.messages,
            "octets": report.octets,
            "mailboxes": report.mailboxes,
            "damaged": report.left_count,
        }

    async def _end(self, archive: Archive, lines: Lines) -> None:
        files = [
            {"path": file.path, "octets": file.octets, "sha256": file.sha256}
            for file in archive.files
        ]
        more = {"made": self._made_at.isoformat(), "files": files, "counts": self._counts()}
        await self._offload(lines.write_to, archive, more)
        await self._offload(archive.close)

    async def _mailbox(self, archive: Archive, lines: Lines, at: _At) -> None:
        """Write the files of a mailbox from `at` on, and mark each."""
        mailbox = self._mailboxes[at.mailbox]
        self._watcher.mailbox(mailbox["name"], mailbox["messages"])
        while True:
            last = await self._part(archive, lines, at)
            if last is None:
                self._report.mailboxes += 1
                await self._mark(archive, lines, _At(at.mailbox + 1))
                return
            at = replace(at, part=at.part + 1, uid=last)
            await self._mark(archive, lines, at)

    async def _mark(self, archive: Archive, lines: Lines, at: _At) -> None:
        if self._marks is None:
            return
        state = {
            "mailboxes": self._mailboxes,
            "at": {"mailbox": at.mailbox, "part": at.part, "uid": at.uid},
            "made": self._made_at.isoformat(),
            "report": self._counts(),
            "archive": archive.state(),
            "lines": lines.count,
        }
        await self._offload(self._marks.mark, state, lines.taken())

    async def _part(self, archive: Archive, lines: Lines, at: _At) -> int | None:
        """Write an mbox, and then, beside it, the messages that it would alter.

        Returns the last UID of it where more are to come, None where it was the mailbox's last.
        """
        mailbox = self._mailboxes[at.mailbox]
        name, stem, mailbox_id = mailbox["name"], mailbox["stem"], MailboxId(mailbox["id"])
        path = f"{stem}/part-{at.part + 1}.mbox" if at.part else f"{stem}.mbox"
        beside: list[tuple[int, int]] = []
        messages, octets, last = 0, 0, None
        await self._offload(archive.begin, path)
        rest = [(at.uid + 1, _LAST_UID)]
        async with aclosing(self._account.messages.fetch(mailbox_id, rest, content=True)) as found:
            async for batch in found:
                done = await self._offload(_written, archive, at.mailbox, path, stem, batch)
                for line in done:
                    lines.add(line)
                    self._count(name, line)
                    if line.written is not None and line.written.at is None:
                        beside.append((line.uid, line.uid))
                messages += len(done)
                octets += sum(line.octets for line in done)
                if messages >= self._part_messages or octets >= PART_OCTETS:
                    last = int(batch[-1].uid)
                    break
        await self._offload(archive.end)
        left = {uid for uid, _ in beside}
        async for batch in self._account.messages.fetch(mailbox_id, beside, content=True):
            left -= set(await self._offload(_written_beside, archive, stem, batch))
        for uid in sorted(left):
            self._report.leave(name, f"message {uid}", _GONE)
        return last

    def _count(self, name: str, line: Line) -> None:
        if line.written is None:
            self._report.leave(name, f"message {line.uid}", "it is damaged")
        else:
            self._report.messages += 1
            self._report.octets += line.octets
        self._watcher.moved(1, line.octets)


def _written(
    archive: Archive, number: int, path: str, stem: str, batch: Sequence[Message]
) -> list[Line]:
    return [_line(archive, number, path, stem, message) for message in batch]


def _line(archive: Archive, number: int, path: str, stem: str, message: Message) -> Line:
    """Write a message into the mbox if it belongs there, and say where it lies or will lie."""
    written, digest = None, ""
    if message.octets is not None and not message.damaged:
        octets = message.octets.reveal()
        digest = sha256(octets).hexdigest()
        if is_reversible(octets):
            quoted = encode(octets, message.internaldate)
            written = Written(path, archive.write(quoted), len(quoted))
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


def _written_beside(archive: Archive, stem: str, batch: Sequence[Message]) -> list[int]:
    done = []
    for message in batch:
        if message.octets is not None and not message.damaged:
            archive.add(_beside(stem, message.uid), message.octets.reveal())
            done.append(int(message.uid))
    return done


def _beside(stem: str, uid: int) -> str:
    return f"{stem}/{uid:010}.eml"
