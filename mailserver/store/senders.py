"""What is remembered of senders: reputations of domains and networks, and who knows whom.

All keys are keyed hashes made elsewhere. Counts halve every week, by a shift in the statement that
adds to them, so that several processes may add and nobody has to go through the rows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import IntFlag
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId
from mailserver.store.access import Access
from mailserver.store.driver import Lookup, Sql, run_many

UNIT = 1_024  # one message in a count; halved ten times it is nothing
WEEKS_KEPT = 13
CORRESPONDENTS_KEPT = timedelta(days=400)
_DAY_ZERO = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 (a day, no instant)
_SHIFT_AT_MOST = 40


class Known(IntFlag):
    """How an account knows somebody. Stored: never renumber."""

    NOT = 0
    WROTE_TO = 1
    """The account wrote to them; `sending` remembers that, by the same hash."""
    HEARD_FROM = 2
    """They wrote to the account, and it was not junk."""


class Counts(NamedTuple):
    """Messages of late, in `UNIT`s."""

    good: int
    bad: int


class Acquaintance(NamedTuple):
    """Somebody an account knows."""

    account_id: AccountId
    hash: bytes
    known: Known


NOBODY = Counts(0, 0)

_COUNTS = Lookup("name, good, bad, week", "reputations", [("name", "bytea")])
_OLD = "CAST(excluded.week - reputations.week AS INTEGER)"
_DECAYED = (
    "CASE WHEN reputations.week >= excluded.week THEN reputations.{0}"
    " WHEN excluded.week - reputations.week > 40 THEN 0"
    f" ELSE reputations.{{0}} >> {_OLD} END + excluded.{{0}}"
)
_COUNT = Sql(
    "INSERT INTO reputations (name, good, bad, week) VALUES (?, ?, ?, ?)"  # noqa: S608 (ours)
    " ON CONFLICT (name) DO UPDATE SET"
    f" good = {_DECAYED.format('good')}, bad = {_DECAYED.format('bad')},"
    " week = CASE WHEN excluded.week > reputations.week THEN excluded.week"
    " ELSE reputations.week END"
)
_KNOWN = Lookup(
    "account_id, hash, known", "correspondents", [("account_id", "bytea"), ("hash", "bytea")]
)
_WROTE = Lookup("account_id, hash", "sending_known", [("account_id", "bytea"), ("hash", "bytea")])
_MEET = Sql(
    "INSERT INTO correspondents (account_id, hash, known, day) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id, hash) DO UPDATE"
    " SET known = correspondents.known | excluded.known, day = excluded.day"
)
_EXISTING = Lookup("account_id", "accounts", [("account_id", "bytea")])


def _day(at: datetime) -> int:
    return at.toordinal() - _DAY_ZERO


def _counts(row: tuple[bytes, int, int, int], week: int) -> Counts:
    _, good, bad, counted = row
    shift = min(max(week - counted, 0), _SHIFT_AT_MOST)
    return Counts(good >> shift, bad >> shift)


class Senders:
    """What screening knows of who writes to us."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def look_up(
        self, names: Collection[bytes], people: Collection[tuple[AccountId, bytes]]
    ) -> tuple[dict[bytes, Counts], dict[tuple[AccountId, bytes], Known]]:
        """Read reputations and acquaintances in one go; who is not in there is new."""
        week = _day(self._access.instant()) // 7

        def read(
            connection: Connection,
        ) -> tuple[dict[bytes, Counts], dict[tuple[AccountId, bytes], Known]]:
            counted = _COUNTS.rows(connection, [(name,) for name in names])
            keys = list(people)
            known = {
                (AccountId(bytes(account)), bytes(hash_)): Known(bits)
                for account, hash_, bits in _KNOWN.rows(connection, keys)
            }
            for account, hash_ in _WROTE.rows(connection, keys):
                one = AccountId(bytes(account)), bytes(hash_)
                known[one] = known.get(one, Known.NOT) | Known.WROTE_TO
            return (
                {bytes(row[0]): _counts((row[0], row[1], row[2], row[3]), week) for row in counted},
                known,
            )

        return await self._access.read_once(read)

    async def note(self, counts: dict[bytes, Counts], people: Sequence[Acquaintance]) -> None:
        """Add to reputations, and remember acquaintances of the accounts that there still are."""
        today = _day(self._access.instant())
        added = [(name, *counts[name], today // 7) for name in sorted(counts)]
        accounts = sorted({one.account_id for one in people})

        def write(connection: Connection) -> None:
            run_many(connection, _COUNT, added)
            keys = [(account,) for account in accounts]
            living = {bytes(row[0]) for row in _EXISTING.rows(connection, keys)}
            met = sorted(
                (one.account_id, one.hash, int(one.known), today)
                for one in people
                if one.account_id in living
            )
            run_many(connection, _MEET, met)

        await self._access.database.write(write, accounts=accounts)
