"""Where an account's mail may be sent on to (PRIVACY §3).

The list stands in the account's own keystore row, for it decides where mail leaves. A filter that
names an address which is not on it keeps the message. Each new address is told to the owner.
"""

from dataclasses import replace

from mailserver.accounts.directory import Directory, address_of
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event
from mailserver.audit.subjects import Subject
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell, tell_nobody

MOST_TARGETS = 50


class Forwards:
    """The approved list of each account."""

    def __init__(
        self, keyring: Keyring, directory: Directory, chain: Chain, tell: Tell = tell_nobody
    ) -> None:
        """Keep the lists in the rows of `keyring`; `tell` writes to the accounts' owners."""
        self._keyring = keyring
        self._directory = directory
        self._chain = chain
        self._tell = tell

    async def approved(self, account_id: AccountId, target: Address) -> bool:
        """Say whether an account's mail may be sent on to an address, at this moment.

        Raises:
            Corrupt: KEY_MISMATCH.
            Transient: the keystore does not answer.
        """
        try:
            opened = await self._keyring.account(account_id)
        except Absent:
            return False
        if target.key not in opened.record.approved:
            return False
        return not await self._keeps_inside(opened, target)

    async def listing(self, account_id: AccountId) -> tuple[Address, ...]:
        """Return an account's list. Raises Absent (NO_SUCH_USER)."""
        opened = await self._keyring.account(account_id, fresh=True)
        return tuple(address_of(key) for key in opened.record.approved)

    async def approve(
        self, account_id: AccountId, target: Address, *, actor: str = OPERATOR
    ) -> None:
        """Allow an address; the owner is told. One that is allowed already stays so.

        Raises:
            Absent: NO_SUCH_USER.
            Refused: NOT_PERMITTED, the domain's policy keeps mail here; LIMIT.
        """
        opened = await self._keyring.account(account_id, fresh=True)
        if target.key in opened.record.approved:
            return
        if await self._keeps_inside(opened, target):
            raise Refused(
                Condition.NOT_PERMITTED, "the domain's policy keeps its mail on this server"
            )
        if len(opened.record.approved) >= MOST_TARGETS:
            raise Refused(Condition.LIMIT, f"{MOST_TARGETS} addresses are the most")
        await self._change(opened, (*opened.record.approved, target.key), "approved", target, actor)
        await self._tell(account_id, Notice.FORWARD_APPROVED, str(target))

    async def remove(
        self, account_id: AccountId, target: Address, *, actor: str = OPERATOR
    ) -> None:
        """Allow an address no more. Raises Absent, the list does not have it."""
        opened = await self._keyring.account(account_id, fresh=True)
        if target.key not in opened.record.approved:
            raise Absent(Condition.NO_SUCH_USER, "mail is not sent on to this address")
        left = tuple(key for key in opened.record.approved if key != target.key)
        await self._change(opened, left, "removed", target, actor)

    async def _keeps_inside(self, opened: OpenedRow, target: Address) -> bool:
        """Say whether a policy of one of the account's domains forbids what leaves this server."""
        if await self._directory.is_local(target.domain):
            return False
        domains = {address_of(key).domain for key in opened.record.addresses}
        records = [await self._keyring.receiving.domain(name) for name in domains]
        return any(record.no_external_forward for record in records)

    async def _change(
        self,
        opened: OpenedRow,
        approved: tuple[str, ...],
        change: str,
        target: Address,
        actor: str,
    ) -> None:
        subject = Subject(opened.account_id, opened.guard.audit_key)
        await self._chain.record(
            Event.FORWARD_CHANGED,
            actor=actor,
            account_id=opened.account_id,
            facts={"change": change},
            personal=subject.seal({"address": target.key}),
        )
        record = replace(opened.record, approved=approved)
        await self._keyring.apply([self._keyring.change_account(opened, record)])
