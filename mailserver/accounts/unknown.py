"""The work of a sign-in for somebody who does not exist, so that its time tells nothing.

An unknown name stands for an account id that nobody has, always the same one in this process: the
keystore is asked for it as it would be for a real one, found or cached alike, and a row is opened.
"""

import secrets
from collections import OrderedDict

from mailserver.accounts.keyring import Keyring
from mailserver.crypto.sign import mac
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.vault.account_key import AccountKey
from mailserver.vault.guard import AccountGuard
from mailserver.vault.records import AccountRecord, open_account, seal_account

REMEMBERED = 10_000  # as many as the keyring keeps opened


class Unknown:
    """Names that nobody has."""

    def __init__(self, keyring: Keyring) -> None:
        """Ask `keyring` in vain."""
        self._keyring = keyring
        self._key = secrets.token_bytes(32)
        self._opened: OrderedDict[AccountId, None] = OrderedDict()
        self._account = AccountId(bytes(16))
        key = AccountKey.random(Suite.CLASSICAL)
        self._record = AccountRecord(
            addresses=("nobody@invalid",),
            generations=(key.public(),),
            guard_key=secrets.token_bytes(32),
        )
        key.close()
        self._row = seal_account(keyring.master, self._account, self._record)

    def name(self, login: str) -> AccountId:
        """Return the account id that stands for `login`."""
        folded = login.strip().casefold().encode("utf-8", "surrogatepass")
        return AccountId(mac(self._key, folded)[:16])

    async def look(self, login: str) -> None:
        """Do what `Keyring.account` does for an account that exists."""
        account_id = self.name(login)
        try:
            await self._keyring.account(account_id)
        except Absent:
            if account_id in self._opened:
                self._opened.move_to_end(account_id)
                return
        record = open_account(
            self._keyring.master, self._account, self._row.sealed, allow_classical=True
        )
        AccountGuard(record.guard_key, self._account)
        self._opened[account_id] = None
        if len(self._opened) > REMEMBERED:
            self._opened.popitem(last=False)
