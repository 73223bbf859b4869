"""Changing a password, and coming back with the recovery code (PRIVACY §5).

Each transition is one keystore transaction, so whatever is interrupted leaves the account openable
by the old secret or the new one, never by neither. What was read is named in it: of two changes at
once, one is told that somebody was first.
"""

from dataclasses import dataclass
from functools import partial

from mailserver.accounts import passwords
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring, OpenedRow, Wrap, one_wrap
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.store.keystore import DeleteAll, Step
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import new_recovery_code
from mailserver.vault.credentials import (
    make_password_wrap,
    make_recovery_wrap,
    open_password_wrap,
    open_recovery_wrap,
)
from mailserver.vault.records import WrapKind


@dataclass(frozen=True, slots=True)
class Kept:
    """What a change of password leaves: the session it was asked from, and the app passwords."""

    session: bytes | None = None
    app_passwords: bool = True


class Recovery:
    """The ways in which an account's secrets change."""

    def __init__(
        self,
        keyring: Keyring,
        directory: Directory,
        sessions: Sessions,
        chain: Chain,
        hashing: Hashing,
        clock: Clock,
    ) -> None:
        """Glue those together."""
        self._keyring = keyring
        self._directory = directory
        self._sessions = sessions
        self._chain = chain
        self._hashing = hashing
        self._clock = clock

    async def change_password(
        self, account_id: AccountId, old: Plaintext, new: Plaintext, *, session: bytes | None = None
    ) -> None:
        """Put `new` in the place of `old`; every other web session ends, app passwords stay.

        The caller delays guesses at `old`, and has seen the second factor where there is one.

        Raises:
            Refused: AUTHENTICATION_FAILED, `old` is not the password; WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE, somebody else changed it at the same time.
            Transient: nothing was changed.
        """
        account = await self._keyring.account(account_id, fresh=True)
        passwords.check(new, addresses_of(account)[0], second_factor=bool(account.record.factors))
        wrap = await one_wrap(self._keyring, account_id, WrapKind.PASSWORD)
        opening = partial(open_password_wrap, account_id, wrap.row_id, wrap.record, old)
        key = await self._hashing(opening)
        try:
            steps = await self._password_steps(account, key, wrap, new)
        finally:
            key.close()
        await self._record(Event.PASSWORD_CHANGED, account)
        await self._change(account_id, steps, Kept(session))

    async def prove_code(self, login: str, code: Plaintext) -> AccountId:
        """See that a recovery code is the account's, and use nothing up; return whose it is.

        Raises:
            Refused: AUTHENTICATION_FAILED, no such account or not its code.
            Absent: NO_SUCH_CREDENTIAL, it has none.
            Corrupt: KEY_MISMATCH, the code opens a key that is not the account's.
        """
        account = await self._holder(login)
        wrap = await one_wrap(self._keyring, account.account_id, WrapKind.RECOVERY)
        key = open_recovery_wrap(account.account_id, wrap.row_id, wrap.record, code)
        try:
            _prove(account, key)
        finally:
            key.close()
        return account.account_id

    async def reset_with_code(
        self,
        login: str,
        code: Plaintext,
        new: Plaintext,
        *,
        keep_app_passwords: bool = False,
        factor_shown: bool = False,
    ) -> Plaintext:
        """Open the account by its recovery code and set a password; return the next code.

        All sessions end, and app passwords unless they are kept. The caller delays guesses.

        Raises:
            Refused: AUTHENTICATION_FAILED, no such account or not its code; WEAK_PASSWORD;
                NOT_PERMITTED, the account has a second factor and it was not shown.
            Corrupt: KEY_MISMATCH, the code opens a key that is not the account's.
            Conflict: CHANGED_MEANWHILE, somebody else changed it at the same time.
        """
        account = await self._holder(login)
        wrap = await one_wrap(self._keyring, account.account_id, WrapKind.RECOVERY)
        key = open_recovery_wrap(account.account_id, wrap.row_id, wrap.record, code)
        try:
            _prove(account, key)
            if account.record.factors and not factor_shown:
                raise Refused(Condition.NOT_PERMITTED, "the second factor is needed as well")
            passwords.check(new, addresses_of(account)[0], second_factor=factor_shown)
            old = await one_wrap(self._keyring, account.account_id, WrapKind.PASSWORD)
            steps = await self._password_steps(account, key, old, new)
            next_code, code_steps = self._code_steps(account.account_id, key, wrap)
        finally:
            key.close()
        await self._record(Event.PASSWORD_RESET, account)
        kept = Kept(app_passwords=keep_app_passwords)
        await self._change(account.account_id, steps + code_steps, kept)
        return next_code

    async def open(self, login: str, code: Plaintext) -> tuple[Lease, Plaintext]:
        """Open an account by its recovery code, which is used up; return the hold and the next.

        Nothing else changes: password, sessions and app passwords stay. The caller shows the next
        code before it does anything else.

        Raises:
            Refused: AUTHENTICATION_FAILED, no such account or not its code; NOT_PERMITTED, the
                account has a second factor, so that this code alone does not do.
            Corrupt: KEY_MISMATCH, the code opens a key that is not the account's.
            Conflict: CHANGED_MEANWHILE, somebody else used it at the same time.
        """
        account = await self._holder(login)
        wrap = await one_wrap(self._keyring, account.account_id, WrapKind.RECOVERY)
        key = open_recovery_wrap(account.account_id, wrap.row_id, wrap.record, code)
        try:
            _prove(account, key)
            if account.record.factors:
                raise Refused(Condition.NOT_PERMITTED, "the second factor is needed as well")
            next_code = new_recovery_code()
            new = make_recovery_wrap(key, account.account_id, next_code, self._clock.now())
            await self._record(Event.CREDENTIAL_ADDED, account, kind="recovery")
            await self._keyring.apply(self._keyring.change_wrap(wrap, new))
            await self._keyring.clear()
        except BaseException:
            key.close()
            raise
        return self._sessions.lease(account, key, new.row_id, None), next_code

    async def renew_code(self, lease: Lease) -> Plaintext:
        """Replace the recovery code of an open account; return the new one, shown once.

        Raises:
            Conflict: CHANGED_MEANWHILE.
        """
        account = await self._keyring.account(lease.account_id)
        old = await one_wrap(self._keyring, lease.account_id, WrapKind.RECOVERY)
        code, steps = self._code_steps(lease.account_id, lease.account.key, old)
        await self._record(Event.CREDENTIAL_ADDED, account, kind="recovery")
        await self._keyring.apply(steps)
        await self._keyring.clear()
        return code

    async def _holder(self, login: str) -> OpenedRow:
        try:
            account = await self._directory.holder(Address.parse(login))
        except PeerFault:
            account = None
        if account is None:
            raise Refused(Condition.AUTHENTICATION_FAILED, "the address or the code is not right")
        return account

    async def _password_steps(
        self, account: OpenedRow, key: AccountKey, old: Wrap, new: Plaintext
    ) -> list[Step]:
        making = partial(make_password_wrap, key, account.account_id, new, self._clock.now())
        return self._keyring.change_wrap(old, await self._hashing(making))

    def _code_steps(
        self, account_id: AccountId, key: AccountKey, old: Wrap
    ) -> tuple[Plaintext, list[Step]]:
        code = new_recovery_code()
        new = make_recovery_wrap(key, account_id, code, self._clock.now())
        return code, self._keyring.change_wrap(old, new)

    async def _change(self, account_id: AccountId, steps: list[Step], kept: Kept) -> None:
        """Do `steps` and end what is not `kept`: in one transaction, then here, then on disk."""
        session = () if kept.session is None else (kept.session,)
        steps.append(DeleteAll(Rows.SESSIONS, account_id, keep=session))
        apps = await self._keyring.wraps(account_id, WrapKind.APP_PASSWORD)
        if not kept.app_passwords:
            steps.extend(self._keyring.drop_wrap(wrap) for wrap in apps)
            apps = []
        await self._keyring.apply(steps)
        staying = {wrap.row_id for wrap in apps} | set(session)
        for lease in self._sessions.leases(account_id):
            if lease.credential not in staying:
                self._sessions.revoke(account_id, lease.credential)
        await self._keyring.clear()

    async def _record(self, event: Event, account: OpenedRow, kind: str = "password") -> None:
        await self._chain.record(
            event,
            actor=account_actor(account.account_id),
            account_id=account.account_id,
            facts={"kind": kind},
        )


def _prove(account: OpenedRow, key: AccountKey) -> None:
    """See that a recovered key is the account's: its row has no master-key layer to say so.

    Raises:
        Corrupt: KEY_MISMATCH.
    """
    for generation in account.record.generations:
        if generation.number == key.generation:
            key.prove(generation.public)
            return
    raise Absent(Condition.NO_SUCH_CREDENTIAL, "the code is of a generation that is gone")
