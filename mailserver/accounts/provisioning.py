"""Domains and accounts: made, listed and ended.

An account begins in the keystore: its row, its password and its recovery code are one transaction.
Then the main database gets its index entry, counters and mailboxes. A crash between the two leaves
keys that no mail is sealed to; `sweep` removes them after a week.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mailserver.accounts import passwords
from mailserver.accounts.admins import Admin
from mailserver.accounts.directory import address_of, addresses_of
from mailserver.accounts.ending import buried, everything_of
from mailserver.accounts.former import cleared
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import PROVISIONAL, Keyring
from mailserver.accounts.reserved import check_not_reserved
from mailserver.accounts.sessions import Sessions
from mailserver.accounts.signing_keys import SigningKeys
from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, Event, Facts
from mailserver.audit.subjects import Subject
from mailserver.crypto.context import Kind
from mailserver.crypto.suite import Suite
from mailserver.model.address import Address, canonical_domain
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, PeerFault, Refused
from mailserver.model.ids import AccountId, new_account_id
from mailserver.model.mailbox import INBOX, Role
from mailserver.model.notice import LANGUAGES, Notice, Tell, tell_nobody
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.keystore import Row, Step
from mailserver.store.keystore_purge import Purged
from mailserver.store.keystore_tables import Rows
from mailserver.store.mailboxes import NewMailbox
from mailserver.store.store import Store
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import new_recovery_code
from mailserver.vault.credentials import PASSWORD_COST, make_password_wrap, make_recovery_wrap
from mailserver.vault.guard import AccountGuard
from mailserver.vault.receiving import HolderRecord
from mailserver.vault.records import AccountRecord, KeyMode
from mailserver.vault.server_mode import make_server_wrap

DEFAULT_MAILBOXES: tuple[tuple[str, Role], ...] = (
    (INBOX, Role.INBOX),
    ("Drafts", Role.DRAFTS),
    ("Sent", Role.SENT),
    ("Junk", Role.JUNK),
    ("Trash", Role.TRASH),
    ("Archive", Role.ARCHIVE),
)
GUARD_KEY_OCTETS = 32
ORPHANED_AFTER = timedelta(days=7)

Contracted = Callable[[str], Awaitable[None]]
"""Sees that an organisation may have accounts here; raises Refused (NOT_PERMITTED)."""

log = get_logger("accounts")


async def nobody_contracted(customer: str) -> None:
    """Refuse every organisation: what makes accounts without being told of agreements."""
    raise Refused(Condition.NOT_PERMITTED, f"{customer} has no agreement")


@dataclass(frozen=True, slots=True, repr=False)
class NewUser:
    """An account that was made; the recovery code is shown now and never again."""

    account_id: AccountId
    address: Address
    recovery_code: Plaintext


class Provisioning:
    """Makes and ends accounts and domains."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        sessions: Sessions,
        chain: Chain,
        hashing: Hashing,
        clock: Clock,
        *,
        suite: Suite = Suite.HYBRID,
        argon2_parameters: int = PASSWORD_COST,
        signing_keys: SigningKeys | None = None,
        tell: Tell = tell_nobody,
        contracted: Contracted = nobody_contracted,
    ) -> None:
        """Make accounts whose keys are of `suite`, as `crypto.suite.self_test` found it.

        New domains get `signing_keys`, where they are given. `tell` writes to whoever had an
        address before. Of an organisation whose a domain is, `contracted` is asked first.
        """
        self._store = store
        self._keyring = keyring
        self._sessions = sessions
        self._chain = chain
        self._hashing = hashing
        self._clock = clock
        self._suite = suite
        self._parameters = argon2_parameters
        self._signing_keys = signing_keys
        self._tell = tell
        self._contracted = contracted

    async def add_domain(self, name: str, *, actor: str = OPERATOR) -> str:
        """Take mail for a domain from now on; return its canonical name.

        Raises:
            PeerFault: BAD_ADDRESS, it is no domain name.
            Conflict: ALREADY_EXISTS.
        """
        domain = canonical_domain(name)
        if await self._store.domains.get(domain) is not None:
            raise Conflict(Condition.ALREADY_EXISTS, f"the domain {domain} exists already")
        await self._chain.record(Event.DOMAIN_ADDED, actor=actor, facts={"domain": domain})
        await self._store.domains.add(domain)
        if self._signing_keys is not None:
            await self._signing_keys.make(domain, actor=actor)
        return domain

    async def remove_domain(self, name: str, *, actor: str = OPERATOR) -> None:
        """Take no more mail for a domain; its accounts stay.

        Raises:
            Absent: NO_SUCH_DOMAIN.
        """
        domain = canonical_domain(name)
        if await self._store.domains.get(domain) is None:
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {domain} here")
        await self._chain.record(Event.DOMAIN_REMOVED, actor=actor, facts={"domain": domain})
        await self._store.domains.remove(domain)
        await self._keyring.apply([self._keyring.receiving.drop_domain(domain)])
        if self._signing_keys is not None:
            await self._signing_keys.forget(domain)

    async def add_user(
        self,
        address: Address,
        password: Plaintext | None,
        *,
        quota_octets: int,
        provisional: bool = True,
        language: str = "",
        second: Admin | None = None,
        along: Sequence[Step] = (),
        actor: str = OPERATOR,
    ) -> NewUser:
        """Make an account with a password, as the operator at the keyboard does.

        What is to happen `along` with it is part of the same keystore transaction. It is
        `provisional`: whoever typed the password may know it, so the first web sign-in makes
        new keys (PRIVACY §5). Without a password the server opens it (`key_mode=server`), for whom
        the domain's identity provider vouches.

        Raises:
            Absent: NO_SUCH_DOMAIN, the domain is not ours.
            Conflict: ALREADY_EXISTS, somebody has the address.
            Refused: WEAK_PASSWORD; NOT_PERMITTED, the address is the server's own, was another's
                within a year (no `second` approves), or a customer's who accepted no agreement, or
                there is no password and no provider.
        """
        await self._check_free(address)
        await self._check_opens(address, password)
        account_id, receiving = new_account_id(), self._keyring.receiving
        free = await cleared(receiving, address, account_id, second, self._clock)
        key = AccountKey.random(self._suite)
        code = new_recovery_code()
        record = AccountRecord(
            addresses=(address.key,),
            generations=(key.public(),),
            guard_key=secrets.token_bytes(GUARD_KEY_OCTETS),
            key_mode=KeyMode.SERVER if password is None else KeyMode.USER,
            policy=frozenset({PROVISIONAL} if provisional and password is not None else ()),
            language=language,
        )
        try:
            steps = await self._first_steps(account_id, record, key, password, code)
        finally:
            key.close()
        await self._record_added(account_id, record, actor, free.facts(second))
        await self._keyring.apply([*steps, *free.steps, *along])
        await self._create(account_id, address, record, quota_octets)
        if free.whose is not None:
            await self._tell(free.whose, Notice.ADDRESS_GIVEN_AWAY, str(address))
        return NewUser(account_id, address, code)

    async def _check_free(self, address: Address) -> None:
        """See that an address is at a domain of ours and nobody's."""
        check_not_reserved(address)
        if await self._store.domains.get(address.domain) is None:
            raise Absent(Condition.NO_SUCH_DOMAIN, f"there is no domain {address.domain} here")
        taken = await self._keyring.receiving.address(address, fresh=True) is not None
        if taken or await self._store.accounts.by_address(address.key) is not None:
            raise Conflict(Condition.ALREADY_EXISTS, "somebody has this address already")
        if customer := (await self._keyring.receiving.domain(address.domain, fresh=True)).customer:
            await self._contracted(customer)

    async def customers(self) -> dict[str, list[str]]:
        """Return the organisations whose domains these are, and those of each."""
        found: dict[str, list[str]] = {}
        for row in await self._store.domains.listing():
            record = await self._keyring.receiving.domain(row.name)
            if record.customer:
                found.setdefault(record.customer, []).append(row.name)
        return found

    async def _check_opens(self, address: Address, password: Plaintext | None) -> None:
        """See that the owner will have a way in."""
        if password is not None:
            passwords.check(password, address)
        elif (await self._keyring.receiving.domain(address.domain, fresh=True)).provider is None:
            text = f"{address.domain} has no identity provider: nobody could open the account"
            raise Refused(Condition.NOT_PERMITTED, text)

    async def _first_steps(
        self,
        account_id: AccountId,
        record: AccountRecord,
        key: AccountKey,
        password: Plaintext | None,
        code: Plaintext,
    ) -> list[Step]:
        now = self._clock.now()
        if password is None:
            first = make_server_wrap(self._keyring.master.instance_guard, key, account_id, now)
        else:
            making = partial(
                make_password_wrap, key, account_id, password, now, parameters=self._parameters
            )
            first = await self._hashing(making)
        by_code = make_recovery_wrap(key, account_id, code, now)
        return [
            self._keyring.add_account(account_id, record),
            self._keyring.receiving.hold(address_of(record.addresses[0]), account_id),
            self._keyring.add_wrap(account_id, first),
            self._keyring.add_wrap(account_id, by_code),
        ]

    async def _record_added(
        self, account_id: AccountId, record: AccountRecord, actor: str, facts: Facts
    ) -> None:
        guard = AccountGuard(record.guard_key, account_id)
        subject = Subject(account_id, guard.audit_key)
        await self._chain.record(
            Event.ACCOUNT_ADDED,
            actor=actor,
            account_id=account_id,
            facts={
                "provisional": int(PROVISIONAL in record.policy),
                "key-mode": record.key_mode.value,
                **facts,
            },
            personal=subject.seal({"address": record.addresses[0]}),
        )
        guard.close()

    async def _create(
        self, account_id: AccountId, address: Address, record: AccountRecord, quota_octets: int
    ) -> None:
        guard = AccountGuard(record.guard_key, account_id)
        mailboxes = [
            NewMailbox(
                guard.seal_name(Kind.MAILBOX_NAME, name),
                guard.name_hash(name),
                role,
                subscribed=True,
            )
            for name, role in DEFAULT_MAILBOXES
        ]
        guard.close()
        try:
            await self._store.accounts.create(
                account_id, address.key, quota_octets, mailboxes, active=True
            )
        except Conflict:  # somebody else took the address meanwhile: these keys belong to nobody
            await self._keyring.apply(
                [*everything_of(account_id), self._keyring.receiving.drop(address)]
            )
            raise

    async def remove_user(self, address: Address, *, actor: str = OPERATOR) -> Purged:
        """Erase an account: its keys, from the keystore and its files; then its rows and mail.

        Its addresses are nobody's for twelve months.

        Raises:
            Absent: NO_SUCH_USER.
            Transient: it is not finished; do it again.
        """
        account_id = await self._erasable(address)
        await self._chain.record(Event.ACCOUNT_ERASED, actor=actor, account_id=account_id)
        ending = [*everything_of(account_id), *await self._end_of_addresses(account_id)]
        await self._keyring.apply(ending)
        self._sessions.revoke(account_id)
        purged = await self._keyring.keystore.purge()
        await self._store.accounts.remove(account_id)
        return purged

    async def _erasable(self, address: Address) -> AccountId:
        """Return whose account an address names: a living one, or one that was erased half-way."""
        record = await self._keyring.receiving.address(address, fresh=True)
        if isinstance(record, HolderRecord):
            return record.account
        # From before addresses had rows; or its keys are gone already, and its rows are not.
        account_id = await self._store.accounts.by_address(address.key)
        if account_id is None or not await self._may_have_had(account_id, address):
            raise Absent(Condition.NO_SUCH_USER, "there is no such user here")
        return account_id

    async def _may_have_had(self, account_id: AccountId, address: Address) -> bool:
        """Say whether the keystore agrees, or has nothing of that account any more."""
        try:
            account = await self._keyring.account(account_id, fresh=True)
        except Absent:
            return True
        return address in addresses_of(account)

    async def _end_of_addresses(self, account_id: AccountId) -> list[Step]:
        """Make the steps that take an account's addresses from it, and remember whose they were."""
        try:
            addresses = addresses_of(await self._keyring.account(account_id, fresh=True))
        except (Absent, Corrupt):  # erasing does not wait for a row that somebody spoilt
            addresses = await self._indexed(account_id)
        return buried(self._keyring, addresses, account_id, self._clock.now())

    async def _indexed(self, account_id: AccountId) -> tuple[Address, ...]:
        """Return those of the index's addresses of an account that the keystore says are its."""
        row = await self._store.accounts.get(account_id)
        found = []
        for address in map(address_of, row.addresses):
            record = await self._keyring.receiving.address(address, fresh=True)
            if isinstance(record, HolderRecord) and record.account == account_id:
                found.append(address)
        return tuple(found)

    async def sweep(self) -> int:
        """Remove keys whose account was never finished; return of how many accounts.

        Tombs that are a year old go, and addresses of accounts that were made before addresses had
        rows get theirs.
        """
        await self._keyring.receiving.forget_tombs(self._clock.now())
        swept = 0
        last: Row | None = None
        while page := await self._keyring.keystore.page(Rows.ACCOUNTS, last):
            for row in page:
                swept += await self._sweep_one(row.account_id)
            last = page[-1]
        return swept

    async def _sweep_one(self, account_id: AccountId) -> bool:
        try:
            await self._store.accounts.get(account_id)
        except Absent:
            wraps = await self._keyring.wraps(account_id)
            made_at = max((wrap.record.made_at for wrap in wraps), default=None)
            if made_at is not None and self._clock.now() - made_at < ORPHANED_AFTER:
                return False
            opened = await self._keyring.account(account_id)
            drops = [self._keyring.receiving.drop(address) for address in addresses_of(opened)]
            await self._keyring.apply([*everything_of(account_id), *drops])
            return True
        await self._add_missing_addresses(account_id)
        return False

    async def _add_missing_addresses(self, account_id: AccountId) -> None:
        try:
            for address in addresses_of(await self._keyring.account(account_id)):
                if await self._keyring.receiving.address(address) is None:
                    await self._keyring.apply([self._keyring.receiving.hold(address, account_id)])
        except (Corrupt, Conflict, Absent) as error:
            log.warning("addresses not looked after", condition=error.condition.name)


def check_language(language: str) -> None:
    """See that the server can write in a language; the empty one is English.

    Raises:
        PeerFault: BAD_SYNTAX.
    """
    if language not in ("", *LANGUAGES):
        raise PeerFault(Condition.BAD_SYNTAX, f"a language is one of {', '.join(LANGUAGES)}")
