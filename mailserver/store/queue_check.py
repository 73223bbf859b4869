"""Proves the queue's invariants, for `check.py`: each message has its rows, each row its turn."""

import hashlib
from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection

from mailserver.model.errors import Corrupt
from mailserver.model.ids import ObjectId
from mailserver.store.access import Access
from mailserver.store.blobs import Place
from mailserver.store.driver import Row, Sql, fetch

MESSAGES_AT_ONCE = 100

_RULES = (
    (
        "queued message {0}: it says {1} recipients are left and has {2}",
        Sql(
            "SELECT m.object_id, m.recipients_left, COUNT(q.queue_id) FROM queue_messages m"
            " LEFT JOIN queue q ON q.account_id = m.account_id AND q.object_id = m.object_id"
            " GROUP BY m.account_id, m.object_id, m.recipients_left"
            " HAVING COUNT(q.queue_id) != m.recipients_left OR m.recipients_left < 1"
        ),
    ),
    (
        "queue row {0}: it has no message, or its destination has no row",
        Sql(
            "SELECT q.queue_id FROM queue q"
            " LEFT JOIN queue_messages m"
            " ON m.account_id = q.account_id AND m.object_id = q.object_id"
            " LEFT JOIN queue_destinations d ON d.destination = q.destination"
            " WHERE m.object_id IS NULL OR d.destination IS NULL"
        ),
    ),
    (
        "queue row {0}: it is leased without a lease, or has one and is not",
        Sql("SELECT queue_id FROM queue WHERE (state = 1) != (lease IS NOT NULL)"),
    ),
    (
        "destination {0}: it is served in turn and its turn does not come",
        Sql(
            "SELECT d.destination FROM queue_destinations d WHERE d.paused = 0 AND d.turn_at >"
            " (SELECT MIN(q.next_at) FROM queue q"
            " WHERE q.destination = d.destination AND q.state = 0)"
            " AND d.turn_at > d.rest_until AND d.turn_at > d.served_at AND NOT EXISTS"
            " (SELECT 1 FROM queue q WHERE q.destination = d.destination AND q.state = 1)"
        ),
    ),
)
_BODIES = Sql(
    "SELECT object_id, place, sealed_octets, sha256_ct, data FROM queue_messages"
    " WHERE object_id > ? ORDER BY object_id LIMIT ?"
)


def _broken_rules(connection: Connection) -> list[str]:
    return [
        what.format(*(value.hex() if isinstance(value, bytes) else value for value in row))
        for what, sql in _RULES
        for row in fetch(connection, sql)
    ]


async def queue_findings(access: Access) -> list[str]:
    """Return what does not hold in the queue; empty where all does."""
    found = await access.read(_broken_rules)
    after = b""
    while rows := await access.read_once(partial(_some_bodies, after=after)):
        found += await access.offload(partial(_list_broken, access, rows))
        after = rows[-1][0]
    return found


def _some_bodies(connection: Connection, after: bytes) -> list[Row]:
    return fetch(connection, _BODIES, (after, MESSAGES_AT_ONCE))


def _list_broken(access: Access, rows: list[Row]) -> list[str]:
    return list(_broken(access, rows))


def _broken(access: Access, rows: list[Row]) -> Iterator[str]:
    """Compare each message's ciphertext with its SHA-256; runs in a thread."""
    for object_id, place, octets, sha256, data in rows:
        sealed = data
        if place == Place.FILE:
            try:
                sealed = access.blobs.get(ObjectId(object_id))
            except Corrupt:
                sealed = None
        if sealed is None:
            yield f"queued message {object_id.hex()}: its ciphertext is missing"
        elif len(sealed) != octets or hashlib.sha256(sealed).digest() != sha256:
            yield f"queued message {object_id.hex()}: it is not what was stored"
