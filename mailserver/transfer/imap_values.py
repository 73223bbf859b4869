r"""What a server's responses say: lists, fetched messages, mailboxes (RFC 9051 §7, §9). No I/O.

Reading is lenient where mail would otherwise be left behind (a name that is not modified UTF-7, a
flag we do not know) and strict where a guess could lose some (numbers, dates).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from mailserver.model.errors import Condition, PeerFault
from mailserver.model.message import Flag, Keywords
from mailserver.protocol.imap import utf7
from mailserver.transfer.imap_reader import Oversized, Response

DEPTH = 50

_ATOM = re.compile(rb'[^\x00-\x20()"\[]*(?:\[[^\]]*\][^\x00-\x20()"\[]*)*')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(rb"~?\{[0-9]+\+?\}$")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_DATE = re.compile(r"\s*(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\s*")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_FLAGS = {
    b"\\seen": Flag.SEEN,
    b"\\answered": Flag.ANSWERED,
    b"\\flagged": Flag.FLAGGED,
    b"\\deleted": Flag.DELETED,
    b"\\draft": Flag.DRAFT,
}


class Atom(bytes):
    """A word that stood there bare: `NIL`, a flag, a number; never quoted, never a literal."""


Value = bytes | Oversized | None | list["Value"]
"""An atom or string, a literal that was too long, NIL, or a list of such."""


@dataclass(slots=True)
class Listed:
    r"""A mailbox of the server: its name as it must be asked for, and as it reads."""

    raw: bytes
    levels: tuple[str, ...]
    delimiter: str
    """What its levels are parted by on the server; empty where it has only one."""
    attributes: frozenset[str]
    r"""In lower case, `\` included (RFC 9051 §7.3.1, RFC 6154)."""

    @property
    def selectable(self) -> bool:
        """Whether it can hold messages."""
        return not self.attributes & {"\\noselect", "\\nonexistent"}

    @property
    def name(self) -> str:
        """Its name for people."""
        return "/".join(self.levels)


@dataclass(slots=True)
class Fetched:
    """What a server told of one message; what it did not tell is None."""

    uid: int
    octets: bytes | None = None
    oversized: int | None = None
    """Its size, where it was too long to be kept."""
    flags: Flag | None = None
    keywords: Keywords = frozenset()
    internaldate: datetime | None = None
    undated: bool = False
    """Its date was told and is none."""
    size_octets: int | None = None
    labels: list[bytes] | None = field(default=None)
    """Gmail's, in modified UTF-7 (its extension X-GM-EXT-1)."""

    @property
    def complete(self) -> bool:
        """Whether everything that an import asks for has come."""
        has_content = self.octets is not None or self.oversized is not None
        has_date = self.internaldate is not None or self.undated
        return has_content and has_date and self.flags is not None


def values(response: Response) -> list[Value]:
    """Return what stands in a response, in order, without its `*`.

    Raises:
        PeerFault: BAD_SYNTAX, it is no IMAP.
    """
    outermost: list[Value] = []
    stack = [outermost]
    for token in _tokens(response):
        if token == b"(" and type(token) is Atom:
            stack.append([])
            stack[-2].append(stack[-1])
            if len(stack) > DEPTH:
                raise _fault()
        elif token == b")" and type(token) is Atom:
            stack.pop()
            if not stack:
                raise _fault()
        elif type(token) is Atom and token.upper() == b"NIL":
            stack[-1].append(None)
        else:
            stack[-1].append(token)
    if len(stack) != 1:
        raise _fault()
    return outermost[1:] if outermost[:1] == [b"*"] else outermost


def _tokens(response: Response) -> Iterator[bytes | Oversized]:
    last = len(response.pieces) - 1
    for place, piece in enumerate(response.pieces):
        if place % 2 or isinstance(piece, Oversized):
            yield piece
            continue
        text = piece if place == last else _LITERAL.sub(b"", piece)
        yield from _words(text)


def _words(text: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(text):
        first = text[at : at + 1]
        if first == b" ":
            at += 1
        elif first in (b"(", b")"):
            yield Atom(first)
            at += 1
        elif first == b'"':
            quoted = _QUOTED.match(text, at)
            if quoted is None:
                raise _fault()
            yield _ESCAPED.sub(rb"\1", quoted.group(1))
            at = quoted.end()
        else:
            atom = _ATOM.match(text, at)
            if atom is None or not atom.group():
                raise _fault()
            yield Atom(atom.group())
            at = atom.end()


def fetched(response: Response) -> Fetched | None:
    """Read a FETCH response (RFC 9051 §7.5.2); None where it does not say which UID it is of.

    Raises:
        PeerFault: BAD_SYNTAX.
    """
    found = values(response)
    if len(found) != 3 or not isinstance(found[2], list) or len(found[2]) % 2:
        raise _fault()
    told = found[2]
    items: dict[bytes, Value] = {}
    for name, value in zip(told[::2], told[1::2], strict=True):
        if not isinstance(name, bytes):
            raise _fault()
        items[name.upper()] = value
    if b"UID" not in items:
        return None
    message = Fetched(number(items[b"UID"]))
    _read_content(message, items)
    if b"FLAGS" in items:
        message.flags, message.keywords = flags(items[b"FLAGS"])
    if b"INTERNALDATE" in items:
        message.internaldate = internaldate(items[b"INTERNALDATE"])
        message.undated = message.internaldate is None
    if b"RFC822.SIZE" in items:
        message.size_octets = number(items[b"RFC822.SIZE"])
    if isinstance(labels := items.get(b"X-GM-LABELS"), list):
        message.labels = [label for label in labels if isinstance(label, bytes)]
    return message


def _read_content(message: Fetched, items: dict[bytes, Value]) -> None:
    match items.get(b"BODY[]"):
        case bytes(octets):
            message.octets = octets
        case Oversized(octets=size):
            message.oversized = size


def flags(value: Value) -> tuple[Flag, Keywords]:
    r"""Part a list of flags into ours and keywords; `\Recent` and what is unknown are left out."""
    if not isinstance(value, list):
        raise _fault()
    system, keywords = Flag.NONE, set[str]()
    for each in value:
        if not isinstance(each, bytes) or not each:
            raise _fault()
        if each.startswith(b"\\"):
            system |= _FLAGS.get(each.lower(), Flag.NONE)
        else:
            keywords.add(each.decode("utf-8", "replace"))
    return system, frozenset(keywords)


def internaldate(value: Value) -> datetime | None:
    """Read a date-time (RFC 9051 §9); None where it is none."""
    if not isinstance(value, bytes):
        return None
    found = _DATE.fullmatch(value.decode("ascii", "replace"))
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    zone = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        moment = datetime(
            *(int(year), _MONTHS.index(month.lower()) + 1, int(day)),
            *(int(hour), int(minute), min(int(second), 59)),  # a leap second is the one before
            tzinfo=timezone(-zone if sign == "-" else zone),
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def listed(response: Response) -> Listed | None:
    """Read a LIST or LSUB response.

    None is for a name that cannot be asked for again: one with an end of line in it.

    Raises:
        PeerFault: BAD_SYNTAX.
    """
    found = values(response)
    if len(found) < 4 or not isinstance(found[1], list) or not isinstance(found[3], bytes):
        raise _fault()
    raw = bytes(found[3])
    if any(octet in raw for octet in b"\r\n\0"):
        return None
    delimiter = found[2].decode("latin-1") if isinstance(found[2], bytes) else ""
    text = read_name(raw)
    levels = text.split(delimiter) if delimiter else [text]
    attributes = {each.decode("latin-1").lower() for each in found[1] if isinstance(each, bytes)}
    return Listed(raw, tuple(levels), delimiter, frozenset(attributes))


def read_name(raw: bytes) -> str:
    """Read a mailbox name: modified UTF-7, else the UTF-8 or Latin-1 that some servers send."""
    try:
        return utf7.decode(raw)
    except ValueError:
        pass
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def number(value: Value) -> int:
    """Read a number of up to 63 bits (RFC 9051 §9 number64)."""
    if isinstance(value, bytes) and value.isdigit() and len(value) < 19:
        return int(value)
    raise _fault()


def numbers(found: Sequence[Value]) -> list[int]:
    """Read numbers, as SEARCH tells them; anything else behind them is left out (RFC 7162)."""
    return [int(each) for each in found if isinstance(each, bytes) and each.isdigit()]


def _fault() -> PeerFault:
    return PeerFault(Condition.BAD_SYNTAX, "the server's answer is not IMAP")
