"""Submissions for queue tests that look guarded, and a worker's words on them."""

import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from mailserver.model.ids import AccountId, ObjectId, QueueId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.store.instants import to_microseconds
from mailserver.store.queue_rows import (
    INSTANCE,
    Lease,
    NewQueued,
    NewSubmission,
    QueueRow,
    Settle,
)
from mailserver.store.store import Store

LIFE = timedelta(days=5)
LEASE = timedelta(minutes=5)


def destination(domain: str) -> bytes:
    """Stand in for the keyed hash of a domain."""
    return hashlib.sha256(domain.encode()).digest()[:16]


def submission(
    domains: Sequence[str],
    at: datetime,
    *,
    account: AccountId = INSTANCE,
    release: datetime | None = None,
    body: bytes = b"guarded body",
) -> NewSubmission:
    """Make a message with a recipient at each domain."""
    now = to_microseconds(at)
    due = now if release is None else to_microseconds(release)
    rows = tuple(
        NewQueued(
            QueueId(os.urandom(16)),
            destination(domain),
            Guarded(b"guarded " + domain.encode()),
            Guarded(b"guarded recipient"),
            due,
            now,
            now + LIFE // timedelta(microseconds=1),
        )
        for domain in domains
    )
    name = ObjectId(new_object_id())
    return NewSubmission(account, name, Guarded(b"envelope"), Guarded(body), len(body), rows)


async def lease(store: Store, limit: int, at: datetime) -> list[QueueRow]:
    """Lease what is due."""
    until = to_microseconds(at + LEASE)
    return (await store.queue.ask(Lease(secrets.token_bytes(16), limit, until))).leased


async def finish(store: Store, row: QueueRow) -> bool:
    """Say that a recipient has the message."""
    assert row.lease is not None
    return await store.queue.settle(Settle(row.name, row.lease, done=True))


async def defer(store: Store, row: QueueRow, until: datetime) -> bool:
    """Put a row back to waiting."""
    assert row.lease is not None
    again = (to_microseconds(until), Guarded(b"guarded recipient, refused for now"))
    return await store.queue.settle(Settle(row.name, row.lease, done=False, again=again))
