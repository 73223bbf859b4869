"""The terminals of the IMAP grammar, read from one whole command (RFC 9051 §9).

A command is one run of octets with its literals in place: `{5}`, a line ending, five octets. The
machine found its end and checked its size, so the lexer never waits. A quoted string cannot span a
line, and no atom has a brace, so that the two agree where each literal starts, or the command is
refused.

Deviates: several spaces are taken for one, and spaces before the end are ignored; clients in use
send both.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from mailserver.model.errors import Condition, PeerFault

NUMBER = (1 << 32) - 1
NUMBER64 = (1 << 63) - 1

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.upper().encode(): number for number, name in enumerate(MONTHS, 1)}

TAG_OCTETS = 255  # no client has longer ones; bounds what a BAD sends back
_HEAD = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]{1,255})(?=[ \r\n]) *')
_SPACE = re.compile(rb" +")
_END = re.compile(rb" *\Z")
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_WORD = re.compile(rb"[A-Za-z0-9.+-]+")
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_PATTERN = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_QUOTED = re.compile(rb'"([^\x00\r\n"\\]*(?:\\["\\][^\x00\r\n"\\]*)*)"')
_LITERAL = re.compile(rb"\{([0-9]{1,20})\+?\}\r?\n")
_NUMBER = re.compile(rb"[0-9]{1,20}")
_SET = re.compile(rb"[0-9*:,]+|\$")
_ESCAPED = re.compile(rb"\\(.)")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"([ 0-9]?[0-9])-([A-Za-z]{3})-([0-9]{4}) '
    rb'([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)


class SyntaxFault(PeerFault):
    """The command is not in the grammar; `text` says where, in words of ours alone."""

    def __init__(self, text: str) -> None:
        """Say in a few words what was expected."""
        super().__init__(Condition.BAD_SYNTAX, text)


class Lexer:
    """Reads terminals from `octets`, a command without its last line ending, beginning at `at`.

    Each method raises SyntaxFault where its terminal does not stand next.
    """

    __slots__ = ("at", "octets")

    def __init__(self, octets: bytes, at: int = 0) -> None:
        """Stand at `at`."""
        self.octets = octets
        self.at = at

    def _match(self, pattern: "re.Pattern[bytes]", what: str) -> "re.Match[bytes]":
        match = pattern.match(self.octets, self.at)
        if match is None:
            raise SyntaxFault(f"expected {what}")
        self.at = match.end()
        return match

    def peek(self) -> int:
        """Return the next octet, or -1 at the end."""
        return self.octets[self.at] if self.at < len(self.octets) else -1

    def space(self) -> None:
        """Pass a space."""
        self._match(_SPACE, "a space")

    def spaces(self) -> None:
        """Pass spaces, or nothing."""
        if match := _SPACE.match(self.octets, self.at):
            self.at = match.end()

    def end(self) -> None:
        """Stand at the end of the command."""
        self._match(_END, "the end of the line")

    def more(self) -> bool:
        """Pass a space with something behind it; False at the end of the command."""
        if _END.match(self.octets, self.at):
            return False
        self.space()
        return True

    def expect(self, octet: bytes) -> None:
        """Pass this very octet."""
        if not self.octets.startswith(octet, self.at):
            raise SyntaxFault(f"expected {octet.decode()}")
        self.at += 1

    def skip(self, octet: bytes) -> bool:
        """Pass this very octet if it is next."""
        if self.octets.startswith(octet, self.at):
            self.at += 1
            return True
        return False

    def open(self) -> None:
        """Pass an opening parenthesis."""
        self.expect(b"(")
        self.spaces()

    def close(self) -> bool:
        """Pass a closing parenthesis (True), or the space before one more item of the list."""
        start = self.at
        self.spaces()
        if self.skip(b")"):
            return True
        if self.at == start:
            raise SyntaxFault("expected a space or )")
        return False

    def word(self) -> bytes:
        """Read a word of the protocol, in upper case; `+` and `-` may be in it."""
        return self._match(_WORD, "a word").group().upper()

    def atom(self) -> bytes:
        """Read an atom."""
        return self._match(_ATOM, "an atom").group()

    def number(self) -> int:
        """Read a 32-bit number."""
        return self._bounded(NUMBER)

    def number64(self) -> int:
        """Read a 63-bit number."""
        return self._bounded(NUMBER64)

    def _bounded(self, largest: int) -> int:
        number = int(self._match(_NUMBER, "a number").group())
        if number > largest:
            raise SyntaxFault("the number is too large")
        return number

    def set_octets(self) -> bytes:
        """Read what may be a set of message numbers."""
        return self._match(_SET, "a set of message numbers").group()

    def astring(self) -> bytes:
        """Read an atom (`]` may be in it), a quoted string or a literal."""
        if match := _ASTRING.match(self.octets, self.at):
            self.at = match.end()
            return match.group()
        return self.string()

    def pattern(self) -> bytes:
        """Read a `list-mailbox`: as an astring, but an atom may have wildcards."""
        if match := _PATTERN.match(self.octets, self.at):
            self.at = match.end()
            return match.group()
        return self.string()

    def string(self) -> bytes:
        """Read a quoted string or a literal without NUL."""
        if match := _QUOTED.match(self.octets, self.at):
            self.at = match.end()
            quoted = match.group(1)
            return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        return self._literal()

    def _literal(self) -> bytes:
        count = int(self._match(_LITERAL, "a string").group(1))
        start, self.at = self.at, self.at + count
        literal = self.octets[start : self.at]
        if len(literal) < count:
            raise SyntaxFault("the literal is cut short")
        if b"\x00" in literal:
            raise SyntaxFault("a string has no NUL")
        return literal

    def nstring(self) -> bytes | None:
        """Read a string, or NIL as None."""
        if self.octets[self.at : self.at + 3].upper() == b"NIL":
            self.at += 3
            return None
        return self.string()

    def text(self) -> str:
        """Read an astring that is UTF-8."""
        return utf8(self.astring())

    def date(self) -> date:
        """Read a `date`, quoted or not."""
        _, day, month, year = self._match(_DATE, "a date").groups()
        try:
            return date(int(year), _MONTH[month.upper()], int(day))
        except (KeyError, ValueError) as error:
            raise SyntaxFault("there is no such date") from error

    def date_time(self) -> datetime:
        """Read a `date-time`, as an instant in UTC."""
        groups = self._match(_DATE_TIME, "a date and time").groups()
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = groups
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        try:
            return datetime(
                int(year),
                _MONTH[month.upper()],
                int(day),
                int(hour),
                int(minute),
                int(second),
                tzinfo=timezone(-offset if sign == b"-" else offset),
            ).astimezone(UTC)
        except (KeyError, ValueError, OverflowError) as error:
            raise SyntaxFault("there is no such date and time") from error


def head(line: bytes) -> tuple[bytes | None, int]:
    """Return the tag of a line, None where there is no valid one, and where its command begins."""
    match = _HEAD.match(line)
    return (match.group(1), match.end()) if match else (None, 0)


def utf8(octets: bytes) -> str:
    """Decode UTF-8.

    Raises:
        SyntaxFault: it is none.
    """
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise SyntaxFault("the string is not UTF-8") from error
