"""The server's half of a connection: octets in, commands out, one at a time (RFC 5804 §1.2, §4).

Whoever reads pulls: `feed` keeps what came, `command` and `answer` take the next thing out of it.
So nothing behind STARTTLS or AUTHENTICATE is looked at before these were carried out.

A literal is measured before any of it is kept. It is on its way by then (`{n+}`), so one that is
too large is counted and dropped, up to a bound; beyond it the fault is fatal.
"""

import re
from dataclasses import dataclass

from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.framing import (
    Buffer,
    Discard,
    Dropped,
    LineTooLong,
    literal_after,
    without_ending,
)
from mailserver.protocol.managesieve.command import Argument, Command, SyntaxFault, read

LINE_OCTETS = 8 * 1024
ARGUMENTS = 4
NUMBER_MAX = 2**32 - 1  # RFC 5804 §4
_QUOTED_OCTETS = 1_024
_TOKEN = re.compile(
    rb'(?P<space> +)|"(?P<quoted>[^"\\\x00\r\n]*+(?:\\["\\][^"\\\x00\r\n]*+)*+)"'
    rb"|(?P<number>[0-9]{1,10})(?= |\Z)|(?P<atom>[A-Za-z][A-Za-z0-9_-]*+)(?= |\Z)"
)
_ESCAPE = re.compile(rb"\\(.)")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may make us hold."""

    literal_octets: int = 64 * 1024
    early_literal_octets: int = 1_024
    """Before sign-in."""
    discard_octets: int = 4 * 1024 * 1024
    """Of a literal that is too large."""


@dataclass(frozen=True, slots=True)
class Bad:
    """What came is not in the grammar; after a fatal one nothing more is read."""

    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A string is over the limit and was dropped."""

    fatal: bool = False


class Machine:
    """Turns what one client sends into commands."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin before sign-in."""
        self._limits = limits or Limits()
        self._buffer = Buffer()
        self._arguments: list[Argument] = []
        self._literal: int | None = None
        self._held = 0
        self._discard: Discard | None = None
        self._ended = False
        self.signed_in = False
        """Whether the larger limit holds."""

    @property
    def waiting_octets(self) -> int:
        """How many octets are held that nothing has told of."""
        return len(self._buffer) + self._held

    def feed(self, octets: bytes) -> None:
        """Keep what came."""
        if not self._ended:
            self._buffer.add(octets)

    def clear(self) -> None:
        """Forget what came in the clear behind STARTTLS (RFC 5804 §2.2)."""
        self._buffer.clear()
        self._reset()

    def close(self) -> None:
        """Read nothing more."""
        self._ended = True
        self.clear()

    def command(self) -> Command | Bad | TooLarge | None:
        """Take the next command; None where it is not all here."""
        arguments = self._next()
        if not isinstance(arguments, list):
            return arguments
        if not arguments:
            return self.command()  # an empty line is nothing
        try:
            return read(arguments)
        except SyntaxFault as fault:
            return Bad(str(fault))

    def answer(self) -> Plaintext | Bad | TooLarge | None:
        """Take the client's next string in an AUTHENTICATE exchange; None where it is not here."""
        arguments = self._next()
        if not isinstance(arguments, list):
            return arguments
        if len(arguments) == 1 and isinstance(arguments[0], bytes):
            return Plaintext(arguments[0])
        return Bad("a string was expected")

    def _next(self) -> list[Argument] | Bad | TooLarge | None:
        """Take the next line with all its literals."""
        while not self._ended:
            if self._discard is not None:
                return self._drop(self._discard)
            if self._literal is not None:
                if len(self._buffer) < self._literal:
                    return None
                self._arguments.append(self._buffer.take(self._literal))
                self._literal = None
            try:
                line = self._buffer.line(LINE_OCTETS)
            except LineTooLong:
                self.close()
                return Bad("this line is too long", fatal=True)
            if line is None:
                return None
            done = self._line(line)
            if done is not None:
                return done
        return None

    def _line(self, line: bytes) -> list[Argument] | Bad | None:
        """Read a line; None where a literal follows, or its dropping."""
        literal = literal_after(line)
        text = line[: literal.begins_at] if literal else without_ending(line)
        try:
            self._arguments += _arguments(text, whole=literal is None)
            if len(self._arguments) > ARGUMENTS:
                raise SyntaxFault("this command has too many arguments")
        except SyntaxFault as fault:
            if literal is None:
                self._reset()
                return Bad(str(fault))
            # What follows is on its way; it must not be read as commands.
            self._discard = Discard(self._limits.discard_octets, literal.size_octets)
            return None
        if literal is None:
            arguments = self._arguments
            self._reset()
            return arguments
        self._held += literal.size_octets
        if self._held > self._bound:
            self._discard = Discard(self._limits.discard_octets, literal.size_octets)
        else:
            self._literal = literal.size_octets
        return None

    @property
    def _bound(self) -> int:
        limits = self._limits
        return limits.literal_octets if self.signed_in else limits.early_literal_octets

    def _drop(self, discard: Discard) -> Bad | TooLarge | None:
        too_large = self._held > self._bound
        match discard.drop(self._buffer):
            case Dropped.MORE:
                return None
            case Dropped.ALL:
                self._reset()
                return TooLarge() if too_large else Bad("this command is not understood")
            case Dropped.TOO_MUCH:
                self.close()
                return TooLarge(fatal=True)

    def _reset(self) -> None:
        self._arguments = []
        self._literal = None
        self._held = 0
        self._discard = None


def _arguments(text: bytes, *, whole: bool) -> list[Argument]:
    """Read what stands on a line; where it is not `whole`, a literal follows behind a space."""
    found: list[Argument] = []
    at, spaced = 0, True
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (not spaced and token.lastgroup != "space"):
            raise SyntaxFault("this is no string, number or name")
        at = token.end()
        spaced = token.lastgroup == "space"
        match token.lastgroup:
            case "quoted":
                if len(token["quoted"]) > _QUOTED_OCTETS:
                    raise SyntaxFault("this quoted string is too long; send a literal")
                found.append(_ESCAPE.sub(rb"\1", token["quoted"]))
            case "number":
                number = int(token["number"])
                if number > NUMBER_MAX:
                    raise SyntaxFault("this number is too large")
                found.append(number)
            case "atom":
                found.append(token["atom"].decode())
            case _:
                continue
    if not whole and not spaced:
        raise SyntaxFault("a literal stands behind a space")
    return found
