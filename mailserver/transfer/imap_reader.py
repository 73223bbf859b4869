r"""A server's octets cut into responses, without holding more than was agreed to. No I/O.

Why not aioimaplib's own reader: it recurses once a line (a chunk of a thousand flags is the end of
the stack), holds a literal of whatever size the server names, splits lines at literals that a human
text only looks like, and drops every `* ` it finds inside a line. Mail has to arrive octet for
octet from servers that may be slow, broken or hostile, so the cutting is done here; commands, tags
and states stay aioimaplib's (`imap.py`).

A response is text and literals in turn (RFC 9051 §4.3): ``(text, literal, text, …)``; texts come
without their CRLF and with the `{n}` that announces what follows.
"""

import re
from typing import NamedTuple

from mailserver.model.errors import Condition, PeerFault

LINE_OCTETS = 16 * 1024 * 1024  # a SEARCH of two million UIDs; everything else is far below
PIECES = 10_000  # literals of one response: a mailbox with as many literals for labels is none
DROPPED_OCTETS = 4 << 30  # what we let pass unread before we call it endless

_ANNOUNCED = re.compile(rb"~?\{([0-9]{1,20})\+?\}$")
_HUMAN = re.compile(rb"(?:\*|[A-Za-z0-9.]+) (?:OK|NO|BAD|BYE|PREAUTH)\b|\+", re.IGNORECASE)


class Oversized(NamedTuple):
    """Stands for a literal that was longer than allowed; it was read and dropped."""

    octets: int


Piece = bytes | Oversized


class Response(NamedTuple):
    """One whole response: texts at even places, literals at odd ones."""

    pieces: tuple[Piece, ...]

    @property
    def line(self) -> bytes:
        """Its first text."""
        first = self.pieces[0]
        return first if isinstance(first, bytes) else b""

    @property
    def octets(self) -> int:
        """What it holds in memory."""
        return sum(len(piece) for piece in self.pieces if isinstance(piece, bytes))


class Reader:
    """Feeds on octets, yields responses; after a fault it is not fed again."""

    def __init__(self, literal_octets: int) -> None:
        """Keep literals of up to `literal_octets`; read larger ones without keeping them."""
        self._literal_octets = literal_octets
        self._buffer = bytearray()
        self._searched = 0
        self._pieces: list[Piece] = []
        self._text_octets = 0
        self._literal: bytearray | None = None
        self._announced = 0
        self._missing = 0

    @property
    def idle(self) -> bool:
        """Whether nothing of a next response has come yet."""
        return not self._buffer and not self._pieces

    def feed(self, octets: bytes) -> list[Response]:
        """Take what came; return the responses that it completes.

        Raises:
            PeerFault: TOO_LARGE, a line or literal without end; nothing more is to be fed.
        """
        responses: list[Response] = []
        view = memoryview(octets)
        while view:
            if self._missing:
                view = self._extend_literal(view)
                continue
            self._buffer += view
            view = view[len(view) :]
            view = self._cut(responses)
        return responses

    def _extend_literal(self, view: memoryview) -> memoryview:
        taken = min(self._missing, len(view))
        if self._literal is not None:
            self._literal += view[:taken]
        self._missing -= taken
        if not self._missing:
            self._end_literal()
        return view[taken:]

    def _end_literal(self) -> None:
        whole = Oversized(self._announced) if self._literal is None else bytes(self._literal)
        self._literal = None
        self._pieces.append(whole)

    def _cut(self, responses: list[Response]) -> memoryview:
        """Cut lines off the buffer until it holds none, or a literal begins: returns its octets."""
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            self._searched = 0
            announced = self._announcement(line)
            self._take_text(line)
            if announced is None:
                responses.append(Response(tuple(self._pieces)))
                self._pieces, self._text_octets = [], 0
                del self._buffer[: end + 1]
                continue
            rest = bytes(self._buffer[end + 1 :])
            self._buffer.clear()
            self._begin_literal(announced)
            return memoryview(rest)
        self._searched = len(self._buffer)
        self._bound(len(self._buffer))
        return memoryview(b"")

    def _announcement(self, line: bytes) -> int | None:
        """Return the size of the literal that follows `line`; None where none does."""
        if not line.endswith(b"}") or (not self._pieces and _HUMAN.match(line)):
            return None
        found = _ANNOUNCED.search(line)
        return int(found.group(1)) if found else None

    def _take_text(self, line: bytes) -> None:
        self._bound(len(line))
        self._text_octets += len(line)
        self._pieces.append(line)
        if len(self._pieces) > PIECES:
            raise PeerFault(Condition.TOO_LARGE, "the server's answer has too many parts")

    def _bound(self, more: int) -> None:
        if self._text_octets + more > LINE_OCTETS:
            raise PeerFault(Condition.TOO_LARGE, "the server sent a line without an end")

    def _begin_literal(self, octets: int) -> None:
        if octets > DROPPED_OCTETS:
            raise PeerFault(Condition.TOO_LARGE, "the server announced more than any message has")
        self._announced = self._missing = octets
        self._literal = bytearray() if octets <= self._literal_octets else None
        if not octets:
            self._end_literal()
