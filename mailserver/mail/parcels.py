"""What is handed to the outgoing queue, and what comes out of it when its time has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailserver.mail.queue_items import Item
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.model.sealed import Plaintext
from mailserver.store.queue_rows import QueueRow
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
    item: Item
    row: QueueRow

    @property
    def domain(self) -> str:
        """Where it goes, in canonical form."""
        return self.recipient.address.domain
