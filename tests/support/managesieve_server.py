"""A real ManageSieve listener on a node with accounts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext

from mailserver.mail.script_account import ScriptAccount
from mailserver.mail.scripts import Scripts
from mailserver.managesieve.bounds import Bounds, Shared
from mailserver.managesieve.connection import Connection
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.limits import Connections
from mailserver.runtime.listener import Listener, listening
from mailserver.runtime.rates import Paces
from mailserver.runtime.settings import Endpoint, Sieve, Tls
from mailserver.vault.records import Scope
from tests.support.accounts import Node, open_node

READER = "reader@example.org"
APPROVED = Address.parse("approved@elsewhere.test")


class ManageSieveServer:
    """A node behind a listener; READER stands for whoever was made last."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.reader = ""
        self.secret = Plaintext(b"")
        self.app_password = b""

    async def add_reader(self, address: str = READER) -> AccountId:
        """Make an account with an app password for scripts."""
        user = await self.node.user(address)
        new = await self.node.app_password(user, Scope.SIEVE)
        self.reader, self.secret, self.app_password = address, new.secret, new.shown.id
        return user.account_id

    async def sign_in(self, login: str, secret: Plaintext, peer: str) -> ScriptAccount:
        """Be the listener's sign-in, with READER and his secret put in place."""
        if login == READER:
            login = self.reader
        if secret.reveal() == b"secret":
            secret = self.secret
        node = self.node
        lease = await node.logins.app_password(login, secret, scope=Scope.SIEVE, peer=peer)
        scripts = Scripts(
            node.store, lease.account_id, lease.account.guard, node.chain, _approved, Sieve()
        )
        return ScriptAccount(lease, scripts)


async def _approved(_account_id: AccountId, target: Address) -> bool:
    return target == APPROVED


@asynccontextmanager
async def serving(
    directory: Path,
    *,
    tls: Tls = Tls.NONE,
    context: SSLContext | None = None,
    bounds: Bounds | None = None,
    connections: Connections | None = None,
    paces: Paces | None = None,
) -> AsyncIterator[tuple[ManageSieveServer, Listener[Shared]]]:
    """Serve ManageSieve on a free port of loopback, on fresh databases below `directory`."""
    mail, keystore = (f"sqlite:///{directory / name}.sqlite3" for name in ("mail", "keystore"))
    node = await open_node(mail, keystore, directory, ManualClock())
    try:
        server = ManageSieveServer(node)
        shared = Shared(
            server.sign_in,
            connections or Connections(100, 100),
            bounds=bounds or Bounds(),
            paces=paces or Paces(),
        )
        async with listening(
            "managesieve", Connection, Endpoint(host="127.0.0.1", port=0), tls, shared, context
        ) as listener:
            yield server, listener
    finally:
        await node.close()
