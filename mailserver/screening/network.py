"""Addresses of clients as screening counts them: by network, for hosts there move about."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_NEAR = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
            "::1/128", "fc00::/7", "fe80::/10",
        ),
    )
)  # fmt: skip
"""This machine (RFC 6890) and private networks (RFC 1918, RFC 4193)."""


@lru_cache(maxsize=4_096)  # a client's is asked for several times a message
def address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address; one that IPv6 only carries is IPv4. None where it is none."""
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


@lru_cache(maxsize=4_096)
def is_near(text: str) -> bool:
    """Say whether a client is of this machine or a private network; what is no address is, too."""
    ip = address(text)
    return ip is None or any(ip in network for network in _NEAR)


@lru_cache(maxsize=4_096)
def network(text: str) -> str:
    """Return the network that a client is counted by: /24, or /48 in IPv6; empty for none."""
    ip = address(text)
    if ip is None:
        return ""
    return str(ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))
