"""What waits in the outgoing queue: guarded, for it is sent while its author is away.

    envelope  guard(content key 32 ‖ envelope), an account's guard or the instance's
    body      see `crypto/body`, under that content key

The key is made for one message and lies in its envelope alone, so that both kinds of guard keep a
message of any size in chunks, and the message ends with its row.
"""

from typing import NamedTuple, Protocol

from mailserver.crypto.body import open_body, seal_body
from mailserver.crypto.context import FORMAT, NO_SUITE, FieldId, Kind, Origin, context
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, ObjectId, QueueId
from mailserver.model.sealed import Guarded, Plaintext

_KEY_OCTETS = 32


class Guard(Protocol):
    """An `AccountGuard` or the `InstanceGuard`."""

    def seal(self, kind: Kind, object_id: ObjectId, data: bytes) -> Guarded:
        """Guard `data` as the object `object_id` of that kind."""
        ...

    def open(self, kind: Kind, object_id: ObjectId, guarded: Guarded) -> bytes:
        """Return what was guarded, or raise Corrupt."""
        ...


class GuardedMessage(NamedTuple):
    """A message as the queue keeps it."""

    envelope: Guarded
    body: Guarded


def seal_message(
    guard: Guard, account: AccountId, object_id: ObjectId, envelope: bytes, message: Plaintext
) -> GuardedMessage:
    """Guard one submission; from 256 KiB on, call it in a thread.

    Args:
        guard: of the account, or of the instance.
        account: whose it is; zeros for the instance.
        object_id: names this message and no other.
        envelope: what is small and needed before the message is.
        message: what is sent.
    """
    key = SecretKey.random(_KEY_OCTETS)
    try:
        body = seal_body(key.octets, _context(account, object_id), message.reveal())
        sealed = guard.seal(Kind.QUEUE_ITEM, object_id, bytes(key.octets) + envelope)
        return GuardedMessage(sealed, Guarded(body))
    finally:
        key.wipe()


def open_envelope(guard: Guard, object_id: ObjectId, envelope: Guarded) -> bytes:
    """Return what `seal_message` was given as envelope.

    Raises:
        Corrupt: it was altered, or is another message's or account's.
    """
    return _opened(guard, object_id, envelope)[_KEY_OCTETS:]


def open_message(
    guard: Guard, account: AccountId, object_id: ObjectId, guarded: GuardedMessage
) -> Plaintext:
    """Return the message.

    Raises:
        Corrupt: envelope or body was altered, cut, or is another's; nothing of it is returned.
    """
    key = _opened(guard, object_id, guarded.envelope)[:_KEY_OCTETS]
    return Plaintext(open_body(key, _context(account, object_id), guarded.body))


def seal_item(guard: Guard, queue_id: QueueId, item: bytes) -> Guarded:
    """Guard what is known of one recipient; each change of it is sealed anew."""
    return guard.seal(Kind.QUEUE_ITEM, ObjectId(queue_id), item)


def open_item(guard: Guard, queue_id: QueueId, item: Guarded) -> bytes:
    """Return what is known of a recipient. Raises Corrupt."""
    return guard.open(Kind.QUEUE_ITEM, ObjectId(queue_id), item)


def _opened(guard: Guard, object_id: ObjectId, envelope: Guarded) -> bytes:
    opened = guard.open(Kind.QUEUE_ITEM, object_id, envelope)
    if len(opened) < _KEY_OCTETS:
        raise Corrupt(Condition.DAMAGED, "a queued message is damaged")
    return opened


def _context(account: AccountId, object_id: ObjectId) -> bytes:
    origin = Origin.GUARD if any(account) else Origin.INSTANCE
    return context(Kind.QUEUE_ITEM, origin, account, object_id, FieldId.BODY, FORMAT, 0, NO_SUITE)
