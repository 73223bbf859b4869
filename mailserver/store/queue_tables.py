"""The tables of the outgoing queue: what is to be sent, to whom, and when.

Everything that says who writes to whom or what is guarded. In clear are identifiers, instants,
counts and a keyed hash of the recipient's domain, without which nothing could be picked or kept
apart by destination. The instance's own mail (reports) has the account of zeros.

`queue_destinations` exists so that picking costs the same whatever waits: `turn_at` is when a
destination may next be served, and its index is all that picking looks through
(`queue_turns.py`).
"""

from sqlalchemy import Index, LargeBinary, Table

from mailserver.store.columns import (
    HASH_OCTETS,
    OBJECT_OCTETS,
    account_key,
    column,
    guarded,
    hashed,
    instant,
    number,
    object_name,
    small,
)
from mailserver.store.tables import metadata

queue_messages = Table(
    "queue_messages",
    metadata,
    account_key("queue"),
    column(
        "object_id",
        LargeBinary(OBJECT_OCTETS),
        "none",
        "random name that the ciphertext is bound to",
        "queue",
        key=True,
    ),
    number("recipients_left", "the message goes with its last recipient", "queue"),
    number("size_octets", "limits and lists", "queue", pd="clear"),
    guarded("envelope", "sender, envelope id, and the key of the content", "queue"),
    small("place", "where the ciphertext lies (Place)", "queue"),
    number("sealed_octets", "how long the ciphertext is", "queue"),
    column("sha256_ct", LargeBinary(32), "none", "finds a flipped bit without a key", "queue"),
    column("data", LargeBinary, "guarded", "the message, if it lies here", "queue", optional=True),
)

queue = Table(
    "queue",
    metadata,
    account_key("queue"),
    column(
        "queue_id", LargeBinary(OBJECT_OCTETS), "none", "one recipient's row", "queue", key=True
    ),
    object_name("queue"),
    hashed("destination", "keeps destinations apart", "queue"),
    small("state", "waiting, leased or held (QueueState)", "queue"),
    instant("next_at", "when it is due, or its lease ends", "queue"),
    small("attempts", "how often it was tried", "queue"),
    instant("queued_at", "age and order", "queue"),
    instant("expires_at", "when its sender is told that it failed", "queue"),
    column("lease", LargeBinary(16), "none", "who is sending it", "queue", optional=True),
    guarded("item", "the recipient, what was asked for him, the last reply", "queue"),
    Index("ix_queue_destination", "destination", "state", "next_at"),
    Index("ix_queue_state", "state", "next_at"),
    Index("ix_queue_queue_id", "queue_id"),
    Index("ix_queue_object_id", "account_id", "object_id"),
)

queue_destinations = Table(
    "queue_destinations",
    metadata,
    column(
        "destination",
        LargeBinary(HASH_OCTETS),
        "pseudonym",
        "keyed hash of a domain that mail waits for",
        "queue",
        key=True,
    ),
    guarded("domain", "its name, for the operator", "queue"),
    instant("turn_at", "when its next row may be picked", "queue", pd="none"),
    instant("served_at", "whoever was served last comes last", "queue", pd="none"),
    instant("rest_until", "its servers are given a rest", "queue", pd="none"),
    small("paused", "the operator stopped it", "queue"),
    Index("ix_queue_destinations_turn_at", "turn_at"),
    sqlite_with_rowid=False,
)
