"""Rescue before a reset: a new password while something still opens the account (PRIVACY §5).

From a live web session, or by an app password that a device still holds; each with the second
factor. Nothing is lost. Without a factor an app password rescues nothing, for else whoever found
one would change who opens the account.
"""

from functools import partial

from mailserver.accounts import passwords
from mailserver.accounts.delays import Delays
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.factors import Factors, Proof
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.history import History
from mailserver.accounts.keyring import Keyring, OpenedRow, one_wrap
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.accounts.unknown import Unknown
from mailserver.accounts.visitor import Visitor
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import DeleteAll
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import app_password_selector
from mailserver.vault.credentials import (
    make_password_wrap,
    open_app_password_wrap,
    spend_app_password,
)
from mailserver.vault.records import WrapKind


class Rescue:
    """Sets a new password where the old one is forgotten and something else is not."""

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
    ) -> None:
        """Glue those together."""
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
        self._unknown = Unknown(keyring)

    async def by_session(self, lease: Lease, password: Plaintext) -> None:
        """Set a password from an open session; the caller has seen a fresh second factor.

        Raises:
            Refused: NOT_PERMITTED, the account has no second factor; WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        account = await self._keyring.account(lease.account_id, fresh=True)
        await self._set(account, lease.account.key, password, lease.credential)

    async def by_app_password(
        self, login: str, secret: Plaintext, password: Plaintext, proof: Proof, visitor: Visitor
    ) -> None:
        """Set a password by an app password and the second factor.

        Raises:
            Refused: AUTHENTICATION_FAILED, NOT_PERMITTED, TRY_LATER, WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        attempt = self._delays.attempt(login, secret.reveal(), visitor.peer)
        account, key = await self._opened(login, secret)
        if account is None or key is None:
            began_at = self._clock.monotonic()
            seconds = self._delays.failed(attempt)
            await self._delays.hold(seconds - (self._clock.monotonic() - began_at))
            self._history.note(login, visitor, "rescue-failed")
            raise Refused(Condition.AUTHENTICATION_FAILED, "this opens no account")
        self._delays.succeeded(attempt)
        try:
            if account.record.factors:
                await self._factors.check(account, proof, visitor.peer, known=False)
            await self._set(account, key, password, None)
        finally:
            key.close()

    async def _opened(
        self, login: str, secret: Plaintext
    ) -> tuple[OpenedRow | None, AccountKey | None]:
        try:
            account = await self._directory.holder(Address.parse(login))
        except PeerFault:
            account = None
        if account is None:
            await self._unknown.look(login)
            spend_app_password(self._unknown.name(login), secret)
            return None, None
        account_id, now = account.account_id, self._clock.now()
        selector = app_password_selector(account_id, secret)
        for wrap in await self._keyring.selected(account_id, selector):
            until = wrap.record.expires_at
            if until is not None and until <= now:
                continue
            try:
                key = open_app_password_wrap(account_id, wrap.row_id, wrap.record, secret)
            except Refused:
                continue
            return account, key
        return account, None

    async def _set(
        self, account: OpenedRow, key: AccountKey, password: Plaintext, keep: bytes | None
    ) -> None:
        if not account.record.factors:
            raise Refused(Condition.NOT_PERMITTED, "without a second factor nothing is rescued")
        account_id = account.account_id
        passwords.check(password, addresses_of(account)[0], second_factor=True)
        old = await one_wrap(self._keyring, account_id, WrapKind.PASSWORD)
        making = partial(make_password_wrap, key, account_id, password, self._clock.now())
        steps = self._keyring.change_wrap(old, await self._hashing(making))
        kept = () if keep is None else (keep,)
        steps.append(DeleteAll(Rows.SESSIONS, account_id, keep=kept))
        await self._chain.record(
            Event.PASSWORD_RESET,
            actor=account_actor(account_id),
            account_id=account_id,
            facts={"what": "rescued"},
        )
        await self._keyring.apply(steps)
        for lease in self._sessions.leases(account_id):
            if lease.credential != keep:
                self._sessions.revoke(account_id, lease.credential)
        await self._keyring.clear()
        await self._tell(account_id, Notice.PASSWORD_CHANGED, "")
