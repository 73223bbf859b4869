"""The one function that changes the queue: all requests that wait, one transaction.

Read what the requests name, decide in memory, write a statement a table. The order is what keeps
transactions from waiting for each other: accounts were locked by the group already, then come the
destinations, all at once and in their order, and leases last, which wait for nobody.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, MailError
from mailserver.model.ids import AccountId, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store import queue_turns
from mailserver.store.access import Done
from mailserver.store.blobs import Place
from mailserver.store.driver import Lookup, Row, Sql, run_many
from mailserver.store.queue_rows import (
    INSTANCE,
    NEVER,
    Act,
    Enqueue,
    Keep,
    Lease,
    Outcome,
    Placed,
    QueueState,
    Recover,
    Request,
    RowName,
    Settle,
    Steer,
    Tune,
)

_ACCOUNTS = Lookup("account_id", "accounts", [("account_id", "bytea")])
_ROWS = Lookup(
    "account_id, queue_id, object_id, state, next_at, attempts, lease",
    "queue",
    [("account_id", "bytea"), ("queue_id", "bytea")],
)
_LEFT = Lookup(
    "account_id, object_id, recipients_left, place",
    "queue_messages",
    [("account_id", "bytea"), ("object_id", "bytea")],
)
_ADD_MESSAGE = Sql(
    "INSERT INTO queue_messages (account_id, object_id, recipients_left, size_octets, envelope,"
    " place, sealed_octets, sha256_ct, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_ROW = Sql(
    "INSERT INTO queue (account_id, queue_id, object_id, destination, state, next_at, attempts,"
    " queued_at, expires_at, lease, item) VALUES (?, ?, ?, ?, 0, ?, 0, ?, ?, NULL, ?)"
)
_CHANGE = Sql(
    "UPDATE queue SET state = ?, next_at = ?, attempts = ?, lease = ?, item = COALESCE(?, item)"
    " WHERE account_id = ? AND queue_id = ?"
)
_DROP = Sql("DELETE FROM queue WHERE account_id = ? AND queue_id = ?")
_COUNT_DOWN = Sql(
    "UPDATE queue_messages SET recipients_left = recipients_left - ?"
    " WHERE account_id = ? AND object_id = ?"
)
_DROP_MESSAGE = Sql("DELETE FROM queue_messages WHERE account_id = ? AND object_id = ?")
_PAUSE = Sql("UPDATE queue_destinations SET paused = ? WHERE destination = ?")
_REST = Sql("UPDATE queue_destinations SET rest_until = ? WHERE destination = ?")

_Key = tuple[AccountId, bytes]


@dataclass(slots=True)
class _Standing:
    """A row as it stands while the requests are decided."""

    object_id: ObjectId
    state: int
    next_at: int
    attempts: int
    lease: bytes | None
    item: Guarded | None = None
    gone: bool = False
    changed: bool = False

    def put(self, state: QueueState, next_at: int) -> None:
        """Wait for `next_at`, or for a release; nobody has a lease any more."""
        self.state, self.next_at, self.lease, self.changed = state, next_at, None, True

    def is_leased_as(self, lease: bytes) -> bool:
        """Say whether that very lease still stands."""
        return self.state == QueueState.LEASED and self.lease == lease and not self.gone


class _Batch:
    """Requests on their way through one transaction."""

    def __init__(self, connection: Connection, requests: list[Request]) -> None:
        self._connection = connection
        self._requests = requests
        self._per_destination = requests[0].per_destination
        self._accounts: set[AccountId] = {INSTANCE}
        self._rows: dict[_Key, _Standing] = {}
        self._domains: dict[bytes, Guarded | None] = {}
        self._added: list[Placed] = []
        self._tuned: list[Tune] = []
        self._dropped: list[tuple[RowName, Outcome]] = []

    def run(self) -> list[Done[Outcome] | MailError]:
        """Do what can be done; return one outcome a request, in order."""
        self._lock()
        self._read()
        outcomes = [self._decided(request) for request in self._requests]
        self._write()
        queue_turns.set_turns(self._connection, self._domains, self._per_destination)
        for request, outcome in zip(self._requests, outcomes, strict=True):
            if isinstance(outcome, Outcome):
                self._lease(request, outcome)
        return [Done(o) if isinstance(o, Outcome) else o for o in outcomes]

    # -- what is named

    def _lock(self) -> None:
        for request in self._requests:
            for placed in _stored_by(request):
                for row in placed.submission.rows:
                    self._domains[row.destination] = row.domain
            for name in _named_by(request):
                self._domains.setdefault(name.destination, None)
            if isinstance(request.task, Tune):
                self._domains[request.task.destination] = request.task.domain
        queue_turns.lock(self._connection, self._domains)

    def _read(self) -> None:
        owners = {p.submission.account_id for r in self._requests for p in _stored_by(r)}
        keys = [(owner,) for owner in owners - {INSTANCE}]
        self._accounts.update(owner for (owner,) in _ACCOUNTS.rows(self._connection, keys))
        named = {(n.account_id, bytes(n.queue_id)) for r in self._requests for n in _named_by(r)}
        for owner, queue_id, *rest in _ROWS.rows(self._connection, sorted(named)):
            self._rows[owner, queue_id] = _Standing(*rest)

    # -- decisions, in memory

    def _decided(self, request: Request) -> Outcome | MailError:
        task, now = request.task, request.now
        outcome = Outcome()
        match task:
            case Enqueue():
                if task.placed.submission.account_id not in self._accounts:
                    return Absent(Condition.NO_SUCH_USER)
                self._added.append(task.placed)
            case Settle():
                self._settle(task, outcome)
            case Steer():
                self._steer(task, now, outcome)
            case Tune():
                self._tuned.append(task)
            case Keep():
                self._keep(task, now, outcome)
            case Lease() | Recover():
                pass  # after everything else
            case _:
                assert_never(task)
        return outcome

    def _find(self, name: RowName) -> _Standing | None:
        row = self._rows.get((name.account_id, bytes(name.queue_id)))
        return None if row is None or row.gone else row

    def _drop(self, name: RowName, row: _Standing, outcome: Outcome) -> None:
        row.gone = True
        self._dropped.append((name, outcome))
        outcome.changed.append(name.queue_id)

    def _settle(self, task: Settle, outcome: Outcome) -> None:
        row = self._find(task.row)
        if row is None or not (task.done or row.is_leased_as(task.lease)):
            return  # the lease lapsed: somebody else is at it, and will say what becomes of it
        if task.again is None:
            self._drop(task.row, row, outcome)
        else:
            next_at, row.item = task.again
            row.put(QueueState.WAITING, next_at)
            outcome.changed.append(task.row.queue_id)
        if task.report is not None and task.report.submission.account_id in self._accounts:
            self._added.append(task.report)

    def _steer(self, task: Steer, now: int, outcome: Outcome) -> None:
        found = [(name, row) for name in task.rows if (row := self._find(name)) is not None]
        free = [(name, row) for name, row in found if row.state != QueueState.LEASED]
        if task.act is Act.UNDO:
            untried = [pair for pair in free if pair[1].attempts == 0]
            free = untried if len(untried) == len(task.rows) else []
        for name, row in free:
            match task.act:
                case Act.CANCEL | Act.UNDO:
                    self._drop(name, row, outcome)
                    continue
                case Act.HOLD if row.state == QueueState.WAITING:
                    row.put(QueueState.HELD, row.next_at)
                case Act.RELEASE if row.state == QueueState.HELD:
                    row.put(QueueState.WAITING, max(now, row.next_at))
                case Act.RETRY if row.state == QueueState.WAITING:
                    row.put(QueueState.WAITING, now)
                case _:
                    continue
            outcome.changed.append(name.queue_id)

    def _keep(self, task: Keep, now: int, outcome: Outcome) -> None:
        for name, lease in task.rows:
            row = self._find(name)
            if row is None or not row.is_leased_as(lease):
                continue
            if task.until is None:
                row.attempts -= 1
                row.put(QueueState.WAITING, now)
            else:
                row.next_at, row.changed = task.until, True
            outcome.changed.append(name.queue_id)

    # -- writing

    def _write(self) -> None:
        connection = self._connection
        messages, rows = _values(self._added)
        run_many(connection, _ADD_MESSAGE, messages)
        run_many(connection, _ADD_ROW, rows)
        changed = [
            (row.state, row.next_at, row.attempts, row.lease, row.item, *key)
            for key, row in self._rows.items()
            if row.changed and not row.gone
        ]
        run_many(connection, _CHANGE, changed)
        self._write_drops()
        for tune in self._tuned:
            if tune.paused is not None:
                run_many(connection, _PAUSE, [(int(tune.paused), tune.destination)])
            if tune.rest_until is not None:
                run_many(connection, _REST, [(tune.rest_until, tune.destination)])

    def _write_drops(self) -> None:
        """Delete rows, and each message with its last one."""
        connection = self._connection
        run_many(connection, _DROP, [(n.account_id, n.queue_id) for n, _ in self._dropped])
        left: Counter[_Key] = Counter()
        told: dict[_Key, Outcome] = {}
        for name, outcome in self._dropped:
            key = (
                name.account_id,
                bytes(self._rows[name.account_id, bytes(name.queue_id)].object_id),
            )
            left[key] += 1
            told[key] = outcome
        keys = sorted(left)
        run_many(connection, _COUNT_DOWN, [(left[key], *key) for key in keys])
        ended: list[Row] = []
        for owner, object_id, count, place in _LEFT.rows(connection, keys):
            if count > 0:
                continue
            ended.append((owner, object_id))
            if place == Place.FILE:
                told[owner, object_id].dropped.append(ObjectId(object_id))
        run_many(connection, _DROP_MESSAGE, ended)

    def _lease(self, request: Request, outcome: Outcome) -> None:
        task, now = request.task, request.now
        if isinstance(task, Lease):
            outcome.leased = queue_turns.lease(self._connection, task, now, self._per_destination)
        elif isinstance(task, Recover):
            while queue_turns.recover(self._connection, now, NEVER, self._per_destination):
                pass


def _stored_by(request: Request) -> Iterable[Placed]:
    """Name the submissions that a request stores."""
    match request.task:
        case Enqueue(placed):
            return (placed,)
        case Settle(report=Placed() as report):
            return (report,)
        case _:
            return ()


def _named_by(request: Request) -> Iterable[RowName]:
    """Name the rows that a request is about."""
    match request.task:
        case Settle(row):
            return (row,)
        case Steer(rows):
            return rows
        case Keep(rows):
            return [name for name, _ in rows]
        case _:
            return ()


def _values(added: Iterable[Placed]) -> tuple[list[Row], list[Row]]:
    """Return the rows of new submissions: messages, and recipients."""
    messages: list[Row] = []
    rows: list[Row] = []
    for submission, place, sha256 in added:
        owner, name, body = submission.account_id, submission.object_id, submission.body
        data = body if place is Place.ROW else None
        count, size = len(submission.rows), submission.size_octets
        messages.append(
            (owner, name, count, size, submission.envelope, int(place), len(body), sha256, data)
        )
        rows += [
            (owner, r.queue_id, name, r.destination, r.next_at, r.queued_at, r.expires_at, r.item)
            for r in submission.rows
        ]
    return messages, rows


def run_requests(
    connection: Connection, requests: list[Request]
) -> list[Done[Outcome] | MailError]:
    """Change the queue within a transaction; one outcome a request, in order."""
    return _Batch(connection, requests).run()
