"""Whose request it is, behind a reverse proxy.

A proxy that the settings name is believed for who its client is (X-Forwarded-For, read from the
right, past trusted proxies) and whether the client came by https. Nobody else is.
"""

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mailserver.runtime.settings_web import Network


class Proxies:
    """Puts the client's address in place of a trusted proxy's."""

    def __init__(self, app: ASGIApp, trusted: tuple[Network, ...]) -> None:
        """Stand before `app`."""
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        client = scope.get("client")
        if client is not None and is_within(client[0], self._trusted):
            scope.update(self._told(Headers(scope=scope), scope["type"]))
        await self._app(scope, receive, send)

    def _told(self, headers: Headers, kind: str) -> dict[str, object]:
        told: dict[str, object] = {}
        for hop in reversed(",".join(headers.getlist("x-forwarded-for")).split(",")):
            address = _address(hop)
            if address is None:
                break
            told["client"] = (address, 0)
            if not is_within(address, self._trusted):
                break
        proto = headers.get("x-forwarded-proto", "").strip().lower()
        if proto in ("https", "http"):
            told["scheme"] = proto.replace("http", "ws") if kind == "websocket" else proto
        return told


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
