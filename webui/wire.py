"""uvicorn's connections, with the bounds that it has not: of headers, of time, of how many.

Theory. Of what a peer sends, everything that is not part of a body is counted until something comes
of it: a header that is whole, a piece of body, the end of a request. What grows beyond the bound of
headers without that is refused, so no header, trailer or pipelined request is held without end. A
header has a latest time too; while a request is served, time is bounded by `webui.bounds`.

An answer may be complete before its request is: a body that was refused. The peer is then heard for
a moment longer, and what it says dropped; a close at once would reset the connection, and the peer
would lose the answer. Where the rest of the body comes in that moment, the connection goes on.
"""

import asyncio
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Settings
from webui.proxies import is_within
from webui.security import ALWAYS

LINGER_SECONDS = 2.0
LINGER_OCTETS = 1 << 20
_TOO_LARGE = "431 Request Header Fields Too Large"
_BAD = "400 Bad Request"


class Counted:
    """How many connections there are; those of a trusted proxy are its clients', not one peer's."""

    def __init__(self, connections: Connections, settings: Settings) -> None:
        """Count in `connections`, which SMTP and IMAP share."""
        self._connections = connections
        self._proxies = settings.web.proxies

    def try_enter(self, transport: BaseTransport) -> str | None:
        """Count one; returns under which name, None where there are too many."""
        address = transport.get_extra_info("peername")
        peer = str(address[0]) if isinstance(address, tuple | list) and address else "local"
        if is_within(peer, self._proxies):
            peer = f"proxy {id(transport)}"
        return peer if self._connections.try_enter(peer) else None

    def leave(self, name: str | None) -> None:
        """Count one less, where it was counted."""
        if name is not None:
            self._connections.leave(name)


class Connection(HttpToolsProtocol):
    """One HTTP connection; `bounded` makes the class with its bounds."""

    counted: Counted
    header_octets: int
    header_seconds: float

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Be made by uvicorn."""
        super().__init__(config, server_state, app_state, _loop)
        self._place: str | None = None
        self._fruitless_octets = 0
        self._patience: asyncio.TimerHandle | None = None
        self._lingers = False
        self._drops = False
        self._dropped_octets = 0
        self._refusal = _BAD

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, or close it where there are too many."""
        super().connection_made(transport)
        self._place = self.counted.try_enter(transport)
        if self._place is None:
            transport.abort()
        else:
            self._expect_header()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        self._stop_waiting()
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take octets, and refuse them when too many come to nothing."""
        self._fruitless_octets += len(data)
        self._dropped_octets += len(data) if self._lingers else 0
        if self._dropped_octets > LINGER_OCTETS:
            self.transport.abort()
        if self._drops or self.transport.is_closing():
            return
        if self._patience is None and self._is_idle:
            self._expect_header()
        super().data_received(data)
        if self._fruitless_octets > self.header_octets and not self._drops:
            self._refuse(_TOO_LARGE)

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def on_headers_complete(self) -> None:
        """Take a header that is whole, unless it came at once and is too large."""
        octets = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if octets > self.header_octets:
            self._refusal = _TOO_LARGE
            raise ValueError("the header is too large")  # ends the parser, which says so below
        self._fruitless_octets = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of body."""
        self._fruitless_octets = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request; where it was answered before, go on."""
        self._fruitless_octets = 0
        super().on_message_complete()
        if self._lingers and not self._drops:
            self._lingers = False
            self._dropped_octets = 0
            self._stop_waiting()
            super().on_response_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or part from a peer that still sends the last one."""
        if self.cycle is not None and self.cycle.more_body and not self.pipeline:
            self._linger()
            return
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; it is counted there."""
        self._stop_waiting()
        self._leave()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take."""
        self._refuse(self._refusal)

    def _refuse(self, status: str) -> None:
        """Answer what no application sees, with the headers of every answer."""
        if not self._is_idle:  # its answer is not out yet: another in between would be taken for it
            self.transport.abort()
            return
        fields = "".join(f"{name}: {value}\r\n" for name, value in ALWAYS)
        head = f"HTTP/1.1 {status}\r\n{fields}connection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode("ascii"))
        self._drops = True
        self._linger()

    def _linger(self) -> None:
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self._lingers = True
        self.flow.resume_reading()
        self._patience = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _expect_header(self) -> None:
        self._patience = self.loop.call_later(self.header_seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if self._is_idle:
            self.transport.abort()

    def _leave(self) -> None:
        place, self._place = self._place, None
        self.counted.leave(place)


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket connection, counted like others."""

    counted: Counted
    _place: str | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Count it."""
        super().connection_made(transport)
        self._place = self.counted.try_enter(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no more."""
        place, self._place = self._place, None
        self.counted.leave(place)
        super().connection_lost(exc)


def bounded(settings: Settings, connections: Connections) -> tuple[type[Connection], type[Socket]]:
    """Return the classes of connections with the bounds of `settings`."""
    counts = Counted(connections, settings)

    class BoundedConnection(Connection):
        counted = counts
        header_octets = settings.web.header_octets
        header_seconds = float(settings.web.header_seconds)

    class BoundedSocket(Socket):
        counted = counts

    return BoundedConnection, BoundedSocket
