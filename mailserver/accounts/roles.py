"""Addresses that a domain answers because of what they are called (RFC 2142)."""

REQUIRED = frozenset({"postmaster", "abuse"})
"""RFC 5321 §4.5.1 demands the first; no large provider takes mail of a domain without the second.
Where nobody answers them their mail waits with its sender, and is not refused."""

ROLES = REQUIRED | frozenset({"hostmaster", "webmaster", "security", "noc"})
"""RFC 2142 §4 and §5, for the services that we and DNS run: answered where anybody is named."""


def is_role(local: str) -> bool:
    """Say whether a local part names a role."""
    return local.casefold() in ROLES


def is_required(local: str) -> bool:
    """Say whether every domain must answer a local part."""
    return local.casefold() in REQUIRED
