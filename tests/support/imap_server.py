"""A real IMAP listener on a node with accounts and mail."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext

from sqlalchemy import Connection

from mailserver.accounts.provisioning import DEFAULT_MAILBOXES, GUARD_KEY_OCTETS
from mailserver.crypto.context import Kind
from mailserver.crypto.suite import Suite
from mailserver.imap.bounds import Bounds, Shared
from mailserver.imap.connection import Connection as ImapConnection
from mailserver.mail.account import Account
from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.listener import Listener, listening
from mailserver.runtime.rates import Paces
from mailserver.runtime.settings import Endpoint, Tls
from mailserver.store.driver import Sql, fetch, run
from mailserver.store.mailboxes import NewMailbox
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import make_app_password_wrap
from mailserver.vault.guard import AccountGuard
from mailserver.vault.records import AccountRecord, Scope
from tests.support import accounts
from tests.support.mail import MailNode, open_mail

READER = "reader@example.org"
PASSWORD = "abcd efgh ijkl mnop qrst uvwx yz23 4567"  # every account's
SECRET = Plaintext(PASSWORD.encode())
_READ = Sql("SELECT data FROM blobs WHERE account_id = ? AND blob_id = ?")
_WRITE = Sql("UPDATE blobs SET data = ? WHERE account_id = ? AND blob_id = ?")


class ImapServer:
    """A node behind a listener; `reader` is whoever signs in as READER."""

    def __init__(self, mail: MailNode) -> None:
        self.mail = mail
        self.budget = Budget(1 << 24)
        self.reader = ""

    async def add_reader(
        self, address: str = "reader@example.org", *, quota_octets: int = accounts.QUOTA
    ) -> Account:
        """Make an account and sign in to it beside the listener.

        It has an app password and no other: an account password costs a third of a second.
        """
        node, key, account_id = self.mail.node, AccountKey.random(Suite.HYBRID), new_account_id()
        record = AccountRecord((address,), (key.public(),), secrets.token_bytes(GUARD_KEY_OCTETS))
        wrap = make_app_password_wrap(
            key, account_id, SECRET, frozenset({Scope.IMAP}), node.clock.now()
        )
        key.close()
        await node.keyring.apply(
            [node.keyring.add_account(account_id, record), node.keyring.add_wrap(account_id, wrap)]
        )
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
        await node.store.accounts.create(account_id, address, quota_octets, mailboxes, active=True)
        self.reader = address
        return await self.sign_in(address, SECRET, accounts.PEER)

    async def sign_in(self, login: str, secret: Plaintext, peer: str) -> Account:
        """Be the listener's sign-in: the node's own, with READER and PASSWORD put in place."""
        if login == READER:
            login = self.reader
        lease = await self.mail.node.logins.app_password(login, secret, scope=Scope.IMAP, peer=peer)
        return self.mail.office.open(lease)

    async def damage(self, account: Account, email: int) -> None:
        """Change one octet of a message's ciphertext, behind the server's back."""
        key = (account.account_id, email)

        def flip(connection: Connection) -> None:
            ((data,),) = fetch(connection, _READ, key)
            run(connection, _WRITE, (data[:-1] + bytes((data[-1] ^ 1,)), *key))

        await self.mail.node.store.database.write(flip)


@asynccontextmanager
async def serving(
    directory: Path,
    *,
    urls: tuple[str, str] | None = None,
    tls: Tls = Tls.NONE,
    context: SSLContext | None = None,
    bounds: Bounds | None = None,
    connections: Connections | None = None,
    paces: Paces | None = None,
) -> AsyncIterator[tuple[ImapServer, Listener[Shared]]]:
    """Serve IMAP on a free port of loopback.

    Args:
        directory: where files go.
        urls: of empty databases for mail and keystore; else they are made below `directory`.
        tls: how connections begin.
        context: with which certificate.
        bounds: of connections.
        connections: how many.
        paces: of commands.
    """
    mail_url, keystore_url = urls or (
        f"sqlite:///{directory / 'mail.sqlite3'}",
        f"sqlite:///{directory / 'keystore.sqlite3'}",
    )
    async with open_mail(mail_url, keystore_url, directory, ManualClock()) as mail:
        server = ImapServer(mail)
        shared = Shared(
            server.sign_in,
            server.budget,
            connections or Connections(2_000, 2_000),
            bounds or Bounds(),
            paces or Paces(),
        )
        async with listening(
            "imap", ImapConnection, Endpoint(host="127.0.0.1", port=0), tls, shared, context
        ) as listener:
            yield server, listener
