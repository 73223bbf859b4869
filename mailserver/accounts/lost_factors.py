"""All second factors lost: two administrators, two days, and notices (PRIVACY §6).

It restores signing in and never a key: whoever signs in afterwards still needs the password. The
owner can refuse from a session that is open, or by signing in with a factor.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from mailserver.accounts.admins import Admin
from mailserver.accounts.directory import addresses_of
from mailserver.accounts.factors import Factors
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event, account_actor
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import DeleteAll, Insert, Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import admin_row_id
from mailserver.vault.links import LinkRecord, Purpose, open_link, seal_link

DELAY = timedelta(hours=48)
GOOD_FOR = timedelta(days=14)


class LostFactors:
    """Takes every factor off an account whose owner has none left."""

    def __init__(
        self, keyring: Keyring, factors: Factors, chain: Chain, clock: Clock, tell: Tell
    ) -> None:
        """Change `factors`; `tell` warns the owner."""
        self._keyring = keyring
        self._factors = factors
        self._chain = chain
        self._clock = clock
        self._tell = tell

    async def ask(self, account: OpenedRow, first: Admin, second: Admin) -> datetime:
        """Have all factors taken off in 48 hours; return when.

        Raises:
            Refused: NOT_PERMITTED, it is one administrator twice, or there is no factor.
        """
        if first.name.casefold() == second.name.casefold():
            raise Refused(Condition.NOT_PERMITTED, "a second administrator must agree")
        if not account.record.factors:
            raise Refused(Condition.NOT_PERMITTED, "the account has no second factor")
        now, place = self._clock.now(), lost_place(account.account_id)
        by = tuple(admin_row_id(admin.name).hex()[:16] for admin in (first, second))
        record = LinkRecord(
            purpose=Purpose.FACTORS,
            account=account.account_id,
            address=addresses_of(account)[0].key,
            made_at=now,
            expires_at=now + GOOD_FOR,
            effective_at=now + DELAY,
            by=by,
        )
        await self._chain.record(
            Event.FACTOR_CHANGED,
            actor=OPERATOR,
            account_id=account.account_id,
            facts={"what": "asked-off", "kind": "all", "by": " ".join(by)},
        )
        sealed = seal_link(self._keyring.master, place, record)
        row = Row(place, place, b"", sealed.kid, Guarded(sealed.sealed))
        await self._keyring.apply([DeleteAll(Rows.LINKS, place), Insert(Rows.LINKS, row)])
        at = now + DELAY
        await self._tell(account.account_id, Notice.FACTORS_TO_GO, f"{at:%Y-%m-%d %H:%M} UTC")
        return at

    async def refuse(self, account_id: AccountId) -> None:
        """Keep the factors: their owner says so.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, nobody asked for that.
        """
        if await self._asked(account_id) is None:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "nobody asked for that")
        await self._chain.record(
            Event.FACTOR_CHANGED,
            actor=account_actor(account_id),
            account_id=account_id,
            facts={"what": "kept", "kind": "all"},
        )
        await self._keyring.apply([DeleteAll(Rows.LINKS, lost_place(account_id))])

    async def pending(self, account_id: AccountId) -> datetime | None:
        """Return when an account's factors go; None where nobody asked."""
        asked = await self._asked(account_id)
        return None if asked is None else asked.effective_at

    async def settled(self, account: OpenedRow) -> OpenedRow:
        """Take the factors off where that was asked and the delay is over; return the account."""
        if not account.record.factors:
            return account
        asked = await self._asked(account.account_id)
        now = self._clock.now()
        if asked is None or asked.effective_at is None or now < asked.effective_at:
            return account
        if now >= asked.expires_at:
            await self._keyring.apply([DeleteAll(Rows.LINKS, lost_place(account.account_id))])
            return account
        _, steps = await self._factors.clearing(account.account_id)
        await self._chain.record(
            Event.FACTOR_CHANGED,
            actor=SERVER,
            account_id=account.account_id,
            facts={"what": "off", "kind": "all", "by": " ".join(asked.by)},
        )
        fresh = await self._keyring.account(account.account_id, fresh=True)
        change = self._keyring.change_account(fresh, replace(fresh.record, factors=()))
        gone = DeleteAll(Rows.LINKS, lost_place(account.account_id))
        await self._keyring.apply([change, *steps, gone])
        await self._tell(account.account_id, Notice.FACTOR_CHANGED, "all")
        return await self._keyring.account(account.account_id, fresh=True)

    async def _asked(self, account_id: AccountId) -> LinkRecord | None:
        place = lost_place(account_id)
        rows = await self._keyring.keystore.fresh(Rows.LINKS, place)
        return open_link(self._keyring.master, place, rows[0].sealed) if rows else None


def lost_place(account_id: AccountId) -> AccountId:
    """Return where it stands that an account's factors are to be taken off."""
    return AccountId(sha256(b"zegel lost factors" + account_id).digest()[:16])
