"""Keystore rows, opened: what the store keeps as ciphertext and the vault understands.

Opening a row costs an AES-GCM call and some JSON, about 30 µs. The account rows of people whose
mail arrives or is read are kept opened, each beside the octets it came from, and are opened again
when those change.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mailserver.accounts.receiving import Receiving
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Transient
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded
from mailserver.runtime.log import get_logger
from mailserver.store.keystore import Delete, Insert, Keystore, Replace, Row, Step
from mailserver.store.keystore_purge import Purged
from mailserver.store.keystore_tables import Rows
from mailserver.vault.credentials import NewWrap
from mailserver.vault.guard import AccountGuard
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import (
    AccountRecord,
    PublicIdentity,
    RowName,
    SealedRow,
    Table,
    WrapKind,
    WrapRecord,
    open_account,
    open_wrap,
    seal_account,
    seal_wrap,
)

OPENED_ACCOUNTS = 10_000  # about 10 KB each, keys included
PROVISIONAL: Final = "provisional"
"""In `AccountRecord.policy`: made by `user add`; the first web sign-in makes new keys."""

log = get_logger("accounts")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class OpenedRow:
    """An account's row, opened: its record, its guard, and to whom mail is sealed."""

    row: Row
    record: AccountRecord
    guard: AccountGuard
    identity: PublicIdentity

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.row.account_id


@dataclass(frozen=True, slots=True, repr=False)
class Wrap:
    """A credential's row, opened."""

    row: Row
    record: WrapRecord

    @property
    def row_id(self) -> bytes:
        """What names it within the account."""
        return self.row.row_id


class Keyring:
    """The keystore under its master keys; the one place where accounts' rows are opened."""

    def __init__(
        self, keystore: Keystore, master: MasterKeys, *, allow_classical: bool = False
    ) -> None:
        """Open rows of `keystore` with `master`; classical accounts only where they are allowed."""
        self.keystore = keystore
        self.master = master
        self.receiving = Receiving(keystore, master)
        self._allow_classical = allow_classical
        self._opened: OrderedDict[AccountId, OpenedRow] = OrderedDict()

    async def account(self, account_id: AccountId, *, fresh: bool = False) -> OpenedRow:
        """Return an account's row, at most two seconds old, or read now.

        Raises:
            Absent: NO_SUCH_USER, the keystore has no such account, whatever else says so.
            Corrupt: KEY_MISMATCH, the row is not authentic or its suite is not allowed.
        """
        read = self.keystore.fresh if fresh else self.keystore.of
        rows = await read(Rows.ACCOUNTS, account_id)
        if not rows:
            self._opened.pop(account_id, None)
            raise Absent(Condition.NO_SUCH_USER, "there is no such account")
        if len(rows) != 1 or rows[0].row_id != account_id:
            raise Corrupt(Condition.KEY_MISMATCH, "an account has a row that is not its own")
        row = rows[0]
        known = self._opened.get(account_id)
        if known is not None and known.row.sealed == row.sealed:
            self._opened.move_to_end(account_id)
            return known
        return self._open(row)

    async def guard(self, account_id: AccountId) -> AccountGuard:
        """Return what opens an account's guarded data, at most two seconds old.

        Raises:
            Absent: NO_SUCH_USER.
            Corrupt: KEY_MISMATCH.
        """
        return (await self.account(account_id)).guard

    def _open(self, row: Row) -> OpenedRow:
        record = open_account(
            self.master, row.account_id, row.sealed, allow_classical=self._allow_classical
        )
        guard = AccountGuard(record.guard_key, row.account_id)
        opened = OpenedRow(row, record, guard, record.identity(row.account_id))
        self._opened[row.account_id] = opened
        if len(self._opened) > OPENED_ACCOUNTS:
            self._opened.popitem(last=False)
        return opened

    def accounts(self) -> set[AccountId]:
        """Name the accounts whose rows are kept opened."""
        return set(self._opened)

    def forget(self, account_id: AccountId) -> None:
        """Drop an account's opened row: it is erased."""
        self._opened.pop(account_id, None)

    async def wraps(self, account_id: AccountId, *kinds: WrapKind) -> list[Wrap]:
        """Return an account's credentials, oldest first; of some kinds alone, where named.

        Raises:
            Corrupt: KEY_MISMATCH, one of its rows is not authentic.
        """
        found = [self.open_wrap(row) for row in await self.keystore.fresh(Rows.WRAPS, account_id)]
        chosen = [wrap for wrap in found if not kinds or wrap.record.kind in kinds]
        return sorted(chosen, key=lambda wrap: (wrap.record.made_at, wrap.row_id))

    async def selected(self, account_id: AccountId, selector: bytes) -> list[Wrap]:
        """Return the credentials that `selector` finds: one, as a rule, or none."""
        rows = await self.keystore.selected(Rows.WRAPS, account_id, selector)
        return [self.open_wrap(row) for row in rows]

    def open_wrap(self, row: Row) -> Wrap:
        """Open a credential's row.

        Raises:
            Corrupt: KEY_MISMATCH, it is not authentic.
        """
        return Wrap(row, open_wrap(self.master, _name(row.account_id, row), row.sealed))

    async def clear(self) -> Purged | None:
        """Clear from the keystore's files what was deleted or replaced there (PRIVACY §1, "Purge").

        None where the keystore is busy: what was decided holds, and the next call clears it. Called
        after each such change, and about once a minute for what was put off.
        """
        if not self.keystore.has_condemned:
            return None
        try:
            return await self.keystore.purge()
        except Transient as busy:
            log.warning("purge put off", condition=busy.condition.name)
            return None

    async def apply(self, steps: Sequence[Step]) -> None:
        """Do all of `steps` or none, durably. Raises Conflict where somebody else was first."""
        await self.keystore.apply(steps)

    def add_account(self, account_id: AccountId, record: AccountRecord) -> Insert:
        """Make the step that adds an account's row."""
        return Insert(Rows.ACCOUNTS, self._account_row(account_id, record))

    def change_account(self, opened: OpenedRow, record: AccountRecord) -> Replace:
        """Make the step that puts `record` in the place of what was read."""
        row = self._account_row(opened.account_id, record)
        return Replace(Rows.ACCOUNTS, row, opened.row.sealed)

    def add_wrap(self, account_id: AccountId, new: NewWrap) -> Insert:
        """Make the step that adds a credential."""
        return Insert(Rows.WRAPS, self._wrap_row(account_id, new))

    def change_wrap(self, wrap: Wrap, new: NewWrap) -> list[Step]:
        """Make the steps that put a credential in the place of another."""
        return [self.drop_wrap(wrap), self.add_wrap(wrap.row.account_id, new)]

    def drop_wrap(self, wrap: Wrap) -> Delete:
        """Make the step that removes a credential, as it was read."""
        return Delete(Rows.WRAPS, wrap.row.account_id, wrap.row_id, wrap.row.sealed)

    def _account_row(self, account_id: AccountId, record: AccountRecord) -> Row:
        return _row(account_id, account_id, b"", seal_account(self.master, account_id, record))

    def _wrap_row(self, account_id: AccountId, new: NewWrap) -> Row:
        name = RowName(Table.WRAP, account_id, new.row_id, new.selector)
        return _row(account_id, new.row_id, new.selector, seal_wrap(self.master, name, new.record))


def _name(account_id: AccountId, row: Row) -> RowName:
    return RowName(Table.WRAP, account_id, row.row_id, row.selector)


def _row(account_id: AccountId, row_id: bytes, selector: bytes, sealed: SealedRow) -> Row:
    return Row(account_id, row_id, selector, sealed.kid, Guarded(sealed.sealed))


async def one_wrap(keyring: Keyring, account_id: AccountId, kind: WrapKind) -> Wrap:
    """Return an account's only credential of `kind`: its password, or its recovery code.

    Raises:
        Absent: NO_SUCH_CREDENTIAL, it has none.
        Conflict: CHANGED_MEANWHILE, it has several, which no writer of ours leaves behind.
    """
    wraps = await keyring.wraps(account_id, kind)
    if not wraps:
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "the account has no such credential")
    if len(wraps) > 1:
        raise Conflict(Condition.CHANGED_MEANWHILE, "the account has this credential twice")
    return wraps[0]
