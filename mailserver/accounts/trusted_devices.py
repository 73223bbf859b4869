"""Devices that are known: a cookie says that this browser signed in to the account before.

It opens nothing and replaces no factor. It lets its owner through where somebody else's failures
would make an unknown browser wait (PRIVACY §6, "Brute force").
"""

from datetime import timedelta

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.visitor import Visitor
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, Insert, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.codes import SessionToken
from mailserver.vault.web_sessions import (
    TrustRecord,
    is_trusted,
    open_session_row,
    seal_trust,
    trust_commit,
)

TRUSTED_FOR = timedelta(days=30)
DEVICES = 20  # of one account; the oldest goes for the next


class TrustedDevices:
    """The known devices of accounts."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        """Keep them in the keystore of `keyring`."""
        self._keyring = keyring
        self._clock = clock

    async def holder(self, cookie: Plaintext | None) -> AccountId | None:
        """Return the account that a device is known to; None for an unknown one.

        A cookie that is none, and a keystore that does not answer, make a device unknown and no
        more.
        """
        if cookie is None:
            return None
        try:
            token = SessionToken.parse(cookie)
            for row in await self._keyring.keystore.anywhere(Rows.SESSIONS, token.row_id):
                record = self._opened(row)
                if isinstance(record, TrustRecord) and is_trusted(record, token, self._clock.now()):
                    return row.account_id
        except MailError:
            return None
        return None

    async def trust(self, account_id: AccountId, visitor: Visitor) -> Plaintext:
        """Know the visitor's browser for 30 days; return its cookie."""
        token = SessionToken.random()
        now = self._clock.now()
        record = TrustRecord(trust_commit(token), now, now + TRUSTED_FOR, visitor.shown_agent)
        sealed = seal_trust(self._keyring.master, account_id, token.row_id, record)
        row = Row(account_id, token.row_id, token.row_id, sealed.kid, Guarded(sealed.sealed))
        await self._keyring.apply([*await self._too_many(account_id), Insert(Rows.SESSIONS, row)])
        return token.cookie()

    async def count(self, account_id: AccountId) -> int:
        """Say how many devices are known to an account."""
        return len(await self._of(account_id))

    async def forget(self, account_id: AccountId) -> None:
        """Know no device of an account any more."""
        drops = [self._drop(row) for row, _ in await self._of(account_id)]
        if drops:
            await self._keyring.apply(drops)
            await self._keyring.clear()

    async def _too_many(self, account_id: AccountId) -> list[Step]:
        known = sorted(await self._of(account_id), key=lambda each: each[1].made_at)
        over = len(known) - DEVICES + 1
        return [self._drop(row) for row, _ in known[: max(0, over)]]

    async def _of(self, account_id: AccountId) -> list[tuple[Row, TrustRecord]]:
        rows = await self._keyring.keystore.fresh(Rows.SESSIONS, account_id)
        opened = [(row, self._opened(row)) for row in rows]
        return [(row, record) for row, record in opened if isinstance(record, TrustRecord)]

    def _opened(self, row: Row) -> object:
        return open_session_row(self._keyring.master, row.account_id, row.row_id, row.sealed)

    @staticmethod
    def _drop(row: Row) -> Step:
        return Delete(Rows.SESSIONS, row.account_id, row.row_id, row.sealed)
