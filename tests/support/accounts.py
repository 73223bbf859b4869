"""Everything of accounts, on real databases: what a test of signing in or of keys lives in."""

import ssl
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mailserver.accounts.app_passwords import AppPasswords, NewAppPassword
from mailserver.accounts.delays import Delays
from mailserver.accounts.desk import Desk, furnish_desk
from mailserver.accounts.directory import Directory
from mailserver.accounts.hashing import Hashing
from mailserver.accounts.keyring import Keyring
from mailserver.accounts.login import Logins
from mailserver.accounts.provider_keys import Issuers
from mailserver.accounts.provisioning import NewUser, Provisioning
from mailserver.accounts.recovery import Recovery
from mailserver.accounts.sessions import Lease, Sessions
from mailserver.audit.chain import Chain
from mailserver.crypto.sign import SigningKey
from mailserver.mail.opened import create_epoch
from mailserver.model.address import Address
from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.runtime.service_client import ServiceClient
from mailserver.runtime.settings_values import sqlite_path
from mailserver.store.keystore import Keystore
from mailserver.store.migrate import Which, migrate
from mailserver.store.store import Store
from mailserver.vault.credentials import open_recovery_wrap
from mailserver.vault.epochs import DepositMarks, Deposits
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import Scope, WrapKind

PASSWORD = Plaintext(b"a bicycle in the autumn rain")
QUOTA = 1 << 30
CHEAP = 1  # Argon2 parameters: the smallest that are allowed
PEER = "198.51.100.7"


@dataclass
class Node:
    """The services of accounts, as one process has them."""

    store: Store
    keystore: Keystore
    master: MasterKeys
    keyring: Keyring
    chain: Chain
    sessions: Sessions
    directory: Directory
    delays: Delays
    logins: Logins
    provisioning: Provisioning
    app_passwords: AppPasswords
    recovery: Recovery
    desk: Desk
    told: list[tuple[AccountId, Notice, str]]
    tell: Tell
    clock: ManualClock
    offload: Offload

    async def user(self, address: str = "alice@example.org") -> NewUser:
        """Make an account in a domain that is made where it is missing."""
        parsed = Address.parse(address)
        if await self.store.domains.get(parsed.domain) is None:
            await self.provisioning.add_domain(parsed.domain)
        return await self.provisioning.add_user(parsed, PASSWORD, quota_octets=QUOTA)

    async def unlocked(self, user: NewUser) -> Lease:
        """Open an account by its first recovery code.

        Its password would open it too, and be hashed anew: a CHEAP one is outdated, and a third of
        a second in every test adds up.
        """
        (wrap,) = await self.keyring.wraps(user.account_id, WrapKind.RECOVERY)
        key = open_recovery_wrap(user.account_id, wrap.row_id, wrap.record, user.recovery_code)
        account = await self.keyring.account(user.account_id)
        return self.sessions.lease(account, key, wrap.row_id, None)

    async def app_password(
        self, user: NewUser, *scopes: Scope, cidrs: tuple[str, ...] = ()
    ) -> NewAppPassword:
        """Make an app password, as its owner does after signing in."""
        lease = await self.unlocked(user)
        try:
            return await self.app_passwords.add(
                lease, scopes or (Scope.IMAP, Scope.SMTP), label="telephone", cidrs=cidrs
            )
        finally:
            await lease.close()

    async def close(self) -> None:
        """End it; the databases stay."""
        self.sessions.close()
        await self.chain.close()
        await self.store.close()
        await self.keystore.close()
        self.offload.close()


async def open_node(
    database_url: str,
    keystore_url: str,
    directory: Path,
    clock: ManualClock,
    *,
    master: MasterKeys | None = None,
    delays: bool = False,
    restored: bool = False,
) -> Node:
    """Open a node on two migrated databases, or on SQLite files that are made where missing.

    `restored` takes a mail database that is older than the keystore.
    """
    for which, url in ((Which.MAIN, database_url), (Which.KEYSTORE, keystore_url)):
        file = sqlite_path(url)
        if file is not None and not file.exists():  # PostgreSQL takes half a second to look
            await migrate(url, which)
    store = await Store.open(database_url, directory / "blobs", clock=clock)
    keystore = await Keystore.open(keystore_url, clock=clock)
    path = directory / "master.key"
    if master is None:
        master = MasterKeys.load(path) if path.exists() else MasterKeys.create(path)
    keyring = Keyring(keystore, master)
    begin = Chain.resume if restored else Chain.open
    key = SigningKey.random()
    try:
        chain = await begin(store.audit, keystore, master, key=key, clock=clock)
    except Corrupt:
        await store.close()
        await keystore.close()
        raise
    offload = Offload(2, name="test-hash")
    hashing = Hashing(offload)
    sessions = Sessions(keyring, clock)
    found = Directory(store, keyring, chain, clock)
    counts = Delays(clock, enabled=delays)
    told: list[tuple[AccountId, Notice, str]] = []

    async def tell(account_id: AccountId, notice: Notice, about: str) -> None:
        told.append((account_id, notice, about))

    logins = Logins(store, keyring, found, sessions, chain, counts, hashing, clock, tell=tell)
    provisioning = Provisioning(
        store, keyring, sessions, chain, hashing, clock, argon2_parameters=CHEAP
    )
    app_passwords = AppPasswords(keyring, sessions, chain, clock)
    recovery = Recovery(keyring, found, sessions, chain, hashing, clock)
    deposits = Deposits(DepositMarks(master), epoch_seconds=3600, epoch_messages=1000, clock=clock)
    desk = furnish_desk(
        *(store, keyring, found, sessions, logins, provisioning, recovery, app_passwords),
        *(chain, counts, hashing, deposits, partial(create_epoch, store), clock, tell),
        Issuers(ServiceClient(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)), clock),
    )
    return Node(
        store=store,
        keystore=keystore,
        master=master,
        keyring=keyring,
        chain=chain,
        sessions=sessions,
        directory=found,
        delays=counts,
        logins=logins,
        provisioning=provisioning,
        app_passwords=app_passwords,
        recovery=recovery,
        desk=desk,
        told=told,
        tell=tell,
        clock=clock,
        offload=offload,
    )


def locked(lease: Lease) -> bool:
    """Say whether the account that `lease` holds, or held, is locked."""
    return lease.account.closed
