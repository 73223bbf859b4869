"""Accounts that somebody erased, maybe in another process: what memory holds of them goes too.

`zegel user remove` runs beside the server, which may have a running deposit key of the account, or
its row opened. Looking costs one number while nothing changed in the keystore.
"""

from collections.abc import Set as AbstractSet
from typing import Protocol

from mailserver.model.ids import AccountId
from mailserver.store.keystore import Keystore
from mailserver.store.keystore_tables import Rows


class Holder(Protocol):
    """Whatever keeps something of accounts in memory."""

    def accounts(self) -> AbstractSet[AccountId]:
        """Name the accounts it keeps something of."""
        ...

    def forget(self, account_id: AccountId) -> None:
        """Drop all of that; keys are overwritten."""
        ...


class Erasures:
    """Makes holders forget accounts that the keystore no longer has."""

    def __init__(self, keystore: Keystore, *holders: Holder) -> None:
        """Compare what `holders` hold with the account rows of `keystore`."""
        self._keystore = keystore
        self._holders = holders
        self._checked: AbstractSet[AccountId] = frozenset()
        self._checked_revision = -1

    async def look(self) -> None:
        """Compare now; called every few seconds, for PRIVACY §6 allows five.

        Raises:
            Transient: the keystore does not answer.
        """
        await self._keystore.changed()
        revision = self._keystore.revision
        held = frozenset[AccountId]().union(*(holder.accounts() for holder in self._holders))
        # A delivery under way may begin a key for an account whose end was seen before: whoever is
        # new among the held is looked up, whatever the revision says.
        unchecked = held - self._checked if revision == self._checked_revision else held
        gone = unchecked - await self._living(unchecked)
        for account_id in gone:
            for holder in self._holders:
                holder.forget(account_id)
        self._checked, self._checked_revision = held - gone, revision

    async def _living(self, account_ids: AbstractSet[AccountId]) -> set[AccountId]:
        if not account_ids:
            return set()
        rows = await self._keystore.living(Rows.ACCOUNTS, account_ids)
        return {account_id for account_id, _ in rows}
