"""SPF's macro language: `%{ir}.%{v}._spf.%{d2}` and what it stands for. Pure.

A domain-spec is cut into pieces once, when its record is read; expanding it for a message is then a
join of strings. What `%{p}` means takes DNS, so it is looked up beforehand, where a text needs it.

Source: RFC 7208 §7.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import quote

NAME_OCTETS = 253  # RFC 7208 §7.3: longer names lose labels on the left

_PIECE = re.compile(
    r"%\{(?P<letter>[slodiphcrtv])(?P<digits>[0-9]*+)(?P<reverse>r?)(?P<split>[-.+,/_=]*+)\}"
    r"|%(?P<escape>[%_-])|(?P<plain>[\x21-\x24\x26-\x7e]++)|(?P<space>\x20++)",
    re.IGNORECASE,
)
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}


class SpfSyntaxError(Exception):
    """A record that breaks the grammar or its limits: the result is permerror."""


class Macro(NamedTuple):
    """`%{letter digits r delimiters}`."""

    letter: str
    keep: int
    """How many parts of the right end stay; 0 for all."""
    reverse: bool
    delimiters: str
    escape: bool
    """It was written in upper case: the value is to be URL-encoded."""


MacroString = tuple[str | Macro, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the letters stand for, except `%{d}`, which changes on the way through includes."""

    ip: IPv4Address | IPv6Address
    local: str
    sender_domain: str
    helo: str
    receiver: str = "unknown"
    now: datetime | None = None

    @property
    def dotted_ip(self) -> str:
        """The address as `%{i}` has it: IPv6 as 32 nibbles."""
        return str(self.ip) if self.ip.version == 4 else ".".join(f"{int(self.ip):032X}")


_VALUES: dict[str, Callable[[Facts, str, str], str]] = {
    "s": lambda facts, domain, validated: f"{facts.local}@{facts.sender_domain}",
    "l": lambda facts, domain, validated: facts.local,
    "o": lambda facts, domain, validated: facts.sender_domain,
    "d": lambda facts, domain, validated: domain,
    "i": lambda facts, domain, validated: facts.dotted_ip,
    "p": lambda facts, domain, validated: validated,
    "v": lambda facts, domain, validated: "in-addr" if facts.ip.version == 4 else "ip6",
    "h": lambda facts, domain, validated: facts.helo,
    "c": lambda facts, domain, validated: str(facts.ip),
    "r": lambda facts, domain, validated: facts.receiver,
    "t": lambda facts, domain, validated: str(int(facts.now.timestamp()) if facts.now else 0),
}


def parse_macros(text: str, *, explanation: bool = False) -> MacroString:
    """Cut `text` into literals and macros.

    Args:
        text: a domain-spec, or what an explanation's TXT record holds.
        explanation: allow spaces, and the letters c, r and t.

    Raises:
        SpfSyntaxError: it is no macro-string.

    Source: RFC 7208 §7.1.
    """
    pieces: list[str | Macro] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None or (found["space"] and not explanation):
            raise SpfSyntaxError("a macro is malformed")
        at = found.end()
        if found["letter"]:
            pieces.append(_macro(found, explanation=explanation))
        else:
            pieces.append(
                _ESCAPES[found["escape"]] if found["escape"] else found["plain"] or found["space"]
            )
    return tuple(pieces)


def _macro(found: re.Match[str], *, explanation: bool) -> Macro:
    letter, digits = found["letter"], found["digits"]
    if letter in "crtCRT" and not explanation:
        raise SpfSyntaxError(f"%{{{letter}}} is for explanations")  # RFC 7208 §7.2
    keep = int(digits[:9]) if digits else 0
    if digits and not keep:
        raise SpfSyntaxError("a macro keeps no part of its value")  # RFC 7208 §7.3
    return Macro(
        letter.lower(),
        keep,
        bool(found["reverse"]),
        found["split"] or ".",
        letter.isupper(),
    )


def needs_validated_name(pieces: MacroString) -> bool:
    """Say whether expanding takes the client's validated host name."""
    return any(isinstance(piece, Macro) and piece.letter == "p" for piece in pieces)


def expand(pieces: MacroString, facts: Facts, domain: str, validated: str = "unknown") -> str:
    """Put values in place of macros. Source: RFC 7208 §7.3."""
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    return "".join(
        piece
        if isinstance(piece, str)
        else _value(piece, _VALUES[piece.letter](facts, domain, validated))
        for piece in pieces
    )


def expand_domain(
    pieces: MacroString, facts: Facts, domain: str, validated: str = "unknown"
) -> str:
    """Expand to a name that fits into DNS, shortened on the left where it must be."""
    name = expand(pieces, facts, domain, validated).removesuffix(".")
    while len(name) > NAME_OCTETS and "." in name:
        name = name.partition(".")[2]
    return name


def _value(macro: Macro, raw: str) -> str:
    if macro.keep or macro.reverse or macro.delimiters != ".":
        parts: Sequence[str] = _split(raw, macro.delimiters)
        if macro.reverse:
            parts = parts[::-1]
        if macro.keep:
            parts = parts[-macro.keep :]
        raw = ".".join(parts)
    return quote(raw, safe="-._~") if macro.escape else raw


def _split(raw: str, delimiters: str) -> list[str]:
    first = delimiters[0]
    for other in delimiters[1:]:
        raw = raw.replace(other, first)
    return raw.split(first)
