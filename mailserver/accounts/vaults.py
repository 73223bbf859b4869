"""The sealed vault: what opened an account before a reset without its recovery code (PRIVACY §5).

For 90 days an old secret and the factor from before the reset open it. That makes new keys, linked
to the old ones and to those in between where they are in hand, puts the old factors back, and ends
every wrap, session and factor made since: whoever forced a reset gains no old mail by it. Any old
secret alone says "I did not ask for this": sending is frozen, and it is noted as a breach.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mailserver.accounts import passwords
from mailserver.accounts.delays import Delays
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.factors import Factors, Proof
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.history import History
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.lost_factors import lost_place
from mailserver.accounts.renewal import renewing
from mailserver.accounts.sending import FROZEN
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.accounts.visitor import Visitor
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.crypto.suite import Suite
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Corrupt, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import Delete, DeleteAll, Insert, Row, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import is_recovery_code, looks_like_app_password
from mailserver.vault.credentials import (
    open_app_password_wrap,
    open_password_wrap,
    open_recovery_wrap,
    spend_password,
)
from mailserver.vault.links import VaultedWrap, VaultRecord, open_vault, seal_vault
from mailserver.vault.records import Generation, WrapKind

VAULT_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class VaultShown:
    """A vault as its owner sees it."""

    made_at: datetime
    expires_at: datetime
    needs_factor: bool


@dataclass(frozen=True, slots=True, repr=False)
class _Opened:
    """A vault that an old secret opened."""

    account: OpenedRow
    row: Row
    record: VaultRecord
    key: AccountKey


class Vaults:
    """The vaults of accounts that were reset."""

    def __init__(
        self,
        keyring: Keyring,
        directory: Directory,
        sessions: Sessions,
        factors: Factors,
        history: History,
        chain: Chain,
        delays: Delays,
        hashing: Hashing,
        clock: Clock,
        tell: Tell,
        *,
        suite: Suite,
    ) -> None:
        """Make keys of `suite`."""
        self._keyring = keyring
        self._directory = directory
        self._sessions = sessions
        self._factors = factors
        self._history = history
        self._chain = chain
        self._delays = delays
        self._hashing = hashing
        self._clock = clock
        self._tell = tell
        self._suite = suite

    async def closing(self, account: OpenedRow) -> list[Step]:
        """Make the steps that put all that opens an account now into a vault."""
        account_id, now = account.account_id, self._clock.now()
        wraps = await self._keyring.wraps(
            account_id, WrapKind.PASSWORD, WrapKind.APP_PASSWORD, WrapKind.RECOVERY
        )
        record = VaultRecord(
            generation=account.record.generations[-1].number,
            made_at=now,
            expires_at=now + VAULT_LIFE,
            wraps=tuple(VaultedWrap(wrap.row_id, wrap.record) for wrap in wraps),
            factors=await self._factors.record(account_id),
        )
        row_id = secrets.token_bytes(16)
        sealed = seal_vault(self._keyring.master, account_id, row_id, record)
        row = Row(account_id, row_id, b"", sealed.kid, Guarded(sealed.sealed))
        return [Insert(Rows.VAULTS, row)]

    async def shown(self, account_id: AccountId) -> list[VaultShown]:
        """Return an account's vaults that are still good."""
        return [
            VaultShown(record.made_at, record.expires_at, bool(record.factors.kinds))
            for _, record in await self._of(account_id)
        ]

    async def open(
        self,
        login: str,
        old: Plaintext,
        password: Plaintext,
        visitor: Visitor,
        *,
        proof: Proof | None = None,
        lease: Lease | None = None,
    ) -> Plaintext:
        """Open a vault by an old secret and the old factor; return the new recovery code.

        With `lease`, mail from between the reset and now stays readable too.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER; NOT_PERMITTED, the old factor is needed;
                WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        opened = await self._opened(login, old, visitor)
        try:
            account, record = opened.account, opened.record
            account_id = account.account_id
            if record.factors.kinds:
                if proof is None:
                    raise Refused(Condition.NOT_PERMITTED, "show the factor from before the reset")
                self._check_factor(account_id, record, proof, visitor)
            with_factor = bool(record.factors.kinds)
            passwords.check(password, addresses_of(account)[0], second_factor=with_factor)
            key, generation = self._next(opened, lease)
            try:
                tools = (self._keyring, self._hashing, self._clock)
                kinds = tuple(str(kind) for kind in record.factors.kinds)
                code, steps = await renewing(
                    *tools, account, key, generation, password, factors=kinds
                )
            finally:
                key.close()
        finally:
            opened.key.close()
        steps += self._factors.restoring(account_id, record.factors)
        steps.append(Delete(Rows.VAULTS, account_id, opened.row.row_id, opened.row.sealed))
        steps += await self._stopping(account_id)
        await self._record(Event.VAULT_OPENED, account_id)
        await self._keyring.apply(steps)
        self._sessions.revoke(account_id)
        await self._keyring.clear()
        await self._tell(account_id, Notice.VAULT_OPENED, "")
        return code

    async def deny(self, login: str, old: Plaintext, visitor: Visitor) -> None:
        """Say by an old secret that a reset was not its owner's: sending stops.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER.
        """
        opened = await self._opened(login, old, visitor)
        opened.key.close()
        await self.freeze(opened.account.account_id, [])

    async def freeze(self, account_id: AccountId, along: list[Step]) -> None:
        """Stop an account from sending, and note a suspected breach; `along` in one transaction."""
        account = await self._keyring.account(account_id, fresh=True)
        actor = account_actor(account_id)
        facts = {"what": "reset not asked for"}
        for event in (Event.RESET_DENIED, Event.BREACH_SUSPECTED, Event.SENDING_FROZEN):
            await self._chain.record(event, actor=actor, account_id=account_id, facts=facts)
        steps: list[Step] = [*along]
        if FROZEN not in account.record.policy:
            frozen = replace(account.record, policy=account.record.policy | {FROZEN})
            steps.append(self._keyring.change_account(account, frozen))
        await self._keyring.apply(steps)
        await self._tell(account_id, Notice.SENDING_FROZEN, "")

    async def purge(self, account_id: AccountId) -> None:
        """Destroy an account's vaults now: older mail can never be read again."""
        await self._record(Event.CREDENTIAL_REMOVED, account_id)
        await self._keyring.apply([DeleteAll(Rows.VAULTS, account_id)])
        await self._keyring.clear()

    async def sweep(self) -> int:
        """Destroy vaults whose 90 days are over; return how many."""
        swept, last, now = 0, None, self._clock.now()
        while page := await self._keyring.keystore.page(Rows.VAULTS, last):
            last = page[-1]
            for row in page:
                if self._record_of(row).expires_at <= now:
                    await self._keyring.apply([Delete(Rows.VAULTS, row.account_id, row.row_id)])
                    swept += 1
        if swept:
            await self._keyring.clear()
        return swept

    async def _opened(self, login: str, old: Plaintext, visitor: Visitor) -> _Opened:
        """Find the vault that a secret opens, whichever kind of secret it is."""
        attempt = self._delays.attempt(login, old.reveal(), visitor.peer, guessable=True)
        found = await self._tried(login, old)
        if found is None:
            began_at = self._clock.monotonic()
            seconds = self._delays.failed(attempt)
            await self._delays.hold(seconds - (self._clock.monotonic() - began_at))
            self._history.note(login, visitor, "vault-failed")
            raise Refused(Condition.AUTHENTICATION_FAILED, "no vault opens with this secret")
        self._delays.succeeded(attempt)
        return found

    async def _tried(self, login: str, old: Plaintext) -> _Opened | None:
        try:
            account = await self._directory.holder(Address.parse(login))
        except PeerFault:
            account = None
        vaults = [] if account is None else await self._of(account.account_id)
        random = is_recovery_code(old) or looks_like_app_password(old)
        if account is None or not vaults:
            if not random:
                await self._hashing(partial(spend_password, old))
            return None
        for row, record in reversed(vaults):
            key = await self._unwrapped(account.account_id, record, old, random=random)
            if key is not None:
                return _Opened(account, row, record, _proven(account, key))
        return None

    async def _unwrapped(
        self, account_id: AccountId, record: VaultRecord, old: Plaintext, *, random: bool
    ) -> AccountKey | None:
        for wrap in record.wraps:
            try:
                key = await self._key(account_id, wrap, old, random=random)
            except Refused:
                continue
            if key is not None:
                return key
        return None

    async def _key(
        self, account_id: AccountId, wrap: VaultedWrap, old: Plaintext, *, random: bool
    ) -> AccountKey | None:
        """Try one wrap; only what looks like a password is hashed as one."""
        place = (account_id, wrap.row_id, wrap.record, old)
        match wrap.record.kind:
            case WrapKind.APP_PASSWORD if random:
                return open_app_password_wrap(*place)
            case WrapKind.RECOVERY if random:
                return open_recovery_wrap(*place)
            case WrapKind.PASSWORD if not random:
                return await self._hashing(partial(open_password_wrap, *place))
            case _:
                return None

    def _check_factor(
        self, account_id: AccountId, record: VaultRecord, proof: Proof, visitor: Visitor
    ) -> None:
        name = f"vault factor {account_id.hex()}"
        attempt = self._delays.attempt(name, proof.value.reveal(), visitor.peer, guessable=True)
        try:
            self._factors.check_old(account_id, record.factors, proof)
        except Refused:
            self._delays.failed(attempt)
            raise
        self._delays.succeeded(attempt)

    async def _stopping(self, account_id: AccountId) -> list[Step]:
        """Make the steps that stop whatever else was asked for: resets, factors to be taken off."""
        rows = await self._keyring.keystore.anywhere(Rows.LINKS, account_id)
        places = {row.account_id for row in rows} | {lost_place(account_id)}
        return [DeleteAll(Rows.LINKS, place) for place in places]

    def _next(self, opened: _Opened, lease: Lease | None) -> tuple[AccountKey, Generation]:
        """Make the keys after a vault was opened."""
        account_id = opened.account.account_id
        if lease is not None and lease.account_id == account_id:
            return lease.account.key.successor(account_id, self._suite, older=(opened.key,))
        number = opened.account.record.generations[-1].number + 1
        return opened.key.heir(account_id, number, self._suite)

    async def _of(self, account_id: AccountId) -> list[tuple[Row, VaultRecord]]:
        rows = await self._keyring.keystore.fresh(Rows.VAULTS, account_id)
        opened = [(row, self._record_of(row)) for row in rows]
        now = self._clock.now()
        good = [(row, record) for row, record in opened if now < record.expires_at]
        return sorted(good, key=lambda each: each[1].made_at)

    def _record_of(self, row: Row) -> VaultRecord:
        return open_vault(self._keyring.master, row.account_id, row.row_id, row.sealed)

    async def _record(self, event: Event, account_id: AccountId) -> None:
        actor = account_actor(account_id)
        await self._chain.record(event, actor=actor, account_id=account_id, facts={"kind": "vault"})


def _proven(account: OpenedRow, key: AccountKey) -> AccountKey:
    """See that a key is one of the account's, as its authentic row names them."""
    for generation in account.record.generations:
        if generation.number == key.generation:
            key.prove(generation.public)
            return key
    key.close()
    raise Corrupt(Condition.KEY_MISMATCH, "an old secret opens a key that is not the account's")
