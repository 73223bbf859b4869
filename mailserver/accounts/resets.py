"""A reset without the recovery code: a link from an administrator, a day's wait, new keys.

    issued  an administrator makes a link, good once and for 24 hours; he sets and sees no password
    asked   whoever holds it asks, with the second factor where there is one; the owner is told
    done    after 24 hours: new keys without a link to those before, which become the sealed vault

Mail flows again then, and older mail stays closed until an old secret opens it (PRIVACY §5). A
second administrator may waive the wait. The owner can stop it from any session until it is done.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from mailserver.accounts import passwords
from mailserver.accounts.admins import Admin
from mailserver.accounts.directory import Directory, address_of, addresses_of
from mailserver.accounts.factors import Factors, Proof
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.renewal import renewing
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.vaults import VAULT_LIFE, Vaults
from mailserver.accounts.visitor import Visitor
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, account_actor
from mailserver.crypto.suite import Suite
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Locked, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, DeleteAll, Insert, Replace, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.administrators import admin_row_id
from mailserver.vault.links import (
    LinkRecord,
    Purpose,
    link_place,
    link_selector,
    new_link_token,
    open_link,
    seal_link,
)

LINK_LIFE = timedelta(hours=24)
WAIT = timedelta(hours=24)
DONE_WITHIN = timedelta(days=7)


class Resets:
    """Makes an account openable again whose owner has no secret left."""

    def __init__(
        self,
        keyring: Keyring,
        directory: Directory,
        sessions: Sessions,
        factors: Factors,
        vaults: Vaults,
        chain: Chain,
        hashing: Hashing,
        clock: Clock,
        tell: Tell,
        *,
        suite: Suite,
    ) -> None:
        """Make keys of `suite`, and put what was before into `vaults`."""
        self._keyring = keyring
        self._directory = directory
        self._sessions = sessions
        self._factors = factors
        self._vaults = vaults
        self._chain = chain
        self._hashing = hashing
        self._clock = clock
        self._tell = tell
        self._suite = suite

    async def issue(
        self, address: Address, *, second: Admin | None = None, actor: str = OPERATOR
    ) -> Plaintext:
        """Return the token of a reset's link, for its owner's hands; `second` waives the wait.

        Raises:
            Absent: NO_SUCH_USER.
        """
        account = await self._directory.holder(address)
        if account is None:
            raise Absent(Condition.NO_SUCH_USER, f"there is no {address} here")
        token, now = new_link_token(), self._clock.now()
        record = LinkRecord(
            purpose=Purpose.RESET,
            account=account.account_id,
            address=addresses_of(account)[0].key,
            made_at=now,
            expires_at=now + LINK_LIFE,
            effective_at=now if second is not None else None,
            by=() if second is None else (admin_row_id(second.name).hex()[:16],),
        )
        await self._record(Event.RESET_ASKED, account.account_id, "issued", actor)
        await self._keyring.apply([Insert(Rows.LINKS, self._row(link_place(token), record))])
        when = now if second is not None else now + WAIT
        await self._tell(account.account_id, Notice.RESET_ASKED, _shown(when))
        return token

    async def ask(self, token: Plaintext, visitor: Visitor, proof: Proof | None) -> datetime:
        """Begin the wait; return when the reset can be done with the same link.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, the link is not good.
            Refused: NOT_PERMITTED, a second factor is needed; AUTHENTICATION_FAILED, TRY_LATER.
        """
        row, record = await self._found(token)
        if record.effective_at is not None:
            return record.effective_at
        account = await self._keyring.account(record.account, fresh=True)
        await self._check_factor(account, visitor, proof)
        at = self._clock.now() + WAIT
        asked = replace(record, effective_at=at, expires_at=at + DONE_WITHIN)
        actor = account_actor(account.account_id)
        await self._record(Event.RESET_ASKED, account.account_id, "asked", actor)
        changed = self._row(row.account_id, asked)
        await self._keyring.apply([Replace(Rows.LINKS, changed, row.sealed)])
        await self._tell(account.account_id, Notice.RESET_ASKED, _shown(at))
        return at

    async def finish(
        self, token: Plaintext, password: Plaintext, visitor: Visitor, proof: Proof | None
    ) -> tuple[Plaintext, Address]:
        """Make new keys; return the recovery code, shown once, and whose account it is.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, the link is not good.
            Locked: NOT_ACTIVE, the wait is not over.
            Refused: NOT_PERMITTED, a second factor is needed; AUTHENTICATION_FAILED; WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        row, record = await self._found(token)
        now = self._clock.now()
        if record.effective_at is None or now < record.effective_at:
            raise Locked(Condition.NOT_ACTIVE, "the reset takes effect a day after it was asked")
        account = await self._keyring.account(record.account, fresh=True)
        named = account.record.factors
        passwords.check(password, addresses_of(account)[0], second_factor=bool(named))
        await self._check_factor(account, visitor, proof)
        key = AccountKey.random(self._suite, account.record.generations[-1].number + 1)
        try:
            vaulted = await self._vaults.closing(account)
            code, steps = await renewing(
                self._keyring,
                self._hashing,
                self._clock,
                account,
                key,
                key.public(),
                password,
                factors=named,
            )
        finally:
            key.close()
        used: list[Step] = [Delete(Rows.LINKS, row.account_id, row.row_id, row.sealed)]
        others = [each for each, _ in await self._of(account.account_id) if each != row]
        used += [DeleteAll(Rows.LINKS, other.account_id) for other in others]
        actor = account_actor(account.account_id)
        await self._record(Event.PASSWORD_RESET, account.account_id, "without-code", actor)
        await self._keyring.apply([*vaulted, *steps, *used])
        self._sessions.revoke(account.account_id)
        await self._keyring.clear()
        until = f"{now + VAULT_LIFE:%Y-%m-%d}"
        await self._tell(account.account_id, Notice.RESET_DONE, until)
        return code, address_of(record.address)

    async def pending(self, account_id: AccountId) -> datetime | None:
        """Return when a reset that was asked for can be done; None where there is none."""
        found = [record for _, record in await self._of(account_id)]
        return next((each.effective_at for each in found if each.effective_at is not None), None)

    async def stop(self, account_id: AccountId) -> None:
        """Stop every reset of an account, whose owner did not ask for it, and freeze sending.

        Raises:
            Absent: NO_SUCH_CREDENTIAL, there is none.
        """
        rows = [row for row, _ in await self._of(account_id)]
        if not rows:
            raise Absent(Condition.NO_SUCH_CREDENTIAL, "nobody asked for a reset")
        await self._vaults.freeze(account_id, [DeleteAll(Rows.LINKS, r.account_id) for r in rows])

    async def _check_factor(
        self, account: OpenedRow, visitor: Visitor, proof: Proof | None
    ) -> None:
        """A reset never skips the second factor."""
        if not account.record.factors:
            return
        if proof is None:
            raise Refused(Condition.NOT_PERMITTED, "the second factor is needed as well")
        await self._factors.check(account, proof, visitor.peer, known=False)

    async def _found(self, token: Plaintext) -> tuple[Row, LinkRecord]:
        place = link_place(token)
        for row in await self._keyring.keystore.fresh(Rows.LINKS, place):
            record = open_link(self._keyring.master, place, row.sealed, row.selector)
            if record.purpose is Purpose.RESET and self._clock.now() < record.expires_at:
                return row, record
        raise Absent(Condition.NO_SUCH_CREDENTIAL, "this link is not good, or not any more")

    async def _of(self, account_id: AccountId) -> list[tuple[Row, LinkRecord]]:
        rows = await self._keyring.keystore.anywhere(Rows.LINKS, account_id)
        master, now = self._keyring.master, self._clock.now()
        opened = [(r, open_link(master, r.account_id, r.sealed, r.selector)) for r in rows]
        return [(row, record) for row, record in opened if now < record.expires_at]

    def _row(self, place: AccountId, record: LinkRecord) -> Row:
        sealed = seal_link(self._keyring.master, place, record)
        return Row(place, place, link_selector(record), sealed.kid, Guarded(sealed.sealed))

    async def _record(self, event: Event, account_id: AccountId, what: str, actor: str) -> None:
        await self._chain.record(event, actor=actor, account_id=account_id, facts={"what": what})


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
