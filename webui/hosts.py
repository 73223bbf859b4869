"""Which site a request is for, by the name in its Host field; names of nobody's are refused.

Some paths belong to the public site under every name of ours, because programs look them up there
before anybody signs in; they never reach a site with cookies. So do all paths of the names that
stand for a domain's services: `autoconfig.example.org`, `mta-sts.example.org`.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mailserver.runtime.settings_web import HTTPS_PORT
from webui.errors import problem

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SERVICES = ("autoconfig", "autodiscover", "mta-sts")
"""Labels in front of a domain of ours that name its public site."""
PUBLIC_PATHS = (
    "/.well-known/autoconfig/",
    "/.well-known/mta-sts.txt",
    "/.well-known/security.txt",
    "/agreement/",
    "/autodiscover/",
    "/consent/",
    "/mail/config-v1.1.xml",
    "/mail/apple.mobileconfig",
    "/robots.txt",
    "/trust",
)


def host_of(scope: Scope) -> str:
    """Return the host that a request names, in lower case, with its port unless that is 443.

    A request that names none, or several, names nobody's (RFC 9112 §3.2).
    """
    named = Headers(scope=scope).getlist("host")
    return named[0].lower().removesuffix(f":{HTTPS_PORT}") if len(named) == 1 else ""


def split_port(host: str) -> tuple[str, str]:
    """Split a Host field into name and port, which may be empty."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        return host, ""
    return name, port


class Names:
    """The domains of ours behind a name."""

    def __init__(self, is_local: Callable[[str], Awaitable[bool]]) -> None:
        """Ask `is_local` whether a domain is ours."""
        self._is_local = is_local

    async def domain_of(self, host: str) -> str | None:
        """Return our domain that `host` is, or is a service of; None where it is neither."""
        name = split_port(host)[0].rstrip(".")
        label, _, domain = name.partition(".")
        for candidate in (domain,) if label in SERVICES else (name,):
            if candidate and await self._is_local(candidate):
                return candidate
        return None


class Hosts:
    """Hands each request to its site.

    A listener's own site is also found by the names of loopback, where the peer is on loopback.
    """

    def __init__(
        self, sites: Mapping[str, ASGIApp], own: ASGIApp, public: ASGIApp, names: Names
    ) -> None:
        """Choose from `sites` by host and port; `own` is the listener's."""
        self._sites = sites
        self._own = own
        self._public = public
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._own(scope, receive, send)
            return
        site = await self._site(scope)
        if site is None:
            site = problem(HTTPStatus.MISDIRECTED_REQUEST, "no site of this name is served here")
        await site(scope, receive, send)

    async def _site(self, scope: Scope) -> ASGIApp | None:
        host = host_of(scope)
        site = self._sites.get(host)
        if site is None and is_loopback(scope, host):
            site = self._own
        is_public = scope["path"].lower().startswith(PUBLIC_PATHS)
        if site is not None:
            return self._public if is_public else site
        service = split_port(host)[0].partition(".")[0] in SERVICES
        if (is_public or service) and await self._names.domain_of(host) is not None:
            return self._public
        return None


def is_loopback(scope: Scope, host: str) -> bool:
    """Say whether somebody on this machine asks for it by a name of loopback."""
    client = scope.get("client")
    if split_port(host)[0] not in LOOPBACK or client is None:
        return False
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False
