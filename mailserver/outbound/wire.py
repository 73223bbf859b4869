"""The stream under an outgoing conversation: replies in, octets out, TLS, and time.

Invariant: nothing the server sends before a TLS handshake is read as said inside of TLS. What is
left in the buffer when STARTTLS is accepted ends the connection (RFC 3207 §5).
"""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import cast

from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import PeerFault
from mailserver.protocol.smtp.client import ReplyReader, own_word

WRITE_OCTETS = 256 << 10  # a piece of a message; RFC 5321 §4.5.3.2.5 gives each its time
REPLIES_UNASKED = 4_096  # recipients of a transaction and a few; who sends more is not sane
CLOSE = timedelta(seconds=5)


class Gone(Exception):
    """The conversation is over; `said` is what can be told of it, as a reply that says try later.

    `insecure` says that it was ours to end it: the server did not offer the TLS it must.
    """

    def __init__(self, said: RemoteReply, *, insecure: bool = False) -> None:
        """Carry what to tell."""
        super().__init__(said.text)
        self.said = said
        self.insecure = insecure


class Wire(asyncio.Protocol):
    """One connection; a single task talks on it."""

    def __init__(self) -> None:
        """Wait for the transport."""
        self._transport: asyncio.WriteTransport | None = None
        self._reader = ReplyReader()
        self._replies: deque[RemoteReply] = deque()
        self._heard = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ended: RemoteReply | None = None

    @classmethod
    async def connect(
        cls, address: str, port: int, *, source: str | None, patience: timedelta
    ) -> "Wire":
        """Connect to an IP address, from `source` where one is given. Raises Gone."""
        wire = cls()
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await asyncio.get_running_loop().create_connection(
                    lambda: wire, address, port, local_addr=(source, 0) if source else None
                )
        except TimeoutError as error:
            raise Gone(own_word("4.4.1", "The server did not answer in time")) from error
        except OSError as error:
            raise Gone(own_word("4.4.1", "The server cannot be connected to")) from error
        return wire

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        # uvloop's transports are asyncio's only by their methods
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Take octets from the server."""
        try:
            self._replies.extend(self._reader.feed(data))
        except PeerFault as fault:
            self._end("4.5.0", fault.text[:1].upper() + fault.text[1:])
        if len(self._replies) > REPLIES_UNASKED:
            self._end("4.5.0", "The server says more than it was asked")
        self._heard.set()

    def eof_received(self) -> bool:
        """Close where the server closes."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        self._transport = None
        if self._ended is None:
            self._ended = own_word("4.4.2", "The connection was lost")
        self._heard.set()
        self._flowing.set()

    def pause_writing(self) -> None:
        """Stop: the server does not read as fast as we write."""
        self._flowing.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._flowing.set()

    def _end(self, status: str, text: str) -> None:
        self._ended = self._ended or own_word(status, text)
        self.abort()

    # -- our side

    @property
    def is_quiet(self) -> bool:
        """Whether it stands and nothing was said that nobody asked for."""
        open_ = self._ended is None and self._transport is not None
        return open_ and not self._replies and self._reader.is_empty

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS it is in."""
        if self._transport is None:
            return None
        return cast(ssl.SSLObject | None, self._transport.get_extra_info("ssl_object"))

    async def reply(self, patience: timedelta) -> RemoteReply:
        """Wait for the next reply. Raises Gone."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                while not self._replies:
                    if self._ended is not None:
                        raise Gone(self._ended)
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError as error:
            self._end("4.4.2", "The server fell silent")
            raise Gone(own_word("4.4.2", "The server fell silent")) from error
        return self._replies.popleft()

    async def write(self, octets: bytes, patience: timedelta) -> None:
        """Write, each piece within `patience`. Raises Gone."""
        for start in range(0, len(octets), WRITE_OCTETS):
            if self._transport is None or self._ended is not None:
                raise Gone(self._ended or own_word("4.4.2", "The connection was lost"))
            piece = octets if len(octets) <= WRITE_OCTETS else octets[start : start + WRITE_OCTETS]
            self._transport.write(piece)
            if self._flowing.is_set():
                continue
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    await self._flowing.wait()
            except TimeoutError as error:
                self._end("4.4.2", "The server stopped reading")
                raise Gone(own_word("4.4.2", "The server stopped reading")) from error

    async def start_tls(
        self, context: ssl.SSLContext, server_name: str, patience: timedelta
    ) -> None:
        """Begin TLS.

        Raises:
            Gone: the connection is.
            OSError: the handshake failed (an ssl.SSLError is one); the connection is over.
        """
        if self._transport is None or not self.is_quiet:
            self._end("4.5.0", "The server spoke before TLS had begun")
            raise Gone(own_word("4.5.0", "The server spoke before TLS had begun"))
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                context,
                server_hostname=server_name,
                ssl_handshake_timeout=patience.total_seconds(),
                ssl_shutdown_timeout=CLOSE.total_seconds(),
            )
        except BaseException:
            self.abort()
            raise
        if secured is None:
            raise ConnectionResetError("it was lost while the handshake ended")
        self._transport = secured

    async def close(self) -> None:
        """Say goodbye, without waiting long for an answer. Source: RFC 5321 §4.1.1.10."""
        with suppress(Gone):
            if self.is_quiet:
                await self.write(b"QUIT\r\n", CLOSE)
                await self.reply(CLOSE)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut it."""
        self._ended = self._ended or own_word("4.4.2", "The connection was cut")
        if self._transport is not None:
            self._transport.abort()
