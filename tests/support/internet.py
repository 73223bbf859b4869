"""A test internet for whoever asks the web: one address of it, and one within.

127.0.0.9 plays the internet: the one address that a client made here may connect to, besides those
that are really public. Another server, at 127.0.0.1 and the same port, plays whatever stands
within; it must never be asked.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import trustme

from mailserver.runtime.internet import is_public
from mailserver.runtime.resolver import Resolver
from mailserver.runtime.tls_client import verifying
from mailserver.runtime.web_client import WebClient
from tests.support.mail_host import tls_with
from tests.support.web_host import WebHost, bound_alike

OUTSIDE, INSIDE = "127.0.0.9", "127.0.0.1"


@cache
def authority() -> trustme.CA:
    """Return the authority that everybody believes."""
    return trustme.CA()


@cache
def believing() -> ssl.SSLContext:
    """Return a client's context that believes it."""
    context = verifying(None)
    authority().configure_trust(context)
    return context


@dataclass
class Internet:
    """One host of the internet, one within, and a client that may reach the first."""

    resolver: Resolver
    outside: WebHost = field(default_factory=WebHost)
    inside: WebHost = field(default_factory=WebHost)

    @property
    def client(self) -> WebClient:
        """A client."""
        return WebClient(
            self.resolver,
            believing(),
            may_connect=lambda address: address == OUTSIDE or is_public(address),
            ports={"https": self.outside.port, "http": self.outside.port},
        )


@asynccontextmanager
async def internet(
    resolver: Resolver, names: Iterable[str], *, secure: bool = True
) -> AsyncIterator[Internet]:
    """Serve both hosts, with a certificate for `names`, for the length of a block."""
    shown = tls_with(authority().issue_cert(*names)) if secure else None
    made = Internet(resolver)
    outside, inside = bound_alike(OUTSIDE, INSIDE)
    with outside, inside:
        async with (
            made.outside.serving_at(outside, shown),
            made.inside.serving_at(inside, shown),
        ):
            yield made
    assert made.inside.connections == 0
