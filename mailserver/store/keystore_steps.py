"""What changes the keystore: steps that are done together or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Condition, Conflict
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.store.keystore_tables import TABLES, Rows, revision

# No cache holds these. The head moves with every entry of the audit log; that a session is used is
# written as long as it is.
_QUIET = frozenset({Rows.HEADS, Rows.META, Rows.SEEN})


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands: `sealed` is ciphertext, the rest is in clear."""

    account_id: AccountId
    row_id: bytes
    selector: bytes
    kid: int
    sealed: Guarded


@dataclass(frozen=True, slots=True)
class Insert:
    """Add a row; `Conflict` ALREADY_EXISTS where account and row id are taken."""

    rows: Rows
    row: Row


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `row` in the place of the one that holds `was`, else `Conflict` CHANGED_MEANWHILE."""

    rows: Rows
    row: Row
    was: Guarded


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a row; `Conflict` CHANGED_MEANWHILE where it is gone already.

    With `was`, only the row that still holds those octets.
    """

    rows: Rows
    account_id: AccountId
    row_id: bytes
    was: Guarded | None = None


@dataclass(frozen=True, slots=True)
class DeleteAll:
    """Remove every row of an account in one table, however many there are, but `keep` (row ids)."""

    rows: Rows
    account_id: AccountId
    keep: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Require:
    """Do the other steps only where a row still holds `was`, else `Conflict` CHANGED_MEANWHILE."""

    rows: Rows
    account_id: AccountId
    row_id: bytes
    was: Guarded


Step = Insert | Replace | Delete | DeleteAll | Require


@dataclass(frozen=True, slots=True)
class Gone:
    """What a transaction made stale: cached lists, and octets that must leave the files."""

    touched: frozenset[tuple[Rows, bytes]]
    octets: list[bytes]


def is_loud(steps: Sequence[Step]) -> bool:
    """Say whether caches must notice `steps`."""
    return any(step.rows not in _QUIET for step in steps)


def apply_steps(connection: Connection, *, steps: Sequence[Step]) -> Gone:
    """Do all of `steps`, in order, within the caller's transaction."""
    octets: list[bytes] = []
    for step in steps:
        gone = _do(connection, step)
        if step.rows not in _QUIET:
            octets += gone
    if is_loud(steps):
        connection.execute(update(revision).values(number=revision.c.number + 1))
    touched = frozenset(
        (
            step.rows,
            bytes(step.row.account_id if isinstance(step, Insert | Replace) else step.account_id),
        )
        for step in steps
    )
    return Gone(touched, octets)


def _do(connection: Connection, step: Step) -> list[bytes]:
    """Do one step and return the octets it took out."""
    match step:
        case Insert():
            return _insert(connection, step)
        case Replace():
            return _replace(connection, step)
        case Delete():
            return _delete(connection, step)
        case DeleteAll():
            return _delete_all(connection, step)
        case Require():
            return _require(connection, step)


def _values(row: Row) -> dict[str, object]:
    return {
        "account_id": row.account_id,
        "row_id": row.row_id,
        "selector": row.selector,
        "kid": row.kid,
        "sealed": row.sealed,
    }


def _insert(connection: Connection, step: Insert) -> list[bytes]:
    try:
        connection.execute(insert(TABLES[step.rows]).values(**_values(step.row)))
    except IntegrityError as taken:
        raise Conflict(Condition.ALREADY_EXISTS, "the keystore has this row already") from taken
    return []


def _replace(connection: Connection, step: Replace) -> list[bytes]:
    table, row = TABLES[step.rows], step.row
    changed = connection.execute(
        update(table)
        .where(table.c.account_id == row.account_id, table.c.row_id == row.row_id)
        .where(table.c.sealed == step.was)
        .values(selector=row.selector, kid=row.kid, sealed=row.sealed)
    )
    if changed.rowcount != 1:
        raise Conflict(Condition.CHANGED_MEANWHILE, "somebody else changed this meanwhile")
    return [bytes(step.was)]


def _delete(connection: Connection, step: Delete) -> list[bytes]:
    table = TABLES[step.rows]
    where = and_(table.c.account_id == step.account_id, table.c.row_id == step.row_id)
    if step.was is not None:
        where = and_(where, table.c.sealed == step.was)
    octets = connection.execute(select(table.c.sealed).where(where)).scalar_one_or_none()
    if octets is None or connection.execute(delete(table).where(where)).rowcount != 1:
        raise Conflict(Condition.CHANGED_MEANWHILE, "somebody else changed this meanwhile")
    return [octets]


def _delete_all(connection: Connection, step: DeleteAll) -> list[bytes]:
    table = TABLES[step.rows]
    where = and_(table.c.account_id == step.account_id, table.c.row_id.not_in(step.keep))
    octets = list(connection.execute(select(table.c.sealed).where(where)).scalars())
    connection.execute(delete(table).where(where))
    return octets


def _require(connection: Connection, step: Require) -> list[bytes]:
    table = TABLES[step.rows]  # whoever changes it waits for us: changes take turns
    where = and_(table.c.account_id == step.account_id, table.c.row_id == step.row_id)
    found = connection.execute(select(table.c.sealed).where(where)).scalar_one_or_none()
    if found is None or bytes(found) != bytes(step.was):
        raise Conflict(Condition.CHANGED_MEANWHILE, "somebody else changed this meanwhile")
    return []
