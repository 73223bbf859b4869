"""Content lines of vCards 2.1, 3.0 and 4.0, as address books write them.

The three versions differ in how a line goes on (folded, or quoted-printable with `=` at its end),
in how its parameters are written (`;HOME` or `;TYPE=home`) and in its characters. Real files mix
them, so that each line is read by what it says of itself rather than by what its card claims.

Source: vCard 2.1 §2.1; RFC 2425 §5.8; RFC 6350 §3.2, §3.3; RFC 6868 §3.1.
"""

import codecs
import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

_QUOTED_PRINTABLE = b"QUOTED-PRINTABLE"
_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,64}\.)?([A-Za-z0-9-]{1,64})\Z")
# One a name, before ':' outside of quotes; a quote that does not end is a character like others.
_PARAMETER = re.compile(r';([^=;:"]{0,64})(?:=((?:"[^"]*"|[^;:"])*))?')
_QUOTED = re.compile(r'"([^"]*)"|([^,"]+)')
_CARET = re.compile(r"\^(['n^])")
_CARETS = {"'": '"', "n": "\n", "^": "^"}
_CHARSETS = frozenset(
    (
        *("utf-8", "us-ascii", "iso-8859-1", "iso-8859-2", "iso-8859-9", "iso-8859-15"),
        *("windows-1250", "windows-1251", "windows-1252", "windows-1254", "koi8-r"),
        *("shift_jis", "euc-jp", "gb2312", "gbk", "big5", "euc-kr"),
    )
)
_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"})


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its name in capitals, its parameters, and its value still escaped."""

    name: str
    parameters: dict[str, tuple[str, ...]]
    value: str

    def types(self) -> frozenset[str]:
        """Return the values of TYPE, in small letters."""
        return frozenset(each.lower() for each in self.parameters.get("TYPE", ()))


def lines(octets: bytes) -> Iterator[Line]:
    """Read a file; what is no content line is passed over."""
    for whole in _unfolded(_in_utf_8(octets)):
        if line := _line(whole):
            yield line


def _in_utf_8(octets: bytes) -> bytes:
    """Take off the mark at the begin of a file; some programs write UTF-16."""
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if octets.startswith(mark):
            return octets.decode("utf-16", "replace").encode("utf-8", "replace")
    return octets.removeprefix(codecs.BOM_UTF8)


def _unfolded(octets: bytes) -> Iterator[bytes]:
    parts: list[bytes] = []
    is_soft = is_quoted = False  # the line ends with `=` and goes on; it is quoted-printable
    for piece in octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        goes_on = bool(parts) and piece[:1] in (b" ", b"\t") and not is_quoted
        if is_soft:
            parts.append(piece)
        elif goes_on:
            parts.append(piece[1:])
        else:
            if parts:
                yield b"".join(parts)
            parts = [piece]
            is_quoted = _QUOTED_PRINTABLE in piece.partition(b":")[0].upper()
        is_soft = is_quoted and parts[-1].endswith(b"=")
        if is_soft:
            parts[-1] = parts[-1][:-1]
    if parts:
        yield b"".join(parts)


def _line(octets: bytes) -> Line | None:
    text = octets.decode("utf-8", "surrogateescape")
    head = re.match(r"[^;:]*", text)
    at = head.end() if head else 0
    name = _NAME.match(text[:at].strip())
    if name is None:
        return None
    parameters: dict[str, tuple[str, ...]] = {}
    while found := _PARAMETER.match(text, at):
        at = found.end()
        key, values = _parameter(found[1].strip(), found[2])
        parameters[key] = (*parameters.get(key, ()), *values)
    begin = text.find(":", at)
    if begin < 0:
        return None
    value = text[begin + 1 :].encode("utf-8", "surrogateescape")
    if "QUOTED-PRINTABLE" in map(str.upper, parameters.get("ENCODING", ())):
        value = a2b_qp(value)
    charset = next(iter(parameters.get("CHARSET", ())), "")
    return Line(name[1].upper(), parameters, _characters(value, charset))


def _parameter(key: str, told: str | None) -> tuple[str, tuple[str, ...]]:
    if told is None:  # vCard 2.1: a value without its name
        return ("ENCODING" if key.upper() in _ENCODINGS else "TYPE"), (_valid(key),)
    values = (quoted or bare.strip() for quoted, bare in _QUOTED.findall(told))
    return key.upper(), tuple(
        _CARET.sub(lambda each: _CARETS[each[1]], _valid(value))
        for whole in values
        for value in (whole.split(",") if key.upper() == "TYPE" else (whole,))
    )


def _characters(octets: bytes, charset: str) -> str:
    """Read a value by the character set it names, else as UTF-8, else as Windows would."""
    if charset.lower() in _CHARSETS:
        return octets.decode(charset, "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("windows-1252", "replace")


def _valid(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
