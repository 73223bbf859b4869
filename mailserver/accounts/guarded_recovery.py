"""Changing a password and using the recovery code on the web: guesses counted, factors asked."""

from mailserver.accounts.delays import Delays
from mailserver.accounts.directory import Directory, addresses_of
from mailserver.accounts.factors import Factors, Proof
from mailserver.accounts.history import History
from mailserver.accounts.keyring import OpenedRow
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.trusted_devices import TrustedDevices
from mailserver.accounts.visitor import Visitor
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Plaintext


class GuardedRecovery:
    """`Recovery` as strangers and sessions may ask for it."""

    def __init__(
        self,
        recovery: Recovery,
        directory: Directory,
        devices: TrustedDevices,
        factors: Factors,
        history: History,
        delays: Delays,
        tell: Tell,
    ) -> None:
        """Ask `recovery`; `tell` writes to owners of what changed."""
        self._recovery = recovery
        self._directory = directory
        self._devices = devices
        self._factors = factors
        self._history = history
        self._delays = delays
        self._tell = tell

    async def change_password(
        self,
        account: OpenedRow,
        old: Plaintext,
        new: Plaintext,
        visitor: Visitor,
        *,
        session: bytes,
    ) -> None:
        """Change a password; the caller has seen the second factor where there is one.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER, WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        known = await self._devices.holder(visitor.trust) == account.account_id
        attempt = self._delays.attempt(
            str(addresses_of(account)[0]), old.reveal(), visitor.peer, guessable=True, known=known
        )
        try:
            await self._recovery.change_password(account.account_id, old, new, session=session)
        except Refused as refusal:
            if refusal.condition is Condition.AUTHENTICATION_FAILED:
                await self._delays.hold(self._delays.failed(attempt))
                self._history.note_of(account, visitor, "password-failed")
            raise
        self._delays.succeeded(attempt)
        await self._tell(account.account_id, Notice.PASSWORD_CHANGED, "")

    async def reset_with_code(
        self,
        login: str,
        code: Plaintext,
        new: Plaintext,
        visitor: Visitor,
        *,
        proof: Proof | None,
        keep_app_passwords: bool,
    ) -> Plaintext:
        """Set a password by the recovery code and the factor; return the next code.

        The factor is looked at once the code is right, so that nobody learns who has one.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER, WEAK_PASSWORD; NOT_PERMITTED, the second
                factor is needed as well.
            Conflict: CHANGED_MEANWHILE.
        """
        attempt = self._delays.attempt(login, code.reveal(), visitor.peer)
        try:
            account_id = await self._recovery.prove_code(login, code)
        except (Refused, Absent):
            await self._delays.hold(self._delays.failed(attempt))
            self._history.note(login, visitor, "code-failed")
            raise Refused(
                Condition.AUTHENTICATION_FAILED, "the address or the code is not right"
            ) from None
        shown = await self._shown(login, account_id, proof, visitor)
        following = await self._recovery.reset_with_code(
            login, code, new, keep_app_passwords=keep_app_passwords, factor_shown=shown
        )
        self._delays.succeeded(attempt)
        await self._tell(account_id, Notice.PASSWORD_CHANGED, "")
        return following

    async def _shown(
        self, login: str, account_id: AccountId, proof: Proof | None, visitor: Visitor
    ) -> bool:
        try:
            account = await self._directory.holder(Address.parse(login))
        except PeerFault:
            return False
        if account is None or not account.record.factors or proof is None:
            return False
        known = await self._devices.holder(visitor.trust) == account_id
        await self._factors.check(account, proof, visitor.peer, known=known)
        return True
