"""Octets ↔ machine: one client's socket, its timeouts and its backpressure.

The theory. Events that need no waiting are carried out as they come; the first that has to wait
starts the connection's one task, which carries out it and what has come behind it, then ends. So
while nothing runs there is no task, no buffer and no timer here: what idles is this object, its
session and its machine.

Reading stops while a client sends far ahead of its running command; a command stops writing while
its client does not read. What is written leaves in one write for all that was said between two
waits, so no response is cut where a command is.
"""

import asyncio
import socket
from collections import deque
from ipaddress import ip_address
from typing import cast

from mailserver.imap.bounds import AHEAD_OCTETS, TURN_OCTETS, Shared
from mailserver.imap.commands_any import capabilities
from mailserver.imap.commands_append import admit
from mailserver.imap.dispatch import Work, perform
from mailserver.imap.outgoing import Outgoing
from mailserver.imap.session import Session
from mailserver.protocol.imap.event import Command, Event, LiteralBegin
from mailserver.protocol.imap.machine import Machine
from mailserver.protocol.imap.response import untagged
from mailserver.protocol.imap.response_code import capability as capability_code
from mailserver.runtime.limits import TokenBucket
from mailserver.runtime.listener import Listener
from mailserver.runtime.log import get_logger
from mailserver.runtime.rates import within
from mailserver.runtime.settings import Tls

log = get_logger("imap")


class Connection(asyncio.Protocol):
    """One client."""

    __slots__ = (
        "_ahead",
        "_born_at",
        "_door",
        "_ended",
        "_entered",
        "_heard_at",
        "_leaving",
        "_outgoing",
        "_pace",
        "_push_due",
        "_queue",
        "_rested",
        "_secure",
        "_task",
        "_transport",
        "machine",
        "peer",
        "session",
        "slot",
    )

    _transport: asyncio.Transport
    _outgoing: Outgoing

    def __init__(self, door: Listener[Shared]) -> None:
        """Wait for a client at `door`."""
        self._door = door
        self.peer = ""
        self.slot = 0
        """Where it sits in the ring of deadlines; the listener's."""
        self.machine = Machine(door.shared.bounds.machine)
        self.session = Session(self, door.shared)
        self._secure = False
        self._entered = False
        self._ended = False
        self._leaving: bytes | None = None
        self._task: asyncio.Task[None] | None = None
        self._queue: deque[Event] | None = None
        self._ahead = bytearray()
        self._push_due = False
        self._born_at = self._heard_at = asyncio.get_running_loop().time()
        self._rested = False
        self._pace: TokenBucket | None = None

    # --- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or turn the client away where there is no room; an implicit handshake is done."""
        # A stream's transport; not checked by class, for uvloop's is no subclass of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        self._outgoing = Outgoing(transport)
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:  # a client that vanished without a word is noticed
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._secure = self._door.tls is Tls.IMPLICIT
        self._pace = self._door.shared.paces.commands_of(self.peer)
        self._entered = self._door.enter(self)
        if self._entered:
            code = capability_code(capabilities(self.session))
            self.say(untagged(b"OK", b"Zegel is ready", code))
            self._outgoing.flush()
        else:
            self.session.bye(b"too many connections", b"LIMIT")

    def data_received(self, data: bytes) -> None:
        """Carry out what the client sent, or keep it for when the running command ends."""
        self._heard_at = asyncio.get_running_loop().time()
        self._rested = False
        if self._ended:
            return
        try:
            if self._task is None:
                turn = self._turn_octets
                self._ahead += data[turn:]
                self._heed(self.machine.feed(data[:turn]))
                self._work()
            else:
                self._ahead += data
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs this client alone
            self._fail(error)
        if len(self._ahead) > AHEAD_OCTETS and not self._ended:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Answer what was asked before the client closed its half, where TLS does not forbid it."""
        if self._task is None or self._secure:
            return False
        self._leaving = b"until next time"
        return True

    def pause_writing(self) -> None:
        """Stop, for the client does not read: it is neither heard nor told more."""
        self._outgoing.paused = True
        if not self._ended:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._outgoing.resume()
        if self._ended:
            return
        if len(self._ahead) <= AHEAD_OCTETS:
            self._transport.resume_reading()
        self.push()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop what runs for the client, and give back what it held."""
        self._ended = True
        self.machine.close()
        if self._entered:
            self._entered = False
            self._door.leave(self)
            self._door.tasks.create_task(self._depart(self._task))
            if self._task is not None:
                self._task.cancel()

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

    def say(self, *pieces: bytes) -> None:
        """Queue octets; see `Link`."""
        if not self._ended:
            self._outgoing.say(pieces)

    async def relieve(self) -> None:
        """Send what is queued if it is much, and wait while the client does not read."""
        await self._outgoing.relieve()

    async def start_tls(self) -> None:
        """Take the connection to TLS; what came in the clear behind STARTTLS is dropped."""
        context = self._door.context
        if context is None:
            raise RuntimeError("a listener with TLS has a certificate")
        self._outgoing.flush()
        self.machine.start_tls()
        self._ahead.clear()
        seconds = self._door.shared.bounds.handshake.total_seconds()
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except OSError as error:  # the handshake failed; most often a scanner or an old client
            log.info("handshake failed", peer=self.peer, error=type(error).__name__)
            self._transport.abort()
            self.connection_lost(None)  # nobody else tells: the transport was the handshake's
            return
        self._transport = cast(asyncio.Transport, secured)
        self._outgoing = Outgoing(self._transport)
        self._secure = True

    def push(self) -> None:
        """Tell an idling client what happened, once for all of this turn of the loop."""
        if not self._push_due and self.session.idle_tag is not None:
            self._push_due = True
            asyncio.get_running_loop().call_soon(self._tell)

    def end(self) -> None:
        """Close once everything said is sent; nothing more is said or heard."""
        if not self._ended:
            self._outgoing.flush()
            self._ended = True
            self.machine.close()
            self._transport.close()

    # --- what the listener calls

    def retire(self) -> None:
        """Say goodbye as soon as no command runs: the server stops."""
        self._leaving = b"the server is stopping"
        if self._task is None:
            self._settle()

    def abort(self) -> None:
        """Close at once."""
        self._ended = True
        self._transport.abort()

    def due(self, now: float) -> None:
        """Close the connection where it has had its time (`Bounds`)."""
        bounds, session = self._door.shared.bounds, self.session
        if self._outgoing.is_stuck(now, bounds.unread.total_seconds()):
            self.abort()
        elif not self._ended and (reason := self._overdue(now)):
            session.bye(reason)
        elif (
            not self._ended
            and session.idle_tag is not None
            and session.account is not None
            and not self._rested
            and now - self._heard_at > bounds.rest_after.total_seconds()
        ):
            self._rested = True
            session.account.rest()

    def _overdue(self, now: float) -> bytes:
        return self._door.shared.bounds.overdue(
            silent=now - self._heard_at,
            age=now - self._born_at,
            signed_in=self.session.account is not None,
            running=self._task is not None,
            paused=self._outgoing.paused,
            uploading=self.session.uploads is not None,
        )

    # --- the work

    def _work(self) -> None:
        """Carry out queued events until one needs waiting, which starts the task."""
        work = self._next()
        self._outgoing.flush()
        if work is not None:
            self._begin(work)
        else:
            self._queue = None

    def _begin(self, work: Work) -> None:
        self._task = self._door.tasks.create_task(self._run(work))

    async def _run(self, work: Work) -> None:
        """Be the connection's one task: carry out `work` and all that is queued."""
        awaited: Work | None = work
        try:
            while awaited is not None:
                await awaited
                self._go_on()
                await self.relieve()
                awaited = self._next()
        except Exception as error:  # noqa: BLE001 - a mistake of ours costs this client alone
            self._fail(error)
        finally:
            self._task = None
            self._queue = None
            self._heard_at = asyncio.get_running_loop().time()
        self._settle()

    def _settle(self) -> None:
        """Come to rest after the task."""
        self._outgoing.flush()
        if self._leaving is not None:
            self.session.bye(self._leaving)
        if self._ended:
            return
        self.push()  # what happened meanwhile woke nobody

    def _next(self) -> Work | None:
        while not self._ended:
            if not self._queue:
                return self._hear_on() if self._ahead else None
            event = self._queue.popleft()
            if isinstance(event, LiteralBegin):
                self._answer(event)
                continue
            pace = self._pace if isinstance(event, Command) else None
            if pace is not None and not pace.try_take():
                return self._at_pace(pace, event)
            work = perform(self.session, event)
            if work is not None:
                return work
            self._go_on()
        return None

    async def _at_pace(self, pace: TokenBucket, event: Event) -> None:
        """Carry out a command of a network that sends them faster than it may, when it may."""
        self._outgoing.flush()
        await within(pace)
        work = None if self._ended else perform(self.session, event)
        if work is not None:
            await work

    @property
    def _turn_octets(self) -> int:
        """How much is heard before others have their turn; a message costs nothing to hear."""
        return max(TURN_OCTETS, self.machine.message_octets)

    async def _hear_on(self) -> None:
        """Let others have their turn, then hear more of what the client sent ahead."""
        await asyncio.sleep(0)
        turn, full = self._turn_octets, len(self._ahead) > AHEAD_OCTETS
        piece = bytes(self._ahead[:turn])
        del self._ahead[:turn]
        stays = not (self._ended or self._outgoing.paused or self._leaving)
        if full and len(self._ahead) <= AHEAD_OCTETS and stays:
            self._transport.resume_reading()
        self._heed(self.machine.feed(piece))

    def _answer(self, begin: LiteralBegin) -> None:
        accepted = admit(self.session, begin)
        machine = self.machine
        self._heed(machine.accept_literal() if accepted else machine.refuse_literal())

    def _go_on(self) -> None:
        """Let the machine read on, if the event that was carried out was what it paused for.

        It pauses behind the last event it has given, so while others wait it is not their turn.
        """
        machine, session = self.machine, self.session
        if self._queue or self._ended or not machine.paused:
            return
        if session.idle_tag is not None:
            self._heed(machine.expect_done())
        elif session.sasl is not None:
            self._heed(machine.expect_line())
        else:
            self._heed(machine.resume())

    def _heed(self, events: list[Event]) -> None:
        if events:
            if self._queue is None:
                self._queue = deque()
            self._queue.extend(events)

    def _tell(self) -> None:
        """Tell an idling client what happened; while it does not read, wait until it does."""
        self._push_due = False
        idling = self.session.idle_tag is not None
        if not idling or self._ended or self._task is not None or self._outgoing.paused:
            return
        view = self.session.gather()
        if view is not None and view.stale:
            self._begin(self.session.tell_idle())
        elif view is not None:
            self.session.say_news(view, expunges=True)
            self._outgoing.flush()

    async def _depart(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            await asyncio.wait((task,))
        try:
            await self.session.close()
        except Exception as error:  # the client is gone, others are not
            log.error("connection not closed well", exc_info=error)

    def _fail(self, error: Exception) -> None:
        """Close after a mistake of ours outside of any command."""
        self.session.apologise(b"*", error)
        self.end()
