"""The name of a client's address, and whether that name leads back to it (RFC 8601 §3, iprev)."""

from ipaddress import IPv4Address
from typing import NamedTuple

from mailserver.runtime.resolver import DnsTransient, Resolver
from mailserver.screening.network import address

NAMES = 4  # looked at; an address with more is a hosting company's


class Reverse(NamedTuple):
    """What DNS says of an address."""

    name: str | None
    """Its name, a confirmed one first; empty without one; None where DNS does not say now."""
    confirmed: bool


UNKNOWN = Reverse(None, confirmed=False)


async def reverse(resolver: Resolver, ip: str) -> Reverse:
    """Look an address up, and its names back; never raises."""
    parsed = address(ip)
    if parsed is None:
        return UNKNOWN
    back = resolver.a if isinstance(parsed, IPv4Address) else resolver.aaaa
    try:
        names = (await resolver.ptr(str(parsed))).records[:NAMES]
        for name in names:
            if any(address(found) == parsed for found in (await back(name)).records):
                return Reverse(name, confirmed=True)
    except DnsTransient:
        return UNKNOWN
    return Reverse(names[0] if names else "", confirmed=False)
