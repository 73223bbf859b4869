"""Header fields as we write them: folded, in ASCII, decodable by everybody.

Every function returns a whole field, its CRLF included. No value can begin a field of its own:
line ends and other controls are refused or become spaces.

Source: RFC 5322 §2.2, §3.2; RFC 2047; RFC 2231; RFC 6532 for addresses beyond ASCII.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from mailserver.model.errors import Condition, PeerFault

LINE_CHARACTERS = 76  # RFC 2047 §2 for lines with encoded words; RFC 5322 §2.1.1 would let us 78
LINE_OCTETS = 998  # RFC 5322 §2.1.1
_WORD_OCTETS = 36  # of text in an encoded word: 60 characters, and a field's name before them
_SECTION_CHARACTERS = 55  # of a parameter's value on one line

_NAME = re.compile(r"[!-9;-~]{1,70}\Z")
_ATOM_TEXT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*\Z")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+\Z")
# RFC 2231 §7 gives "'", "*" and "%" a meaning, which some see in plain values too.
_BARE = re.compile(r"[A-Za-z0-9!#$&+.^_`{|}~-]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ID = re.compile(r"[^\s<>\x00-\x1f\x7f]+\Z")
_RAW = re.compile(r"(?:[^\x00\r\n]|\r\n[ \t])*\Z")
_ADDRESS = re.compile(r'(?:"(?:[^"\\\r\n\x00]|\\[ -~])*"|[^\s<>(),;:"\\\[\]\x00-\x1f\x7f]+)\Z')


class Named(NamedTuple):
    """Somebody in an address field."""

    name: str
    """Empty where only the address is said."""
    email: str


class Group(NamedTuple):
    """Several under a name (RFC 5322 §3.4); without a name they stand for themselves."""

    name: str
    members: Sequence[Named]


def raw(name: str, value: str) -> bytes:
    """Write a field whose value is ready, as a client gave it.

    Raises:
        PeerFault: BAD_MESSAGE, a line of it would be another field, or is too long.
    """
    value = value.removesuffix("\r\n")
    if not _RAW.match(value):
        raise _bad("a header field has a line end or a NUL in it")
    text = f"{_checked(name)}:{value if value[:1] in (' ', '') else ' ' + value}"
    field = text.encode("utf-8", "surrogateescape")
    if any(len(line) > LINE_OCTETS for line in field.split(b"\r\n")):
        field = _fold(_checked(name) + ":", value.split()).removesuffix(b"\r\n")
    return field + b"\r\n"


def text(name: str, value: str) -> bytes:
    """Write unstructured text, such as a Subject."""
    return _fold(_checked(name) + ":", _encoded(_clean(value)))


def addresses(name: str, listed: Iterable[Named | Group]) -> bytes:
    """Write a list of addresses and groups.

    Raises:
        PeerFault: BAD_ADDRESS, one cannot be written so that others read it as it is.
    """
    words: list[str] = []
    for n, one in enumerate(listed):
        if n:
            words[-1] += ","
        if isinstance(one, Group) and one.name:
            words += _group(one)
        elif isinstance(one, Group):
            words += [word for word in _joined(one.members)]
        else:
            words += _mailbox(one)
    return _fold(_checked(name) + ":", words)


def message_ids(name: str, ids: Iterable[str]) -> bytes:
    """Write message ids, given without their angle brackets.

    Raises:
        PeerFault: BAD_MESSAGE, one has a space, a control character or a bracket.
    """
    words = []
    for each in ids:
        if not _ID.match(each):
            raise _bad("this is not a message id")
        words.append(f"<{each}>")
    return _fold(_checked(name) + ":", words)


def urls(name: str, listed: Iterable[str]) -> bytes:
    """Write URLs as lists of RFC 2369 do. Raises PeerFault (BAD_MESSAGE): one is none."""
    words: list[str] = []
    for each in listed:
        if not _ID.match(each) or "," in each:
            raise _bad("this is not a URL")
        words = [*words[:-1], words[-1] + ","] if words else []
        words.append(f"<{each}>")
    return _fold(_checked(name) + ":", words)


def parameterised(name: str, value: str, parameters: Iterable[tuple[str, str]] = ()) -> bytes:
    """Write a value with parameters, those beyond ASCII as RFC 2231 §3 and §4 say.

    Raises:
        PeerFault: BAD_MESSAGE, the value or a parameter's name has more than a token's characters.
    """
    if not all(_TOKEN.match(part) for part in value.split("/")):
        raise _bad(f"{name} has characters that do not belong there")
    words = [value]
    for key, given in parameters:
        if not _TOKEN.match(key):
            raise _bad("this is not a parameter")
        for piece in _parameter(key, _clean(given)):
            words[-1] += ";"
            words.append(piece)
    return _fold(_checked(name) + ":", words)


def _parameter(key: str, value: str) -> Iterator[str]:
    if value.isascii() and len(value) <= _SECTION_CHARACTERS:
        quoted = re.sub(r'(["\\])', r"\\\1", value)
        yield f"{key}={value}" if _BARE.match(value) else f'{key}="{quoted}"'
        return
    sections = [""]
    for character in value:
        escaped = quote(character, safe="")
        if len(sections[-1]) + len(escaped) > _SECTION_CHARACTERS:
            sections.append("")
        sections[-1] += escaped
    if len(sections) == 1:
        yield f"{key}*=utf-8''{sections[0]}"
        return
    for n, section in enumerate(sections):
        yield f"{key}*{n}*={section}" if n else f"{key}*0*=utf-8''{section}"


def _group(group: Group) -> list[str]:
    words = _phrase(group.name)
    words[-1] += ":"
    words += _joined(group.members)
    words[-1] += ";"
    return words


def _joined(members: Iterable[Named]) -> list[str]:
    words: list[str] = []
    for member in members:
        if words:
            words[-1] += ","
        words += _mailbox(member)
    return words


def _mailbox(one: Named) -> list[str]:
    email = one.email.strip()
    local, at, domain = email.rpartition("@")
    if not at or not _ADDRESS.match(local) or not _ADDRESS.match(domain):
        raise PeerFault(Condition.BAD_ADDRESS, "this is not a mail address")
    return [*_phrase(one.name), f"<{email}>"] if _clean(one.name) else [email]


def _phrase(name: str) -> list[str]:
    """Write a name: as it is, quoted, or in encoded words (RFC 5322 §3.2.5, RFC 2047 §5)."""
    name = _clean(name)
    if not name.isascii() or "=?" in name:
        return list(_words(name))
    if _ATOM_TEXT.match(name) and "  " not in name:
        return name.split()
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return [quoted] if len(quoted) < LINE_OCTETS // 2 else list(_words(name))


def _encoded(value: str) -> list[str]:
    """Return the words of a text, all of it encoded where any of it must be."""
    plain = value.isascii() and "=?" not in value and value == value.strip(" ")
    if plain and all(len(word) < LINE_OCTETS // 2 for word in value.split(" ")):
        return value.split(" ")
    return list(_words(value))


def _words(value: str) -> Iterator[str]:
    """Cut a text into encoded words; none cuts a character (RFC 2047 §5)."""
    octets = b""
    for character in value:
        more = character.encode()
        if len(octets) + len(more) > _WORD_OCTETS:
            yield f"=?utf-8?B?{b64encode(octets).decode()}?="
            octets = b""
        octets += more
    if octets:
        yield f"=?utf-8?B?{b64encode(octets).decode()}?="


def _fold(head: str, words: Sequence[str]) -> bytes:
    """Join words by single spaces, in lines as short as the words allow."""
    lines, line = [], head
    for word in words:
        # An empty word (two spaces in a row) never begins a line: a line of spaces alone would
        # end the header for some readers.
        if len(line) + 1 + len(word) > LINE_CHARACTERS and word and line.strip() not in ("", head):
            lines.append(line)
            line = ""
        line += " " + word
    lines.append(line)
    return "\r\n".join(lines).encode() + b"\r\n"


def _clean(value: str) -> str:
    return _CONTROL.sub(" ", value)


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise _bad("this is not a header field's name")
    return name


def _bad(what: str) -> PeerFault:
    return PeerFault(Condition.BAD_MESSAGE, what)
