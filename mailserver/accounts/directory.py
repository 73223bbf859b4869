"""Who receives at an address: decided by the keystore's rows, and by nothing else.

    the address itself  an account has it, or it stands for a group
    without its detail  `alice+lists` is Alice's, where nobody has that very address
    its role            postmaster, abuse …: whom the domain names (RFC 2142)
    the catch-all       whom the domain names for what nobody has, and nobody had in the last year

An address's row says which account has it, and the account's own row must name it. The main
database is not asked, but for accounts made before addresses had rows, and there its index only
proposes. So whoever writes to the main database redirects nothing (PRIVACY §1, T-KEY-9).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mailserver.accounts.groups import Members
from mailserver.accounts.keyring import Keyring, OpenedRow
from mailserver.accounts.roles import is_required, is_role
from mailserver.audit.chain import Chain
from mailserver.audit.entry import SERVER, Event, Facts
from mailserver.mailauth import srs
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Corrupt, Locked
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.accounts import AccountRow, AccountState
from mailserver.store.store import Store
from mailserver.vault.guard import AccountGuard
from mailserver.vault.receiving import (
    AddressRecord,
    DomainRecord,
    GroupRecord,
    HolderRecord,
    place_of,
)
from mailserver.vault.records import PublicIdentity, Table

REPORTED_AGAIN_SECONDS = 3_600.0  # a forged row meets each delivery; one entry an hour tells it
REPORTED_ACCOUNTS = 1_000

_ROUTES = frozenset("%!@")
"""In a local part they are old forms of "send it on to" (RFC 5321 §F.2): never a catch-all's."""

log = get_logger("accounts")


@dataclass(frozen=True, slots=True)
class Addressee:
    """An account that takes mail: to whom it is sealed, and what guards its names."""

    identity: PublicIdentity
    guard: AccountGuard
    addresses: tuple[Address, ...]
    account: AccountRow
    """Its row in the main database: quota and state."""
    language: str = ""
    """In which its owner is written to; empty for English."""

    @property
    def account_id(self) -> AccountId:
        """Whose it is."""
        return self.identity.account


@dataclass(frozen=True, slots=True)
class Standing:
    """What an address of ours stands for: an account, or those to whom its mail goes on."""

    holder: Addressee | None
    onward: tuple[Address, ...] = ()
    members: Members | None = None
    """Of a group: who may write to it."""

    def may_post(self, author: Address | None) -> bool:
        """Say whether mail by `author` is taken; None is somebody who proved nothing."""
        return self.members is None or self.members.may_post(author)


class Directory:
    """The addresses of this server."""

    def __init__(
        self, store: Store, keyring: Keyring, chain: Chain, clock: Clock, hostname: str = ""
    ) -> None:
        """Decide by `keyring`, tell `chain` of what is not authentic.

        Args:
            store: accounts and domains as they stand.
            keyring: the rows that decide.
            chain: the audit log.
            clock: spaces reports; ends tombs.
            hostname: our own name, whose postmaster one of our domains' answers.
        """
        self._store = store
        self._keyring = keyring
        self._chain = chain
        self._clock = clock
        self._hostname = hostname.lower()
        self._reported: dict[AccountId, float] = {}

    async def is_local(self, domain: str) -> bool:
        """Say whether mail for `domain` (in canonical form) is ours to deliver."""
        return await self._store.domains.get(domain) is not None

    async def takes(self, address: Address) -> bool:
        """Say whether mail for `address` is ours to deliver: to a domain, or to this very host."""
        return await self.is_local(address.domain) or self._is_our_own(address)

    async def resolve(self, address: Address) -> Standing:
        """Return what `address` stands for.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours; NO_SUCH_USER, nobody has it.
            Locked: NOT_ACTIVE, its sign-up is not finished, it is frozen, or it is a role that
                nobody answers yet.
            Refused: LIMIT, it stands for too many.
            Corrupt: KEY_MISMATCH, what the keystore says cannot be trusted; it was reported.
        """
        domain = await self._domain(address)
        for candidate in _candidates(address):
            record = await self._record(candidate)
            if isinstance(record, GroupRecord):
                members = await self._expanded(record, domain)
                return Standing(None, members.addresses, members)
            opened = await self._opened(candidate, record)
            if opened is not None:
                return Standing(await self._addressee(opened))
        return Standing(await self._addressee(await self._stand_in(address, domain)))

    async def find(self, address: Address) -> Addressee:
        """Return the account that has `address`; a `+detail` in its local part is ignored.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours; NO_SUCH_USER, no account has it.
            Locked: NOT_ACTIVE, its sign-up is not finished, or it is frozen.
            Corrupt: KEY_MISMATCH, what the keystore says cannot be trusted; it was reported.
        """
        for candidate in _candidates(address):
            opened = await self.holder(candidate)
            if opened is not None:
                return await self._addressee(opened)
        if not await self.is_local(address.domain):
            raise _not_ours()
        raise _nobody()

    async def of_account(self, account_id: AccountId) -> Addressee:
        """Return an account as mail is delivered to it. Raises as `find`."""
        async with self.reporting(account_id):
            return await self._addressee(await self._keyring.account(account_id))

    async def holder(self, address: Address) -> OpenedRow | None:
        """Return the row of the account that has exactly `address`; None where none has.

        Raises:
            Corrupt: KEY_MISMATCH, it was reported.
        """
        return await self._opened(address, await self._record(address))

    async def _record(self, address: Address) -> AddressRecord | None:
        place = place_of(Table.ADDRESS, address.key)
        async with self.reporting(None, place):
            return await self._keyring.receiving.address(address)

    async def _opened(self, address: Address, record: AddressRecord | None) -> OpenedRow | None:
        """Open the account that an address's row names; its own row must name the address."""
        if isinstance(record, GroupRecord):
            return None
        if isinstance(record, HolderRecord):
            account_id: AccountId | None = record.account
        else:
            account_id = await self._store.accounts.by_address(address.key)
        if account_id is None:
            return None
        try:
            async with self.reporting(account_id):
                opened = await self._keyring.account(account_id)
        except Absent:
            return None
        return opened if address.key in opened.record.addresses else None

    async def _addressee(self, opened: OpenedRow) -> Addressee:
        account = await self._store.accounts.get(opened.account_id)
        if account.state is AccountState.PENDING:
            raise Locked(Condition.NOT_ACTIVE, "the mailbox is not active yet, try again later")
        return Addressee(
            opened.identity, opened.guard, addresses_of(opened), account, opened.record.language
        )

    async def _expanded(self, group: GroupRecord, domain: DomainRecord) -> Members:
        """Return everybody a group stands for, once, whatever groups are in it."""
        members = Members(group, inside_only=domain.no_external_forward)
        ours: dict[str, bool] = {}  # members are of a few domains
        while (address := members.next()) is not None:
            if address.domain not in ours:
                ours[address.domain] = await self.is_local(address.domain)
            if ours[address.domain]:
                await self._expand(members, address)
            else:
                members.add_outside(address)
        return members

    async def _expand(self, members: Members, address: Address) -> None:
        for candidate in _candidates(address):
            record = await self._record(candidate)
            if isinstance(record, GroupRecord):
                members.enter(record)
                return
            opened = await self._opened(candidate, record)
            if opened is not None:
                members.add_account(address, opened.account_id, opened.record.addresses)
                return
        members.add(address)  # nobody's: the queue says so to whoever wrote

    async def _stand_in(self, address: Address, domain: DomainRecord) -> OpenedRow:
        """Return who gets mail for an address that nobody has."""
        local = address.local.casefold()
        if is_role(local):
            found = await self._named(domain.roles.get(local) or domain.roles.get("postmaster"))
            if found is not None:
                return found
            if is_required(local):
                raise Locked(
                    Condition.NOT_ACTIVE, "nobody answers for this address yet, try again later"
                )
        if domain.catch_all and not await self._is_apart(address):
            found = await self._named(domain.catch_all)
            if found is not None:
                return found
        raise _nobody()

    async def _named(self, key: str | None) -> OpenedRow | None:
        return await self.holder(address_of(key)) if key else None

    async def _is_apart(self, address: Address) -> bool:
        """Say whether a catch-all must not get an address: it asks us to relay, or was somebody's.

        A rewritten reverse-path whose hash is wrong is somebody's attempt to have us send mail.
        """
        if _ROUTES & set(address.local) or srs.is_ours(address):
            return True
        now = self._clock.now()
        plain = (await self._keyring.receiving.former(each, now) for each in _candidates(address))
        return any([each is not None async for each in plain])

    def _is_our_own(self, address: Address) -> bool:
        return bool(self._hostname) and (
            address.domain == self._hostname and is_required(address.local)
        )

    async def _domain(self, address: Address) -> DomainRecord:
        """Return what holds for an address's domain.

        Raises:
            Absent: NO_SUCH_DOMAIN, it is not ours.
        """
        if await self.is_local(address.domain):
            return await self._domain_record(address.domain)
        if not self._is_our_own(address):
            raise _not_ours()
        # <postmaster> without a domain (RFC 5321 §4.5.1): our host's own domain first.
        names = [row.name for row in await self._store.domains.listing()]
        names.sort(key=lambda name: not address.domain.endswith("." + name))
        for name in names:
            record = await self._domain_record(name)
            if record.roles:
                return record
        return DomainRecord(address.domain)

    async def _domain_record(self, name: str) -> DomainRecord:
        async with self.reporting(None, place_of(Table.DOMAIN, name)):
            return await self._keyring.receiving.domain(name)

    @asynccontextmanager
    async def reporting(
        self, account_id: AccountId | None, place: AccountId | None = None
    ) -> AsyncIterator[None]:
        """Report what is found in the block not to be authentic, before the error goes on.

        Of a row that is no account's, `place` says which it is.
        """
        try:
            yield
        except Corrupt:
            await self._report(account_id, account_id or place or AccountId(b""))
            raise

    async def _report(self, account_id: AccountId | None, place: AccountId) -> None:
        """Write a mismatch to the audit log, as event and suspected breach; once an hour."""
        now = self._clock.monotonic()
        last = self._reported.get(place)
        if last is not None and now - last < REPORTED_AGAIN_SECONDS:
            return
        log.error("keystore row not authentic")
        facts: Facts = {"store": "keystore"}
        for event in (Event.KEY_MISMATCH, Event.BREACH_SUSPECTED):
            await self._chain.record(event, actor=SERVER, account_id=account_id, facts=facts)
        if len(self._reported) >= REPORTED_ACCOUNTS:
            self._reported.clear()
        self._reported[place] = now


def addresses_of(opened: OpenedRow) -> tuple[Address, ...]:
    """Return the addresses an account's row names, its own name first."""
    return tuple(address_of(key) for key in opened.record.addresses)


def address_of(key: str) -> Address:
    """Return the address with that `Address.key`."""
    local, _, domain = key.rpartition("@")
    return Address(local, domain)


def _candidates(address: Address) -> list[Address]:
    """Return the address itself, then the one without its detail."""
    plain, plus, _ = address.local.partition("+")
    return [address, Address(plain, address.domain)] if plus and plain else [address]


def _not_ours() -> Absent:
    return Absent(Condition.NO_SUCH_DOMAIN, "mail for this domain is not taken here")


def _nobody() -> Absent:
    return Absent(Condition.NO_SUCH_USER, "there is no such user here")
