"""The ManageSieve listener: sockets, TLS, how many may come in, and a stop that tells everybody."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailserver.managesieve.bounds import Shared
from mailserver.managesieve.connection import Connection
from mailserver.model.errors import Misconfigured
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Endpoint, Tls

log = get_logger("managesieve")


class Listener:
    """One listening address and its connections; made by `listening`."""

    def __init__(
        self,
        shared: Shared,
        tls: Tls,
        context: ssl.SSLContext | None,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.shared = shared
        self.tls = tls
        self.context = context
        self.tasks = tasks
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that was bound."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the listener is closed")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def bind(self, address: Endpoint, *, reuse_port: bool = False) -> None:
        """Begin to listen.

        Raises:
            Misconfigured: the address cannot be bound.
        """
        implicit = self.tls is Tls.IMPLICIT
        seconds = self.shared.bounds.handshake.total_seconds()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self),
                address.host or None,
                address.port,
                reuse_port=reuse_port or None,
                ssl=self.context if implicit else None,
                ssl_handshake_timeout=seconds if implicit else None,
            )
        except OSError as error:
            raise Misconfigured(f"managesieve: cannot listen on {address}") from error

    def enter(self, connection: Connection) -> bool:
        """Count `connection`; False where there is no room for it."""
        if not self.shared.connections.try_enter(connection.peer):
            log.info("too many connections", peer=connection.peer)
            return False
        self._connections.add(connection)
        self._empty.clear()
        return True

    def leave(self, connection: Connection) -> None:
        """Count it no more."""
        self.shared.connections.leave(connection.peer)
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def close(self) -> None:
        """Listen no more, say goodbye to everybody, and close what does not end in time."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.retire()
        if self._connections:
            try:
                async with asyncio.timeout(self.shared.bounds.shutdown.total_seconds()):
                    await self._empty.wait()
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()


@asynccontextmanager
async def listening(
    address: Endpoint,
    tls: Tls,
    shared: Shared,
    context: ssl.SSLContext | None = None,
    *,
    reuse_port: bool = False,
) -> AsyncIterator[Listener]:
    """Serve ManageSieve on `address` for the length of a block.

    Args:
        address: where to listen; port 0 picks a free one.
        tls: `NONE` takes sign-ins from loopback only.
        shared: sign-in and bounds.
        context: the certificate, where `tls` is not NONE.
        reuse_port: other processes of this server listen there as well.

    Raises:
        Misconfigured: the address cannot be bound, or TLS has no certificate.
    """
    if tls is not Tls.NONE and context is None:
        raise Misconfigured("managesieve: a listener with TLS needs a certificate")
    async with asyncio.TaskGroup() as tasks:
        listener = Listener(shared, tls, context, tasks)
        await listener.bind(address, reuse_port=reuse_port)
        try:
            yield listener
        finally:
            await listener.close()
