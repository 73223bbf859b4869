"""Signing in on the web, step by step: address, password, second factor (PRIVACY §6).

    password  one Argon2, right or wrong, known or unknown; with a factor outstanding the session is
              in `Stage.FACTOR`, which opens nothing
    factor    the session gets a new cookie and is open

The same words and the same work for whoever does not exist. Wrong answers make strangers wait and
nobody for good: a browser that is known to the account gets through, and so does who shows a second
factor with the password.
"""

from dataclasses import dataclass, replace
from typing import Any

from mailserver.accounts import passkeys
from mailserver.accounts.challenges import Challenges
from mailserver.accounts.directory import addresses_of
from mailserver.accounts.factors import Factor, Factors, Proof
from mailserver.accounts.history import History
from mailserver.accounts.keyring import PROVISIONAL, Keyring, OpenedRow, Wrap
from mailserver.accounts.login import FactorFirst, Logins, Proven
from mailserver.accounts.lost_factors import LostFactors
from mailserver.accounts.passkeys import PasskeySite
from mailserver.accounts.providers import Providers
from mailserver.accounts.session_rows import Found
from mailserver.accounts.trusted_devices import TrustedDevices
from mailserver.accounts.visitor import Visitor
from mailserver.accounts.web_sessions import Begun, WebSession, WebSessions
from mailserver.accounts.wishes import Wishes
from mailserver.model.errors import Condition, Conflict, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import SessionToken
from mailserver.vault.providers import VouchedRecord
from mailserver.vault.records import KeyMode
from mailserver.vault.web_sessions import Stage, Vouching

FAILURES_IN_A_SESSION = 5

_WRONG = "the address or the password is not right"


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What a step led to."""

    session: Begun
    needed: tuple[Factor, ...] = ()
    """Of these one is to be shown next; none is left when the session is open."""
    provisional: bool = False
    trust: Plaintext | None = None
    """The cookie by which this browser is known from now on, where that was asked."""


class SignIn:
    """The steps of signing in; used on the event loop only."""

    def __init__(
        self,
        logins: Logins,
        keyring: Keyring,
        sessions: WebSessions,
        devices: TrustedDevices,
        factors: Factors,
        lost: LostFactors,
        history: History,
        providers: Providers,
        wishes: Wishes,
        clock: Clock,
        tell: Tell,
    ) -> None:
        """Glue those together."""
        self._logins = logins
        self._keyring = keyring
        self._sessions = sessions
        self._devices = devices
        self._factors = factors
        self._lost = lost
        self._history = history
        self._providers = providers
        self._wishes = wishes
        self.challenges = Challenges(sessions.rows, clock)
        self._tell = tell

    async def by_password(
        self,
        login: str,
        password: Plaintext,
        visitor: Visitor,
        *,
        stay: bool = False,
        trust: bool = False,
        first: Proof | None = None,
        vouched: VouchedRecord | None = None,
    ) -> Outcome:
        """Take the password; the session is open after it where the account has no factor.

        Args:
            login: the address.
            password: as it was typed.
            visitor: whose browser it is.
            stay: it asks to stay signed in.
            trust: it asks to be known for 30 days.
            first: a TOTP or backup code shown along, which lets a stranger through a delay.
            vouched: the word of the domain's identity provider, which goes before.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER; NOT_PERMITTED (`NotVouched`).
            Transient, Corrupt: BUSY; KEY_MISMATCH.
        """
        await self._providers.check_way(login, vouched)
        device = await self._devices.holder(visitor.trust)
        shown = False

        async def factor_first(account: OpenedRow | None) -> bool:
            nonlocal shown
            shown = first is not None and await self._is_right(account, first, visitor)
            return shown

        asked = None if first is None else factor_first
        proven, key = await self._proven(login, password, visitor, device, asked)
        try:
            account = await self._keyring.account(proven.account.account_id, fresh=True)
            account = await self._lost.settled(account)
            if first is not None and not shown and account.record.factors:
                known = device == account.account_id
                await self._factors.check(account, first, visitor.peer, known=known)
                shown = True
            done, worth = await self._vouched(replace(proven, account=account), vouched)
            return await self._begun(
                done, key, visitor, stay=stay, trust=trust, shown=shown, vouching=worth
            )
        finally:
            key.close()

    async def by_provider(
        self, vouched: VouchedRecord, visitor: Visitor, *, stay: bool = False, trust: bool = False
    ) -> Outcome | None:
        """Open an account that the server opens, for whom its provider vouches.

        None where the passphrase comes next: for every other account, and for nobody's address.

        Raises:
            NotVouched: NOT_PERMITTED, the provider's user cannot be this one.
            Corrupt: KEY_MISMATCH.
        """
        account = await self._providers.holder(vouched)
        if account is None or account.record.key_mode is not KeyMode.SERVER:
            return None
        wrap, key = await self._providers.server_key(account)
        try:
            account = await self._keyring.account(account.account_id, fresh=True)
            account = await self._lost.settled(account)
            proven, worth = await self._vouched(Proven(account, wrap, key), vouched)
            return await self._begun(
                proven, key, visitor, stay=stay, trust=trust, shown=False, vouching=worth
            )
        finally:
            key.close()

    async def _vouched(
        self, proven: Proven, vouched: VouchedRecord | None
    ) -> tuple[Proven, Vouching]:
        """Link an account to whom its provider vouches for; say what that word is worth."""
        if vouched is None:
            return proven, Vouching.NONE
        account = await self._providers.linked(proven.account, vouched)
        worth = Vouching.FACTOR if vouched.second_factor else Vouching.IDENTITY
        return replace(proven, account=account), worth

    async def by_factor(
        self, cookie: Plaintext, proof: Proof, visitor: Visitor, *, trust: bool = False
    ) -> Outcome:
        """Take the second factor; the session is open after it, under a new cookie.

        Raises:
            Refused: AUTHENTICATION_FAILED, the factor is not right, or the cookie no sign-in's.
        """
        token = SessionToken.parse(cookie)
        found = await self._sessions.rows.find(token, Stage.FACTOR)
        key = await self._sessions.key_of(token, found)
        try:
            account = await self._keyring.account(found.row.account_id, fresh=True)
            found = await self._checked(account, found, proof, visitor)
            begun = await self._sessions.begin(
                account, key, visitor, stay=found.record.stay, replaces=found
            )
            proven = Proven(account, Wrap(found.row, found.record.wrap), key)
            vouching = found.record.vouching
            return await self._completed(proven, begun, visitor, trust=trust, vouching=vouching)
        finally:
            key.close()

    async def again(
        self,
        cookie: Plaintext,
        visitor: Visitor,
        *,
        password: Plaintext | None = None,
        proof: Proof | None = None,
    ) -> Outcome:
        """Prove once more who it is, before what asks for it; the session gets a new cookie.

        With a second factor where there is one, else with the password.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER; NOT_PERMITTED, the wrong one was shown.
        """
        token = SessionToken.parse(cookie)
        found = await self._sessions.rows.find(token, Stage.OPEN)
        key = await self._sessions.key_of(token, found)
        try:
            account = await self._keyring.account(found.row.account_id, fresh=True)
            if account.record.factors:
                if proof is None:
                    raise Refused(Condition.NOT_PERMITTED, "show your second factor")
                found = await self._checked(account, found, proof, visitor)
            else:
                await self.check_password(account, password, visitor)
            begun = await self._sessions.begin(
                account, key, visitor, stay=found.record.stay, replaces=found
            )
            return Outcome(begun, provisional=PROVISIONAL in account.record.policy)
        finally:
            key.close()

    async def check_password(
        self, account: OpenedRow, password: Plaintext | None, visitor: Visitor
    ) -> None:
        """See that the password is the account's, at the price of a guess.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER; NOT_PERMITTED, none was given.
        """
        if password is None:
            raise Refused(Condition.NOT_PERMITTED, "give your password")
        device = await self._devices.holder(visitor.trust)
        login = str(addresses_of(account)[0])
        _, key = await self._proven(login, password, visitor, device, None)
        key.close()

    async def after(
        self,
        account_id: AccountId,
        key: AccountKey,
        visitor: Visitor,
        *,
        vouching: Vouching = Vouching.NONE,
    ) -> Outcome:
        """Begin a session for who has just made `key`; it stays the caller's."""
        await self._wishes.stay(account_id)
        account = await self._keyring.account(account_id, fresh=True)
        return Outcome(await self._sessions.begin(account, key, visitor, vouching=vouching))

    async def check_factor(self, cookie: Plaintext, proof: Proof, visitor: Visitor) -> None:
        """See that a factor is that of an open session's account, and use it up.

        Raises:
            Refused: AUTHENTICATION_FAILED, TRY_LATER.
        """
        found = await self._held(cookie)
        account = await self._keyring.account(found.row.account_id, fresh=True)
        await self._checked(account, found, proof, visitor)

    async def passkey_options(self, cookie: Plaintext, site: PasskeySite) -> dict[str, Any]:
        """Return what a browser needs to use a passkey, for the next step of its session.

        Raises:
            Refused: AUTHENTICATION_FAILED, it is no session; NOT_PERMITTED, there is no passkey.
        """
        found = await self._held(cookie)
        record = await self._factors.record(found.row.account_id)
        if not record.passkeys:
            raise Refused(Condition.NOT_PERMITTED, "the account has no passkey")
        challenge = await self.challenges.make(found)
        return passkeys.using_options(site, challenge, record)

    async def found(self, session: WebSession) -> Found:
        """Return the row of an open session, read now."""
        return await self._sessions.rows.get(session.account_id, session.id)

    async def out(self, cookie: Plaintext) -> None:
        """End the session of a cookie, whichever stage it is in.

        Raises:
            Refused: AUTHENTICATION_FAILED, it is no session's.
        """
        found = await self._held(cookie)
        await self._sessions.end(found.row.account_id, found.row.row_id)

    async def _held(self, cookie: Plaintext) -> Found:
        """Return the row that a cookie opens, in whichever stage."""
        token = SessionToken.parse(cookie)
        try:
            found = await self._sessions.rows.find(token, Stage.OPEN)
        except Refused:
            found = await self._sessions.rows.find(token, Stage.FACTOR)
        (await self._sessions.key_of(token, found)).close()  # the secret is right, too
        return found

    async def _checked(
        self, account: OpenedRow, found: Found, proof: Proof, visitor: Visitor
    ) -> Found:
        """See that `proof` is right; the session ends after a few that are not."""
        if proof.factor is Factor.PASSKEY:
            found, challenge = await self.challenges.take(found)
            proof = replace(proof, challenge=challenge)
        known = await self._devices.holder(visitor.trust) == account.account_id
        try:
            await self._factors.check(account, proof, visitor.peer, known=known)
        except Refused as refusal:
            if refusal.condition is Condition.AUTHENTICATION_FAILED:
                await self._count_failure(account, found, visitor)
            raise
        return found

    async def _count_failure(self, account: OpenedRow, found: Found, visitor: Visitor) -> None:
        self._history.note_of(account, visitor, "factor-failed")
        failures = found.record.failures + 1
        if failures >= FAILURES_IN_A_SESSION:
            await self._sessions.end(account.account_id, found.row.row_id)
            return
        try:
            await self._sessions.rows.change(found, replace(found.record, failures=failures))
        except Conflict:
            # Answers at once in one session: whoever races has used up its patience.
            await self._sessions.end(account.account_id, found.row.row_id)

    async def _is_right(self, account: OpenedRow | None, proof: Proof, visitor: Visitor) -> bool:
        if account is None or not account.record.factors or proof.factor is Factor.PASSKEY:
            return False
        try:
            await self._factors.check(account, proof, visitor.peer, known=False, first=True)
        except Refused:
            return False
        return True

    async def _proven(
        self,
        login: str,
        password: Plaintext,
        visitor: Visitor,
        device: AccountId | None,
        first: FactorFirst | None,
    ) -> tuple[Proven, AccountKey]:
        """See whose password it is; a wrong one and an unknown name are refused alike."""
        try:
            return await self._logins.prove_password(
                login, password, peer=visitor.peer, device=device, first=first
            )
        except Refused as refusal:
            if refusal.condition is Condition.AUTHENTICATION_FAILED:
                self._history.note(login, visitor, "password-failed")
                raise Refused(refusal.condition, _WRONG) from None
            raise

    async def _begun(
        self,
        proven: Proven,
        key: AccountKey,
        visitor: Visitor,
        *,
        stay: bool,
        trust: bool,
        shown: bool,
        vouching: Vouching,
    ) -> Outcome:
        """Begin a session: whole where no factor is left to show, else waiting for one."""
        account = proven.account
        waits = bool(account.record.factors) and not shown and vouching is not Vouching.FACTOR
        stage = Stage.FACTOR if waits else Stage.OPEN
        begun = await self._sessions.begin(
            account, key, visitor, stage=stage, stay=stay, vouching=vouching
        )
        if waits:
            return Outcome(begun, await self._factors.kinds(account))
        return await self._completed(proven, begun, visitor, trust=trust, vouching=vouching)

    async def _completed(
        self, proven: Proven, begun: Begun, visitor: Visitor, *, trust: bool, vouching: Vouching
    ) -> Outcome:
        """Write a sign-in down, tell of a new device, and know the device where that is asked."""
        account = proven.account
        vouched = vouching is not Vouching.NONE
        await self._logins.note(proven, None, visitor.peer, vouched=vouched)
        await self._wishes.stay(account.account_id)
        if await self._history.is_new_device(account, visitor):
            about = f"{visitor.shown_agent or '?'}, {visitor.peer}"
            await self._tell(account.account_id, Notice.NEW_DEVICE, about)
        await self._history.add(account, visitor)
        cookie = await self._devices.trust(account.account_id, visitor) if trust else None
        return Outcome(begun, (), PROVISIONAL in account.record.policy, cookie)
