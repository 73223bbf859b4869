r"""The wire to another IMAP server: aioimaplib's commands, tags and states; our octets and limits.

What aioimaplib 2.0.3 does not do, and what is done here instead:

* it reads recursively, holds any literal whole and splits or alters lines (`imap_reader.py` reads);
* it logs what it sends and gets, the password of a user whose name needs quoting included, at DEBUG
  (`send` and `data_received` are our own; secrets travel as literals, never in a command's words);
* it has no STARTTLS and no AUTHENTICATE PLAIN, and quotes passwords but not user names;
* a lost connection leaves whoever waits waiting, a refused greeting is lost in a task, and only
  FETCH has a timer, which any octet sets back (here each wait has a deadline, and whoever trickles
  is slower than allowed in the end);
* it connects to a name, so that what was looked up and judged may differ from what is connected to.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aioimaplib import aioimaplib

from mailserver.model.errors import Condition, MailError, PeerFault
from mailserver.runtime.settings import Tls
from mailserver.transfer.imap_reader import Reader, Response
from mailserver.transfer.reach import (
    ConnectionLost,
    Declined,
    Reach,
    Server,
    addresses,
    client_context,
    told,
)

CONNECT_SECONDS = 20.0
SLOWEST_OCTETS = 1_024  # a second, after a first grace: below this nothing ever ends
GRACE_SECONDS = 180.0  # a large mailbox may take long to open
HELD_OCTETS = 8 * 1024 * 1024  # responses that wait to be taken; then the server has to wait
CRLF = b"\r\n"


class _Asked(aioimaplib.Command):  # type: ignore[misc]  # it comes without types
    """A command under way: what the server said to it, not yet taken."""

    def __init__(
        self,
        name: str,
        tag: str,
        words: Sequence[str],
        prefix: str | None,
        replies: Sequence[bytes],
    ) -> None:
        super().__init__(name, tag, *words, prefix=prefix)
        self.untagged: deque[Response] = deque()
        self.held_octets = 0
        self.received_octets = 0
        self.waited_seconds = 0.0
        self.replies = deque(replies)
        self.news = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether its tagged answer has come."""
        return bool(self._event.is_set())

    def take(self, response: Response) -> None:
        self.untagged.append(response)
        self.held_octets += response.octets

    def close(self, line: bytes, result: str) -> None:
        super().close(line, result)
        self.news.set()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended: `OK`, `NO` or `BAD`, and the words beside it."""

    result: str
    words: bytes
    untagged: list[Response]

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return self.result == "OK"


class _Protocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # it comes without types
    """aioimaplib's protocol, fed by our reader; one command at a time."""

    def __init__(self, literal_octets: int) -> None:
        super().__init__(asyncio.get_running_loop())
        self.greeting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.asked: _Asked | None = None
        self.fault: MailError | None = None
        self.encrypting = False
        self._reader = Reader(literal_octets)
        self._paused = False

    def data_received(self, octets: bytes) -> None:
        """Read what came; whatever is wrong with it ends the connection."""
        if self.fault is not None:
            return
        if self.asked is not None:
            self.asked.received_octets += len(octets)
        try:
            for response in self._reader.feed(octets):
                self._take(response)
            if self.encrypting and not self._reader.idle:
                raise _injected()
        except MailError as error:
            self.fail(error)
        except (aioimaplib.AioImapException, UnicodeDecodeError):
            self.fail(PeerFault(Condition.BAD_SYNTAX, "the server's answer is not IMAP"))
        if self.asked is not None:
            self.asked.news.set()
            if self.asked.held_octets > HELD_OCTETS and not self._paused:
                self._paused = True
                self.transport.pause_reading()

    def _take(self, response: Response) -> None:
        if self.encrypting:
            raise _injected()
        line, asked = response.line, self.asked
        if self.state == aioimaplib.CONNECTED:
            self._greet(line)
        elif line.startswith(b"*"):
            if asked is not None:
                asked.take(response)
        elif asked is None:
            raise PeerFault(Condition.BAD_SYNTAX, "the server answered what was not asked")
        elif line.startswith(b"+"):
            if not asked.replies:
                raise PeerFault(Condition.BAD_SYNTAX, "the server waits for what it was not sent")
            self.transport.write(asked.replies.popleft() + CRLF)
        elif line.partition(b" ")[0] == asked.tag.encode():
            self._response_done(line)
            self.encrypting = asked.name == "STARTTLS" and asked.response.result == "OK"
        else:
            raise PeerFault(Condition.BAD_SYNTAX, "the server answered what was not asked")

    def _greet(self, line: bytes) -> None:
        match line[:10].upper().split():
            case [b"*", b"OK", *_]:
                self.state = aioimaplib.NONAUTH
            case [b"*", b"PREAUTH", *_]:
                self.state = aioimaplib.AUTH
            case [b"*", b"BYE", *_]:
                raise ConnectionLost("the server takes no connection now")
            case _:
                raise PeerFault(Condition.BAD_SYNTAX, "this is no IMAP server")
        if not self.greeting.done():
            self.greeting.set_result(None)

    def taken(self, octets: int) -> None:
        """Count octets of responses that were taken; the server may go on."""
        if self.asked is not None:
            self.asked.held_octets -= octets
            if self._paused and self.asked.held_octets <= HELD_OCTETS // 2:
                self._paused = False
                self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.fail(ConnectionLost("the server closed the connection"))

    def fail(self, error: MailError) -> None:
        """End the connection for `error`, the first of which counts."""
        if self.fault is not None:
            return
        self.fault = error
        if not self.greeting.done():
            self.greeting.set_exception(error)
            self.greeting.exception()  # seen, should nobody wait for it any more
        if self.asked is not None:
            self.asked.news.set()
        if self.transport is not None:
            self.transport.abort()

    def send(self, line: str, scrub: str | None = None) -> None:
        """Send a line, unlogged; a mailbox's octets travel as Latin-1."""
        self.transport.write(line.encode("latin-1") + CRLF)

    def begin(
        self, name: str, words: Sequence[str], prefix: str | None, replies: Sequence[bytes]
    ) -> _Asked:
        """Send a command. Raises the fault that ended the connection, where one did."""
        if self.fault is not None:
            raise self.fault
        if self.state not in aioimaplib.Commands[name].valid_states:
            raise PeerFault(Condition.BAD_SYNTAX, f"the server is not ready for {name}")
        asked = self.asked = _Asked(name, self.new_tag(), words, prefix, replies)
        self.pending_sync_command = asked
        self.send(str(asked))
        return asked


class Wire:
    """A connection to an IMAP server, one command at a time; after any error only `close` it."""

    def __init__(self, protocol: _Protocol, server: Server, stall_seconds: float) -> None:
        """Made by `connect`."""
        self._protocol = protocol
        self._server = server
        self._stall_seconds = stall_seconds

    @property
    def signed_in(self) -> bool:
        """Whether the server takes us for somebody already (PREAUTH)."""
        return bool(self._protocol.state == aioimaplib.AUTH)

    def enter(self, *, selected: bool = False) -> None:
        """Note the state that the last command led to (RFC 9051 §3)."""
        self._protocol.state = aioimaplib.SELECTED if selected else aioimaplib.AUTH

    async def ask(
        self, name: str, *words: str, prefix: str | None = None, replies: Sequence[bytes] = ()
    ) -> Answer:
        """Send a command and gather all it is answered; for short answers.

        Args:
            name: of the command.
            words: its arguments, as they are written; no secret.
            prefix: `UID`, or nothing.
            replies: what is sent at each continuation request, secrets among it.

        Raises:
            ConnectionLost: the connection is lost or too slow.
            PeerFault: the server does not speak IMAP.
        """
        asked = self._protocol.begin(name, words, prefix, replies)
        untagged = []
        while (response := await self._next(asked)) is not None:
            untagged.append(response)
        return Answer(asked.response.result, asked.response.lines[-1], untagged)

    async def stream(self, name: str, *words: str, prefix: str | None) -> AsyncIterator[Response]:
        """Send a command and yield what it is answered as it comes; memory is bounded.

        Raises:
            MailError: as `ask`; Declined where it did not end in OK.
        """
        asked = self._protocol.begin(name, words, prefix, ())
        while (response := await self._next(asked)) is not None:
            yield response
        if asked.response.result != "OK":
            raise Declined("the server did not do all that was asked")

    async def _next(self, asked: _Asked) -> Response | None:
        loop = asyncio.get_running_loop()
        while not asked.untagged:
            if self._protocol.fault is not None:
                raise self._protocol.fault
            if asked.ended:
                self._protocol.asked = None
                return None
            asked.news.clear()
            began = loop.time()
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await asked.news.wait()
            except TimeoutError:
                self._protocol.fail(_silent())
            asked.waited_seconds += loop.time() - began
            if asked.waited_seconds > GRACE_SECONDS + asked.received_octets / SLOWEST_OCTETS:
                self._protocol.fail(_silent())
        response = asked.untagged.popleft()
        self._protocol.taken(response.octets)
        return response

    async def start_tls(self) -> None:
        """Go over to TLS (RFC 9051 §6.2.1); what came in clear behind the answer ends it all."""
        answer = await self.ask("STARTTLS")
        if not answer.ok:
            raise Declined("the server offers no encryption (STARTTLS)")
        protocol = self._protocol
        with told(self._server):
            protocol.transport = await asyncio.get_running_loop().start_tls(
                protocol.transport,
                protocol,
                client_context(self._server),
                server_hostname=self._server.host,
                ssl_handshake_timeout=CONNECT_SECONDS,
            )
        if protocol.fault is not None:
            raise protocol.fault
        protocol.encrypting = False

    async def close(self) -> None:
        """Say goodbye where the server still listens, and let go."""
        protocol = self._protocol
        if protocol.fault is None and protocol.asked is None:
            try:
                async with asyncio.timeout(2):
                    await self.ask("LOGOUT")
            except (MailError, TimeoutError):
                pass  # it hung up first, which is what was asked
        protocol.fail(ConnectionLost("the connection was closed"))


async def connect(server: Server, reach: Reach, literal_octets: int) -> Wire:
    """Connect to `server`, in TLS by the time it returns unless it is on this machine.

    Args:
        server: where to.
        reach: which servers may be connected to.
        literal_octets: how long a message may be to be kept.

    Raises:
        Refused: it may not be connected to, its certificate is not good, or it has no TLS.
        ConnectionLost: it cannot be reached or takes nobody now.
        PeerFault: it is no IMAP server.
    """
    protocol = await _connected(server, await addresses(server, reach), literal_octets)
    wire = Wire(protocol, server, reach.stall_seconds)
    try:
        async with asyncio.timeout(reach.stall_seconds):
            await protocol.greeting
        if server.tls is Tls.STARTTLS:
            if wire.signed_in:  # nobody is anybody before TLS (RFC 9051 §11.1)
                raise Declined("the server offers no encryption")
            await wire.start_tls()
    except TimeoutError:
        protocol.fail(_silent())
        raise _silent() from None
    except BaseException:
        await wire.close()
        raise
    return wire


async def _connected(server: Server, hosts: Sequence[str], literal_octets: int) -> _Protocol:
    """Connect to the first of `hosts` that answers."""
    context = client_context(server) if server.tls is Tls.IMPLICIT else None
    for host in hosts:
        try:
            with told(server):
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, protocol = await asyncio.get_running_loop().create_connection(
                        lambda: _Protocol(literal_octets),
                        host,
                        server.port,
                        ssl=context,
                        server_hostname=server.host if context else None,
                    )
            return protocol
        except ConnectionLost:
            if host == hosts[-1]:
                raise
    raise ConnectionLost(f"there is no server {server.host}")


def _injected() -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, "the server sent more than its answer before TLS")


def _silent() -> ConnectionLost:
    return ConnectionLost("the server does not answer, or far too slowly")
