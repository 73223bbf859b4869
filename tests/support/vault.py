"""An account, its keys and its epochs, without a database: for tests of and above the vault."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.ids import AccountId, EpochId, ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Sealed
from mailserver.vault.account_key import AccountKey
from mailserver.vault.epochs import DepositMarks, Deposits, NewEpochValues
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import AccountRecord, PublicIdentity
from mailserver.vault.session import UnlockedAccount

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_master() -> MasterKeys:
    """Make master keys without a file."""
    return MasterKeys({1: SecretKey.random()}, 1)


@dataclass
class Epochs:
    """The epoch rows of one account, as the store would keep them."""

    rows: list[NewEpochValues] = field(default_factory=list)

    async def create(self, make: Callable[[EpochId], NewEpochValues]) -> NewEpochValues:
        """Reserve the next number, let the vault fill the row, keep it."""
        row = make(EpochId(len(self.rows) + 1))
        self.rows.append(row)
        return row


@dataclass(frozen=True)
class Email:
    """One sealed message as rows of the store have it."""

    epoch: EpochId
    object_id: ObjectId
    summary: Sealed
    body: Sealed
    tail: Sealed


class Person:
    """An account whose owner's secret the test has."""

    def __init__(self, master: MasterKeys, suite: Suite = Suite.HYBRID) -> None:
        """Make keys and the account record."""
        self.master = master
        self.marks = DepositMarks(master)
        self.account: AccountId = new_account_id()
        self.amk = os.urandom(32)
        self.suite = suite
        self.record = AccountRecord(
            ("ada@example.org",), (self.key().public(),), guard_key=os.urandom(32)
        )
        self.epochs = Epochs()

    def key(self) -> AccountKey:
        """Return a fresh copy of the account's first key, as a credential would open it."""
        return AccountKey(SecretKey(self.amk), 1, self.suite)

    def unlock(self, key: AccountKey | None = None) -> UnlockedAccount:
        """Open the account by its first key, or by `key`."""
        return UnlockedAccount(self.account, self.record, key or self.key(), self.marks)

    @property
    def identity(self) -> PublicIdentity:
        """To whom deliveries seal."""
        return self.record.identity(self.account)

    async def deliver(
        self,
        deposits: Deposits,
        summary: bytes = b"summary",
        body: bytes = b"body",
        tail: bytes = b"tail",
    ) -> Email:
        """Seal a message to this person, who is away."""
        key = await deposits.key_for(self.identity, self.epochs.create)
        object_id = new_object_id()
        sealed = key.seal_email(object_id, summary, body, tail)
        return Email(sealed.epoch, object_id, sealed.summary, sealed.body, sealed.tail)

    async def append(
        self,
        account: UnlockedAccount,
        summary: bytes = b"summary",
        body: bytes = b"body",
        tail: bytes = b"tail",
    ) -> Email:
        """Seal a message of this person's own."""
        key = await account.owner_key(self.epochs.create)
        object_id = new_object_id()
        sealed = key.seal_email(object_id, summary, body, tail)
        return Email(sealed.epoch, object_id, sealed.summary, sealed.body, sealed.tail)

    def converted(self, account: UnlockedAccount) -> list[NewEpochValues]:
        """Return the epoch rows after conversion."""
        wraps = dict(account.rewraps(self.epochs.rows))
        return [replace(row, sealed=wraps.get(row.epoch, row.sealed)) for row in self.epochs.rows]
