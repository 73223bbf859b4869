"""Bringing one mailbox of another server over: windows of UIDs, batches that are stored whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from mailserver.mail.arrivals import Arrival, Arrivals
from mailserver.model.errors import Absent, PeerFault
from mailserver.model.ids import MailboxId
from mailserver.model.message import Flag, NewMessage
from mailserver.model.sealed import Plaintext
from mailserver.transfer.imap_session import Session
from mailserver.transfer.imap_values import Fetched
from mailserver.transfer.naming import IMPORTANT, IMPORTANT_KEYWORD, Plan, Planned, Target
from mailserver.transfer.progress import Place, ranges
from mailserver.transfer.reach import ConnectionLost, Declined
from mailserver.transfer.report import Report, Watcher

WINDOW_MESSAGES = 500
BATCH_MESSAGES = 50
BATCH_OCTETS = 4 << 20
HANG_UPS = 2  # at one message alone, before it is left behind

NOT_OPENED = "the other server does not open it"
_RENUMBERED = "the other server numbered it anew, so what is here already cannot be told"
_UNREADABLE = "the other server cannot read it"
_HANGS_UP = "the other server hangs up at it"


@dataclass(slots=True)
class Suspects:
    """Messages at which the connection was lost; asked for alone, and in the end not at all."""

    alone: set[tuple[bytes, int]] = field(default_factory=set)
    hang_ups: Counter[tuple[bytes, int]] = field(default_factory=Counter)

    def accuse(self, key: bytes, asked: Sequence[int], missing: set[int]) -> None:
        """Note that a connection was lost with `missing` still to come."""
        if missing:
            culprit = (key, min(missing))  # servers answer in order, as a rule
            self.alone.add(culprit)
            if len(asked) == 1:
                self.hang_ups[culprit] += 1

    def groups(self, key: bytes, uids: Sequence[int]) -> list[list[int]]:
        """Part `uids` so that each suspect is asked for alone."""
        parts: list[list[int]] = [[]]
        for uid in uids:
            if (key, uid) in self.alone:
                parts += [[uid], []]
            else:
                parts[-1].append(uid)
        return [part for part in parts if part]


class Bringing:
    """Brings mailboxes over one connection."""

    def __init__(
        self,
        session: Session,
        arrivals: Arrivals,
        source: bytes,
        plan: Plan,
        suspects: Suspects,
        report: Report,
        watcher: Watcher,
    ) -> None:
        """Bring what `plan` says from `session` to `arrivals`, and count it in `report`."""
        self._session = session
        self._arrivals = arrivals
        self._source = source
        self._plan = plan
        self._suspects = suspects
        self._report = report
        self._watcher = watcher
        self._targets: dict[Target, MailboxId] = {}

    async def bring(
        self, planned: Planned, key: bytes, known: Place | None, *, again: bool, delete: bool
    ) -> None:
        """Bring what is new in one mailbox.

        Args:
            planned: the mailbox, and where it goes.
            key: what its mark is kept under.
            known: how far it had come.
            again: a mailbox that was numbered anew is brought anew; else it is left out.
            delete: what came is deleted over there.
        """
        name = planned.source.name
        try:
            opened = await self._session.open(planned.source, writable=delete)
        except Absent:
            return self._report.leave(name, "the whole mailbox", NOT_OPENED)
        if known is not None and known.uid_validity != opened.uid_validity:
            if not again:
                return self._report.leave(name, "the whole mailbox", _RENUMBERED)
            known = None
        if known is None or not await self._arrivals.exists(known.mailbox_id):
            known = Place(opened.uid_validity, await self._mailbox(planned.target))
        work = _Work(planned, key, known)
        uids = await self._session.uids_after(known.last) if opened.messages else []
        wanted = [uid for uid in uids if uid not in known.done]
        self._watcher.mailbox(name, len(wanted))
        waiting = iter(wanted)
        while window := list(islice(waiting, WINDOW_MESSAGES)):
            await self._window(work, window)
        if delete and opened.messages:
            await self._delete(work)
        self._report.mailboxes += 1
        return None

    async def _window(self, work: "_Work", uids: list[int]) -> None:
        hopeless = {uid for uid in uids if self._suspects.hang_ups[work.key, uid] >= HANG_UPS}
        for uid in sorted(hopeless):
            self._leave(work, uid, _HANGS_UP)
        if hopeless:  # so that another loss of the connection does not make them come up again
            await self._arrivals.note(work.place.kept(self._source, work.key))
        asked = [uid for uid in uids if uid not in hopeless]
        for group in self._suspects.groups(work.key, asked):
            missing, declined = await self._fetch(work, group)
            for uid in sorted(missing):
                alone = len(group) == 1
                still, no = (missing, declined) if alone else await self._fetch(work, [uid])
                if still and no:
                    self._leave(work, uid, _UNREADABLE)
        work.place.last = uids[-1]
        work.place.done.clear()
        await self._arrivals.note(work.place.kept(self._source, work.key))

    async def _fetch(self, work: "_Work", uids: list[int]) -> tuple[set[int], bool]:
        """Bring `uids`; return those that did not come, and whether the server declined."""
        missing, declined = set(uids), False
        batch: list[Fetched] = []
        try:
            fetching = self._session.fetch(ranges(uids), labels=work.planned.by_labels)
            async for message in fetching:
                if message.uid not in missing:
                    continue  # told of its own accord, or twice
                missing.discard(message.uid)
                batch.append(message)
                if len(batch) >= BATCH_MESSAGES or _octets(batch) >= BATCH_OCTETS:
                    await self._store(work, batch)
                    batch = []
        except Declined:
            declined = True
        except (ConnectionLost, PeerFault):
            await self._store(work, batch)
            self._suspects.accuse(work.key, uids, missing)
            raise
        await self._store(work, batch)
        return missing, declined

    async def _store(self, work: "_Work", batch: list[Fetched]) -> None:
        """Store a batch in one transaction with how far it brings the mailbox."""
        if not batch:
            return
        for message in batch:
            if message.oversized is not None:
                self._leave(work, message.uid, f"it has {message.oversized:,} octets")
        whole = [message for message in batch if message.octets is not None]
        work.place.done.update(message.uid for message in batch)
        progress = work.place.kept(self._source, work.key)
        try:
            await self._arrivals.store(await self._arriving(work, whole), progress)
        except Absent:  # a mailbox was deleted while we were at it
            self._targets.clear()
            work.place.mailbox_id = await self._mailbox(work.planned.target)
            progress = work.place.kept(self._source, work.key)
            await self._arrivals.store(await self._arriving(work, whole), progress)
        octets = _octets(whole)
        self._report.messages += len(whole)
        self._report.octets += octets
        self._watcher.moved(len(batch), octets)

    async def _arriving(self, work: "_Work", batch: list[Fetched]) -> list[Arrival]:
        return [
            Arrival(_new(message), await self._places(work, message))
            for message in batch
            if message.octets is not None
        ]

    async def _places(self, work: "_Work", message: Fetched) -> tuple[MailboxId, ...]:
        if not work.planned.by_labels:
            return (work.place.mailbox_id,)
        targets = self._plan.labelled(message.labels or [])
        places = [await self._mailbox(target) for target in targets]
        return tuple(dict.fromkeys(places))

    async def _mailbox(self, target: Target) -> MailboxId:
        if target not in self._targets:
            self._targets[target] = await self._arrivals.mailbox(target.name, target.role)
        return self._targets[target]

    def _leave(self, work: "_Work", uid: int, why: str) -> None:
        work.place.left.add(uid)
        work.place.done.add(uid)
        self._report.leave(work.planned.source.name, f"message {uid}", why)

    async def _delete(self, work: "_Work") -> None:
        """Delete over there what is here; never what was left behind or came meanwhile."""
        there = await self._session.uids_after(0)
        here = [uid for uid in there if uid <= work.place.last and uid not in work.place.left]
        waiting = iter(here)
        while some := list(islice(waiting, WINDOW_MESSAGES)):
            await self._session.delete(ranges(some))


@dataclass(slots=True)
class _Work:
    """A mailbox on its way."""

    planned: Planned
    key: bytes
    place: Place


def _octets(batch: list[Fetched]) -> int:
    return sum(len(message.octets or b"") for message in batch)


def _new(message: Fetched) -> NewMessage:
    keywords = message.keywords
    if message.labels and IMPORTANT in {label.lower() for label in message.labels}:
        keywords |= {IMPORTANT_KEYWORD}
    octets = message.octets if message.octets is not None else b""
    return NewMessage(Plaintext(octets), message.flags or Flag.NONE, keywords, message.internaldate)
