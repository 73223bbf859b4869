"""Strings, names and instants as the server writes them (RFC 9051 §4.3, §9).

A quoted string is short printable ASCII; everything else is a literal, which every client reads.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

from mailserver.protocol.imap import utf7
from mailserver.protocol.imap.lexer import MONTHS

QUOTED_OCTETS = 1_000  # longer ones go as literals: old clients read lines into small buffers

_ATOM = re.compile(rb"[!#$&'+,./0-9:;<=>?@A-Z\[^_`a-z|}~-]+")
_QUOTABLE = re.compile(rb"[\x20-\x7e]{0,%d}" % QUOTED_OCTETS)
_SPECIAL = re.compile(rb'(["\\])')


def literal(octets: bytes) -> bytes:
    """Write a literal.

    Deviates: a NUL goes out as it is. RFC 9051 has none in a literal, but a message that holds one
    must come back as it came, and clients read literals by their length.
    """
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes) -> bytes:
    """Write a quoted string or a literal."""
    if not _QUOTABLE.fullmatch(octets):
        return literal(octets)
    return b'"%b"' % _SPECIAL.sub(rb"\\\1", octets)


def nstring(octets: bytes | None) -> bytes:
    """Write a string, or NIL for None."""
    return b"NIL" if octets is None else string(octets)


def astring(octets: bytes) -> bytes:
    """Write an atom, a quoted string or a literal; the word NIL is never an atom."""
    if _ATOM.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return string(octets)


@lru_cache(maxsize=1_024)
def mailbox(name: str) -> bytes:
    """Write a mailbox name, in modified UTF-7 (RFC 3501 §5.1.3).

    Raises:
        ValueError: it holds half a surrogate pair.
    """
    return astring(utf7.encode(name))


def date_time(instant: datetime) -> bytes:
    """Write an aware instant as a `date-time`, in UTC."""
    at = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return (
        f'"{at.day:02d}-{MONTHS[at.month - 1]}-{at.year:04d} '
        f'{at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"'
    ).encode("ascii")
