"""The small languages of header fields: fields, folding, encoded words, parameters, dates, ids.

A header block is cut once into `Field` triples by one regular expression; everything else here
works on a single field's value. Values stay octets until somebody wants to read them as text.

The regular expressions are written so that none can backtrack: possessive quantifiers, and
classes that exclude what follows them. A field of 256 KiB is the most they are ever given.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from mailserver.protocol.mime.charsets import decode, guess
from mailserver.protocol.mime.transfer import base64_octets

REFERENCES = 50  # message ids kept of one message: its root and its latest ancestors

Field = tuple[bytes, bytes, bytes]
"""Name in lower case, value as it stands (folded, with line ends), the whole field's octets."""

Parameters = tuple[tuple[bytes, bytes], ...]

_FIELD = re.compile(
    rb"^(([^\x00-\x20\x7f:]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+\n?))", re.MULTILINE
)
_PARAMETER = re.compile(
    rb';\s*+([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"?+[^;]*+|([^;]*+))', re.DOTALL
)
_HEAD = re.compile(rb"\s*+[^\s/;]++(?:\s*+/\s*+[^\s/;]++)?")
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_MARK = re.compile(rb'[()"\\]')
_ENCODED_WORD = re.compile(
    r"=\?([^?*\s]+)(?:\*[^?\s]*+)?\?([bBqQ])\?([^?]*+)\?=(?:[ \t\r\n]++(?==\?))?"
)
_DATE = re.compile(
    rb"(?<![0-9])([0-9]{1,2})[ \t\r\n-]+([A-Za-z]{3})[a-z]*[ \t\r\n-]+([0-9]{2,4})"
    rb"[ \t\r\n]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?[ \t\r\n]*([+-][0-9]{4}|[A-Za-z]{1,4})?"
)
_MESSAGE_ID = re.compile(rb"<([^<>]++)>")
_SPACE = re.compile(rb"\s+")
_SECTION = re.compile(rb"([^*]++)\*(?:([0-9]{1,4})(\*?))?\Z")

_MONTHS = {
    name: number
    for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_ZONES = {  # RFC 5322 §4.3; every other name means nothing certain, so UTC
    b"EST": -300, b"EDT": -240, b"CST": -360, b"CDT": -300,
    b"MST": -420, b"MDT": -360, b"PST": -480, b"PDT": -420,
}  # fmt: skip
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def header_fields(block: bytes) -> list[Field]:
    """Cut a header block into its fields, in order.

    A line that is neither a field nor the continuation of one (an mbox `From ` line, noise) is
    left out, with its continuations. The last field may lack its line end.

    Source: RFC 5322 §2.2; white space before the colon is RFC 5322 §4.5.
    """
    return [(name.lower(), value, whole) for whole, name, value in _FIELD.findall(block)]


def first(fields: Iterable[Field], name: bytes) -> bytes | None:
    """Return the unfolded value of the first field called `name` (lower case), or None."""
    for lowered, value, _ in fields:
        if lowered == name:
            return unfold(value)
    return None


def unfold(value: bytes) -> bytes:
    """Take line breaks out of a field value, and white space off its ends (RFC 5322 §2.2.3)."""
    value = value.strip()
    if b"\n" in value:
        return value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value


# ---------------------------------------------------------------- parameters


def _without_comments(value: bytes) -> bytes:
    """Put a space in place of every (nested) comment outside quoted strings."""
    kept, depth, quoted, position, skip = [], 0, False, 0, -1
    for found in _COMMENT_MARK.finditer(value):
        mark, at = found.group(), found.start()
        if at == skip:
            continue
        if mark == b"\\":
            skip = at + 1
        elif mark == b'"':
            quoted = quoted if depth else not quoted
        elif quoted:
            continue
        elif mark == b"(":
            if not depth:
                kept.append(value[position:at])
            depth += 1
        elif depth:
            depth -= 1
            position = at + 1
    if not depth:
        kept.append(value[position:])
    return b" ".join(kept)


def _join_sections(pairs: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Join `name*0*`, `name*1` … into one `name*` (RFC 2231 §3), still percent-encoded."""
    plain: list[tuple[bytes, bytes]] = []
    sections: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    for name, value in pairs:
        found = _SECTION.match(name)
        if found is None or found.group(2) is None:
            plain.append((name, value))
        else:
            numbered = sections.setdefault(found.group(1), {})
            numbered.setdefault(int(found.group(2)), (value, bool(found.group(3))))
    for name, numbered in sections.items():
        ordered = [numbered[number] for number in sorted(numbered)]
        if any(encoded for _, encoded in ordered):
            text = b"".join(
                value if encoded else value.replace(b"%", b"%25") for value, encoded in ordered
            )
            plain.append((name + b"*", text))
        else:
            plain.append((name, b"".join(value for value, _ in ordered)))
    return plain


def _parse_parameterised(value: bytes) -> tuple[bytes, Parameters]:
    value = unfold(value)
    if b"(" in value:
        value = _without_comments(value)
    head, semicolon, _ = value.partition(b";")
    found = _HEAD.match(head)
    token = b"".join(found.group().split()).lower() if found else b""
    if not semicolon:
        return token, ()
    pairs = []
    for name, quoted, bare in _PARAMETER.findall(value, len(head)):
        if quoted and b"\\" in quoted:
            quoted = _QUOTED_PAIR.sub(rb"\1", quoted)
        pairs.append((name.lower(), quoted or bare.strip().strip(b'"')))
    if any(b"*" in name for name, _ in pairs):
        pairs = _join_sections(pairs)
    return token, tuple(pairs)


_parse_short = lru_cache(maxsize=1024)(_parse_parameterised)


def parameterised(value: bytes) -> tuple[bytes, Parameters]:
    """Read `token; name=value …`: Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183).

    The token and the names come back in lower case without white space or comments, the values
    unquoted. Continuations are joined (RFC 2231 §3); a value in an extended encoding keeps it, and
    its name keeps its `*`. Anything unreadable is left out.
    """
    return _parse_short(value) if len(value) <= 128 else _parse_parameterised(value)


def parameter(parameters: Parameters, name: bytes) -> bytes | None:
    """Return the first value called `name`, as it stands."""
    for candidate, value in parameters:
        if candidate == name:
            return value
    return None


def parameter_text(parameters: Parameters, name: bytes) -> str | None:
    """Return a parameter for people: RFC 2231 decoded, or RFC 2047, as many mailers write it."""
    extended = parameter(parameters, name + b"*")
    if extended is not None:
        charset, quote, rest = extended.partition(b"'")
        _, second, text = rest.partition(b"'")
        if quote and second:
            return decode(unquote_to_bytes(text), charset)
        return guess(unquote_to_bytes(extended))
    value = parameter(parameters, name)
    return None if value is None else text_of(value)


# ---------------------------------------------------------------- encoded words


def _word_octets(encoding: str, text: str) -> bytes:
    octets = text.encode()
    if encoding in "qQ":
        return a2b_qp(octets.replace(b"\n", b"").replace(b"\r", b""), header=True)
    return base64_octets(octets)


def _decode_words(text: str) -> str:
    """Replace encoded words, joining octets of neighbours first: some mailers split characters."""
    out: list[str] = []
    position, charset = 0, ""
    pending: list[bytes] = []
    for found in _ENCODED_WORD.finditer(text):
        label = found.group(1).lower()
        if pending and (found.start() != position or label != charset):
            out.append(decode(b"".join(pending), charset.encode()))
            pending = []
        out.append(text[position : found.start()])
        charset, position = label, found.end()
        pending.append(_word_octets(found.group(2), found.group(3)))
    out.append(decode(b"".join(pending), charset.encode()))
    out.append(text[position:])
    return "".join(out)


def text_of(value: bytes) -> str:
    """Decode an unfolded field value for people: RFC 2047, and raw 8-bit as UTF-8 or Latin-1."""
    text = guess(value)
    return _decode_words(text) if "=?" in text else text


# ---------------------------------------------------------------- dates and ids


def sent_date(value: bytes) -> tuple[int, int] | None:
    """Read a Date field: (seconds since 1970 in UTC, zone offset in minutes), or None.

    The week day, seconds and zone may be missing, the year may have two or three digits; an unknown
    zone counts as UTC. Source: RFC 5322 §3.3, §4.3.
    """
    found = _DATE.search(value, 0, 512)  # a date is short; what is longer is no date
    if found is None:
        return None
    day, month, year_digits, hour, minute, second, zone = found.groups()
    number = _MONTHS.get(month.lower(), 0)
    year = int(year_digits)
    if len(year_digits) < 4:  # three digits count from 1900, as two do from 50 on
        year += 2000 if year < 50 else 1900
    try:
        days = date(year, number, int(day)).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    if int(hour) > 23 or int(minute) > 59:
        return None
    offset = 0
    if zone and zone[0] in b"+-":
        offset = (int(zone[1:3]) * 60 + int(zone[3:5])) * (-1 if zone[0] == 0x2D else 1)
    elif zone:
        offset = _ZONES.get(zone.upper(), 0)
    clock = int(hour) * 3600 + int(minute) * 60 + min(int(second or 0), 59)
    return days * 86400 + clock - offset * 60, offset


def message_ids(value: bytes) -> list[bytes]:
    """Return the ids of a Message-ID, In-Reply-To or References field, with their angle brackets.

    White space inside an id (a folded one) is dropped. A value without brackets is taken as one id
    when it is one word. Source: RFC 5322 §3.6.4.
    """
    found = _MESSAGE_ID.findall(value)
    if found:
        return [b"<" + (_SPACE.sub(b"", one)) + b">" for one in found if not one.isspace()]
    words = value.split()
    return [b"<" + words[0] + b">"] if len(words) == 1 else []


class Thread(NamedTuple):
    """The ids that tie a message to others."""

    own: bytes | None
    ancestors: list[bytes]
    """Parent first, then the references from the oldest on; each once, at most `REFERENCES`."""


def thread_ids(fields: Sequence[Field]) -> Thread:
    """Collect Message-ID, In-Reply-To and References of a message."""
    own = message_ids(first(fields, b"message-id") or b"")
    parents = message_ids(first(fields, b"in-reply-to") or b"")
    references = message_ids(first(fields, b"references") or b"")
    seen = dict.fromkeys(parents + references)
    if own:
        seen.pop(own[0], None)
    ancestors = list(seen)
    if len(ancestors) > REFERENCES:
        ancestors = ancestors[:2] + ancestors[2 - REFERENCES :]
    return Thread(own[0] if own else None, ancestors)
