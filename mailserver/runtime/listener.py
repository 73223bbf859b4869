"""Listeners of our own protocols: sockets, TLS, how many may come in, a stop that tells everybody.

A protocol brings a class of connections, which ask their listener for what it shares with them,
and its bounds. SMTP has a listener of its own, for its connections are aiosmtpd's.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from mailserver.model.errors import Misconfigured
from mailserver.runtime.deadlines import Deadlines, Timed
from mailserver.runtime.limits import Connections
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Endpoint, Tls

BACKLOG = 1_024  # clients come back all at once when a server was away


class Times(Protocol):
    """The bounds of a protocol that its listener sees to."""

    @property
    def handshake(self) -> timedelta:
        """The longest that TLS may take to begin."""
        ...

    @property
    def shutdown(self) -> timedelta:
        """What running commands get to end in when the server stops."""
        ...

    @property
    def turn(self) -> timedelta:
        """How often each connection is asked whether it has had its time."""
        ...


class Shared(Protocol):
    """What the connections of a process have in common."""

    @property
    def connections(self) -> Connections:
        """How many may be open."""
        ...

    @property
    def bounds(self) -> Times:
        """How long they may take."""
        ...


class Guest(Timed, Protocol):
    """A connection as its listener sees it."""

    peer: str
    """The client's IP address."""
    slot: int
    """Where it sits in the ring of deadlines; the listener's."""

    def retire(self) -> None:
        """Say goodbye as soon as no command runs: the server stops."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


S = TypeVar("S", bound=Shared)


class Listener(Generic[S]):
    """One listening address and its connections; made by `listening`."""

    def __init__(
        self,
        protocol: str,
        shared: S,
        tls: Tls,
        context: ssl.SSLContext | None,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.shared = shared
        self.tls = tls
        self.context = context
        self.tasks = tasks
        """The parent of what connections run."""
        self._protocol = protocol
        self._log = get_logger(protocol)
        self._guests: set[Guest] = set()
        self._deadlines = Deadlines(shared.bounds.turn)
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that was bound."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the listener is closed")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._guests)

    async def bind(
        self,
        connect: Callable[["Listener[S]"], asyncio.Protocol],
        address: Endpoint,
        *,
        reuse_port: bool = False,
    ) -> None:
        """Begin to listen.

        Raises:
            Misconfigured: the address cannot be bound.
        """
        implicit = self.tls is Tls.IMPLICIT
        seconds = self.shared.bounds.handshake.total_seconds()
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: connect(self),
                address.host or None,
                address.port,
                backlog=BACKLOG,
                reuse_port=reuse_port or None,
                ssl=self.context if implicit else None,
                ssl_handshake_timeout=seconds if implicit else None,
            )
        except OSError as error:
            raise Misconfigured(f"{self._protocol}: cannot listen on {address}") from error

    def enter(self, guest: Guest) -> bool:
        """Count `guest`; False where there is no room for it, or it comes too soon."""
        if not self.shared.connections.try_enter(guest.peer):
            self._log.info("too many connections", peer=guest.peer)
            return False
        self._guests.add(guest)
        guest.slot = self._deadlines.enter(guest)
        self._empty.clear()
        return True

    def leave(self, guest: Guest) -> None:
        """Count it no more."""
        self.shared.connections.leave(guest.peer)
        self._guests.discard(guest)
        self._deadlines.leave(guest, guest.slot)
        if not self._guests:
            self._empty.set()

    async def close(self) -> None:
        """Listen no more, say goodbye to everybody, and close what does not end in time."""
        if self._server is not None:
            self._server.close()
        for guest in tuple(self._guests):
            guest.retire()
        if self._guests:
            try:
                async with asyncio.timeout(self.shared.bounds.shutdown.total_seconds()):
                    await self._empty.wait()
            except TimeoutError:
                for guest in tuple(self._guests):
                    guest.abort()


@asynccontextmanager
async def listening(
    protocol: str,
    connect: Callable[[Listener[S]], asyncio.Protocol],
    address: Endpoint,
    tls: Tls,
    shared: S,
    context: ssl.SSLContext | None = None,
    *,
    reuse_port: bool = False,
) -> AsyncIterator[Listener[S]]:
    """Serve on `address` for the length of a block.

    Args:
        protocol: what the log and errors call it.
        connect: makes a client's connection, a `Guest`, for the listener it comes in by.
        address: where to listen; port 0 picks a free one.
        tls: `NONE` takes sign-ins from loopback only.
        shared: sign-in, budgets and bounds.
        context: the certificate, where `tls` is not NONE.
        reuse_port: whether other processes listen there, too.

    Raises:
        Misconfigured: the address cannot be bound, or TLS has no certificate.
    """
    if tls is not Tls.NONE and context is None:
        raise Misconfigured(f"{protocol}: a listener with TLS needs a certificate")
    async with asyncio.TaskGroup() as tasks:
        listener = Listener(protocol, shared, tls, context, tasks)
        await listener.bind(connect, address, reuse_port=reuse_port)
        try:
            yield listener
        finally:
            await listener.close()
