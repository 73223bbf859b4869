"""Address lists as strangers write them (RFC 5322 §3.4, and much of its obsolete syntax in §4.4).

Two readers with one result: one regular expression an address for the forms nearly all mail uses,
and a tokenizer for the rest (groups, routes, comments, domain literals, quoted local parts, plain
nonsense). Neither ever gives up: what is no address becomes a mailbox without a domain.
"""

import re
from typing import NamedTuple

ADDRESSES = 10_000  # read of one field; bounds what 256 KiB of commas can grow into


class Mailbox(NamedTuple):
    """One address, raw octets: the four parts of an IMAP address structure (RFC 9051 §7.5.2).

    An address without a domain has an empty one. Where `domain` is None, a group begins, whose name
    is `local`, or ends, where `local` is None too.
    """

    name: bytes | None
    route: bytes | None
    local: bytes | None
    domain: bytes | None


GROUP_END = Mailbox(None, None, None, None)

_PLAIN = re.compile(
    rb'\s*+(?:(?:"([^"\\\r\n]*+)"\s*+|([^\s"()<>@,:;\\\[\]][^"()<>@,:;\\\[\]\r\n]*+))?+'
    rb'<([^\s"()<>@,:;\\\[\]]++)@([^\s"()<>@,:;\\\[\]]++)>'
    rb'|([^\s"()<>@,:;\\\[\]]++)@([^\s"()<>@,:;\\\[\]]++))\s*+(?:,|\Z)'
)
_TOKEN = re.compile(
    rb'(\s++)|"([^"\\]*+(?:\\.[^"\\]*+)*+)"?+|(\[[^\]\\]*+(?:\\.[^\]\\]*+)*+\]?+)'
    rb'|([^\s"()<>@,:;\[\]\\]++)|(.)',
    re.DOTALL,
)
_PARENTHESIS = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_SPACES = re.compile(rb"\s+")


def addresses(value: bytes) -> list[Mailbox]:
    """Read an unfolded address list; at most `ADDRESSES` entries. Names stay as encoded words."""
    found: list[Mailbox] = []
    position = 0
    while position < len(value) and len(found) < ADDRESSES:
        one = _PLAIN.match(value, position)
        if one is None:
            return _Tokens(value).read() if value.strip() else []
        quoted, phrase, local, domain, bare_local, bare_domain = one.groups()
        if bare_local is not None:
            found.append(Mailbox(None, None, bare_local, bare_domain))
        else:
            name = quoted or (_SPACES.sub(b" ", phrase.rstrip()) if phrase else None)
            found.append(Mailbox(name, None, local, domain))
        position = one.end()
    return found


class _Tokens:
    """The tolerant reader: gathers words until a special octet says what they were."""

    __slots__ = (
        "bracket",
        "comment",
        "domain",
        "found",
        "group",
        "name",
        "route",
        "value",
        "words",
        "writing",
    )

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.found: list[Mailbox] = []
        self.group = False
        self.clear()

    def clear(self) -> None:
        self.words: list[bytes] = []  # single spaces stand for white space
        self.writing = self.words  # the list that the next word belongs to
        self.domain: list[bytes] | None = None  # words after the @
        self.name: bytes | None = None  # the phrase before an angle bracket
        self.route: bytes | None = None
        self.comment: bytes | None = None
        self.bracket = False

    def read(self) -> list[Mailbox]:
        value, size, position = self.value, len(self.value), 0
        while position < size and len(self.found) < ADDRESSES:
            token = _TOKEN.match(value, position)
            assert token is not None  # noqa: S101 - its last alternative takes any octet
            position = token.end()
            space, quoted, literal, atom, special = token.groups()
            if special is None:
                if quoted is not None:
                    quoted = _QUOTED_PAIR.sub(rb"\1", quoted) if b"\\" in quoted else quoted
                    self.writing.append(quoted)
                else:
                    self.writing.append(b" " if space else literal or atom)
            elif special == b"(":
                position = self.skip_comment(position)
            else:
                self.special(special)
        self.finish()
        if self.group:
            self.found.append(GROUP_END)
        return self.found

    def skip_comment(self, start: int) -> int:
        """Pass over a comment, however deep it nests; the last one may turn out to be a name."""
        depth, end = 1, len(self.value)
        for mark in _PARENTHESIS.finditer(self.value, start):
            depth += {b"(": 1, b")": -1}.get(mark.group(), 0)
            if not depth:
                end = mark.end()
                self.comment = _QUOTED_PAIR.sub(rb"\1", self.value[start : end - 1]).strip()
                break
        self.writing.append(b" ")
        return end

    def special(self, octet: bytes) -> None:
        """Take an octet that has a meaning; a lone backslash, `)` or a second `<` have none."""
        if octet == b",":
            if self.bracket and self.writing is self.domain and not self.words:
                self.writing.append(b",")  # between the domains of a route (RFC 5322 §4.4)
            else:
                self.finish()
        elif octet == b"<" and not self.bracket:
            self.name, self.bracket = self.phrase(), True
            self.words, self.domain = [], None
            self.writing = self.words
        elif octet == b">":
            self.writing = []  # what follows, up to the comma, belongs to nothing
        elif octet == b"@":
            if self.domain is None and self.writing is self.words:
                self.writing = self.domain = []
            else:
                self.writing.append(b"@")
        elif octet == b":":
            self.colon()
        elif octet == b";":
            self.finish()
            if self.group:
                self.group = False
                self.found.append(GROUP_END)

    def colon(self) -> None:
        """End a route (`<@a,@b:local@domain>`) or the name of a group."""
        if self.bracket:
            if self.writing is self.domain and not self.words:
                self.route = b"@" + b"".join(self.domain).replace(b" ", b"")
                self.domain, self.writing = None, self.words
        elif not self.group and self.domain is None:
            self.group = True
            self.found.append(Mailbox(None, None, self.phrase() or b"", None))
            self.clear()

    def phrase(self) -> bytes | None:
        """Join the words so far as a display name, with single spaces between them."""
        words = self.words if self.domain is None else [*self.words, b"@", *self.domain]
        return _SPACES.sub(b" ", b"".join(words).strip()) or None

    def finish(self) -> None:
        """Make a mailbox of what was gathered, if there is anything."""
        words = self.words
        while words and words[-1] == b" ":
            words.pop()
        start = next((at for at, word in enumerate(words) if word != b" "), 0)
        words = words[start:]
        domain = None if self.domain is None else b"".join(self.domain).replace(b" ", b"")
        if not self.bracket and b" " in words:
            # a name without angle brackets: its last word is the local part, if there is an @
            last = len(words) - words[::-1].index(b" ")
            address = words[last:] if domain is not None else []
            self.words, self.domain = words[: len(words) - len(address)], None
            self.name, words = self.phrase(), address
        local = b"".join([word for word in words if word != b" "])
        if local or domain or self.name or self.bracket:
            self.found.append(Mailbox(self.name or self.comment, self.route, local, domain or b""))
        self.clear()
