"""Push subscriptions: to whom changes of which account are announced, and up to where they were.

A subscription is due when its account has changes that it was not told of, or when it was just made
and waits for its verification. Whoever pushes *claims* it first, by moving `next_at` on from the
instant it read, so that no two processes push the same.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import AccountId, ModSeq, ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access, Done
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds, to_microseconds

TO_VERIFY: Final = -1
"""In `told`: its verification code is still to be pushed."""
UNVERIFIED: Final = -2
"""In `told`: the code was pushed and did not come back yet."""


class PushRow(NamedTuple):
    """A subscription as it stands."""

    account_id: AccountId
    subscription_id: ObjectId
    subscription: Guarded
    told: int
    """Changes up to here were pushed; or TO_VERIFY, or UNVERIFIED."""
    failures: int
    next_at: datetime
    expires_at: datetime


_COLUMNS = "account_id, subscription_id, subscription, told, failures, next_at, expires_at"
_SELECT = f"SELECT {_COLUMNS} FROM push_subscriptions WHERE account_id = ?"  # noqa: S608 (no input)
_LISTING = Sql(f"{_SELECT} AND expires_at > ? ORDER BY subscription_id")
_INSERT = Sql(f"INSERT INTO push_subscriptions ({_COLUMNS}) VALUES (?, ?, ?, ?, 0, ?, ?)")  # noqa: S608
_EXISTS = Sql("SELECT modseq FROM accounts WHERE account_id = ?")
_CHANGE = Sql(
    "UPDATE push_subscriptions SET subscription = ?, expires_at = ?"
    " WHERE account_id = ? AND subscription_id = ?"
)
_VERIFY = Sql(
    "UPDATE push_subscriptions SET subscription = ?, told = ?, next_at = ?"
    " WHERE account_id = ? AND subscription_id = ?"
)
_DELETE = Sql("DELETE FROM push_subscriptions WHERE account_id = ? AND subscription_id = ?")
_EXPIRED = Sql("DELETE FROM push_subscriptions WHERE expires_at <= ?")
_DUE = Sql(
    "SELECT p.account_id, p.subscription_id, p.subscription, p.told, p.failures, p.next_at,"
    " p.expires_at FROM push_subscriptions p JOIN accounts a ON a.account_id = p.account_id"
    " WHERE p.next_at <= ? AND p.expires_at > ? AND (p.told = ?"
    " OR (p.told >= 0 AND p.told < a.modseq)) ORDER BY p.next_at LIMIT ?"
)
_CLAIM = Sql(
    "UPDATE push_subscriptions SET next_at = ?"
    " WHERE account_id = ? AND subscription_id = ? AND next_at = ?"
)
_TOLD = Sql(
    "UPDATE push_subscriptions SET told = ?, failures = ?, next_at = ?"
    " WHERE account_id = ? AND subscription_id = ? AND told = ?"
)


def _row(found: tuple[object, ...]) -> PushRow:
    row = PushRow._make(found)
    return row._replace(
        next_at=from_microseconds(int(found[5])),  # type: ignore[call-overload]  # a BIGINT
        expires_at=from_microseconds(int(found[6])),  # type: ignore[call-overload]
    )


def _modseq(connection: Connection, account_id: AccountId) -> int:
    found = fetch_one(connection, _EXISTS, (account_id,))
    if found is None:
        raise Absent(Condition.NO_SUCH_USER)
    return int(found[0])


def _add(
    connection: Connection,
    account_id: AccountId,
    subscription_id: ObjectId,
    subscription: Guarded,
    expires_at: int,
    bound: int,
    now: int,
) -> Done[None]:
    _modseq(connection, account_id)
    if len(fetch(connection, _LISTING, (account_id, now))) >= bound:
        raise Conflict(Condition.LIMIT, f"an account has at most {bound} push subscriptions")
    values = (account_id, subscription_id, subscription, TO_VERIFY, now, expires_at)
    run(connection, _INSERT, values)
    return Done(None)


def _change(
    connection: Connection,
    account_id: AccountId,
    subscription_id: ObjectId,
    subscription: Guarded,
    expires_at: int,
) -> Done[None]:
    values = (subscription, expires_at, account_id, subscription_id)
    if not run(connection, _CHANGE, values):
        raise _absent()
    return Done(None)


def _verify(
    connection: Connection,
    account_id: AccountId,
    subscription_id: ObjectId,
    subscription: Guarded,
    now: int,
) -> Done[None]:
    told = _modseq(connection, account_id)
    if not run(connection, _VERIFY, (subscription, told, now, account_id, subscription_id)):
        raise _absent()
    return Done(None)


def _claim_due(connection: Connection, limit: int, now: int, until: int) -> list[PushRow]:
    due = [_row(found) for found in fetch(connection, _DUE, (now, now, TO_VERIFY, limit))]
    claimed = []
    for row in due:
        name = (row.account_id, row.subscription_id, to_microseconds(row.next_at))
        if run(connection, _CLAIM, (until, *name)):
            claimed.append(row)
    return claimed


def _absent() -> Absent:
    return Absent(Condition.NO_SUCH_CREDENTIAL, "there is no such push subscription")


class Pushes:
    """The push subscriptions of all accounts."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def add(
        self,
        account_id: AccountId,
        subscription_id: ObjectId,
        subscription: Guarded,
        expires_at: datetime,
        *,
        at_most: int,
    ) -> None:
        """Add one that is still to be verified. Raises Absent (NO_SUCH_USER), Conflict (LIMIT)."""
        await self._access.write(
            account_id,
            partial(
                _add,
                account_id=account_id,
                subscription_id=subscription_id,
                subscription=subscription,
                expires_at=to_microseconds(expires_at),
                bound=at_most,
                now=self._access.now(),
            ),
        )

    async def listing(self, account_id: AccountId) -> list[PushRow]:
        """List those of an account that did not expire."""
        now = self._access.now()
        rows = await self._access.read_once(lambda c: fetch(c, _LISTING, (account_id, now)))
        return [_row(row) for row in rows]

    async def change(
        self,
        account_id: AccountId,
        subscription_id: ObjectId,
        subscription: Guarded,
        expires_at: datetime,
    ) -> None:
        """Put one anew. Raises Absent (NO_SUCH_CREDENTIAL)."""
        await self._access.write(
            account_id,
            partial(
                _change,
                account_id=account_id,
                subscription_id=subscription_id,
                subscription=subscription,
                expires_at=to_microseconds(expires_at),
            ),
        )

    async def verify(
        self, account_id: AccountId, subscription_id: ObjectId, subscription: Guarded
    ) -> None:
        """Put one anew, to be told of what happens from now on. Raises as `change`."""
        await self._access.write(
            account_id,
            partial(
                _verify,
                account_id=account_id,
                subscription_id=subscription_id,
                subscription=subscription,
                now=self._access.now(),
            ),
        )

    async def remove(self, account_id: AccountId, subscription_id: ObjectId) -> None:
        """Remove one; it may be gone already."""
        await self._access.write_instance(lambda c: run(c, _DELETE, (account_id, subscription_id)))

    async def claim_due(self, limit: int, *, until: datetime) -> Sequence[PushRow]:
        """Take what is due, the longest due first; nobody else has it before `until`."""
        now, later = self._access.now(), to_microseconds(until)
        return await self._access.write_instance(
            partial(_claim_due, limit=limit, now=now, until=later)
        )

    async def end(self, row: PushRow, told: ModSeq | int, failures: int, next_at: datetime) -> None:
        """Write down how pushing went; nothing where the row was changed meanwhile."""
        values = (told, failures, to_microseconds(next_at))
        name = (row.account_id, row.subscription_id, row.told)
        await self._access.write_instance(lambda c: run(c, _TOLD, (*values, *name)))

    async def sweep(self) -> int:
        """Delete what expired; return how many."""
        now = self._access.now()
        return await self._access.write_instance(lambda c: run(c, _EXPIRED, (now,)))
