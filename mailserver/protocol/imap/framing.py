"""Lines and literals out of a stream, and the dropping of what was refused (RFC 9051 §4.3)."""

import re
from enum import Enum, auto
from typing import NamedTuple

_LITERAL = re.compile(rb"\{([0-9]{1,20})(\+?)\}\r?\n\Z")
_LITERAL_OCTETS = 32  # no longer is a literal's `{n+}` with its line ending


class Literal(NamedTuple):
    """What a line says, at `begins_at`, of the literal that follows it."""

    begins_at: int
    size_octets: int
    synchronising: bool


def literal_after(line: bytes) -> Literal | None:
    """Read the `{n}` or `{n+}` at the end of a line that still has its ending."""
    if b"}" not in line[-3:]:  # no line but one in a hundred has one
        return None
    match = _LITERAL.search(line, max(0, len(line) - _LITERAL_OCTETS))
    return Literal(match.start(), int(match.group(1)), not match.group(2)) if match else None


def without_ending(line: bytes) -> bytes:
    """Take CRLF off, or the bare LF that people send by hand."""
    return line[:-2] if line.endswith(b"\r\n") else line[:-1]


class LineTooLong(Exception):
    """There is no line ending within the room that is left; nothing was taken."""


class Buffer:
    """Octets that came and were not used yet."""

    __slots__ = ("_octets", "_seen")

    def __init__(self) -> None:
        """Begin empty."""
        self._octets = bytearray()
        self._seen = 0  # octets that are known to have no line ending: none is looked at twice

    def __len__(self) -> int:
        """Count the octets."""
        return len(self._octets)

    def add(self, octets: bytes) -> None:
        """Put what came behind the rest."""
        self._octets += octets

    def begins(self, count: int) -> bytes:
        """Show the first `count` octets, or as many as there are."""
        return bytes(self._octets[:count])

    def line(self, room: int) -> bytes | None:
        """Take a line with its ending, at most `room` octets; None where it is not all here.

        Raises:
            LineTooLong: it is longer, whether its end is here or not.
        """
        end = self._octets.find(b"\n", self._seen) + 1
        if (end or len(self._octets)) > room:
            raise LineTooLong
        if not end:
            self._seen = len(self._octets)
            return None
        return self.take(end)

    def take(self, count: int) -> bytes:
        """Take the first `count` octets, or as many as there are."""
        self._seen = 0
        taken = bytes(self._octets[:count])
        del self._octets[:count]
        return taken

    def take_through_line(self) -> tuple[bytes, bool]:
        """Take up to a line ending (True) or, where there is none, everything (False)."""
        end = self._octets.find(b"\n") + 1
        return self.take(end or len(self._octets)), end > 0

    def clear(self) -> int:
        """Forget everything; returns how many octets it was."""
        return len(self.take(len(self._octets)))


class Dropped(Enum):
    """How far the dropping of a refused command has come."""

    MORE = auto()
    """Its end is not here yet."""
    ALL = auto()
    TOO_MUCH = auto()
    """It is longer than the bound: the connection is not worth it."""


class Discard:
    """Drops the rest of a refused command: octets of a literal, its line, the literals on that."""

    __slots__ = ("_bound", "_literal", "_tail")

    def __init__(self, bound: int, literal_octets: int) -> None:
        """Begin with a literal that is on its way (0: a line); drop at most `bound` octets."""
        self._bound = bound - literal_octets
        self._literal = literal_octets
        self._tail = b""  # of the line that is being dropped: a literal may hang on it

    def drop(self, buffer: Buffer) -> Dropped:
        """Drop what is here."""
        while self._bound >= 0:
            self._literal -= len(buffer.take(self._literal))
            if self._literal:
                return Dropped.MORE
            taken, ended = buffer.take_through_line()
            self._bound -= len(taken)
            self._tail = (self._tail + taken)[-_LITERAL_OCTETS:]
            if self._bound < 0:
                break
            if not ended:
                return Dropped.MORE
            literal = literal_after(self._tail)
            if literal is None or literal.synchronising:
                return Dropped.ALL
            self._tail = b""
            self._literal = literal.size_octets
            self._bound -= literal.size_octets
        return Dropped.TOO_MUCH
