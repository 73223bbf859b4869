"""Lists of addresses and domains that others keep in DNS, asked only where the settings name them.

Each question tells the list's operator, and whoever is on the way, the address of a client or a
domain out of a message: that is why there are none by default (PRIVACY §8, §15).

Source: RFC 5782.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import NamedTuple

from mailserver.runtime.resolver import DnsTransient, Resolver
from mailserver.screening.network import address

DOMAINS = 20  # of one message; each is a question
SECONDS = 5.0

Listing = tuple[str, float]
"""Who lists it, and what that costs."""


class DnsList(NamedTuple):
    """One list."""

    name: str
    zone: str
    points: float


async def listed_address(
    resolver: Resolver, ip: str, lists: Sequence[DnsList]
) -> tuple[Listing, ...]:
    """Return which of the lists have an address; a list that does not answer has nobody."""
    parsed = address(ip)
    if parsed is None or not lists:
        return ()
    reversed_name = parsed.reverse_pointer.rsplit(".", 2)[0]
    asked = [(one, f"{reversed_name}.{one.zone}") for one in lists]
    return await _asked(resolver, asked)


async def listed_domains(
    resolver: Resolver, domains: Collection[str], lists: Sequence[DnsList]
) -> tuple[Listing, ...]:
    """Return which of the lists have one of the domains, each list once."""
    if not lists:
        return ()
    asked = [(one, f"{domain}.{one.zone}") for domain in sorted(domains)[:DOMAINS] for one in lists]
    return tuple(dict.fromkeys(await _asked(resolver, asked)))


async def _asked(
    resolver: Resolver, questions: Sequence[tuple[DnsList, str]]
) -> tuple[Listing, ...]:
    answers = await asyncio.gather(*(_is_listed(resolver, name) for _, name in questions))
    return tuple(
        (one.name, one.points) for (one, _), hit in zip(questions, answers, strict=True) if hit
    )


async def _is_listed(resolver: Resolver, name: str) -> bool:
    """Ask one question. 127.255.255.0/24 is how lists say that they refuse to answer."""
    try:
        async with asyncio.timeout(SECONDS):
            found = (await resolver.a(name)).records
    except (DnsTransient, TimeoutError):
        return False
    return any(one.startswith("127.") and not one.startswith("127.255.255.") for one in found)
