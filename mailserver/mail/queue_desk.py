"""The queue as its operator sees it: domains, times and reply codes, never a correspondent.

PRIVACY §11: nobody at a console learns who writes to whom. What another server said may quote an
address, so that its text is shown with the local parts taken out.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.queue_items import Item, decode_item
from mailserver.model.address import canonical_domain
from mailserver.model.errors import Absent, Corrupt
from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.runtime.clock import Clock
from mailserver.store.instants import from_microseconds
from mailserver.store.queue import FIRST
from mailserver.store.queue_rows import INSTANCE, Act, DestinationRow, QueueRow, QueueState, Steer
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard, Kind
from mailserver.vault.queued import open_item

PAGE = 500

_LOCAL_PART = re.compile(r"(?:\"[^\"]*\"|[^\s<>\"'(),:;@]+)@")


@dataclass(frozen=True, slots=True)
class Entry:
    """One recipient's row, as an operator sees it."""

    queue_id: QueueId
    account_id: AccountId | None
    domain: str
    """Where it goes; empty where the row does not open."""
    state: QueueState
    next_at: datetime
    """When it is due; where it is leased, when the lease ends."""
    queued_at: datetime
    expires_at: datetime
    attempts: int
    size_octets: int
    code: int = 0
    """The last reply's, as `status` and `host`; 0 where there was none."""
    status: str = ""
    host: str = ""
    text: str = ""
    """The last reply's, without local parts of addresses."""
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """A domain that mail waits for, or that was stopped."""

    domain: str
    paused: bool
    leased: int
    """How many recipients are being served now."""
    earliest: datetime | None
    """When the first of those that wait is due."""
    rest_until: datetime | None


class QueueDesk:
    """Looks at the queue and steers it, beside a running server or within it."""

    def __init__(
        self,
        store: Store,
        outgoing: Outgoing,
        guards: Callable[[AccountId], Awaitable[AccountGuard]],
        instance: InstanceGuard,
        chain: Chain,
        clock: Clock,
    ) -> None:
        """Read `store`; what is done is told to `chain`."""
        self._store = store
        self._outgoing = outgoing
        self._guards = guards
        self._instance = instance
        self._chain = chain
        self._clock = clock

    async def listing(self, *, domain: str | None = None) -> AsyncIterator[Entry]:
        """List every row, or those of a domain, the oldest first."""
        destination = None if domain is None else self._hash(domain)
        after = FIRST
        while rows := await self._store.queue.rows(PAGE, after, destination=destination):
            for row in rows:
                yield await self._entry(row)
            after = rows[-1].queue_id

    async def explain(self, queue_id: QueueId) -> tuple[Entry, Destination | None]:
        """Return a row and its destination: what it waits for. Raises Absent."""
        row = await self._store.queue.row(queue_id)
        found = await self._store.queue.destinations(1, row.destination)
        its_own = [self._destination(each) for each in found if each.destination == row.destination]
        return await self._entry(row), its_own[0] if its_own else None

    async def destinations(self) -> AsyncIterator[Destination]:
        """List the domains that mail waits for, and those that were stopped."""
        first = b""
        while rows := await self._store.queue.destinations(PAGE, first):
            for row in rows:
                yield self._destination(row)
            first = rows[-1].destination + b"\0"

    def _destination(self, row: DestinationRow) -> Destination:
        name = ObjectId(row.destination)
        rest = from_microseconds(row.rest_until)
        return Destination(
            self._instance.open(Kind.QUEUE_ITEM, name, row.domain).decode(),
            bool(row.paused),
            row.leased,
            None if row.earliest is None else from_microseconds(row.earliest),
            rest if rest > self._clock.now() else None,
        )

    async def hold(self, ids: Sequence[QueueId]) -> int:
        """Stop rows until `release`; return how many could be: not those being sent."""
        return await self._steer(ids, Act.HOLD)

    async def release(self, ids: Sequence[QueueId]) -> int:
        """Let held rows go on."""
        return await self._steer(ids, Act.RELEASE)

    async def retry(self, ids: Sequence[QueueId]) -> int:
        """Try waiting rows now, whatever their back-off says."""
        return await self._steer(ids, Act.RETRY)

    async def cancel(self, ids: Sequence[QueueId]) -> int:
        """Drop rows; nobody is told."""
        return await self._steer(ids, Act.CANCEL)

    async def hold_account(self, account_id: AccountId) -> int:
        """Stop all mail of an account: it was frozen, or sends what it should not."""
        held, after = 0, FIRST
        while rows := await self._store.queue.rows(PAGE, after, account_id=account_id):
            steer = Steer([row.name for row in rows], Act.HOLD)
            held += len((await self._store.queue.ask(steer, account_id)).changed)
            after = rows[-1].queue_id
        return held

    async def pause(self, domain: str) -> None:
        """Serve a domain no more until `resume`. Raises PeerFault: it is no domain."""
        await self._tune(canonical_domain(domain), paused=True)

    async def resume(self, domain: str) -> None:
        """Serve a domain again. Raises PeerFault: it is no domain."""
        await self._tune(canonical_domain(domain), paused=False)

    async def _tune(self, domain: str, *, paused: bool) -> None:
        facts: Facts = {"act": "pause" if paused else "resume", "domain": domain}
        await self._chain.record(Event.QUEUE_STEERED, actor=OPERATOR, facts=facts)
        await self._outgoing.tune(domain, paused=paused)

    async def _steer(self, ids: Sequence[QueueId], act: Act) -> int:
        """Do something to rows, told first: what the audit log does not take is not done.

        Raises:
            Absent: one of the ids is no row.
        """
        rows = [await self._store.queue.row(queue_id) for queue_id in ids]
        facts: Facts = {"act": act.value, "rows": len(rows)}
        await self._chain.record(Event.QUEUE_STEERED, actor=OPERATOR, facts=facts)
        outcome = await self._store.queue.ask(Steer([row.name for row in rows], act))
        return len(outcome.changed)

    def _hash(self, domain: str) -> bytes:
        return self._instance.name_hash(domain)

    async def _item(self, row: QueueRow) -> Item | None:
        try:
            if row.account_id == INSTANCE:
                return decode_item(open_item(self._instance, row.queue_id, row.item))
            guard = await self._guards(row.account_id)
            return decode_item(open_item(guard, row.queue_id, row.item))
        except (Absent, Corrupt):
            return None

    async def _entry(self, row: QueueRow) -> Entry:
        item = await self._item(row)
        last = item.last if item is not None else None
        return Entry(
            queue_id=row.queue_id,
            account_id=None if row.account_id == INSTANCE else row.account_id,
            domain=item.recipient.address.domain if item else "",
            state=QueueState(row.state),
            next_at=from_microseconds(row.next_at),
            queued_at=from_microseconds(row.queued_at),
            expires_at=from_microseconds(row.expires_at),
            attempts=row.attempts,
            size_octets=row.size_octets,
            code=last.code if last else 0,
            status=last.status if last else "",
            host=last.host if last else "",
            text=_LOCAL_PART.sub("…@", last.text) if last else "",
            warned=item.warned if item else False,
        )
