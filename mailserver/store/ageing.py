"""What ends by its age: which rows of which table, how many those are, and their deletion.

One rule a kind of data, so that a dry run counts exactly what a run deletes. An account in `held`
keeps what it has (a restriction or a legal hold). Deleted are at most `AT_ONCE` rows of mail in a
transaction, so that nobody waits for long.
"""

from collections.abc import Collection
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select

from mailserver.model.ids import AccountId, MailboxId
from mailserver.model.mailbox import Role
from mailserver.store.access import Access, Done
from mailserver.store.changes import prune
from mailserver.store.expunging import AT_ONCE, expire
from mailserver.store.instants import to_microseconds
from mailserver.store.login_history_tables import login_history
from mailserver.store.report_tables import observations, received_reports
from mailserver.store.screening_tables import correspondents, greylist, reputations
from mailserver.store.sending_tables import sending_known
from mailserver.store.sieve_tables import sieve_seen
from mailserver.store.sts_tables import sts_policies
from mailserver.store.tables import changes, entries, mailboxes

_DAY_ZERO = date(1970, 1, 1).toordinal()


class Aged(Enum):
    """A kind of data that ends by age."""

    LOGIN_HISTORY = "login history"
    CHANGES = "change log"
    FILTER_MEMORY = "what filters remember"
    CORRESPONDENTS = "correspondents"
    KNOWN_RECIPIENTS = "known recipients"
    REPUTATIONS = "reputations"
    GREYLIST = "greylist"
    REPORTS = "reports received"
    OBSERVATIONS = "observations"
    POLICIES = "policies of other domains"


class _Unit(Enum):
    """In what a column counts time since 1970."""

    INSTANT = "microseconds"
    DAY = "days"
    WEEK = "weeks"


class _Rule(NamedTuple):
    table: Table
    column: str
    unit: _Unit = _Unit.INSTANT


_RULES = {
    Aged.LOGIN_HISTORY: _Rule(login_history, "at"),
    Aged.CHANGES: _Rule(changes, "at"),
    Aged.FILTER_MEMORY: _Rule(sieve_seen, "expires_at"),
    Aged.CORRESPONDENTS: _Rule(correspondents, "day", _Unit.DAY),
    Aged.KNOWN_RECIPIENTS: _Rule(sending_known, "at"),
    Aged.REPUTATIONS: _Rule(reputations, "week", _Unit.WEEK),
    Aged.GREYLIST: _Rule(greylist, "expires_at"),
    Aged.REPORTS: _Rule(received_reports, "received_at"),
    Aged.OBSERVATIONS: _Rule(observations, "day", _Unit.DAY),
    Aged.POLICIES: _Rule(sts_policies, "until"),
}

Held = Collection[AccountId]


def _ended(aged: Aged, before: datetime, held: Held) -> ColumnElement[bool]:
    table, name, unit = _RULES[aged]
    column = table.c[name]
    day = before.toordinal() - _DAY_ZERO
    match unit:
        case _Unit.INSTANT:
            old: ColumnElement[bool] = column <= to_microseconds(before)
        case _Unit.DAY:  # a day is over when the next one begins
            old = column < day
        case _Unit.WEEK:
            old = column < day // 7
    return and_(old, _free(table, held))


def _free(table: Table, held: Held) -> ColumnElement[bool]:
    if "account_id" not in table.c or not held:
        return and_(True)
    return table.c.account_id.not_in(list(held))


def _discarded(role: Role, before: datetime, held: Held) -> Any:
    """Select the entries of mailboxes of a role that came there before an instant."""
    same = and_(
        entries.c.account_id == mailboxes.c.account_id,
        entries.c.mailbox_id == mailboxes.c.mailbox_id,
    )
    return (
        select(entries.c.account_id, entries.c.mailbox_id, func.count())
        .join(mailboxes, same)
        .where(
            mailboxes.c.role == role.value,
            entries.c.saved_at <= to_microseconds(before),
            _free(entries, held),
        )
        .group_by(entries.c.account_id, entries.c.mailbox_id)
    )


def _pruned(account_id: AccountId, limit: int, connection: Connection) -> Done[int]:
    return Done(prune(connection, account_id, limit))


class Ageing:
    """Counts and deletes what is too old."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def count(self, aged: Aged, before: datetime, held: Held = ()) -> int:
        """Count what `end` would delete."""
        chosen = select(func.count()).select_from(_RULES[aged].table)
        chosen = chosen.where(_ended(aged, before, held))
        return int(await self._access.read_once(lambda c: c.execute(chosen).scalar_one()))

    async def end(self, aged: Aged, before: datetime, held: Held = ()) -> int:
        """Delete what is as old as an instant or older; return how many rows."""
        if aged is Aged.CHANGES:
            return await self._prune(before, held)
        doomed = delete(_RULES[aged].table).where(_ended(aged, before, held))
        return await self._access.write_instance(lambda c: c.execute(doomed).rowcount)

    async def _prune(self, before: datetime, held: Held) -> int:
        """Prune change logs, each up to where its account says that it is."""
        rows = select(changes.c.account_id).where(_ended(Aged.CHANGES, before, held)).distinct()
        owners = await self._access.read_once(lambda c: c.execute(rows).scalars().all())
        limit, pruned = to_microseconds(before), 0
        for owner in owners:
            account_id = AccountId(owner)
            pruned += await self._access.write(account_id, partial(_pruned, account_id, limit))
        return pruned

    async def count_discarded(self, role: Role, before: datetime, held: Held = ()) -> int:
        """Count what `expunge_discarded` would expunge."""
        return sum([found for *_, found in await self._places(role, before, held)])

    async def expunge_discarded(self, role: Role, before: datetime, held: Held = ()) -> int:
        """Expunge what came into mailboxes of a role (Trash, Junk) before an instant."""
        expunged = 0
        for account_id, mailbox_id, _ in await self._places(role, before, held):
            while True:
                gone = await self._expire(account_id, mailbox_id, before)
                expunged += gone
                if gone < AT_ONCE:
                    break
        return expunged

    async def _expire(self, account_id: AccountId, mailbox_id: MailboxId, before: datetime) -> int:
        limit, now = to_microseconds(before), self._access.now()
        return await self._access.write(
            account_id, lambda c: expire(c, account_id, mailbox_id, limit, now)
        )

    async def _places(
        self, role: Role, before: datetime, held: Held
    ) -> list[tuple[AccountId, MailboxId, int]]:
        chosen = _discarded(role, before, held)

        def read(connection: Connection) -> list[tuple[AccountId, MailboxId, int]]:
            return [
                (AccountId(account_id), MailboxId(mailbox_id), int(found))
                for account_id, mailbox_id, found in connection.execute(chosen)
            ]

        return await self._access.read_once(read)
