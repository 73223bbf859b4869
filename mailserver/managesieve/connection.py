"""Octets ↔ machine: one client's socket, its timeouts and its backpressure.

A connection has one task while commands run, and none while it idles. Commands are carried out in
order; what comes behind a running one waits in the machine, and beyond a bound in the socket.
"""

import asyncio
import secrets
from ipaddress import ip_address
from typing import cast

from mailserver.managesieve.bounds import AHEAD_OCTETS, Shared
from mailserver.managesieve.session import Session
from mailserver.model.sealed import Plaintext
from mailserver.protocol.managesieve.machine import Bad, Machine, TooLarge
from mailserver.runtime.deadlines import Unread
from mailserver.runtime.limits import TokenBucket
from mailserver.runtime.listener import Listener
from mailserver.runtime.log import get_logger
from mailserver.runtime.rates import within
from mailserver.runtime.settings import Tls

log = get_logger("managesieve")


class Connection(asyncio.Protocol):
    """One client."""

    _transport: asyncio.Transport

    def __init__(self, door: Listener[Shared]) -> None:
        """Wait for a client at `door`."""
        self._door = door
        self.peer = ""
        self.slot = 0
        """Where it sits in the ring of deadlines; the listener's."""
        self._machine = Machine(door.shared.bounds.machine)
        self._session = Session(self, door.shared)
        self._secure = False
        self._entered = False
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        self._came = asyncio.Event()
        self._pace: TokenBucket | None = None
        self._unread = Unread()
        self._born_at = self._heard_at = asyncio.get_running_loop().time()

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn the client away where there is no room."""
        self._transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        self._secure = self._door.tls is Tls.IMPLICIT
        self._pace = self._door.shared.paces.commands_of(self.peer)
        self._entered = self._door.enter(self)
        if self._entered:
            self._session.greet()
        else:
            self._session.bye("too many connections", b"TRYLATER")

    def data_received(self, data: bytes) -> None:
        """Carry out what the client sent, or keep it for when the running command ends."""
        self._heard_at = asyncio.get_running_loop().time()
        if self._ended:
            return
        self._machine.feed(data)
        self._came.set()
        if self._task is None:
            self._task = self._door.tasks.create_task(self._run())
        elif self._machine.waiting_octets > AHEAD_OCTETS:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Hear nothing while the client does not read what waits for it."""
        if not self._ended:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._unread.forget()
        if not self._ended:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what runs for the client, and give back what it held."""
        self._ended = True
        self._machine.close()
        self._came.set()
        if self._entered:
            self._entered = False
            self._door.leave(self)
            if self._task is not None:
                self._task.cancel()
            self._door.tasks.create_task(self._depart(self._task))

    # --- what the session calls

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read a password."""
        if self._secure:
            return True
        return self._door.tls is Tls.NONE and bool(self.peer) and ip_address(self.peer).is_loopback

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS is still to be had."""
        return self._door.tls is Tls.STARTTLS and not self._secure

    def say(self, octets: bytes) -> None:
        """Send octets; nothing, once it is over."""
        if not self._ended:
            self._transport.write(octets)

    async def hear(self) -> Plaintext | None:
        """Return the client's next string; None where it sent something else, or left."""
        while not self._ended:
            answer = self._machine.answer()
            if isinstance(answer, Plaintext):
                return None if answer.reveal() == b"*" else answer
            if answer is not None:
                return None
            self._came.clear()
            await self._came.wait()  # the command's deadline ends it
        return None

    async def start_tls(self) -> bool:
        """Take the connection to TLS; what came in the clear behind STARTTLS is dropped."""
        context = self._door.context
        if context is None:
            raise RuntimeError("a listener with TLS has a certificate")
        self._machine.clear()
        seconds = self._door.shared.bounds.handshake.total_seconds()
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except OSError as error:  # most often a scanner, or a client of old
            log.info("handshake failed", peer=self.peer, error=type(error).__name__)
            self._transport.abort()
            self.connection_lost(None)  # nobody else tells: the transport was the handshake's
            return False
        self._transport = cast(asyncio.Transport, secured)
        self._secure = True
        return True

    def sign_in(self, *, signed_in: bool) -> None:
        """Let the limits of a user hold, or those of a stranger."""
        self._machine.signed_in = signed_in

    def end(self) -> None:
        """Close once everything said is sent; nothing more is said or heard."""
        if not self._ended:
            self._ended = True
            self._machine.close()
            self._came.set()
            self._transport.close()

    # --- what the listener calls

    def retire(self) -> None:
        """Say goodbye: the server stops."""
        if not self._ended:
            self._session.bye("the server is stopping", b"TRYLATER")

    def abort(self) -> None:
        """Close at once."""
        self._ended = True
        self._transport.abort()

    def due(self, now: float) -> None:
        """Close the connection where it has had its time (`Bounds`)."""
        bounds = self._door.shared.bounds
        silent, age = now - self._heard_at, now - self._born_at
        unsent = self._transport.get_write_buffer_size()
        if self._unread.is_stuck(unsent, now, bounds.unread.total_seconds()):
            self.abort()
        elif self._ended or self._task is not None:
            return  # a command has a deadline of its own
        elif not self._session.signed_in and age > bounds.login.total_seconds():
            self._session.bye("too long without signing in")
        elif silent > bounds.inactivity.total_seconds():
            self._session.bye("nothing came for too long")
        elif age > bounds.life.total_seconds():
            self._session.bye("sign in again")

    # --- the work

    async def _run(self) -> None:
        """Carry out commands until the next one is not here."""
        seconds = self._door.shared.bounds.command.total_seconds()
        try:
            while not self._ended:
                self._came.clear()
                command = self._machine.command()
                if command is None:
                    break
                if isinstance(command, Bad | TooLarge):
                    self._refuse(command)
                    continue
                if self._pace is not None:
                    await within(self._pace)
                async with asyncio.timeout(seconds):
                    await self._session.perform(command)
        except TimeoutError:
            self._session.bye("the command took too long")
        except Exception as error:
            incident = secrets.token_hex(4)
            log.error("incident", incident=incident, protocol="managesieve", exc_info=error)
            self._session.bye(f"we made a mistake; incident {incident}")
        finally:
            self._task = None
            self._heard_at = asyncio.get_running_loop().time()
        if not self._ended and not self._transport.is_reading():
            self._transport.resume_reading()

    def _refuse(self, fault: Bad | TooLarge) -> None:
        text = fault.text if isinstance(fault, Bad) else "this is larger than a script may be"
        code = None if isinstance(fault, Bad) else b"QUOTA/MAXSIZE"
        if fault.fatal:
            self._session.bye(text, code)
        else:
            self._session.refuse(text, code)

    async def _depart(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            await asyncio.wait((task,))
        try:
            await self._session.close()
        except Exception as error:  # the client is gone, others are not
            log.error("connection not closed well", exc_info=error)
