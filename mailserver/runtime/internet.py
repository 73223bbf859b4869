"""Which addresses are the internet's: no name that a stranger gives us leads to a machine in here.

Written out instead of left to `ipaddress`, whose lists differ between releases of Python.

Source: RFC 6890 and the registries of special-purpose addresses that it began.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NOT_IPV4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
"""This machine, private, shared (RFC 6598), link-local, of documents and tests, multicast, kept."""
_GLOBAL = IPv6Network("2000::/3")  # RFC 4291 §2.4: what is assigned of the rest is not the internet
_NOT_IPV6 = tuple(
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
)
"""Teredo and other protocols' own, documents, 6to4: those that carry IPv4 hide where they lead."""
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1; a resolver that synthesises answers uses it


def is_public(address: str | Address) -> bool:
    """Say whether an IP address is one of the internet's.

    One of NAT64 is as the IPv4 address in it; the other forms that carry one, IPv4-mapped, 6to4 and
    Teredo, are never: who has a server to be found gives it an address of its own.

    Raises:
        ValueError: it is no address.
    """
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_IPV4)
    if ip.scope_id is not None:
        return False
    if ip in _NAT64:
        return is_public(IPv4Address(int(ip) & 0xFFFF_FFFF))
    return ip in _GLOBAL and not any(ip in network for network in _NOT_IPV6)
