"""Whose turn it is: picking rows at a price that does not grow with what waits.

A destination has one row, and in it `turn_at`: when its next row may be picked, or `NEVER` while
it is paused, has as many rows leased as it may, or has none that wait. Picking looks at the
destinations whose turn has come, in that order, and takes each one's earliest rows by
`ix_queue_destination`: two index ranges, whatever lies behind them. A destination that was served
comes after all that were waiting then, so that one with a hundred thousand rows keeps nobody else
waiting.

Whoever changes a row of a destination holds the lock of the destination's row, and sets its turn
anew before the commit. On PostgreSQL pickers skip destinations that are locked, so they wait for
nobody and no row is leased twice; on SQLite there is one writer.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from mailserver.model.sealed import Guarded
from mailserver.store.driver import Lookup, Row, Sql, fetch, run, run_many, sqlite_driver
from mailserver.store.queue_rows import NEVER, Lease, QueueRow

RECOVERED_AT_ONCE = 1_000
NOBODY: Mapping[bytes, int] = {}

_LOCK = Sql(
    "INSERT INTO queue_destinations (destination, domain, turn_at, served_at, rest_until, paused)"  # noqa: S608
    f" SELECT destination, domain, {NEVER}, 0, 0, 0"
    " FROM unnest(?::bytea[], ?::bytea[]) AS w(destination, domain) ORDER BY destination"
    " ON CONFLICT (destination) DO UPDATE SET turn_at = queue_destinations.turn_at"
)
_ADD = Sql(
    "INSERT INTO queue_destinations (destination, domain, turn_at, served_at, rest_until, paused)"  # noqa: S608
    f" VALUES (?, ?, {NEVER}, 0, 0, 0) ON CONFLICT (destination) DO NOTHING"
)
_STANDING = Lookup(
    "d.destination, d.turn_at, d.served_at, d.rest_until, d.paused,"
    " (SELECT COUNT(*) FROM queue q WHERE q.destination = d.destination AND q.state = 1),"
    " (SELECT MIN(q.next_at) FROM queue q WHERE q.destination = d.destination AND q.state = 0),"
    " EXISTS (SELECT 1 FROM queue q WHERE q.destination = d.destination)",
    "queue_destinations d",
    [("d.destination", "bytea")],
)
_TURN = Sql("UPDATE queue_destinations SET turn_at = ?, served_at = ? WHERE destination = ?")
_FORGET = Sql("DELETE FROM queue_destinations WHERE destination = ?")

_READY = (
    "SELECT d.destination,"
    " (SELECT COUNT(*) FROM queue q WHERE q.destination = d.destination AND q.state = 1)"
    " FROM queue_destinations d WHERE d.turn_at <= ? ORDER BY d.turn_at LIMIT ?"
)
_READY_SQLITE = Sql(_READY)
_READY_POSTGRES = Sql(_READY + " FOR UPDATE OF d SKIP LOCKED")

_COLUMNS = (
    "q.account_id, q.queue_id, q.object_id, q.destination, q.state, q.next_at, q.attempts,"
    " q.queued_at, q.expires_at, q.lease, q.item, m.envelope, m.size_octets"
)
FROM_QUEUE = (
    f"SELECT {_COLUMNS} FROM queue q JOIN queue_messages m"  # noqa: S608 (our own names)
    " ON m.account_id = q.account_id AND m.object_id = q.object_id"
)
_DUE = Sql(
    f"{FROM_QUEUE} WHERE q.destination = ? AND q.state = 0 AND q.next_at <= ?"
    " ORDER BY q.next_at LIMIT ?"
)
_DUE_TOGETHER = Sql(
    "SELECT r.* FROM unnest(?::bytea[], ?::bigint[]) AS w(destination, slots),"  # noqa: S608
    f" LATERAL ({FROM_QUEUE} WHERE q.destination = w.destination AND q.state = 0"
    " AND q.next_at <= ? ORDER BY q.next_at LIMIT w.slots) AS r"
)
_LEASE = Sql(
    "UPDATE queue SET state = 1, lease = ?, next_at = ?, attempts = attempts + 1"
    " WHERE account_id = ? AND queue_id = ?"
)
_LEASE_TOGETHER = Sql(
    "UPDATE queue SET state = 1, lease = ?, next_at = ?, attempts = queue.attempts + 1"
    " FROM unnest(?::bytea[], ?::bytea[]) AS w(account_id, queue_id)"
    " WHERE queue.account_id = w.account_id AND queue.queue_id = w.queue_id"
)
# A plan that was kept from when the queue was short reads a long one whole, until somebody analyses
# the table; planning anew goes by the size that it has.
_PLAN_ANEW = Sql("SET LOCAL plan_cache_mode = force_custom_plan")
_LAPSED = Sql(
    "SELECT account_id, queue_id, destination FROM queue WHERE state = 1 AND next_at <= ?"
    " ORDER BY next_at LIMIT ?"
)
_FREE = Sql(
    "SELECT destination FROM queue_destinations WHERE destination = ANY(?::bytea[])"
    " ORDER BY destination FOR UPDATE SKIP LOCKED"
)
_RECOVER = Sql(
    "UPDATE queue SET state = 0, lease = NULL, next_at = ?"
    " WHERE account_id = ? AND queue_id = ? AND state = 1 AND next_at <= ?"
)


def lock(connection: Connection, domains: Mapping[bytes, Guarded | None]) -> None:
    """Lock destinations until the transaction ends, making those that are new.

    In their order, as everybody does, so that no two transactions wait for each other.
    """
    if sqlite_driver(connection) is not None:  # the one writer has every lock
        run_many(connection, _ADD, [(name, d) for name, d in domains.items() if d is not None])
    elif domains:
        names = sorted(domains)
        run(connection, _LOCK, (names, [domains[name] or Guarded(b"") for name in names]))


def set_turns(
    connection: Connection,
    destinations: Iterable[bytes],
    per_destination: int,
    served: Mapping[bytes, int] = NOBODY,
) -> None:
    """Set `turn_at` of locked destinations by their rows; drop those that nothing waits for.

    `served` says when some of them were served just now.
    """
    turns: list[Row] = []
    forgotten: list[Row] = []
    for row in _STANDING.rows(connection, [(name,) for name in sorted(destinations)]):
        destination, turn_at, last_served, rest_until, paused, leased, earliest, used = row
        served_at = served.get(destination, last_served)
        if not used and not paused:
            forgotten.append((destination,))
            continue
        if paused or leased >= per_destination or earliest is None:
            turn = NEVER
        else:
            turn = max(earliest, served_at, rest_until)
        if (turn, served_at) != (turn_at, last_served):
            turns.append((turn, served_at, destination))
    run_many(connection, _TURN, turns)
    run_many(connection, _FORGET, forgotten)


def lease(connection: Connection, task: Lease, now: int, per_destination: int) -> list[QueueRow]:
    """Lease the rows whose turn it is, from the destinations that waited longest."""
    on_sqlite = sqlite_driver(connection) is not None
    if not on_sqlite:
        run(connection, _PLAN_ANEW)
    recover(connection, now, now, per_destination)
    ready = fetch(connection, _READY_SQLITE if on_sqlite else _READY_POSTGRES, (now, task.limit))
    share = max(task.limit // max(len(ready), 1), 1)
    slots = {name: max(min(per_destination - leased, share), 0) for name, leased in ready}
    found = _due(connection, slots, now, task.limit, on_sqlite=on_sqlite)
    names = [(row.account_id, row.queue_id) for row in found]
    if on_sqlite:
        run_many(connection, _LEASE, [(task.lease, task.until, *name) for name in names])
    elif names:
        owners, ids = (list(column) for column in zip(*names, strict=True))
        run(connection, _LEASE_TOGETHER, (task.lease, task.until, owners, ids))
    served = {row.destination: now for row in found}
    set_turns(connection, slots, per_destination, served)
    return [row._replace(lease=task.lease, attempts=row.attempts + 1) for row in found]


def _due(
    connection: Connection, slots: Mapping[bytes, int], now: int, limit: int, *, on_sqlite: bool
) -> list[QueueRow]:
    """Read what is due at each destination, at most `limit` rows of all."""
    if not slots:
        return []
    if not on_sqlite:
        rows = fetch(connection, _DUE_TOGETHER, (list(slots), list(slots.values()), now))
        return [QueueRow._make(row) for row in rows[:limit]]
    found: list[QueueRow] = []
    for destination, free in slots.items():
        left = min(free, limit - len(found))
        if left <= 0:
            break
        found += map(QueueRow._make, fetch(connection, _DUE, (destination, now, left)))
    return found


def recover(connection: Connection, now: int, before: int, per_destination: int) -> int:
    """Put rows back whose lease ended by `before`; return how many, a bounded number at once."""
    lapsed = fetch(connection, _LAPSED, (before, RECOVERED_AT_ONCE))
    if not lapsed:
        return 0
    destinations = sorted({row[2] for row in lapsed})
    if sqlite_driver(connection) is None:
        destinations = [name for (name,) in fetch(connection, _FREE, (destinations,))]
    free = set(destinations)
    back = [(now, owner, queue_id, before) for owner, queue_id, name in lapsed if name in free]
    run_many(connection, _RECOVER, back)
    set_turns(connection, destinations, per_destination)
    return len(back)
