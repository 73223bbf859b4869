"""The queue: mail that leaves for other servers, kept until each recipient has it or never will.

A submission is stored once, with one row a recipient; all of it is guarded, for it is sent while
its author is away. Rows are leased to whoever sends them: a lease that ends unheard gives its row
back, so that a worker that dies loses nothing. What a death can double is a letter that the other
server took and whose row we could not drop any more; SMTP has no way around that.

States of a row: waiting (for an instant) → leased → gone, or back to waiting; held and released
by hand. Schedule, expiry and whether the sender was warned are in the row, so that a restart
changes nothing.
"""

import asyncio
import secrets
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailserver.mail.backoff import Schedule
from mailserver.mail.parcels import Due, Origin, Parcel
from mailserver.mail.queue_items import (
    Item,
    Submitted,
    decode_item,
    decode_submitted,
    encode_item,
    encode_submitted,
)
from mailserver.mail.queue_keys import move_to_current_key
from mailserver.mail.tracing import Tracer
from mailserver.model.envelope import DEFAULT_NOTIFY, Notify, Onward, RemoteReply
from mailserver.model.errors import Absent, Condition, Corrupt, MailError, Transient
from mailserver.model.ids import AccountId, ObjectId, QueueId, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.metrics import COUNTS
from mailserver.runtime.offload import Offload
from mailserver.store.database import Kind as Engine
from mailserver.store.instants import from_microseconds, to_microseconds
from mailserver.store.queue_rows import (
    INSTANCE,
    Act,
    Keep,
    Lease,
    NewQueued,
    NewSubmission,
    QueueRow,
    Recover,
    Settle,
    Steer,
    Tune,
)
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard, Kind
from mailserver.vault.queued import (
    Guard,
    GuardedMessage,
    open_envelope,
    open_item,
    open_message,
    seal_item,
    seal_message,
)

LEASE = timedelta(minutes=5)
TEND = timedelta(minutes=1)
"""How often leases are kept alive: well before they end, whatever else a process does."""
POLL = timedelta(seconds=2)
"""How long another process's news (a command line, another worker) may go unheard."""
PAUSE = timedelta(milliseconds=50)  # between two looks at a queue that others are busy with
LARGE_OCTETS = 256 * 1024  # above this, sealing leaves the event loop
DOMAINS_KEPT = 10_000
_SETTLE_AGAIN = (0.1, 0.5, 2.0, 10.0, 30.0)  # seconds; a lease lasts longer

_TIME = struct.Struct(">Q")

log = get_logger("outgoing")

__all__ = ["LEASE", "POLL", "TEND", "Due", "Origin", "Outgoing", "Parcel"]


class Outgoing:
    """The outgoing queue of this server; any number of processes may share it."""

    def __init__(
        self,
        store: Store,
        guards: Callable[[AccountId], Awaitable[AccountGuard]],
        instance: InstanceGuard,
        clock: Clock,
        offload: Offload,
        schedule: Schedule | None = None,
    ) -> None:
        """Keep the queue in `store`; `guards` finds an account's guard, or raises Absent."""
        self._store = store
        self._guards = guards
        self._instance = instance
        self._clock = clock
        self._offload = offload
        self._schedule = schedule or Schedule()
        self.on_failed: Callable[[AccountId], Awaitable[None]] | None = None
        """Told whose mail could not be delivered, for each recipient."""
        self.tracer = Tracer(clock)
        self.on_lost: Callable[[QueueId], Awaitable[None]] | None = None
        """Told which letter of the server's own could not be delivered."""
        self._wake = asyncio.Event()
        self._in_hand: dict[QueueId, Due] = {}
        self._domains: dict[str, tuple[bytes, Guarded]] = {}

    async def begin(self) -> None:
        """Take over what the process before us left; called once, before anything is leased.

        What stands under an older master key is moved to the current one. On SQLite there is one
        server, so that every lease is a dead one's; on PostgreSQL others may be at work, and dead
        leases end by themselves.
        """
        for domain in await move_to_current_key(self._store, self._instance):
            await self.tune(domain, paused=True)
        if self._store.database.kind is Engine.SQLITE:
            await self._store.queue.ask(Recover())

    # -- handing over

    async def origin(self, account_id: AccountId | None) -> Origin:
        """Name whose mail something is; None is the instance. Raises Absent (NO_SUCH_USER)."""
        guard = self._instance if account_id is None else await self._guards(account_id)
        return Origin(account_id, guard)

    async def enqueue(self, parcel: Parcel) -> list[QueueId]:
        """Take a submission for all its recipients or none; durable on return.

        Raises:
            Absent: NO_SUCH_USER, the account was erased meanwhile.
            Transient: STORAGE_FULL, BUSY, UNAVAILABLE; nothing is queued.
        """
        submission = await self._sealed(parcel)
        await self._store.queue.enqueue(submission)
        self.tracer.queued(parcel)
        self._wake.set()
        return [row.queue_id for row in submission.rows]

    async def undo(self, account_id: AccountId, queue_id: QueueId) -> bool:
        """Take a whole submission back; False once anything of it was tried or is gone.

        Raises:
            Absent: NO_SUCH_MESSAGE, the account has no such row.
        """
        rows = await self._store.queue.submission_of(account_id, queue_id)
        guard = await self._guard(account_id)
        submitted = decode_submitted(open_envelope(guard, rows[0].object_id, rows[0].envelope))
        if len(rows) != submitted.recipients:
            return False
        steer = Steer([row.name for row in rows], Act.UNDO)
        return bool((await self._store.queue.ask(steer, account_id)).changed)

    # -- sending

    async def due(self, limit: int) -> list[Due]:
        """Lease at most `limit` rows whose time has come, the longest waiting destinations first.

        No row is leased twice; paused, resting and busy destinations have no turn. The lease is
        kept alive by `tend` until one of `delivered`, `deferred`, `failed` or `give_back`.
        """
        lease = secrets.token_bytes(16)
        until = to_microseconds(self._clock.now() + LEASE)
        rows = (await self._store.queue.ask(Lease(lease, limit, until))).leased
        found: list[Due] = []
        try:
            for row in rows:
                if (due := await self._opened(row)) is not None:
                    found.append(due)
        except MailError:
            leased = [(row.name, lease) for row in rows]
            await self._store.queue.ask(Keep(leased, None))
            raise
        self._in_hand.update((due.queue_id, due) for due in found)
        return found

    async def wait(self) -> None:
        """Return when something may have become due, or after `POLL` at the latest."""
        turn = await self._store.queue.next_turn()
        left = POLL
        if turn is not None:
            left = min(max(from_microseconds(turn) - self._clock.now(), PAUSE), POLL)
        try:
            async with asyncio.timeout(left.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def content(self, due: Due) -> Plaintext:
        """Return the message. Raises Corrupt (DAMAGED), Absent (it was cancelled meanwhile)."""
        owner = due.account_id or INSTANCE
        guard = await self._guard(owner)
        stored = await self._store.queue.body(owner, due.message_id)
        guarded = GuardedMessage(stored.envelope, stored.body)
        if len(stored.body) > LARGE_OCTETS:
            return await self._offload(open_message, guard, owner, due.message_id, guarded)
        return open_message(guard, owner, due.message_id, guarded)

    async def delivered(
        self, due: Due, reply: RemoteReply, *, report: Parcel | None = None
    ) -> None:
        """Drop a row whose recipient has the message; `report` is queued by the same commit."""
        settle = Settle(due.row.name, due.lease, done=True)
        await self._settle(due, settle, report)
        COUNTS.went("delivered", reply.code)
        log.info("delivered", **self._told(due, reply))
        self.tracer.tried("delivered", due, reply)

    async def deferred(
        self,
        due: Due,
        reply: RemoteReply,
        next_at: datetime | None = None,
        *,
        report: Parcel | None = None,
    ) -> datetime:
        """Put a row back until `next_at`, else until the back-off says; return that instant.

        With a `report` (a delay warning, queued by the same commit) the sender counts as warned.
        A row that is past `expires_at` is the caller's to fail instead.
        """
        if next_at is None:
            now = self._clock.now()
            next_at = self._schedule.next_at(now, due.attempts, due.expires_at)
        guard = await self._guard(due.account_id or INSTANCE)
        item = replace(due.item, last=reply, warned=due.item.warned or report is not None)
        sealed = seal_item(guard, due.queue_id, encode_item(item))
        again = (to_microseconds(next_at), sealed)
        settle = Settle(due.row.name, due.lease, done=False, again=again)
        await self._settle(due, settle, report)
        COUNTS.went("deferred", reply.code)
        log.info("deferred", **self._told(due, reply))
        self.tracer.tried("deferred", due, reply)
        return next_at

    async def failed(self, due: Due, reply: RemoteReply, *, report: Parcel | None = None) -> None:
        """Drop a row that will never be delivered; `report` is queued by the same commit."""
        await self._settle(due, Settle(due.row.name, due.lease, done=False), report)
        COUNTS.went("failed", reply.code)
        log.info("failed", **self._told(due, reply))
        self.tracer.tried("failed", due, reply)
        if due.account_id is None:
            telling = None if self.on_lost is None else self.on_lost(due.queue_id)
        else:
            telling = None if self.on_failed is None else self.on_failed(due.account_id)
        if telling is not None:
            try:
                await telling
            except MailError as error:  # the row is settled: nobody is to try it again
                log.warning("failure not counted", condition=error.condition.name)

    async def give_back(self, dues: Sequence[Due]) -> None:
        """Return leases unused, as if nobody had tried (shutting down, no connection to spare)."""
        leases = [(due.row.name, due.lease) for due in dues]
        await self._store.queue.ask(Keep(leases, None))
        for due in dues:
            self._in_hand.pop(due.queue_id, None)
        self._wake.set()

    async def rest(self, domain: str, until: datetime) -> None:
        """Give a destination no turn before `until`: its hosts are all down or said 421."""
        await self.tune(domain, rest_until=until)

    async def tune(
        self, domain: str, *, paused: bool | None = None, rest_until: datetime | None = None
    ) -> None:
        """Change how a destination (in canonical form) is served; what is None stays."""
        name, guarded = self._domain(domain)
        instant = None if rest_until is None else to_microseconds(rest_until)
        await self._store.queue.ask(Tune(name, guarded, paused, instant))
        self._wake.set()

    async def tend(self) -> None:
        """Keep this process's leases alive; called every `TEND`."""
        dues = list(self._in_hand.values())
        if not dues:
            return
        until = to_microseconds(self._clock.now() + LEASE)
        await self._store.queue.ask(Keep([(due.row.name, due.lease) for due in dues], until))

    # -- within

    async def _settle(self, due: Due, settle: Settle, report: Parcel | None) -> None:
        """Write a word down; what could not be written would make the letter go out twice."""
        try:
            for wait in (*_SETTLE_AGAIN, None):
                # Sealed anew each time: a commit that failed may have left a body behind.
                submission = None if report is None else await self._sealed(report)
                try:
                    stands = await self._store.queue.settle(settle, submission)
                    break
                except Transient as error:
                    if wait is None or error.condition is Condition.SHUTTING_DOWN:
                        raise
                    await asyncio.sleep(wait)
            if not stands:
                log.warning("lease lost", domain=due.domain)  # somebody else has it, or it is gone
        finally:
            self._in_hand.pop(due.queue_id, None)
        self._wake.set()

    def _told(self, due: Due, reply: RemoteReply) -> dict[str, str | int | float | None]:
        """Return what the log may know of an attempt."""
        waited = (self._clock.now() - due.item.released_at).total_seconds()
        return {
            "domain": due.domain,
            "host": reply.host,
            "code": reply.code,
            "attempts": due.attempts,
            "seconds": round(waited, 1),
        }

    async def _guard(self, owner: AccountId) -> Guard:
        return self._instance if owner == INSTANCE else await self._guards(owner)

    def _domain(self, domain: str) -> tuple[bytes, Guarded]:
        """Return a destination's hash and its guarded name."""
        known = self._domains.get(domain)
        if known is None:
            name = self._instance.name_hash(domain)
            guarded = self._instance.seal(Kind.QUEUE_ITEM, ObjectId(name), domain.encode())
            if len(self._domains) >= DOMAINS_KEPT:
                self._domains.clear()
            known = self._domains[domain] = (name, guarded)
        return known

    async def _sealed(self, parcel: Parcel) -> NewSubmission:
        """Guard a submission and its recipients."""
        owner, guard = parcel.origin.account_id or INSTANCE, parcel.origin.guard
        name, now = new_object_id(), self._clock.now()
        envelope = encode_submitted(Submitted(parcel.envelope, len(parcel.recipients)))
        parts = (guard, owner, name, envelope, parcel.message)
        if len(parcel.message) > LARGE_OCTETS:
            sealed = await self._offload(seal_message, *parts)
        else:
            sealed = seal_message(*parts)
        released_at = max(parcel.release_at or now, now)
        rows = tuple(
            self._row(guard, recipient, now, released_at) for recipient in parcel.recipients
        )
        return NewSubmission(owner, name, sealed.envelope, sealed.body, len(parcel.message), rows)

    def _row(
        self, guard: Guard, recipient: Onward, now: datetime, released_at: datetime
    ) -> NewQueued:
        queue_id = QueueId(_TIME.pack(_milliseconds(now))[2:] + secrets.token_bytes(10))
        destination, domain = self._domain(recipient.address.domain)
        return NewQueued(
            queue_id,
            destination,
            domain,
            seal_item(guard, queue_id, encode_item(Item(recipient, released_at))),
            to_microseconds(released_at),
            to_microseconds(now),
            to_microseconds(released_at + self._schedule.life),
        )

    async def _opened(self, row: QueueRow) -> Due | None:
        """Open a leased row; one that does not open is held for somebody to look at."""
        try:
            guard = await self._guard(row.account_id)
            item = decode_item(open_item(guard, row.queue_id, row.item))
            submitted = decode_submitted(open_envelope(guard, row.object_id, row.envelope))
        except (Absent, Corrupt) as error:
            log.error("queue entry does not open", condition=error.condition)
            await self._set_aside(row)
            return None
        envelope, notify = submitted.envelope, item.recipient.notify
        wants = DEFAULT_NOTIFY if notify is None else notify
        late = self._schedule.is_late(item.released_at, self._clock.now())
        return Due(
            queue_id=row.queue_id,
            account_id=None if row.account_id == INSTANCE else row.account_id,
            message_id=row.object_id,
            lease=row.lease or b"",
            envelope=envelope,
            recipient=item.recipient,
            attempts=row.attempts,
            queued_at=from_microseconds(row.queued_at),
            expires_at=from_microseconds(row.expires_at),
            warn=late and not item.warned and envelope.sender is not None and Notify.DELAY in wants,
            last_reply=item.last,
            size_octets=row.size_octets,
            item=item,
            row=row,
        )

    async def _set_aside(self, row: QueueRow) -> None:
        leased = [(row.name, row.lease or b"")]
        await self._store.queue.ask(Keep(leased, None), row.account_id)
        await self._store.queue.ask(Steer([row.name], Act.HOLD), row.account_id)


def _milliseconds(at: datetime) -> int:
    return to_microseconds(at) // 1_000
