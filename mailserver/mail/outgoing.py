"""The queue: mail that leaves for other servers, kept until each recipient has it or never will.

A submission is stored once, with one row a recipient; all of it is guarded, for it is sent while
its author is away. Rows are leased to whoever sends them: a lease that ends unheard gives its row
back, so that a worker that dies loses nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard, InstanceGuard


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose mail it is: an account's, under its guard, or the instance's own (None)."""

    account_id: AccountId | None
    guard: AccountGuard | InstanceGuard


@dataclass(frozen=True, slots=True)
class Parcel:
    """One submission, as it is handed to the queue."""

    origin: Origin
    envelope: Envelope
    message: Plaintext
    """The finished message, CRLF, our trace fields on top, not yet signed."""
    recipients: Sequence[Onward]
    release_at: datetime | None = None
    """Not sent, and still to be undone, before this instant (undo, HOLDFOR, send later)."""


@dataclass(frozen=True, slots=True)
class Due:
    """One recipient whose turn has come, leased to this process."""

    queue_id: QueueId
    account_id: AccountId | None
    """None: the instance's own mail."""
    message_id: ObjectId
    """Names the content; equal for all recipients of one submission."""
    lease: bytes
    envelope: Envelope
    recipient: Onward
    attempts: int
    """Attempts begun, this one included."""
    queued_at: datetime
    expires_at: datetime
    warn: bool
    """If it fails for now once more, its sender should be told of the delay (RFC 3461 §6.4)."""
    last_reply: RemoteReply | None
    size_octets: int

    @property
    def domain(self) -> str:
        """Where it goes, in canonical form."""
        return self.recipient.address.domain


class Outgoing:
    """The outgoing queue of this server; any number of processes may share it."""

    def __init__(
        self,
        store: Store,
        guards: Callable[[AccountId], Awaitable[AccountGuard]],
        instance: InstanceGuard,
        clock: Clock,
    ) -> None:
        """Keep the queue in `store`; `guards` finds an account's guard, or raises Absent."""
        raise NotImplementedError

    async def enqueue(self, parcel: Parcel) -> list[QueueId]:
        """Take a submission for all its recipients or none; durable on return.

        Raises:
            Absent: NO_SUCH_USER, the account was erased meanwhile.
            Transient: STORAGE_FULL, BUSY, UNAVAILABLE; nothing is queued.
        """
        raise NotImplementedError

    async def due(self, limit: int) -> list[Due]:
        """Lease at most `limit` rows whose time has come, the longest waiting destinations first.

        No row is leased twice; paused, resting and busy destinations have no turn. The lease is
        kept alive by `tend` until one of `delivered`, `deferred`, `failed` or `give_back`.
        """
        raise NotImplementedError

    async def wait(self) -> None:
        """Return when something may have become due, or after `POLL` at the latest."""
        raise NotImplementedError

    async def content(self, due: Due) -> Plaintext:
        """Return the message. Raises Corrupt (DAMAGED), Absent (it was cancelled meanwhile)."""
        raise NotImplementedError

    async def delivered(
        self, due: Due, reply: RemoteReply, *, report: Parcel | None = None
    ) -> None:
        """Drop a row whose recipient has the message; `report` is queued by the same commit."""
        raise NotImplementedError

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
        raise NotImplementedError

    async def failed(self, due: Due, reply: RemoteReply, *, report: Parcel | None = None) -> None:
        """Drop a row that will never be delivered; `report` is queued by the same commit."""
        raise NotImplementedError

    async def give_back(self, dues: Sequence[Due]) -> None:
        """Return leases unused, as if nobody had tried (shutting down, no connection to spare)."""
        raise NotImplementedError

    async def rest(self, domain: str, until: datetime) -> None:
        """Give a destination no turn before `until`: its hosts are all down or said 421."""
        raise NotImplementedError

    async def tend(self) -> None:
        """Keep this process's leases alive; called every `TEND`."""
        raise NotImplementedError
