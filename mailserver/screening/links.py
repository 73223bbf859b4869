"""Links of a web page: where they lead, and whether their text says something else.

Regular expressions that cannot backtrack, over a bounded piece of text; nothing is rendered from
here.
"""

import re
from html import unescape
from ipaddress import ip_address
from itertools import islice
from typing import NamedTuple

LINKS = 100
TEXT_CHARACTERS = 200

_ANCHOR = re.compile(r"<a\s([^<>]{1,4000}+)>([^<]{0,400}+)", re.IGNORECASE)
_HREF = re.compile(r"href\s*+=\s*+[\"']?+\s*+https?+://([^/?#\"'\s>\\]{1,300}+)", re.IGNORECASE)
_SHOWN = re.compile(
    r"\s*+(?:https?+://)?+((?:[a-z0-9](?:[a-z0-9-]{0,62}+)\.){1,8}[a-z]{2,20})(?=[/:?#\s]|\Z)",
    re.IGNORECASE,
)


class Links(NamedTuple):
    """What the links of a page amount to."""

    misleading: int
    bare: int
    hosts: frozenset[str]

    def __add__(self, other: object) -> "Links":
        """Put two pages' links together."""
        if not isinstance(other, Links):
            return NotImplemented
        return Links(
            self.misleading + other.misleading,
            self.bare + other.bare,
            self.hosts | other.hosts,
        )


NO_LINKS = Links(0, 0, frozenset())


def links(source: str) -> Links:
    """Read the first `LINKS` different links of a page."""
    misleading = bare = 0
    hosts = set()
    for attributes, text in islice(dict.fromkeys(_ANCHOR.findall(source)), LINKS):
        led = _HREF.search(attributes)
        if led is None:
            continue
        host = _host(led[1])
        if _is_ip(host):
            bare += 1
            continue
        hosts.add(host)
        says = _SHOWN.match(unescape(text)[:TEXT_CHARACTERS])
        if says and _organisation(says[1]) != _organisation(host):
            misleading += 1
    return Links(misleading, bare, frozenset(hosts))


def _host(authority: str) -> str:
    host = unescape(authority).rpartition("@")[2].lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _is_ip(host: str) -> bool:
    if not host[-1:].isdigit() and ":" not in host:  # no name's last label is a number
        return False
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _organisation(host: str) -> str:
    """Return the last two labels: too wide under `co.uk`, which misses a trick and accuses none."""
    return ".".join(host.lower().rstrip(".").split(".")[-2:])
