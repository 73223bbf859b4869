"""The stream under a connection: octets in, replies out, TLS, and time.

Theory. aiosmtpd's SMTP is an asyncio stream protocol, a table of `smtp_…` methods, and one task a
connection that reads a line and calls a method. Kept from it: that protocol, the table, the task.
Replaced, here and above: what sends every reply alone, starts a timer for each command, ends lines
at a bare LF, and puts `str(exc)` into a reply.

Invariants:
- Replies wait in `_replies` while more commands lie in the buffer, and leave in one write before
  anything is waited for (RFC 2920 §3.2).
- At STARTTLS the buffer is emptied in the same step that begins the handshake: what was sent in
  the clear behind it is never obeyed (RFC 3207 §5).
- One timer a connection looks at `_deadline`; whoever waits moves the deadline, not the timer.
- A stream that ends while a message is being delivered lets that delivery finish: stopping it
  half-way could only make the client send again what is already stored.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import ClassVar, cast

from aiosmtpd.smtp import SMTP

from mailserver.protocol.smtp.command import AUTH_OCTETS
from mailserver.protocol.smtp.reply import Rejection, Reply
from mailserver.smtp import status
from mailserver.smtp.policy import Policy

DATA_BUFFER_OCTETS = 256 << 10
"""How much may wait for us while a message comes in; while commands do, no more than a line."""
_REPLIES_TOGETHER = 100  # bounds what a client that pipelines without end makes us hold
_LINGERING_SECONDS = 2.0
_LINGERING_IN_TLS_SECONDS = 0.3  # TLS over asyncio cannot be closed in one direction
_CLOSING_SECONDS = 5.0  # for a last reply to leave, before we cut


class Gone(Exception):
    """The client is gone; there is nobody to say anything to."""


class _NoHooks:
    """aiosmtpd looks for hooks here; ours are methods of the subclasses."""


_NO_HOOKS = _NoHooks()


class Stream(SMTP):
    """What a connection is made of, before it knows a command."""

    line_length_limit = AUTH_OCTETS  # aiosmtpd makes it the limit of the stream
    _commands: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Note which methods are commands."""
        super().__init_subclass__()
        cls._commands = tuple(name for name in dir(cls) if name.startswith("smtp_"))

    def __init__(self, policy: Policy, tls: ssl.SSLContext | None) -> None:
        """Wait for the transport; `tls` is what STARTTLS would use."""
        super().__init__(
            _NO_HOOKS,
            hostname=policy.hostname,
            tls_context=tls,
            timeout=policy.command_seconds,
            loop=asyncio.get_running_loop(),
        )
        self.policy = policy
        self.over_tls = False
        self.ending = False
        """A last reply is said; what else the client sends is not obeyed."""
        self.delivering = False
        """A message is in the hands of delivery: time does not run and nothing is cut short."""
        self._replies: list[bytes] = []
        self._deadline = 0.0
        self._timer_at = 0.0
        self._cut: asyncio.TimerHandle | None = None
        self._reading_command = False
        self._lingering = False
        self._retiring = False

    def __dir__(self) -> Iterable[str]:
        """Name the commands alone.

        aiosmtpd looks through everything `dir` names, twice, whenever a connection opens; reading
        200 attributes took longer than reading a message.
        """
        return self._commands

    # -- time

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Move the deadline; the timer is only touched where it would come too late."""
        self._deadline = self.loop.time() + (duration or self._timeout_duration)
        if self._timeout_handle is None or self._deadline < self._timer_at:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._timer_at = self._deadline
        self._timeout_handle = self.loop.call_at(self._timer_at, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.delivering or self.loop.time() < self._deadline:
            if self.delivering:
                self._deadline = self.loop.time() + self._timeout_duration
            self._set_timer()
            return
        self.hang_up(status.TIMED_OUT)

    # -- replies

    def say(self, reply: bytes) -> None:
        """Queue a reply; it leaves with those beside it."""
        self._replies.append(reply)

    async def push(self, status: str | bytes) -> None:
        """Queue a reply that aiosmtpd's own methods write."""
        self.say((status.encode() if isinstance(status, str) else status) + b"\r\n")

    async def flush(self) -> None:
        """Send what is queued in one write, and wait while the client does not read.

        Raises:
            Gone: the client is.
        """
        if not self._replies:
            return
        replies = b"".join(self._replies)
        self._replies.clear()
        if self.transport is None:
            raise Gone
        try:
            self._writer.write(replies)
            await self._writer.drain()
        except OSError as error:
            raise Gone from error

    def end(self, reply: Reply) -> None:
        """Say a last reply; nothing that comes after it is read."""
        self.say(reply.encode())
        self.ending = True

    async def linger(self) -> None:
        """Send the last reply, then read on for a moment without listening.

        TCP resets a connection that is closed with unread octets, and a reset may take the reply
        with it: a client that is told 421 in the middle of its pipelining would never know why.

        Raises:
            Gone: the client is.
        """
        await self.flush()
        if self.transport is None:
            return
        wire = self._wire(self.transport)
        seconds = _LINGERING_IN_TLS_SECONDS
        self._lingering = True
        try:
            if wire.can_write_eof():
                wire.write_eof()
                seconds = _LINGERING_SECONDS
            async with asyncio.timeout(seconds):
                while await self._reader.read(DATA_BUFFER_OCTETS):
                    pass
        except (TimeoutError, OSError) as error:
            raise Gone from error

    def hang_up(self, reply: Reply) -> None:
        """Send a last reply now, from outside the conversation, and close."""
        if self.transport is None or self.ending:
            return
        self.ending = True
        self._writer.write(b"".join((*self._replies, reply.encode())))
        self._replies.clear()
        self._close()

    def retire(self) -> None:
        """Leave once nothing is lost by it: at once between commands, else after the message."""
        self._retiring = True
        if self._reading_command:
            self.hang_up(status.SHUTTING_DOWN)
        elif self._lingering:
            self._close()

    def _close(self) -> None:
        """Close once what was written has left, and in any case soon."""
        if self.transport is None:
            return
        wire = self._wire(self.transport)
        wire.close()
        if self._cut is None:
            self._cut = self.loop.call_later(_CLOSING_SECONDS, wire.abort)

    @staticmethod
    def _wire(transport: asyncio.BaseTransport) -> asyncio.WriteTransport:
        """Say what it is; uvloop's transports are asyncio's only by their methods."""
        return cast(asyncio.WriteTransport, transport)

    # -- octets

    def let_wait(self, octets: int) -> None:
        """Let about `octets` come in before the transport is told to pause."""
        self._reader._limit = octets  # type: ignore[attr-defined]

    @property
    def _buffer(self) -> bytearray:
        return cast(bytearray, self._reader._buffer)  # type: ignore[attr-defined]

    async def read_line(self) -> bytes:
        """Return the next line without its CRLF; only CRLF ends one. Replies leave before we wait.

        Raises:
            Gone: the client is.
            Rejection: there is no line end within AUTH_OCTETS; the connection then ends.
        """
        if len(self._replies) >= _REPLIES_TOGETHER:
            await self.flush()
            await asyncio.sleep(0)  # others have their turn, however much this client pipelined
        elif self._buffer.find(b"\r\n") < 0:
            await self.flush()
        if self._retiring:
            self.end(status.SHUTTING_DOWN)
            raise Gone
        self._reading_command = True
        try:
            return (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError as error:
            self.ending = True
            raise Rejection(status.LINE_TOO_LONG) from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Gone from error
        finally:
            self._reading_command = False

    async def read_some(self, octets: int) -> bytes:
        """Return at least one octet of content and at most `octets`.

        Raises:
            Gone: the client is.
        """
        try:
            came = await self._reader.read(octets)
        except OSError as error:
            raise Gone from error
        if not came:
            raise Gone
        return came

    def unread(self, octets: bytes) -> None:
        """Put back what was read too far: the commands behind a message."""
        self._buffer[:0] = octets

    # -- TLS

    async def begin_tls(self, context: ssl.SSLContext) -> None:
        """Begin TLS after a STARTTLS.

        Raises:
            Gone: the handshake failed; the peer knows from TLS itself.
        """
        if self.transport is None:
            raise Gone
        self._buffer.clear()
        try:
            # Through the loop, not asyncio's own SSLProtocol as aiosmtpd does: uvloop has another.
            secured = await self.loop.start_tls(
                self._wire(self.transport),
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.policy.tls_seconds,
                ssl_shutdown_timeout=_CLOSING_SECONDS,
            )
        except OSError as error:
            raise Gone from error
        if secured is None:
            raise Gone  # it was lost while the handshake ended
        self.transport = secured
        self._reader._transport = secured  # type: ignore[attr-defined]
        self._writer._transport = secured  # type: ignore[attr-defined]
        self._over_ssl = True  # what StreamReaderProtocol asks at the end of input
        self.over_tls = True

    @property
    def tls_version(self) -> str | None:
        """The version of TLS, such as TLSv1.3; None without."""
        tls = self.transport.get_extra_info("ssl_object") if self.transport else None
        return tls.version() if tls is not None else None

    # -- life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to talk, inside TLS where the listener's socket began it."""
        self.over_tls = transport.get_extra_info("sslcontext") is not None
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Stop, unless a message is being delivered: that goes on and finds nobody to tell."""
        for timer in (self._timeout_handle, self._cut):
            if timer is not None:
                timer.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
        if self._handler_coroutine is not None and not self.delivering:
            self._handler_coroutine.cancel()

    def eof_received(self) -> bool:
        """Obey what came before the end of input, where we can still answer (not in TLS)."""
        return bool(asyncio.StreamReaderProtocol.eof_received(self))

    @property
    def conversation(self) -> asyncio.Task[None] | None:
        """The task that talks to the client; it catches whatever goes wrong in it."""
        return self._handler_coroutine

    def cut(self) -> None:
        """Close without waiting for anything, what was written included if it has not left yet."""
        if self.transport is not None:
            self._wire(self.transport).abort()
