"""The values that go into the queue and come out of it, and what may be asked of it.

Every change of the queue is a `Request`: they are joined into one function (`queue_batch.py`), so
that a transaction takes the locks of its destinations once, in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple

from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.model.sealed import Guarded
from mailserver.store.blobs import Place

INSTANCE = AccountId(bytes(16))
"""The owner of the server's own mail; no account has this id."""

NEVER = 0x7FFF_FFFF_FFFF_FFFF
"""An instant that does not come: the turn of a destination that has none."""

LEASE_OCTETS = 16


class QueueState(IntEnum):
    """What a row waits for: the value of the column `queue.state`."""

    WAITING = 0
    """For `next_at`."""
    LEASED = 1
    """For its sender's word, until `next_at`."""
    HELD = 2
    """For somebody to release it."""


class Part(IntEnum):
    """What is guarded by the instance, by the table it lies in."""

    ITEM = 1
    ENVELOPE = 2
    DOMAIN = 3


class RowName(NamedTuple):
    """What finds a row, and the lock it is under."""

    account_id: AccountId
    queue_id: QueueId
    destination: bytes


class NewQueued(NamedTuple):
    """One recipient to be stored. Instants are microseconds (`instants.py`)."""

    queue_id: QueueId
    destination: bytes
    domain: Guarded
    item: Guarded
    next_at: int
    queued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """A message and its recipients, ready to be stored."""

    account_id: AccountId
    object_id: ObjectId
    envelope: Guarded
    body: Guarded
    size_octets: int
    rows: tuple[NewQueued, ...]


class Placed(NamedTuple):
    """A submission whose body is where it belongs."""

    submission: NewSubmission
    place: Place
    sha256: bytes


class QueueRow(NamedTuple):
    """A row with its submission's envelope, as it is read."""

    account_id: AccountId
    queue_id: QueueId
    object_id: ObjectId
    destination: bytes
    state: int
    next_at: int
    attempts: int
    queued_at: int
    expires_at: int
    lease: bytes | None
    item: Guarded
    envelope: Guarded
    size_octets: int

    @property
    def name(self) -> RowName:
        """What finds it."""
        return RowName(self.account_id, self.queue_id, self.destination)


class DestinationRow(NamedTuple):
    """A destination and what waits for it."""

    destination: bytes
    domain: Guarded
    turn_at: int
    rest_until: int
    paused: int
    leased: int
    earliest: int | None
    """When the first of its waiting rows is due."""


class Act(Enum):
    """What somebody who sends nothing may do to rows; leased ones stay as they are."""

    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    CANCEL = "cancel"
    UNDO = "undo"
    """Cancel, but all of the rows or none, and only before the first attempt."""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Store a submission."""

    placed: Placed


@dataclass(frozen=True, slots=True)
class Settle:
    """A sender's word on a row it leased, and a report to store with it."""

    row: RowName
    lease: bytes
    done: bool
    """The recipient has it: drop the row whoever leases it meanwhile."""
    again: tuple[int, Guarded] | None = None
    """Back to waiting, until when and with which item; None drops the row."""
    report: Placed | None = None


@dataclass(frozen=True, slots=True)
class Steer:
    """Do something to rows."""

    rows: Sequence[RowName]
    act: Act


@dataclass(frozen=True, slots=True)
class Tune:
    """Change a destination; what is None stays."""

    destination: bytes
    domain: Guarded
    paused: bool | None = None
    rest_until: int | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Make leases last until an instant, or give them back unused where that is None."""

    rows: Sequence[tuple[RowName, bytes]]
    until: int | None


@dataclass(frozen=True, slots=True)
class Lease:
    """Lease rows whose turn has come, as `lease`, until an instant."""

    lease: bytes
    limit: int
    until: int


@dataclass(frozen=True, slots=True)
class Recover:
    """Put every leased row back: whoever leased them is known to be gone."""


Task = Enqueue | Settle | Steer | Tune | Keep | Lease | Recover


class Request(NamedTuple):
    """One task, when it was asked for, and how many rows of a destination are leased at once."""

    task: Task
    now: int
    per_destination: int


@dataclass(slots=True)
class Outcome:
    """What a request did."""

    leased: list[QueueRow] = field(default_factory=list)
    changed: list[QueueId] = field(default_factory=list)
    dropped: list[ObjectId] = field(default_factory=list)
    """Bodies outside of the database that no row names any more."""
