"""SPF records: from the octets of a TXT record to mechanisms and modifiers. Pure.

The whole record is read before any of it is evaluated, since an error anywhere in it makes the
result permerror (RFC 7208 §4.6). Records that are seen again are not read again.

Source: RFC 7208 §4.5, §4.6, §5, §6, §12.
"""

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from mailserver.mailauth.spf_macro import Macro, MacroString, SpfSyntaxError, parse_macros

RECORD_OCTETS = 8_192  # RFC 7208 §3.4 asks for 450; reading 64 KiB of terms would hold others up
SHOWN = 80  # characters of a mechanism that a reason may quote
CACHED_OCTETS = 1_024  # nobody makes us keep long records; few have more than 450 octets

_VERSION = b"v=spf1"
_TERM = re.compile(r"([-+?~]?)([a-z][a-z0-9_.-]*+)(.*)", re.IGNORECASE | re.DOTALL)
_DUAL_LENGTH = re.compile(
    r"(?::(?P<domain>.*?))?(?:/(?P<four>0|[1-9][0-9]?))?(?://(?P<six>0|[1-9][0-9]{0,2}))?",
    re.DOTALL,
)
_NETWORK = re.compile(r":([0-9a-f:.]++)(?:/(0|[1-9][0-9]{0,2}))?", re.IGNORECASE)


class SpfResult(Enum):
    """What SPF says of a client and a sender. Source: RFC 7208 §2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  # a result, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


_QUALIFIERS = {
    "": SpfResult.PASS,
    "+": SpfResult.PASS,
    "-": SpfResult.FAIL,
    "~": SpfResult.SOFTFAIL,
    "?": SpfResult.NEUTRAL,
}


class Mechanism(NamedTuple):
    """A test of the client, and the result where it holds."""

    result: SpfResult
    kind: str
    """all, include, a, mx, ptr, ip4, ip6 or exists."""
    domain: MacroString | None
    """None means the domain that is being checked."""
    network: int
    """The address of ip4 and ip6, as a number."""
    four_bits: int
    six_bits: int
    text: str
    """As it stands in the record, printable ASCII without spaces, cut where it is long."""


class SpfRecord(NamedTuple):
    """A record of version 1."""

    mechanisms: tuple[Mechanism, ...]
    redirect: MacroString | None
    explanation: MacroString | None


def select_records(texts: Iterable[bytes]) -> list[bytes]:
    """Return those TXT records that are SPF records of version 1. Source: RFC 7208 §4.5."""
    return [
        text
        for text in texts
        if text[:6].lower() == _VERSION and (len(text) == 6 or text[6] == 0x20)
    ]


def parse_record(octets: bytes) -> SpfRecord:
    """Read a record that `select_records` chose.

    Raises:
        SpfSyntaxError: it breaks the grammar.
    """
    return _parse_short(octets) if len(octets) <= CACHED_OCTETS else _parse(octets)


def _parse(octets: bytes) -> SpfRecord:
    if len(octets) > RECORD_OCTETS:
        raise SpfSyntaxError("the record is too long")
    if not octets.isascii():
        raise SpfSyntaxError("the record is not ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, MacroString] = {}
    for term in octets[len(_VERSION) :].decode("ascii").split(" "):
        if not term:
            continue
        found = _TERM.fullmatch(term)
        if found is None:
            raise SpfSyntaxError("a term is malformed")
        qualifier, name, rest = found.groups()
        if rest.startswith("=") and not qualifier:
            _add_modifier(modifiers, name.lower(), rest[1:])
        else:
            mechanisms.append(_mechanism(_QUALIFIERS[qualifier], name.lower(), rest, term))
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect"), modifiers.get("exp"))


_parse_short = lru_cache(maxsize=2_048)(_parse)


def _add_modifier(modifiers: dict[str, MacroString], name: str, value: str) -> None:
    if name not in {"redirect", "exp"}:
        parse_macros(value)  # RFC 7208 §6: unknown ones are ignored, but must be well-formed
    elif name in modifiers:
        raise SpfSyntaxError(f"{name}= stands there twice")
    else:
        modifiers[name] = _domain_spec(value)


def _mechanism(result: SpfResult, kind: str, rest: str, text: str) -> Mechanism:
    domain: MacroString | None = None
    network, four, six = 0, 32, 128
    match kind:
        case "all" if not rest:
            pass
        case "include" | "exists" if rest.startswith(":"):
            domain = _domain_spec(rest[1:])
        case "ptr" if not rest or rest.startswith(":"):
            domain = _domain_spec(rest[1:]) if rest else None
        case "a" | "mx":
            domain, four, six = _dual_length(kind, rest)
        case "ip4":
            network, four = _network(IPv4Address, kind, rest)
        case "ip6":
            network, six = _network(IPv6Address, kind, rest)
        case _:
            raise SpfSyntaxError("a mechanism is unknown or malformed")
    return Mechanism(result, kind, domain, network, four, six, text[:SHOWN])


def _dual_length(kind: str, rest: str) -> tuple[MacroString | None, int, int]:
    found = _DUAL_LENGTH.fullmatch(rest)
    if found is None:
        raise SpfSyntaxError(f"{kind} is malformed")
    four, six = int(found["four"] or 32), int(found["six"] or 128)
    if four > 32 or six > 128:
        raise SpfSyntaxError(f"{kind} has a prefix that is too long")
    spec = found["domain"]
    return (None if spec is None else _domain_spec(spec)), four, six


def _network(
    version: type[IPv4Address] | type[IPv6Address], kind: str, rest: str
) -> tuple[int, int]:
    found = _NETWORK.fullmatch(rest)
    try:
        if found is None:
            raise ValueError
        address = version(found[1])
        bits = address.max_prefixlen if found[2] is None else int(found[2])
        if bits > address.max_prefixlen:
            raise ValueError
    except ValueError:
        raise SpfSyntaxError(f"{kind} names no network") from None
    return int(address), bits


def _domain_spec(text: str) -> MacroString:
    """Read a domain-spec: a macro-string that ends in a macro or a top label."""
    pieces = parse_macros(text)
    if not pieces:
        raise SpfSyntaxError("a domain is missing")
    if not (isinstance(pieces[-1], Macro) or text.endswith(("%%", "%_", "%-"))):
        dot, label = _top_label(pieces[-1])
        if not dot or not _is_top_label(label):
            raise SpfSyntaxError("a domain does not end in a top label")
    return pieces


def _top_label(literal: str) -> tuple[str, str]:
    _, dot, label = literal.removesuffix(".").rpartition(".")
    return dot, label


def _is_top_label(label: str) -> bool:
    """Tell `org` and `xn--p1ai` from `123` and `-x`: not all digits, and hyphens inside."""
    return (
        label.replace("-", "").isalnum()
        and not label.isdigit()
        and label[0] != "-"
        and label[-1] != "-"
    )
