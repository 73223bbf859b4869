"""Whose request it is: the client behind a trusted proxy, and the site that it names as host.

A reverse proxy that the settings name is believed for who its client is (X-Forwarded-For, read from
the right, past trusted proxies) and whether the client came by https. Nobody else is.
"""

from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mailserver.runtime.settings_web import Network
from webui.errors import problem
from webui.site import HTTPS_PORT

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Proxies:
    """Puts the client's address in place of a trusted proxy's."""

    def __init__(self, app: ASGIApp, trusted: tuple[Network, ...]) -> None:
        """Stand before `app`."""
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        client = scope.get("client")
        if self._trusted and client is not None and self._is_trusted(client[0]):
            scope = {**scope, **self._told(Headers(scope=scope), scope)}
        await self._app(scope, receive, send)

    def _told(self, headers: Headers, scope: Scope) -> dict[str, object]:
        told: dict[str, object] = {}
        for hop in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            address = _address(hop)
            if address is None:
                break
            told["client"] = (address, 0)
            if not self._is_trusted(address):
                break
        proto = headers.get("x-forwarded-proto", "").strip().lower()
        if proto in ("https", "http"):
            secure = proto == "https"
            kinds = ("wss", "ws") if scope["type"] == "websocket" else ("https", "http")
            told["scheme"] = kinds[0] if secure else kinds[1]
        return told

    def _is_trusted(self, peer: str) -> bool:
        return is_within(peer, self._trusted)


def is_within(peer: str, networks: tuple[Network, ...]) -> bool:
    """Say whether the IP address `peer` lies in one of `networks`."""
    if not networks:
        return False
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)


def _address(hop: str) -> str | None:
    """Read one element of X-Forwarded-For, with or without a port; None where it is no address."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


class Hosts:
    """Hands each request to the site that its Host names; refuses names that are none of ours.

    A listener's own site is also found by the names of loopback, where the peer is on loopback.
    """

    def __init__(self, sites: Mapping[str, ASGIApp], own: ASGIApp) -> None:
        """Choose from `sites` by host and port; `own` is the listener's."""
        self._sites = sites
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._own(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "").lower().removesuffix(f":{HTTPS_PORT}")
        site = self._sites.get(host)
        if site is None and _is_loopback(scope, host):
            site = self._own
        if site is None:
            answer = problem(HTTPStatus.MISDIRECTED_REQUEST, "no site of this name is served here")
            await answer(scope, receive, send)
            return
        await site(scope, receive, send)


def _is_loopback(scope: Scope, host: str) -> bool:
    """Say whether somebody on this machine asks for it by a name of loopback."""
    client = scope.get("client")
    name, _, port = host.rpartition(":")
    if host in LOOPBACK:
        name = host
    elif name not in LOOPBACK or not port.isdigit():
        return False
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False
