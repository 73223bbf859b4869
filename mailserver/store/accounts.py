"""Accounts, addresses and counters. The keystore, not these rows, says who may open or receive."""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import AccountId, ObjectId
from mailserver.store.access import Access, Done
from mailserver.store.blobs import Place
from mailserver.store.driver import Sql, fetch_one
from mailserver.store.instants import from_microseconds
from mailserver.store.mailboxes import NewMailbox, insert_mailboxes
from mailserver.store.queue_tables import queue_messages
from mailserver.store.schema import PER_ACCOUNT
from mailserver.store.sweeps import truncate_log
from mailserver.store.tables import accounts, addresses, blobs
from mailserver.store.upload_tables import uploads


class AccountState(IntEnum):
    """Whether an account takes and serves mail."""

    PENDING = 0
    """Its sign-up is not finished."""
    ACTIVE = 1
    FROZEN = 2
    """Restricted (GDPR Art. 18): it takes mail, and nothing of it ends by age."""


class AccountRow(NamedTuple):
    """An account as it stands."""

    account_id: AccountId
    addresses: tuple[str, ...]
    state: AccountState
    quota_octets: int
    """0 is no bound."""
    used_octets: int
    modseq: int
    created_at: datetime

    @property
    def active(self) -> bool:
        """Whether it takes mail."""
        return self.state is AccountState.ACTIVE


_BY_ADDRESS = Sql("SELECT account_id FROM addresses WHERE address = ?")
_COLUMNS = (
    accounts.c.account_id,
    accounts.c.state,
    accounts.c.quota_octets,
    accounts.c.used_octets,
    accounts.c.modseq,
    accounts.c.created_at,
)


def _rows(connection: Connection, account_id: AccountId | None) -> list[AccountRow]:
    """Read one account, or all of them in order of age."""
    chosen = select(*_COLUMNS).order_by(accounts.c.created_at, accounts.c.account_id)
    named = select(addresses.c.account_id, addresses.c.address).order_by(addresses.c.address)
    if account_id is not None:
        chosen = chosen.where(accounts.c.account_id == account_id)
        named = named.where(addresses.c.account_id == account_id)
    by_account: dict[bytes, list[str]] = {}
    for owner, address in connection.execute(named):
        by_account.setdefault(owner, []).append(address)
    return [
        AccountRow(
            AccountId(owner),
            tuple(by_account.get(owner, ())),
            AccountState(state),
            quota,
            used,
            modseq,
            from_microseconds(created_at),
        )
        for owner, state, quota, used, modseq, created_at in connection.execute(chosen)
    ]


def _create(
    connection: Connection,
    account_id: AccountId,
    address: str,
    quota_octets: int,
    new_mailboxes: Sequence[NewMailbox],
    state: AccountState,
    now: int,
) -> Done[None]:
    try:
        connection.execute(
            insert(accounts).values(
                account_id=account_id,
                state=int(state),
                created_at=now,
                quota_octets=quota_octets,
                used_octets=0,
                modseq=1,
                pruned_modseq=0,
                next_mailbox=1,
                next_email=1,
                next_thread=1,
                next_epoch=1,
                next_keyword=1,
                next_segment=1,
                # Seconds since 1970, so that an account made anew under the same address differs.
                next_uid_validity=now // 1_000_000,
            )
        )
        connection.execute(insert(addresses).values(address=address, account_id=account_id))
    except IntegrityError as taken:
        raise Conflict(Condition.ALREADY_EXISTS, "the address is taken") from taken
    insert_mailboxes(connection, account_id, new_mailboxes)
    return Done(None)


def _change(connection: Connection, account_id: AccountId, **values: int) -> Done[None]:
    changed = connection.execute(
        update(accounts).where(accounts.c.account_id == account_id).values(**values)
    )
    if not changed.rowcount:
        raise Absent(Condition.NO_SUCH_USER)
    return Done(None)


def _add_address(connection: Connection, account_id: AccountId, address: str) -> Done[None]:
    if not _rows(connection, account_id):
        raise Absent(Condition.NO_SUCH_USER)
    try:
        connection.execute(insert(addresses).values(address=address, account_id=account_id))
    except IntegrityError as taken:
        raise Conflict(Condition.ALREADY_EXISTS, "the address is taken") from taken
    return Done(None)


def _remove_address(connection: Connection, account_id: AccountId, address: str) -> Done[None]:
    removed = connection.execute(
        delete(addresses).where(
            addresses.c.address == address, addresses.c.account_id == account_id
        )
    )
    if not removed.rowcount:
        raise Absent(Condition.NO_SUCH_USER, "the account has no such address")
    return Done(None)


def _remove(connection: Connection, account_id: AccountId) -> Done[None]:
    dropped: list[ObjectId] = []
    for table in (blobs, queue_messages, uploads):
        in_files = select(table.c.object_id).where(
            table.c.account_id == account_id, table.c.place == int(Place.FILE)
        )
        dropped += [ObjectId(row.object_id) for row in connection.execute(in_files)]
    removed = 0
    for table in PER_ACCOUNT:
        count = connection.execute(delete(table).where(table.c.account_id == account_id)).rowcount
        removed += count if table is accounts else 0
    if not removed:
        raise Absent(Condition.NO_SUCH_USER)
    return Done(None, dropped=dropped)


class Accounts:
    """The accounts of this server."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def create(
        self,
        account_id: AccountId,
        address: str,
        quota_octets: int,
        mailboxes: Sequence[NewMailbox],
        *,
        active: bool,
    ) -> None:
        """Make an account with its first address (`Address.key`) and mailboxes.

        Raises:
            Conflict: ALREADY_EXISTS, the address or the account.
        """
        state = AccountState.ACTIVE if active else AccountState.PENDING
        await self._access.write(
            account_id,
            lambda connection: _create(
                connection,
                account_id,
                address,
                quota_octets,
                mailboxes,
                state,
                self._access.now(),
            ),
        )

    async def activate(self, account_id: AccountId) -> None:
        """Let the account take and serve mail. Raises Absent (NO_SUCH_USER)."""
        await self.set_state(account_id, AccountState.ACTIVE)

    async def set_state(self, account_id: AccountId, state: AccountState) -> None:
        """Freeze or unfreeze an account. Raises Absent (NO_SUCH_USER)."""
        await self._access.write(
            account_id, partial(_change, account_id=account_id, state=int(state))
        )

    async def set_quota(self, account_id: AccountId, quota_octets: int) -> None:
        """Set how much it may hold; 0 is no bound. Raises Absent (NO_SUCH_USER)."""
        await self._access.write(
            account_id, partial(_change, account_id=account_id, quota_octets=quota_octets)
        )

    async def get(self, account_id: AccountId) -> AccountRow:
        """Return the account. Raises Absent (NO_SUCH_USER)."""
        rows = await self._access.read(lambda connection: _rows(connection, account_id))
        if not rows:
            raise Absent(Condition.NO_SUCH_USER)
        return rows[0]

    async def by_address(self, address: str) -> AccountId | None:
        """Find whose address (`Address.key`) it is; only an index, the keystore's row decides."""
        found = await self._access.read_once(
            lambda connection: fetch_one(connection, _BY_ADDRESS, (address,))
        )
        return None if found is None else AccountId(found[0])

    async def listing(self) -> list[AccountRow]:
        """List every account, the oldest first."""
        return await self._access.read(lambda connection: _rows(connection, None))

    async def add_address(self, account_id: AccountId, address: str) -> None:
        """Add an address (`Address.key`). Raises Conflict (ALREADY_EXISTS), Absent."""
        await self._access.write(
            account_id, partial(_add_address, account_id=account_id, address=address)
        )

    async def remove_address(self, account_id: AccountId, address: str) -> None:
        """Remove an address. Raises Absent (NO_SUCH_USER), the account does not have it."""
        await self._access.write(
            account_id, partial(_remove_address, account_id=account_id, address=address)
        )

    async def remove(self, account_id: AccountId) -> None:
        """Delete every row and blob of the account. Raises Absent (NO_SUCH_USER).

        SQLite overwrites deleted rows, and its log is emptied: no octet of them stays in its files.
        """
        await self._access.write(account_id, partial(_remove, account_id=account_id))
        await truncate_log(self._access)
