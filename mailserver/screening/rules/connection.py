"""How a client introduces itself, and what DNS says of its address."""

import re
from collections.abc import Iterator

from mailserver.screening.facts import Connection, Facts
from mailserver.screening.opinion import Reason

_NAMELESS = Reason("no-reverse-name", 1.5, "the server that sent it has no name")
_UNCONFIRMED = Reason(
    "reverse-unconfirmed", 1.0, "the server that sent it goes by a name that is not its own"
)
_DIALUP = Reason("dial-up", 1.5, "it came straight from somebody's internet access")
_OURS = Reason("helo-ours", 4.0, "the server that sent it pretended to be ours")
_BARE_IP = Reason("helo-ip", 2.0, "the server that sent it gave a number for its name")
_LITERAL = Reason("helo-literal", 1.0, "the server that sent it gave an address for its name")
_LOCALHOST = Reason("helo-localhost", 2.0, "the server that sent it gave a name that is nobody's")
_NO_DOT = Reason("helo-no-dot", 1.5, "the server that sent it gave no full name")

_IP = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}\Z|[0-9a-f]*:[0-9a-f:]*\Z")
_ACCESS = re.compile(
    r"(?:^|[.-])(?:a?dsl|cable|client|cust(?:omer)?|dhcp|dial(?:up|in)?|dip|dyn(?:amic)?|fttx"
    r"|host|pool|ppp(?:oe)?|res(?:idential)?|user)[0-9]*(?=[.-])"
)


def reasons(facts: Facts) -> Iterator[Reason]:
    """Yield what the connection has to say; nothing where it comes from our own network."""
    seen = facts.connection
    if seen.near:
        return
    yield from _named(seen)
    yield from _greeted(seen)
    for name, points in seen.listed:
        yield Reason("listed-address", points, f"the server that sent it is listed by {name}", name)


def _named(seen: Connection) -> Iterator[Reason]:
    if seen.reverse is None:
        return
    if not seen.reverse:
        yield _NAMELESS
    elif not seen.confirmed:
        yield _UNCONFIRMED
    elif _ACCESS.search(seen.reverse) and _shows(seen.reverse, seen.ip):
        yield _DIALUP


def _shows(name: str, ip: str) -> bool:
    """Say whether a name spells its own address, as names made for customers do."""
    if ":" in ip:
        return True
    last = ip.split(".")[-2:]
    numbers = set(re.findall(r"[0-9]+", name))
    return len(last) == 2 and all(octet in numbers for octet in last)


def _greeted(seen: Connection) -> Iterator[Reason]:
    helo = seen.helo.lower().rstrip(".")
    if helo in seen.ours:
        yield _OURS
    elif helo.startswith("["):
        yield _LITERAL
    elif _IP.match(helo):
        yield _BARE_IP
    elif helo in ("localhost", "localhost.localdomain"):
        yield _LOCALHOST
    elif "." not in helo:
        yield _NO_DOT
