"""Web addresses that strangers give us, in the one form in which we would ask for them.

What reads differently to different programs is refused: a user in front of the name, a port of its
own, an IP address in any of its spellings (`127.0.0.1`, `127.1`, `2130706433`, `0x7f.1`, `[::1]`),
a backslash, a control character. What remains has a name with a dot in it, and is compared and
asked for as it is written here.

Source: RFC 3986; WHATWG URL (hosts that end in a number).
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, urljoin

from mailserver.model.address import canonical_domain
from mailserver.model.errors import Condition, PeerFault

CHARACTERS = 8_192  # of a whole URL; those that count readers have two or three thousand
PORTS = {"https": 443, "http": 80}

_URL = re.compile(r"(https?)://([^/?#\\]*+)(/[^?#]*+)?(\?[^#]*+)?(?:#.*)?\Z", re.IGNORECASE)
_BREAK = re.compile(r"[\t\r\n]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_NUMBER = re.compile(r"(?:[0-9]++|0x[0-9a-f]*+)\Z")
_KEPT = "!$%&'()*+,/:;=?@[]~-._|"
"""Stands in a path or query as it is; RFC 3986 would have brackets and `|` written otherwise, and
servers that sign their URLs want them back as they wrote them."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http: or https: URL that names a host of the internet."""

    scheme: str
    host: str
    """A domain in canonical form."""
    target: str
    """Path and query as they go over the wire: ASCII, from the first `/` on."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL; white space around it, line breaks in it and a fragment go.

        Raises:
            PeerFault: BAD_ADDRESS, it is none that we would ask for.
        """
        text = _BREAK.sub("", text).strip(" \f")
        found = _URL.match(text)
        if found is None or len(text) > CHARACTERS or _CONTROL.search(text):
            raise _wrong("this is no address of a web page")
        scheme, authority, path, query = found.groups(default="")
        scheme = scheme.lower()
        host, colon, port = authority.partition(":")
        if colon and port not in ("", str(PORTS[scheme])):
            raise _wrong("only the usual ports are asked")
        target = quote((path or "/") + query, safe=_KEPT, errors="replace")
        return cls(scheme, _host(host), target)

    def joined(self, reference: str) -> Self:
        """Return where a redirection leads; raises as `parse`, also where TLS would end."""
        if len(reference) > CHARACTERS:
            raise _wrong("this is no address of a web page")
        try:
            there = self.parse(urljoin(str(self), reference))
        except ValueError as error:
            raise _wrong("this is no address of a web page") from error
        if self.scheme == "https" and there.scheme != "https":
            raise _wrong("it leads from TLS to clear text")
        return there

    @property
    def port(self) -> int:
        """The port of the scheme."""
        return PORTS[self.scheme]

    def __str__(self) -> str:
        """Write it; a default port is left out."""
        return f"{self.scheme}://{self.host}{self.target}"


def _host(text: str) -> str:
    """Return a host's name in canonical form. Raises PeerFault: it is no name, or has no dot."""
    try:
        host = canonical_domain(text)
    except PeerFault as error:
        raise _wrong("this names no host") from error
    _, dot, last = host.rpartition(".")
    if not dot or _NUMBER.match(last):
        raise _wrong("a host is asked by a name of the internet")
    return host


def _wrong(text: str) -> PeerFault:
    return PeerFault(Condition.BAD_ADDRESS, text)
