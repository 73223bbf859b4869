"""The chain: entries in the order in which they were written, each hashed with the one before.

Whoever does an audited thing calls `record` first and goes on when it returns: the entry is then
durable. Entries that come together share one batch, hence two commits: the head says what will be
written, the log writes it (`head` explains why that order). `tend` is called about once a second;
it confirms the last batch and signs a checkpoint when one is due. Where copies are kept on another
machine, some events get a checkpoint at once and wait until it is there (`copies`).

Several processes may write one chain. The head's compare and swap lets one at a time through; the
others see a pending end that is not in the log yet and wait. A process that died in between is
given up after `GIVEN_UP_AFTER`, which is about patience only: should its entries still arrive, they
are known by the end that it had announced, and the chain goes on behind them (`head` says why).
"""

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from mailserver.audit.checkpoint import EVERY, EVERY_ENTRIES, signed
from mailserver.audit.copies import AWAITED, Copies
from mailserver.audit.entry import OPERATOR, SERVER, Entry, Event, Facts, encode, link
from mailserver.audit.head import BEGINNING, INSTANCE_OCTETS, End, Head, HeadRow
from mailserver.crypto.sign import SigningKey
from mailserver.model.errors import Condition, Conflict, Corrupt, MailError, Transient
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.audit import AuditLog, AuditRow, CheckpointRow
from mailserver.store.keystore import Keystore
from mailserver.vault.master import MasterKeys

BATCH_ENTRIES = 256
QUEUED_ENTRIES = 10_000
TRIES = 250
PATIENCE = timedelta(milliseconds=20)
GIVEN_UP_AFTER = timedelta(seconds=3)  # within the tries, so that a writer's death fails nobody
NO_FACTS: Facts = {}

log = get_logger("audit")


@dataclass(slots=True, eq=False)
class _Waiting:
    """An entry whose writer waits, and what became of it."""

    event: Event
    actor: str
    account_id: AccountId | None
    facts: Facts
    personal: bytes
    written: bool = False
    error: BaseException | None = None


class Chain:
    """The audit log of this instance, as one process writes it; used on the event loop only."""

    def __init__(
        self,
        log: AuditLog,
        head: HeadRow,
        key: SigningKey,
        clock: Clock,
        copies: Copies | None = None,
    ) -> None:
        """Use `open` instead: it finds where the chain ends."""
        self._log = log
        self._row = head
        self._key = key
        self._clock = clock
        self._copies = copies
        self._copied = 0  # the last entry whose checkpoint this process knows to be elsewhere
        self._queue: deque[_Waiting] = deque()
        self._turn = asyncio.Lock()
        self._head: Head | None = None  # None: look before writing
        self._seen_pending: tuple[End, float] | None = None
        self._unwritten: End | None = None  # our own, whose writing failed: wait for nobody

    @classmethod
    async def open(
        cls,
        log: AuditLog,
        keystore: Keystore,
        master: MasterKeys,
        *,
        key: SigningKey,
        clock: Clock,
        copies: Copies | None = None,
    ) -> Self:
        """Find the chain's end, or begin a chain where there is none.

        `copies` is where checkpoints are kept on another machine, if anywhere.

        Raises:
            Corrupt: the log does not end where the keystore says; see `verify` for what is wrong.
        """
        chain = cls(log, HeadRow(keystore, master), key, clock, copies)
        async with chain._turn:
            await chain._look_once()
        return chain

    @classmethod
    async def resume(
        cls,
        log: AuditLog,
        keystore: Keystore,
        master: MasterKeys,
        *,
        key: SigningKey,
        clock: Clock,
    ) -> Self:
        """Go on after a restore, when log and keystore end apart: behind the later of the two ends.

        The chain verifies from here on. What lies before is proved by checkpoints kept elsewhere
        only, and the first new entry says where either ended. For an operator's own decision.
        """
        chain = cls(log, HeadRow(keystore, master), key, clock)
        head = await chain._row.read()
        last = await log.last()
        known = BEGINNING if head is None else head.pending
        kept = BEGINNING if last is None else End(last.number, last.hash)
        base = max(known, kept, key=lambda end: end.number)
        instance = secrets.token_bytes(INSTANCE_OCTETS) if head is None else head.instance
        if base.number:
            await log.add_checkpoint(signed(key, instance, base, clock.now()))
        if not await chain._row.write(Head(instance, base, base, base)):
            raise _unwritten()
        chain._head = Head(instance, base, base, base)
        ends: Facts = {"log_ended": kept.number, "keystore_ended": known.number}
        await chain.record(Event.LOG_RESUMED, actor=OPERATOR, facts=ends)
        return chain

    async def record(
        self,
        event: Event,
        *,
        actor: str,
        account_id: AccountId | None = None,
        facts: Facts = NO_FACTS,
        personal: bytes = b"",
    ) -> None:
        """Write one entry; durable when this returns. `personal` comes from `Subject.seal`.

        Raises:
            Transient: it was not written, so what it speaks of must not happen.
            Corrupt: the log does not end where the keystore says.
        """
        if len(self._queue) >= QUEUED_ENTRIES:
            raise Transient(Condition.BUSY, "the audit log is busy, try again later")
        waiting = _Waiting(event, actor, account_id, facts, personal)
        self._queue.append(waiting)
        try:
            async with self._turn:
                if not waiting.written and waiting.error is None:
                    await self._write_batch()
        except asyncio.CancelledError:
            if waiting in self._queue:
                self._queue.remove(waiting)
            raise
        if waiting.error is not None:
            raise waiting.error

    async def tend(self) -> None:
        """Confirm what was written, and sign a checkpoint after an hour or a thousand entries."""
        async with self._turn:
            head = self._head or await self._look_once()
            if head is None:
                return
            if not head.settled:
                head = head.ending(head.pending)
                self._head = head if await self._row.write(head) else None
            await self._sign_when_due(head)

    async def prunable(self, before: datetime) -> int:
        """Count the entries that `prune` would drop."""
        old = [mark for mark in await self._log.checkpoints() if mark.at < before]
        if not old:
            return 0
        async with self._turn:  # who reads the row also says which state of it is written next
            head = self._head or await self._look()
        return max(0, old[-1].number - head.base.number)

    async def prune(self, before: datetime) -> int:
        """Drop entries older than `before`, up to the last checkpoint signed by then.

        The chain then begins behind that checkpoint, and verifies from there. Returns how many
        entries went.

        Raises:
            Transient: nothing was dropped, or not all; do it again.
        """
        old = [mark for mark in await self._log.checkpoints() if mark.at < before]
        if not old:
            return 0
        base = End(old[-1].number, old[-1].hash)
        if not await self.prunable(before):
            return 0
        await self.record(Event.LOG_PRUNED, actor=SERVER, facts={"up_to": base.number})
        async with self._turn:
            head = self._head or await self._look()
            moved = replace(head, base=base, confirmed=head.pending)
            self._head = moved if await self._row.write(moved) else None
            if self._head is None:
                raise _unwritten()
            return await self._log.prune(base.number)

    async def close(self) -> None:
        """Confirm the last batch; what comes later would not be written."""
        await self.tend()

    async def _sign_when_due(self, head: Head) -> None:
        last = await self._log.last_checkpoint()
        number = 0 if last is None else last.number
        new = head.confirmed.number - number
        now = self._clock.now()
        late = last is None or now - last.at >= EVERY
        if new >= EVERY_ENTRIES or (new > 0 and late):
            last = signed(self._key, head.instance, head.confirmed, now)
            await self._log.add_checkpoint(last)
        if last is not None and last.number > self._copied:
            await self._copy_late(last)

    async def _copy_late(self, checkpoint: CheckpointRow) -> None:
        """Copy a checkpoint that nobody waits for; where it cannot be, `tend` comes again."""
        if self._copies is None:
            return
        try:
            await self._copies.keep(checkpoint)
        except Transient as error:
            log.warning("audit checkpoint not copied", condition=error.condition.name)
        else:
            self._copied = checkpoint.number

    async def _prove(self, batch: list[_Waiting]) -> None:
        """Copy a checkpoint behind `batch`, if an event in it has to wait for one.

        Where it cannot be copied those events fail: their entries stand, what they speak of has not
        happened.
        """
        awaited = [waiting for waiting in batch if waiting.event in AWAITED]
        if self._copies is None or self._head is None or not awaited:
            return
        head = self._head
        checkpoint = signed(self._key, head.instance, head.pending, self._clock.now())
        try:
            await self._copies.keep(checkpoint)
            await self._log.add_checkpoint(checkpoint)
        except MailError as error:
            log.warning("audit checkpoint not copied", condition=error.condition.name)
            for waiting in awaited:
                waiting.error = _uncopied()
        else:
            self._copied = checkpoint.number

    async def _write_batch(self) -> None:
        """Write the oldest entries that wait; each learns whether it was written."""
        batch = [self._queue.popleft() for _ in range(min(BATCH_ENTRIES, len(self._queue)))]
        try:
            await self._append(batch)
            await self._prove(batch)
        except BaseException as error:
            self._head = None
            failure = error if isinstance(error, MailError) else _unwritten()
            for waiting in batch:
                waiting.error = failure
            if not isinstance(error, MailError):
                raise
        for waiting in batch:
            waiting.written = waiting.error is None

    async def _append(self, batch: list[_Waiting]) -> None:
        for _ in range(TRIES):
            head = self._head or await self._look()
            rows, end = self._chained(head, batch)
            announced = Head(head.instance, head.base, head.pending, end, head.abandoned)
            self._head = None
            if not await self._row.write(announced):
                continue  # another process was first
            self._unwritten = end
            try:
                await self._log.append(rows)
            except Conflict:
                continue  # one that was given up came back, or we were given up: see the top
            self._unwritten = None
            self._head = Head(head.instance, head.base, head.pending, end)
            return
        raise Transient(Condition.BUSY, "the audit log is busy, try again later")

    def _chained(self, head: Head, batch: list[_Waiting]) -> tuple[list[AuditRow], End]:
        at = self._clock.now()
        end = head.pending
        rows = []
        for waiting in batch:
            number = end.number + 1
            entry = Entry(
                number,
                at,
                waiting.event,
                waiting.actor,
                waiting.account_id,
                waiting.facts,
                waiting.personal,
            )
            octets = encode(entry)
            own = link(head.instance, number, end.hash, octets)
            row = AuditRow(
                number, waiting.account_id, entry.event.value, at, Guarded(octets), own, end.hash
            )
            rows.append(row)
            end = End(number, own)
        return rows, end

    async def _look(self) -> Head:
        """Return a head behind whose pending end this process may write; wait for one."""
        for _ in range(TRIES):
            head = await self._look_once()
            if head is not None:
                return head
            await asyncio.sleep(PATIENCE.total_seconds())
        raise Transient(Condition.BUSY, "the audit log is busy, try again later")

    async def _look_once(self) -> Head | None:
        """Compare head and log; None while another process seems to be writing."""
        head = await self._row.read()
        if head is None:
            return await self._begun()
        last = await self._log.last()
        empty = last is None or last.number <= head.base.number
        end = head.base if empty or last is None else End(last.number, last.hash)
        if end == head.pending or end in head.abandoned:
            return self._found(head.ending(end))
        if end == head.confirmed:
            return self._found(head.given_up()) if self._gives_up(head.pending) else None
        if await self._row.read() != head:
            return None  # it moved between our two looks
        raise Corrupt(Condition.DAMAGED, "the audit log does not end where the keystore says")

    def _found(self, head: Head) -> Head:
        self._head = head
        return head

    def _gives_up(self, pending: End) -> bool:
        """Say whether `pending` has been announced for so long that nobody can be writing it."""
        if pending == self._unwritten:
            return True
        now = self._clock.monotonic()
        if self._seen_pending is None or self._seen_pending[0] != pending:
            self._seen_pending = (pending, now)
        return now - self._seen_pending[1] >= GIVEN_UP_AFTER.total_seconds()

    async def _begun(self) -> Head | None:
        """Begin the chain; None where another process did just now."""
        if await self._log.last() is not None:
            raise Corrupt(Condition.DAMAGED, "the keystore does not know this audit log")
        instance = secrets.token_bytes(INSTANCE_OCTETS)
        head = Head(instance, BEGINNING, BEGINNING, BEGINNING)
        if not await self._row.write(head):
            return None
        return self._found(head)


def _unwritten() -> Transient:
    return Transient(Condition.UNAVAILABLE, "the audit log could not be written")


def _uncopied() -> Transient:
    return Transient(
        Condition.UNAVAILABLE,
        "the audit log's copy elsewhere could not be written; nothing is done",
    )
