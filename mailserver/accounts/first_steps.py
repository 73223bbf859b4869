"""What makes an account its owner's own: new keys for provisional ones, and the code typed back.

Whoever made an account with `user add` may know its password, so the first web sign-in makes new
keys and ends all that was made before (PRIVACY §5). The keys before stay reachable: mail that came
meanwhile is the owner's. So it is when an account leaves `key_mode=server`, which it can do at any
time and nobody else can undo.
"""

from mailserver.accounts import passwords
from mailserver.accounts.directory import addresses_of
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import PROVISIONAL, Keyring
from mailserver.accounts.renewal import renewing
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import Event, account_actor
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.vault.account_key import AccountKey
from mailserver.vault.records import KeyMode

GROUPS_TYPED_BACK = 2


class FirstSteps:
    """Makes accounts their owners' own."""

    def __init__(
        self,
        keyring: Keyring,
        sessions: Sessions,
        chain: Chain,
        hashing: Hashing,
        clock: Clock,
        *,
        suite: Suite,
    ) -> None:
        """Make keys of `suite`."""
        self._keyring = keyring
        self._sessions = sessions
        self._chain = chain
        self._hashing = hashing
        self._clock = clock
        self._suite = suite

    async def take_over(self, lease: Lease, password: Plaintext) -> tuple[AccountKey, Plaintext]:
        """Set the owner's own password; return the new key, the caller's, and the recovery code.

        Every credential and session from before ends, this one too.

        Raises:
            Refused: NOT_PERMITTED, nobody else can open the account; WEAK_PASSWORD.
            Conflict: CHANGED_MEANWHILE.
        """
        account = await self._keyring.account(lease.account_id, fresh=True)
        record = account.record
        if PROVISIONAL not in record.policy and record.key_mode is KeyMode.USER:
            raise Refused(Condition.NOT_PERMITTED, "the account is its owner's already")
        factors = record.factors
        passwords.check(password, addresses_of(account)[0], second_factor=bool(factors))
        key, generation = lease.account.key.successor(account.account_id, self._suite)
        try:
            code, steps = await renewing(
                self._keyring,
                self._hashing,
                self._clock,
                account,
                key,
                generation,
                password,
                factors=factors,
            )
            await self._record(Event.ACCOUNT_KEY_MADE, account.account_id, {"why": "first"})
            await self._keyring.apply(steps)
        except BaseException:
            key.close()
            raise
        self._sessions.revoke(account.account_id)
        await self._keyring.clear()
        return key, code

    async def confirm_code(self, account_id: AccountId, *, skipped: bool) -> None:
        """Write down that the recovery code was typed back, or that its owner would not."""
        what = "skipped" if skipped else "confirmed"
        await self._record(Event.CREDENTIAL_ADDED, account_id, {"kind": "recovery", "what": what})

    async def _record(self, event: Event, account_id: AccountId, facts: dict[str, str]) -> None:
        await self._chain.record(
            event, actor=account_actor(account_id), account_id=account_id, facts=dict(facts)
        )
