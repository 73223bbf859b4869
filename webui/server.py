"""uvicorn inside of our own event loop: our sockets, our TLS, our signals."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from mailserver.model.errors import Misconfigured
from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Endpoint, Settings
from mailserver.runtime.settings_values import MIB
from webui.wire import bounded

Context = ssl.SSLContext | None
BACKLOG = 1_024
WEBSOCKET_OCTETS = 10 * MIB  # a JMAP request, as large as over HTTP (RFC 8887 §4.2)
LONGEST_DRAIN_SECONDS = 10
"""Answers under way have so long to end when the server stops; push channels end at once."""


class _Server(uvicorn.Server):
    """A server that others start and stop: it hears no signals, and listens in a way of its own."""

    def __init__(self, config: uvicorn.Config, handshake_seconds: float) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._handshake_seconds = handshake_seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on `sockets`; a peer that does not finish its handshake is not waited for."""
        await self.lifespan.startup()
        loop, context = asyncio.get_running_loop(), self.config.ssl
        self.servers = [
            await loop.create_server(
                self._connection,
                sock=sock,
                backlog=BACKLOG,
                ssl=context,
                ssl_handshake_timeout=self._handshake_seconds if context else None,
            )
            for sock in sockets or ()
        ]
        self.started = True
        self.listening.set()

    def _connection(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self._protocol(self.config, self.server_state, self.lifespan.state)
        return made

    @property
    def _protocol(self) -> Callable[..., asyncio.Protocol]:
        return self.config.http_protocol_class

    async def run_until_told(self, sockets: list[socket.socket]) -> None:
        """Serve until `should_exit`."""
        await self._serve(sockets)

    def stop(self) -> None:
        """Take no connections any more, and end when what is under way is done."""
        self.should_exit = True


@asynccontextmanager
async def serving(
    app: ASGIApp,
    sockets: list[socket.socket],
    context: ssl.SSLContext | None,
    settings: Settings,
    connections: Connections,
) -> AsyncIterator[Callable[[], None]]:
    """Serve `app` on `sockets`, which are bound, for the length of a block.

    Yields what begins the stop; the end of the block begins it too, and waits for it.
    """
    connection, web_socket = bounded(settings, connections)
    config = uvicorn.Config(
        app,
        http=connection,
        ws=web_socket,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.web.idle_seconds,
        timeout_graceful_shutdown=min(LONGEST_DRAIN_SECONDS, settings.limits.shutdown_seconds),
        ws_max_size=WEBSOCKET_OCTETS,
        ws_per_message_deflate=False,  # PRIVACY §7: no compression of secrets
        ssl_context_factory=None if context is None else lambda *_: context,
    )
    server = _Server(config, float(settings.web.header_seconds))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run_until_told(sockets))
        try:
            await server.listening.wait()
            yield server.stop
        finally:
            server.stop()


def bind(name: str, address: Endpoint, *, reuse_port: bool) -> list[socket.socket]:
    """Bind a socket for each address of the host; port 0 is one free port for all of them.

    Raises:
        Misconfigured: it cannot be bound.
    """
    port, bound = address.port, []
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(
                address.host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, _, _, _, where in dict.fromkeys(found):
                one = opened.enter_context(socket.socket(family))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if reuse_port:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((where[0], port))
                one.setblocking(False)
                port = port or one.getsockname()[1]
                bound.append(one)
        except OSError as error:
            raise Misconfigured(f"listeners.{name}: cannot listen on {address}") from error
        opened.pop_all()
    return bound
