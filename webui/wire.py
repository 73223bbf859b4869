"""uvicorn's HTTP connection, with the bounds that it has not: of headers, of time, of connections.

uvicorn waits for ever for a request to become whole, and counts no connections by peer. Here a
header has a largest size and a latest time, a connection that sends nothing is closed, and every
connection counts with those of SMTP and IMAP.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Settings
from webui.security import ALWAYS

_TOO_LARGE = "HTTP/1.1 431 Request Header Fields Too Large"
_BAD = "HTTP/1.1 400 Bad Request"


class Connection(H11Protocol):
    """One connection; made by `bounded`, which names the bounds."""

    connections_of_all: Connections
    header_octets: int
    header_seconds: float

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._peer: str | None = None
        self._head_octets = 0
        self._impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, or close it where there are too many."""
        super().connection_made(transport)
        peer = self.client[0] if self.client else ""
        if not self.connections_of_all.try_enter(peer):
            transport.abort()
            return
        self._peer = peer
        self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._header_is_there()
        if self._peer is not None:
            self.connections_of_all.leave(self._peer)
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take octets; while no request is being served they are a header's."""
        if not self._is_serving:
            if self._impatience is None:
                self._await_header()
            self._head_octets += len(data)
            if self._head_octets > self.header_octets + len(data):
                self._refuse(_TOO_LARGE)
                return
        super().data_received(data)
        if self._is_serving:
            self._header_is_there()

    @property
    def _is_serving(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_header(self) -> None:
        self._impatience = self.loop.call_later(self.header_seconds, self._lose_patience)

    def _header_is_there(self) -> None:
        self._head_octets = 0
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None

    def _lose_patience(self) -> None:
        self._impatience = None
        if not self._is_serving:
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with the headers of every answer."""
        self._refuse(_BAD)

    def _refuse(self, status_line: str) -> None:
        fields = "".join(f"{name}: {value}\r\n" for name, value in ALWAYS)
        head = f"{status_line}\r\n{fields}connection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode("ascii"))
        self.transport.close()


def bounded(settings: Settings, connections: Connections) -> type[Connection]:
    """Return the class of connections with the bounds of `settings`."""

    class Bounded(Connection):
        connections_of_all = connections
        header_octets = settings.web.header_octets
        header_seconds = float(settings.web.header_seconds)

    return Bounded
