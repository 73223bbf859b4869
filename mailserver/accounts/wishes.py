"""What an owner wants done with his account: that it is only kept, or that it is erased on a day.

Both stand in the account's row of the keystore, for they decide who may sign in and send. Of a
restricted account (GDPR Art. 18) mail is stored and nothing else: nothing is sent, sorted by
filters, learned from or ended by age; what arrives is sealed into the INBOX. An account to be
erased (Art. 17) still gets mail, but no program signs in to it; its owner's next sign-in in the
webmail keeps it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.web_sessions import WebSessions
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, account_actor
from mailserver.model.errors import Condition, Conflict
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.store.accounts import AccountState
from mailserver.store.store import Store
from mailserver.vault.records import AccountRecord

RESTRICTED: Final = "restricted"
"""In `AccountRecord.policy`: its data are kept, and nothing else is done with them."""
_ERASE_AT: Final = "erase-at "
"""Begins the word in `AccountRecord.policy` that says when it is erased."""


def is_restricted(record: AccountRecord) -> bool:
    """Say whether the account is only kept."""
    return RESTRICTED in record.policy


def erase_at(record: AccountRecord) -> datetime | None:
    """Return when the account is erased; None where its owner did not ask for that."""
    said = [word.removeprefix(_ERASE_AT) for word in record.policy if word.startswith(_ERASE_AT)]
    return min(map(datetime.fromisoformat, said), default=None)


class Wishes:
    """Writes down what owners want."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        sessions: Sessions,
        web_sessions: WebSessions,
        chain: Chain,
        tell: Tell,
    ) -> None:
        """Change rows of `keyring`; owners are told by `tell`."""
        self._store = store
        self._keyring = keyring
        self._sessions = sessions
        self._web_sessions = web_sessions
        self._chain = chain
        self._tell = tell

    async def restrict(self, account_id: AccountId, *, by_owner: bool = True) -> None:
        """Have the account kept, and nothing else. Doing it twice is nothing.

        Raises:
            Absent: NO_SUCH_USER.
            Conflict: CHANGED_MEANWHILE, do it again.
        """
        account = await self._keyring.account(account_id, fresh=True)
        if not is_restricted(account.record):
            policy = account.record.policy | {RESTRICTED}
            await self._change(account, policy, Event.RESTRICTED, by_owner=by_owner)
            await self._tell(account_id, Notice.RESTRICTED, "")
        await self._store.accounts.set_state(account_id, AccountState.FROZEN)

    async def lift(self, account_id: AccountId, *, by_owner: bool = True) -> None:
        """Use the account again as before. Raises as `restrict`; Conflict, it is not restricted.

        Its owner is told before anything is done with it. Source: GDPR Art. 18(3).
        """
        account = await self._keyring.account(account_id, fresh=True)
        if not is_restricted(account.record):
            raise Conflict(Condition.CHANGED_MEANWHILE, "this account is not restricted")
        await self._tell(account_id, Notice.RESTRICTION_LIFTED, "")
        await self._store.accounts.set_state(account_id, AccountState.ACTIVE)
        policy = account.record.policy - {RESTRICTED}
        await self._change(account, policy, Event.RESTRICTION_LIFTED, by_owner=by_owner)

    async def leave(self, account_id: AccountId, at: datetime) -> None:
        """Have the account erased at an instant, aware; every session of it ends now.

        Raises as `restrict`.
        """
        account = await self._keyring.account(account_id, fresh=True)
        policy = _without_end(account.record.policy) | {_ERASE_AT + at.isoformat()}
        await self._change(account, policy, Event.ERASURE_ASKED, by_owner=True)
        await self._web_sessions.end_all(account_id)
        self._sessions.revoke(account_id)

    async def stay(self, account_id: AccountId) -> bool:
        """Keep an account that was to be erased; say whether it was. Raises as `restrict`."""
        account = await self._keyring.account(account_id, fresh=True)
        if erase_at(account.record) is None:
            return False
        policy = _without_end(account.record.policy)
        await self._change(account, policy, Event.ERASURE_CANCELLED, by_owner=True)
        await self._tell(account_id, Notice.ERASURE_CANCELLED, "")
        return True

    async def _change(
        self, account: OpenedRow, policy: frozenset[str], event: Event, *, by_owner: bool
    ) -> None:
        owner = account.account_id
        actor = account_actor(owner) if by_owner else OPERATOR
        await self._chain.record(event, actor=actor, account_id=owner)
        record = replace(account.record, policy=policy)
        await self._keyring.apply([self._keyring.change_account(account, record)])


def _without_end(policy: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in policy if not word.startswith(_ERASE_AT))
