"""Who receives at an address: found by the main database's index, decided by the keystore's row.

The index says which account may have an address; the account's own authenticated row must name it,
else nobody has it. So whoever writes to the main database redirects nothing (PRIVACY §1, T-KEY-9).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.audit.chain import Chain
from mailserver.audit.entry import SERVER, Event, Facts
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Corrupt, Locked
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.accounts import AccountRow, AccountState
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard
from mailserver.vault.records import PublicIdentity

REPORTED_AGAIN_SECONDS = 3_600.0  # a forged row meets each delivery; one entry an hour tells it
REPORTED_ACCOUNTS = 1_000

log = get_logger("accounts")


@dataclass(frozen=True, slots=True)
class Addressee:
    """An account that takes mail: to whom it is sealed, and what guards its names."""

    identity: PublicIdentity
    guard: AccountGuard
    addresses: tuple[Address, ...]
    account: AccountRow
    """Its row in the main database: quota and state."""

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.identity.account


class Directory:
    """The addresses of this server."""

    def __init__(self, store: Store, keyring: Keyring, chain: Chain, clock: Clock) -> None:
        """Find by `store`, decide by `keyring`, tell `chain` of what is not authentic."""
        self._store = store
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self._reported: dict[AccountId, float] = {}

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` (in canonical form) is ours to deliver."""
        return await self._store.domains.get(domain) is not None

    async def find(self, address: Address) -> Addressee:
        """Return who gets mail for `address`; a `+detail` in its local part is ignored.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours; NO_SUCH_USER, nobody has it.
            Locked: NOT_ACTIVE, its sign-up is not finished, or it is frozen.
            Corrupt: KEY_MISMATCH, what the keystore says cannot be trusted; it was reported.
        """
        opened = await self.holder(address)
        if opened is None and "+" in address.local:
            plain, _, _ = address.local.partition("+")
            opened = await self.holder(Address(plain, address.domain)) if plain else None
        if opened is None:
            if not await self.is_local(address.domain):
                raise Absent(Condition.NO_SUCH_DOMAIN, "mail for this domain is not taken here")
            raise Absent(Condition.NO_SUCH_USER, "there is no such user here")
        account = await self._store.accounts.get(opened.account_id)
        if account.state is not AccountState.ACTIVE:
            raise Locked(Condition.NOT_ACTIVE, "the mailbox is not active yet, try again later")
        return Addressee(opened.identity, opened.guard, addresses_of(opened), account)

    async def holder(self, address: Address) -> OpenedRow | None:
        """Return the row of the account that has exactly `address`; None where nobody has.

        Raises:
            Corrupt: KEY_MISMATCH, it was reported.
        """
        account_id = await self._store.accounts.by_address(address.key)
        if account_id is None:
            return None
        try:
            async with self.reporting(account_id):
                opened = await self._keyring.account(account_id)
        except Absent:
            return None
        return opened if address.key in opened.record.addresses else None

    @asynccontextmanager
    async def reporting(self, account_id: AccountId) -> AsyncIterator[None]:
        """Report what is found in the block not to be authentic, before the error goes on."""
        try:
            yield
        except Corrupt:
            await self._report(account_id)
            raise

    async def _report(self, account_id: AccountId) -> None:
        """Write a mismatch to the audit log, as event and suspected breach; once an hour."""
        now = self._clock.monotonic()
        last = self._reported.get(account_id)
        if last is not None and now - last < REPORTED_AGAIN_SECONDS:
            return
        log.error("keystore row not authentic")
        facts: Facts = {"store": "keystore"}
        for event in (Event.KEY_MISMATCH, Event.BREACH_SUSPECTED):
            await self._chain.record(event, actor=SERVER, account_id=account_id, facts=facts)
        if len(self._reported) >= REPORTED_ACCOUNTS:
            self._reported.clear()
        self._reported[account_id] = now


def addresses_of(opened: OpenedRow) -> tuple[Address, ...]:
    """Return the addresses an account's row names, its own name first."""
    split = (key.rpartition("@") for key in opened.record.addresses)
    return tuple(Address(local, domain) for local, _, domain in split)
