"""Text → tokens (RFC 5228 §8.1)."""

import re
from enum import Enum
from typing import NamedTuple

from mailserver.protocol.sieve.errors import SieveError

NUMBER_MAX = 2**63 - 1
"""RFC 5228 §2.4.1 asks for 2^31 - 1; sizes of ours have 63 bits."""

_QUANTITY = {"": 0, "k": 10, "m": 20, "g": 30}
# No alternative of it can match what another does, and none gives back what it took.
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]++|\#[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)"
    r"|(?P<lines>[tT][eE][xX][tT]:[ \t]*+(?:\#[^\n]*+)?\r?\n)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|(?P<number>[0-9]++[kKmMgG]?+)(?![A-Za-z0-9_])"
    r'|"(?P<quoted>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    r"|(?P<mark>[\[\](){},;])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_END_OF_LINES = re.compile(r"^\.\r?$", re.MULTILINE)
_LINE_END = re.compile(r"\r?\n")


class Kind(Enum):
    """What a token is."""

    NAME = "a name"
    TAG = "a tag"
    NUMBER = "a number"
    STRING = "a string"
    MARK = "punctuation"
    END = "the end of the script"


class Token(NamedTuple):
    """One token: its value is lower case for names and tags, decoded for strings and numbers."""

    kind: Kind
    text: str
    number: int
    at: int
    """Where it begins: characters from the start of the script."""


class Source:
    """A script's text, to turn a place in it into line and column."""

    def __init__(self, text: str) -> None:
        """Take the whole text."""
        self.text = text

    def error(self, at: int, text: str) -> SieveError:
        """Return an error at a place."""
        line = self.text.count("\n", 0, at) + 1
        return SieveError(line, at - (self.text.rfind("\n", 0, at) + 1) + 1, text)


def tokens(source: Source) -> list[Token]:
    """Cut a script into tokens; the last one is END.

    Raises:
        SieveError: something in it is no token.
    """
    text, at, found = source.text, 0, []
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise source.error(at, _complaint(text, at))
        start, at = at, match.end()
        kind = match.lastgroup
        if kind == "lines":
            lines, at = _lines(source, start, at)
            found.append(Token(Kind.STRING, lines, 0, start))
        elif kind != "space":
            found.append(_token(source, str(kind), match[str(kind)], start))
    found.append(Token(Kind.END, "", 0, len(text)))
    return found


def _token(source: Source, kind: str, text: str, at: int) -> Token:
    match kind:
        case "name":
            return Token(Kind.NAME, text.lower(), 0, at)
        case "tag":
            return Token(Kind.TAG, text.lower(), 0, at)
        case "number":
            return Token(Kind.NUMBER, text, _number(source, text, at), at)
        case "quoted":
            return Token(Kind.STRING, _ESCAPE.sub(r"\1", text), 0, at)
        case _:
            return Token(Kind.MARK, text, 0, at)


def _number(source: Source, text: str, at: int) -> int:
    digits = text.rstrip("kKmMgG")
    if len(digits) > 19 or (number := int(digits) << _QUANTITY[text[len(digits) :].lower()]) > (
        NUMBER_MAX
    ):
        raise source.error(at, "this number is too large")
    return number


def _lines(source: Source, start: int, at: int) -> tuple[str, int]:
    """Read a multi-line string up to the lone dot, its dots unstuffed (RFC 5228 §2.4.2)."""
    end = _END_OF_LINES.search(source.text, at)
    if end is None or (after := _LINE_END.match(source.text, end.end())) is None:
        if end is not None and end.end() == len(source.text):
            return _unstuffed(source.text[at : end.start()]), end.end()
        raise source.error(start, "this text has no end: a line with a single dot is missing")
    return _unstuffed(source.text[at : end.start()]), after.end()


def _unstuffed(text: str) -> str:
    lines = _LINE_END.split(text)
    return "\r\n".join(line[1:] if line.startswith(".") else line for line in lines)


def _complaint(text: str, at: int) -> str:
    if text[at] == '"':
        return "this string has no end"
    if text.startswith("/*", at):
        return "this comment has no end"
    if text[at].isdigit():
        return "this is not a number"
    return "this character does not belong here"
