"""Message content as it arrives: the end of DATA, dot-stuffing, and what no message may contain.

SMTP smuggling lives off servers that disagree about where a message ends (`LF . LF`, `CR . CR` and
their kin). Here only CRLF.CRLF ends one, and a message with a bare CR or LF anywhere is refused
whole, so that nobody is handed it who would read it differently (RFC 5321 §2.3.8, PRIVACY §7).

No loop runs over lines: `find`, `count` and `replace` run over the octets that came, whatever their
number, and what could be the beginning of CRLF.CRLF is held back until more comes. Invariant: a
piece given to `ContentCheck.take` never ends between a CR and its LF.
"""

from dataclasses import dataclass
from enum import Enum, auto

_END = b"\r\n.\r\n"


class Fault(Enum):
    """Why content is refused. The first fault found stands; nothing is kept after it."""

    BARE_NEWLINE = auto()
    """A CR without its LF or an LF without its CR."""
    NUL = auto()
    LINE_TOO_LONG = auto()
    HEADER_TOO_LARGE = auto()
    TOO_LARGE = auto()


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """Bounds of one message, in octets, after dot-stuffing is undone."""

    message_octets: int = 50 << 20
    header_octets: int = 256 << 10
    line_octets: int = 64 << 10
    """Without CRLF. Deviates: RFC 5322 §2.1.1 says 998; refusing more loses mail that people
    send, and this bound already keeps small what one line can make a parser hold."""


class ContentCheck:
    """Looks at a message piece by piece and remembers the first fault."""

    __slots__ = ("_header_open", "_limits", "_line_octets", "_tail", "fault", "octets")

    def __init__(self, limits: ContentLimits) -> None:
        """Start before the first octet of a message."""
        self._limits = limits
        self._header_open = True
        self._tail = b"\r\n"  # an empty header is a message that begins with CRLF
        self._line_octets = 0
        self.fault: Fault | None = None
        self.octets = 0

    def take(self, piece: bytes) -> bool:
        """Look at the next `piece`; False once the message is at fault."""
        if self.fault is None:
            self.fault = self._look(piece)
        return self.fault is None

    def _look(self, piece: bytes) -> Fault | None:
        self.octets += len(piece)
        if self.octets > self._limits.message_octets:
            return Fault.TOO_LARGE
        crlf = piece.count(b"\r\n")
        if crlf != piece.count(b"\n") or crlf != piece.count(b"\r"):
            return Fault.BARE_NEWLINE
        if b"\0" in piece:
            return Fault.NUL
        if self._header_open and self._header_too_large(piece):
            return Fault.HEADER_TOO_LARGE
        return Fault.LINE_TOO_LONG if self._line_too_long(piece) else None

    def _header_too_large(self, piece: bytes) -> bool:
        before = self.octets - len(piece) - len(self._tail)
        seen = self._tail + piece
        end = seen.find(b"\r\n\r\n")
        if end >= 0:
            self._header_open = False
            return before + end > self._limits.header_octets
        self._tail = seen[-3:]
        return self.octets > self._limits.header_octets

    def _line_too_long(self, piece: bytes) -> bool:
        """Step from newline to newline, a whole permitted line at a time, never line by line."""
        limit = self._limits.line_octets + 2
        start = -self._line_octets  # where the open line would have begun
        size = len(piece)
        while size - start > limit:
            newline = piece.rfind(b"\n", max(start, 0), max(start + limit, 0))
            if newline < 0:
                return True
            start = newline + 1
        newline = piece.rfind(b"\n", max(start, 0))
        self._line_octets = size - (start if newline < 0 else newline + 1)
        return False


class DataReader:
    """Reads what follows DATA up to CRLF.CRLF (RFC 5321 §4.1.1.4, §4.5.2).

    `ended` says that the end was seen; `rest` is then what came behind it: the next commands.
    """

    __slots__ = ("_begun", "_held", "check", "ended", "rest")

    def __init__(self, limits: ContentLimits) -> None:
        """Start after the 354."""
        self.check = ContentCheck(limits)
        self.ended = False
        self.rest = b""
        self._held = b"\r\n"  # DATA begins at the beginning of a line: a first `.` CRLF ends it
        self._begun = False

    def feed(self, octets: bytes) -> bytes:
        """Take `octets`; return the content they settle, dots unstuffed, and nothing after a fault.

        Raises:
            ValueError: the message has ended already.
        """
        if self.ended:
            raise ValueError("the message has ended")
        came = self._held + octets
        end = came.find(_END)
        if end >= 0:
            self.ended = True
            self.rest = came[end + len(_END) :]
            settled = came[: end + 2]
        else:
            held = next((n for n in (4, 3, 2, 1) if came.endswith(_END[:n])), 0)
            settled = came[: len(came) - held]
            self._held = came[len(came) - held :]
        if not settled:
            return b""
        content = settled.replace(b"\r\n.", b"\r\n")
        if not self._begun:
            self._begun = True
            content = content[2:]  # the line end that we put there ourselves
        return content if self.check.take(content) else b""


class ChunkReader:
    """Joins the chunks of BDAT (RFC 3030): no dot-stuffing, but the same laws for line ends.

    A message whose last chunk does not end a line gets its CRLF: RFC 5321 §4.1.1.4 content does.
    """

    __slots__ = ("_held", "_open_line", "check")

    def __init__(self, limits: ContentLimits) -> None:
        """Start before the first chunk."""
        self.check = ContentCheck(limits)
        self._held = b""
        self._open_line = False

    def feed(self, octets: bytes, *, last: bool) -> bytes:
        """Take `octets`, `last` with the very last; return content, nothing after a fault."""
        settled = self._held + octets
        self._held = b""
        if not last and settled.endswith(b"\r"):
            settled, self._held = settled[:-1], b"\r"
        if settled:
            self._open_line = not settled.endswith(b"\n")
        if last and self._open_line:
            settled += b"\r\n"
        return settled if self.check.take(settled) else b""
