"""Counts of what accounts send, shared by all processes and kept over a restart.

Each count is of two windows, the running one and the one before. How much the last hour had is
estimated from both, the older weighted by how much of it the hour still covers: so nobody gets
twice the allowance by sending at the turn of a window.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId
from mailserver.store.access import Access, Done
from mailserver.store.driver import Lookup, Sql, fetch, fetch_one, run, run_many
from mailserver.store.instants import from_microseconds

_MICROSECOND = timedelta(microseconds=1)

_COUNTS = Sql("SELECT span, at, sent, sent_before FROM sending WHERE account_id = ?")
_SET = Sql(
    "INSERT INTO sending (account_id, span, at, sent, sent_before) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (account_id, span) DO UPDATE"
    " SET at = excluded.at, sent = excluded.sent, sent_before = excluded.sent_before"
)
_RESET = Sql("DELETE FROM sending WHERE account_id = ?")
_KNOWN = Lookup("hash, at", "sending_known", [("account_id", "bytea"), ("hash", "bytea")])
_KNOW = Sql(
    "INSERT INTO sending_known (account_id, hash, at) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, hash) DO NOTHING"
)
_SINCE = Sql("SELECT min(at) FROM sending_known WHERE account_id = ?")
_TELL = Sql(
    "INSERT INTO told (account_id, notice, at) VALUES (?, ?, ?)"
    " ON CONFLICT (account_id, notice) DO NOTHING"
)
_TOLD = Sql("SELECT notice FROM told WHERE account_id = ?")
_UNTELL = Sql("DELETE FROM told WHERE account_id = ? AND notice = ?")


class Count(NamedTuple):
    """What is counted: a number of ours for it, over how long, how much more, and the most."""

    span: int
    window: timedelta
    amount: int
    most: int = 0
    """0: no bound, only counted."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What stands after a charge, or what refused it."""

    refused: Count | None = None
    """The first whose bound would be passed; then nothing was counted."""
    wait: timedelta = timedelta(0)
    """When it may be tried again, where the bound allows that much at all."""
    totals: dict[int, int] = field(default_factory=dict)
    """By `Count.span`: how much within its window, this charge included."""
    new: frozenset[bytes] = frozenset()
    """Those of the hashes that were not known."""
    first_seen: dict[bytes, datetime] = field(default_factory=dict)
    """When the hashes that were known were first seen."""
    since: datetime | None = None
    """When the oldest of the account's known hashes was first seen, where strangers are at their
    bound; None: there was none before, or they are not."""


class _Window(NamedTuple):
    at: int
    sent: int
    before: int

    def slid(self, length: int, now: int) -> "_Window":
        """Return the windows as they stand at `now`."""
        start = now - now % length
        if self.at == start:
            return self
        return _Window(start, 0, self.sent if self.at == start - length else 0)

    def total(self, length: int, now: int) -> float:
        """Estimate how much the last `length` had."""
        return self.sent + self.before * (1 - (now - self.at) / length)

    def wait(self, length: int, now: int, room: float) -> int:
        """Say how long until no more than `room` is counted, in microseconds."""
        over = self.total(length, now) - room
        left = self.at + length - now
        if self.before and over <= self.before * left / length:
            return round(over * length / self.before)
        return left + round(max(0.0, 1 - room / self.sent) * length) if self.sent else left


def _charge(
    connection: Connection,
    account_id: AccountId,
    counts: Sequence[Count],
    hashes: Collection[bytes],
    strangers: Count | None,
    now: int,
) -> Done[Counted]:
    kept = {row[0]: _Window(*row[1:]) for row in fetch(connection, _COUNTS, (account_id,))}
    slid: dict[int, tuple[_Window, int, Count]] = {}
    for count in counts:
        length = count.window // _MICROSECOND
        window = kept.get(count.span, _Window(0, 0, 0)).slid(length, now)
        room = count.most - count.amount
        if count.most and window.total(length, now) > room:
            wait = timedelta(microseconds=window.wait(length, now, max(room, 0)))
            return Done(Counted(count, wait))
        slid[count.span] = (window, length, count)
    known = _KNOWN.rows(connection, [(account_id, hash_) for hash_ in hashes])
    found: dict[bytes, int] = {row[0]: row[1] for row in known}
    new = frozenset(hash_ for hash_ in hashes if hash_ not in found)
    if strangers is not None:
        length = strangers.window // _MICROSECOND
        window = kept.get(strangers.span, _Window(0, 0, 0)).slid(length, now)
        slid[strangers.span] = (window, length, strangers._replace(amount=len(new)))
    totals, rows = {}, []
    for span, (window, length, count) in sorted(slid.items()):
        after = window._replace(sent=window.sent + count.amount)
        totals[span] = round(after.total(length, now))
        rows.append((account_id, span, *after))
    run_many(connection, _SET, rows)
    oldest = None
    if strangers is not None and totals[strangers.span] >= strangers.most:
        since = fetch_one(connection, _SINCE, (account_id,))
        oldest = None if since is None or since[0] is None else from_microseconds(since[0])
    run_many(connection, _KNOW, [(account_id, hash_, now) for hash_ in sorted(new)])
    seen = {hash_: from_microseconds(at) for hash_, at in found.items()}
    return Done(Counted(None, timedelta(0), totals, new, seen, oldest))


def _tell(connection: Connection, account_id: AccountId, notice: str, now: int) -> Done[bool]:
    return Done(bool(run(connection, _TELL, (account_id, notice, now))))


def _run(connection: Connection, sql: Sql, values: tuple[object, ...]) -> Done[None]:
    run(connection, sql, values)
    return Done(None)


class Sending:
    """What accounts sent, and what their owners were told."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def charge(
        self,
        account_id: AccountId,
        counts: Sequence[Count],
        *,
        hashes: Collection[bytes] = (),
        strangers: Count | None = None,
    ) -> Counted:
        """Count all of `counts`, or none where one would pass its bound; durable on return.

        Args:
            account_id: who sends.
            counts: what to count.
            hashes: of recipients and networks; those that are not known are from now on.
            strangers: counts how many of the hashes were new; its bound refuses nothing.
        """
        return await self._access.write(
            account_id,
            partial(
                _charge,
                account_id=account_id,
                counts=counts,
                hashes=frozenset(hashes),
                strangers=strangers,
                now=self._access.now(),
            ),
        )

    async def reset(self, account_id: AccountId) -> None:
        """Forget all counts of an account; whom it wrote to stays known."""
        await self._access.write(account_id, partial(_run, sql=_RESET, values=(account_id,)))

    async def told(self, account_id: AccountId) -> frozenset[str]:
        """Return what an account's owner was told and need not be told again."""
        rows = await self._access.read_once(lambda c: fetch(c, _TOLD, (account_id,)))
        return frozenset(row[0] for row in rows)

    async def tell(self, account_id: AccountId, notice: str) -> bool:
        """Note that an owner is being told; False where somebody told already."""
        now = self._access.now()
        return await self._access.write(
            account_id, partial(_tell, account_id=account_id, notice=notice, now=now)
        )

    async def untell(self, account_id: AccountId, notice: str) -> None:
        """Let the owner be told again when there is reason to."""
        await self._access.write(
            account_id, partial(_run, sql=_UNTELL, values=(account_id, notice))
        )
