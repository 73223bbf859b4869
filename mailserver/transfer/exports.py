"""Exports that people ask for themselves: made in the background, kept sealed, fetched, gone.

An export is written while its owner's session is open: nobody else could open what goes into it.
When the session rests, its process ends or the disk is full, it waits; as soon as the owner looks
again it goes on from where it was marked. It is kept for seven days, and dies with the password it
was made under: whoever got hold of a session cannot take an old one after that.
Source: GDPR Art. 15(3), 20(1); PRIVACY §14.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from mailserver.accounts.sessions import Lease
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.mail.account import Account
from mailserver.model.errors import Absent, Condition, Corrupt, MailError
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.exports import ExportRow, ExportState
from mailserver.store.store import Store
from mailserver.transfer.portable import PortableExport
from mailserver.transfer.shelf import PIECE_OCTETS, Shelf, clear
from mailserver.vault.exported import ExportKey

KEPT = timedelta(days=7)
TELL_EVERY = 1.0  # seconds between two notes of how far it is

Documents = Callable[[Lease, Account], Awaitable[Mapping[str, Plaintext]]]
"""Returns what goes beside the mail. Raises Corrupt, Locked."""
Origin = Callable[[AccountId], Awaitable[bytes]]
"""Returns what stands for the present password of an account."""
Spawn = Callable[[Coroutine[Any, Any, None]], object]

log = get_logger("exports")


class Progress(StrEnum):
    """How far an export is."""

    MAKING = "making"
    WAITING = "waiting"
    """For its owner: it goes on when he looks."""
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Export:
    """An export as its owner sees it."""

    name: str
    progress: Progress
    began_at: datetime
    expires_at: datetime
    messages: int
    done: int
    octets: int


@dataclass(frozen=True, slots=True)
class Fetching:
    """A whole export, to be read."""

    began_at: datetime
    octets: int
    read: Callable[[int, int], AsyncIterator[bytes]]
    """Yields the octets from one offset to before another. Raises Corrupt."""


class _Count:
    """Counts what is done."""

    def __init__(self) -> None:
        self.done = 0

    def mailbox(self, name: str, messages: int) -> None:
        """Say nothing."""

    def moved(self, messages: int, octets: int) -> None:
        """Count messages that are done."""
        self.done += messages


class ExportDesk:
    """Makes exports for people, and hands them over."""

    def __init__(
        self,
        store: Store,
        root: Path,
        chain: Chain,
        offload: Offload,
        clock: Clock,
        *,
        documents: Documents,
        origin: Origin,
        tell: Tell,
        spawn: Spawn,
    ) -> None:
        """Keep files below `root`; what is made in the background belongs to who spawns it."""
        self._rows = store.exports
        self._root = root
        self._chain = chain
        self._offload = offload
        self._clock = clock
        self._documents = documents
        self._origin = origin
        self._tell = tell
        self._spawn = spawn

    async def begin(self, account: Account, lease: Lease) -> Export:
        """Begin an export of all that is held of an open account; those before it go.

        Raises:
            Conflict: ALREADY_EXISTS, one is being made.
            Transient: the store or the audit log does not answer; nothing was begun.
        """
        owner = account.account_id
        messages = sum(mailbox.total for mailbox in await account.mailboxes.listing())
        before = await account.exports.listing()
        expires_at = self._clock.now() + KEPT
        name, key = await account.exports.begin(await self._origin(owner), messages, expires_at)
        try:
            await self._chain.record(
                Event.EXPORTED,
                actor=account_actor(owner),
                account_id=owner,
                facts={"format": "zip", "by": "web"},
            )
        except BaseException:
            await self._rows.remove(owner, name)
            raise
        for row in before:
            await self._remove(owner, row.export_id)
        await self._tell(owner, Notice.EXPORTED, "")
        self._spawn(self._make(account, lease, name, key))
        now = self._clock.now()
        return Export(name.hex(), Progress.MAKING, now, expires_at, messages, 0, 0)

    async def listing(self, account: Account, lease: Lease) -> list[Export]:
        """List those of an open account, the newest first; one that waits goes on."""
        return [
            self._shown(row, going_on=await self._go_on(account, lease, row))
            for row in await self._living(account)
        ]

    async def fetch(self, account: Account, name: str) -> Fetching:
        """Return a whole export, for its owner who has just proved who he is.

        Raises:
            Absent: NO_SUCH_MESSAGE, there is none, or it is not whole yet.
            Corrupt: DAMAGED, its files were altered or are gone.
            Transient: it could not be written down that it was fetched.
        """
        owner = account.account_id
        row = next((r for r in await self._living(account) if r.export_id.hex() == name), None)
        if row is None or row.state is not ExportState.READY:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such export, or not any more")
        key, _ = await account.exports.key(row)
        shelf = Shelf(self._place(owner, row.export_id), key)
        octets = await self._offload(shelf.whole)
        await self._chain.record(
            Event.EXPORT_FETCHED, actor=account_actor(owner), account_id=owner, facts={"by": "web"}
        )
        return Fetching(row.began_at, octets, partial(self._read, shelf))

    async def remove(self, account_id: AccountId, name: str) -> None:
        """Delete an export, whole or not; its key goes first."""
        with suppress(ValueError):
            await self._remove(account_id, ObjectId(bytes.fromhex(name)))

    async def _read(self, shelf: Shelf, start: int, end: int) -> AsyncIterator[bytes]:
        while start < end:
            stop = min(end, (start // PIECE_OCTETS + 1) * PIECE_OCTETS)
            yield b"".join(await self._offload(lambda a, b: list(shelf.read(a, b)), start, stop))
            start = stop

    async def _living(self, account: Account) -> list[ExportRow]:
        """Return those that were made under the present password; the others go."""
        owner, living = account.account_id, []
        origin = await self._origin(owner)
        for row in await account.exports.listing():
            try:
                key, made_under = await account.exports.key(row)
                key.close()
            except Corrupt:
                made_under = None
            if made_under == origin:
                living.append(row)
            else:
                await self._remove(owner, row.export_id)
        return living

    async def _go_on(self, account: Account, lease: Lease, row: ExportRow) -> bool:
        """Go on with an export that nobody writes at; say whether anybody does now."""
        if row.state is not ExportState.MAKING:
            return False
        if await self._rows.claim(account.account_id, row.export_id):
            key, _ = await account.exports.key(row)
            self._spawn(self._make(account, lease, row.export_id, key))
        return True

    def _shown(self, row: ExportRow, *, going_on: bool) -> Export:
        match row.state:
            case ExportState.READY:
                progress = Progress.READY
            case ExportState.FAILED:
                progress = Progress.FAILED
            case ExportState.MAKING:
                progress = Progress.MAKING if going_on else Progress.WAITING
        return Export(
            *(row.export_id.hex(), progress, row.began_at, row.expires_at),
            *(row.messages, row.done, row.octets),
        )

    async def _make(self, account: Account, lease: Lease, name: ObjectId, key: ExportKey) -> None:
        """Write an export that is claimed, from its last mark to its end if that can be."""
        owner, count = account.account_id, _Count()
        shelf = Shelf(self._place(owner, name), key)
        try:
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(self._keep_telling(owner, name, shelf, count))
                octets = await self._write(account, lease, shelf, count)
                telling.cancel()
            await self._end(owner, name, ExportState.READY, count.done, octets)
        except* Absent:  # its owner deleted it meanwhile
            await self._offload(clear, self._place(owner, name))
        except* MailError as errors:
            await self._stopped(owner, name, shelf, count, errors)
        except* Exception:
            await self._end(owner, name, ExportState.FAILED)
            raise
        finally:
            key.close()

    async def _write(self, account: Account, lease: Lease, shelf: Shelf, count: _Count) -> int:
        begun = await self._offload(shelf.begin)
        documents = await self._documents(lease, account)
        now = self._clock.now()
        export = PortableExport(account, shelf, documents, self._offload, now, count, marks=shelf)
        await export.run(begun)
        return await self._offload(shelf.finish)

    async def _keep_telling(
        self, owner: AccountId, name: ObjectId, shelf: Shelf, count: _Count
    ) -> None:
        """Write down how far it is, and keep others from it. Raises Absent once it is deleted."""
        while await self._rows.progress(owner, name, count.done, shelf.octets, kept=True):  # noqa: ASYNC110
            await asyncio.sleep(TELL_EVERY)
        raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such export any more")

    async def _stopped(
        self,
        owner: AccountId,
        name: ObjectId,
        shelf: Shelf,
        count: _Count,
        errors: ExceptionGroup[MailError],
    ) -> None:
        """Leave an export to its owner's next look, or give it up where its files are damaged."""
        conditions = {error.condition.name for error in _each(errors)}
        log.warning("an export stopped", condition=min(conditions))
        if any(isinstance(error, Corrupt) for error in _each(errors)):
            await self._end(owner, name, ExportState.FAILED)
        else:
            await self._rows.progress(owner, name, count.done, shelf.octets, kept=False)

    async def _end(
        self, owner: AccountId, name: ObjectId, state: ExportState, done: int = 0, octets: int = 0
    ) -> None:
        expires_at = self._clock.now() + KEPT
        await self._rows.end(owner, name, state, expires_at, done=done, octets=octets)

    async def _remove(self, owner: AccountId, name: ObjectId) -> None:
        await self._rows.remove(owner, name)
        await self._offload(clear, self._place(owner, name))

    def _place(self, owner: AccountId, name: ObjectId) -> Path:
        return place(self._root, owner, name)


def place(root: Path, owner: AccountId, name: ObjectId) -> Path:
    """Return the directory of an export."""
    return root / owner.hex() / name.hex()


async def sweep(store: Store, root: Path, offload: Offload) -> int:
    """Delete exports whose time is over, and files that no row names; return how many rows.

    Raises:
        Transient: the store does not answer, or a file stays; the next sweep goes on.
    """
    there = await offload(lambda: [path for path in root.glob("*/*") if path.is_dir()])
    swept = await store.exports.sweep()
    named = {place(root, owner, name) for owner, name in await store.exports.names()}
    for path in there:
        if path not in named:
            await offload(clear, path)
    return swept


def _each(errors: ExceptionGroup[MailError]) -> list[MailError]:
    found: list[MailError] = []
    for error in errors.exceptions:
        found += _each(error) if isinstance(error, ExceptionGroup) else [error]
    return found
