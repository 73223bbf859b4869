"""The server's half of a connection as a state machine: octets in, events out (RFC 9051 §2.2).

States: COMMAND reads lines; SMALL reads a literal that is an argument and so part of the command;
MESSAGE passes a literal of APPEND on as it comes, REST reads what follows it; LINE and DONE read
the one line that an AUTHENTICATE or IDLE exchange waits for; PAUSED waits for the edge; SKIP drops
what is left of a command that was refused; CLOSED ignores everything.

Invariants: however the octets are cut, the events are the same (the cuts of `LiteralChunk` aside).
A literal is measured before any of it is kept, and what is kept of one command never exceeds
`Limits`. The machine pauses wherever the meaning of the next octet hangs on what the edge decides,
so that a client may pipeline behind LOGIN or IDLE.

A refused literal that is not on its way (synchronising) ends its command. One that is (LITERAL+,
RFC 7888) is counted and dropped, up to `discard_octets`, before login `early_literal_octets`;
beyond them the event is fatal instead.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap import command as commands
from mailserver.protocol.imap import grammar
from mailserver.protocol.imap.event import (
    Bad,
    BadCharset,
    Command,
    Done,
    Event,
    LiteralBegin,
    LiteralChunk,
    LiteralEnd,
    NeedContinuation,
    SaslLine,
    TooLong,
)
from mailserver.protocol.imap.framing import (
    Buffer,
    Discard,
    Dropped,
    LineTooLong,
    Literal,
    literal_after,
    without_ending,
)
from mailserver.protocol.imap.grammar_search import CharsetFault
from mailserver.protocol.imap.lexer import TAG_OCTETS, SyntaxFault, head
from mailserver.protocol.imap.limits import Limits
from mailserver.protocol.imap.pending import Pending

_PAUSING = frozenset(
    (commands.Login, commands.Authenticate, commands.StartTls, commands.Idle, commands.Logout)
)


class State(Enum):
    """What the next octet is part of; the module's text says more."""

    COMMAND = auto()
    SMALL = auto()
    MESSAGE = auto()
    REST = auto()
    LINE = auto()
    DONE = auto()
    PAUSED = auto()
    SKIP = auto()
    CLOSED = auto()


class Machine:
    """Turns what one client sends into events; the edge carries out each before it feeds more."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin before login, at the first command."""
        self.limits = limits or Limits()
        self.bad_commands = 0
        """Faults since the last command that was understood; the edge closes when it has enough."""
        self._logged_in = False
        self._state = State.COMMAND
        self._buffer = Buffer()
        self._remaining = 0  # octets of the literal that is being read
        self._pending: Pending | None = None
        self._discard: Discard | None = None
        self._exchange: bytes | None = None  # the tag of the AUTHENTICATE or IDLE under way

    # What the edge calls

    def feed(self, octets: bytes) -> list[Event]:
        """Take what came and return what it says."""
        if self._state is State.MESSAGE and not self._buffer and 0 < len(octets) < self._remaining:
            self._remaining -= len(octets)  # the middle of a message is passed on without a copy
            return [LiteralChunk(Plaintext(octets))]
        self._buffer.add(octets)
        return self._run()

    @property
    def paused(self) -> bool:
        """Whether nothing more comes before the edge has called one of the methods below."""
        return self._state is State.PAUSED

    @property
    def waiting_octets(self) -> int:
        """How many octets are held that no event has told of; while paused this is what grows."""
        return len(self._buffer) + (len(self._pending.octets) if self._pending else 0)

    @property
    def message_octets(self) -> int:
        """How many octets of the message that is being read are still to come; 0 between them."""
        return self._remaining if self._state is State.MESSAGE else 0

    def log_in(self) -> None:
        """Apply the limits of a user from now on."""
        self._logged_in = True

    def resume(self) -> list[Event]:
        """Go on with the next command."""
        self._next_command()
        return self._run()

    def expect_line(self) -> list[Event]:
        """Read the client's next answer in an AUTHENTICATE exchange.

        It comes as `SaslLine`, and the machine pauses again; or as `Bad`, which ends the exchange.
        """
        self._state = State.LINE
        return self._run()

    def expect_done(self) -> list[Event]:
        """Read the DONE that ends an IDLE: it comes as `Done`, or as `Bad`, which ends it, too."""
        self._state = State.DONE
        return self._run()

    def start_tls(self) -> int:
        """Forget what came in the clear behind STARTTLS and go on; returns how many octets it was.

        A man in the middle could have put commands there. Source: RFC 9051 §11.1.
        """
        self._next_command()
        return self._buffer.clear()

    def accept_literal(self) -> list[Event]:
        """Let the message of the last `LiteralBegin` come."""
        self._state = State.MESSAGE
        return self._run()

    def refuse_literal(self) -> list[Event]:
        """Drop the message of the last `LiteralBegin` and its whole APPEND; the edge says why."""
        if self._pending is None or self._pending.synchronising:
            return self.resume()
        self._skip(self._remaining)
        return self._run()

    def close(self) -> None:
        """Forget everything and ignore what else comes."""
        self._next_command()
        self._buffer.clear()
        self._state = State.CLOSED

    # The states; each step says whether another may follow at once

    def _run(self) -> list[Event]:
        events: list[Event] = []
        while _STEPS[self._state](self, events):
            pass
        return events

    def _next_command(self) -> None:
        self._state = State.COMMAND
        self._pending = self._exchange = self._discard = None
        self._remaining = 0

    def _wait(self, events: list[Event]) -> bool:
        return False

    def _ignore(self, events: list[Event]) -> bool:
        self._buffer.clear()
        return False

    def _line(self, events: list[Event]) -> bytes | None:
        """Take one line with its ending; None: it is not all here, or (in `events`) too long."""
        before = self._pending.line_octets if self._pending else 0
        try:
            return self._buffer.line(self.limits.line_octets - before)
        except LineTooLong:
            self._overflow(events)
            return None

    def _read_command(self, events: list[Event]) -> bool:
        line = self._line(events)
        if line is None:
            return self._state is State.SKIP
        pending = self._pending
        literal = literal_after(line)
        if literal is not None:
            self._begin_literal(pending or Pending.begin(line), line, literal, events)
        elif pending is None:
            tag, at = head(line)
            self._finish(tag, at, without_ending(line), events)
        else:
            self._next_command()
            octets = bytes(pending.octets) + without_ending(line)
            self._finish(pending.tag, pending.at, octets, events)
        return True

    def _finish(self, tag: bytes | None, at: int, octets: bytes, events: list[Event]) -> None:
        """Parse a whole command."""
        if tag is None:
            self._bad(events, Bad(None, b"expected a tag"))
            return
        try:
            command = grammar.parse(octets, at)
        except CharsetFault:
            events.append(BadCharset(tag))
        except SyntaxFault as fault:
            self._bad(events, Bad(tag, fault.text.encode("ascii")))
        else:
            self.bad_commands = 0
            events.append(Command(tag, command))
            if type(command) in _PAUSING:
                self._state, self._exchange = State.PAUSED, tag

    def _begin_literal(
        self, pending: Pending, line: bytes, literal: Literal, events: list[Event]
    ) -> None:
        """Measure a literal, which an argument or a message of APPEND may be."""
        self._pending = pending
        is_message = pending.add_line(line, literal)
        size = literal.size_octets
        if pending.tag is None:
            self._refuse(Bad(None, b"expected a tag"), size, events)
        elif is_message:
            self._begin_message(pending, line, literal, events)
        elif size > pending.largest_argument(self.limits, logged_in=self._logged_in):
            self._refuse(Bad(pending.tag, b"the literal is too long"), size, events)
        else:
            pending.literal_octets += size
            self._remaining, self._state = size, State.SMALL
            if pending.synchronising:
                events.append(NeedContinuation(b"go ahead"))

    def _begin_message(
        self, pending: Pending, line: bytes, literal: Literal, events: list[Event]
    ) -> None:
        """Announce a message of an APPEND and wait for the edge, or refuse it unread."""
        tag, size = pending.tag or b"", literal.size_octets
        if not self._logged_in:
            self._refuse(Bad(tag, b"log in first"), size, events)
            return
        try:
            message = pending.add_message(line, literal)
        except SyntaxFault as fault:
            self._refuse(Bad(tag, fault.text.encode("ascii")), size, events)
            return
        if size > self.limits.message_octets:
            self._refuse(TooLong(tag, b"the message is too long"), size, events)
            return
        events.append(LiteralBegin(tag, pending.mailbox, message, pending.synchronising))
        self._remaining, self._state = size, State.PAUSED

    def _take(self) -> bytes:
        """Take what is here of the literal."""
        taken = self._buffer.take(self._remaining)
        self._remaining -= len(taken)
        return taken

    def _read_small(self, events: list[Event]) -> bool:
        kept = self._pending.octets if self._pending else bytearray()
        kept += self._take()
        if self._remaining:
            return False
        self._state = State.COMMAND
        return True

    def _read_message(self, events: list[Event]) -> bool:
        if taken := self._take():
            events.append(LiteralChunk(Plaintext(taken)))
        if self._remaining:
            return False
        events.append(LiteralEnd())
        self._state = State.REST
        return True

    def _read_rest(self, events: list[Event]) -> bool:
        """Read what stands behind a message: the next one (RFC 3502), or the end of the APPEND."""
        line = self._line(events)
        pending = self._pending
        if line is None or pending is None:
            return self._state is State.SKIP
        if literal := literal_after(line):
            pending.synchronising = literal.synchronising
            pending.line_octets += len(line)
            self._begin_message(pending, line, literal, events)
            return True
        self._next_command()
        try:
            append = pending.end_append(without_ending(line))
        except SyntaxFault as fault:
            self._bad(events, Bad(pending.tag, fault.text.encode("ascii")))
        else:
            self.bad_commands = 0
            events.append(Command(pending.tag or b"", append))
        return True

    def _read_line(self, events: list[Event]) -> bool:
        line = self._line(events)
        if line is None:
            return False
        answer = without_ending(line)
        try:
            events.append(SaslLine(None if answer == b"*" else grammar.base64(answer)))
        except SyntaxFault as fault:
            self._bad(events, Bad(self._exchange, fault.text.encode("ascii")))
            self._next_command()
            return True
        self._state = State.PAUSED
        return False

    def _read_done(self, events: list[Event]) -> bool:
        line = self._line(events)
        if line is None:
            return False
        if line.strip().upper() == b"DONE":
            events.append(Done())
        else:
            self._bad(events, Bad(self._exchange, b"expected DONE"))
        self._next_command()
        return True

    # Faults

    def _bad(self, events: list[Event], event: Bad) -> None:
        self.bad_commands += 1
        events.append(event)
        if event.fatal:
            self.close()

    def _overflow(self, events: list[Event]) -> None:
        in_exchange = self._state in (State.LINE, State.DONE)
        if in_exchange:
            tag = self._exchange
        elif self._pending is not None:
            tag = self._pending.tag
        else:
            room = min(TAG_OCTETS, self.limits.line_octets)
            tag, _ = head(self._buffer.begins(room + 1))
        fatal = in_exchange or not self._logged_in
        self._bad(events, Bad(tag, b"the line is too long", fatal))
        if not fatal:
            self._skip(0)

    @property
    def _discardable(self) -> int:
        limits = self.limits
        return limits.discard_octets if self._logged_in else limits.early_literal_octets

    def _refuse(self, event: Bad | TooLong, size: int, events: list[Event]) -> None:
        """Refuse a literal of `size` octets, none of which has been read."""
        on_its_way = self._pending is not None and not self._pending.synchronising
        if on_its_way and size > self._discardable:
            event = replace(event, fatal=True)
        if isinstance(event, Bad):
            self._bad(events, event)
        else:
            events.append(event)
        if event.fatal:
            self.close()
        elif on_its_way:
            self._skip(size)
        else:
            self._next_command()

    def _skip(self, size: int) -> None:
        """Drop a literal of `size` octets that is on its way, and the rest of its command."""
        self._next_command()
        self._discard = Discard(self._discardable, size)
        self._state = State.SKIP

    def _drop(self, events: list[Event]) -> bool:
        dropped = self._discard.drop(self._buffer) if self._discard else Dropped.ALL
        if dropped is Dropped.ALL:
            self._next_command()
        elif dropped is Dropped.TOO_MUCH:
            self._bad(events, Bad(None, b"too much to discard", fatal=True))
        return dropped is Dropped.ALL


_STEPS: dict[State, Callable[[Machine, list[Event]], bool]] = {
    State.COMMAND: Machine._read_command,
    State.SMALL: Machine._read_small,
    State.MESSAGE: Machine._read_message,
    State.REST: Machine._read_rest,
    State.LINE: Machine._read_line,
    State.DONE: Machine._read_done,
    State.PAUSED: Machine._wait,
    State.SKIP: Machine._drop,
    State.CLOSED: Machine._ignore,
}
