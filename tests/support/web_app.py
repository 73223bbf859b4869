"""A small application behind layers of the web side, served as the product serves its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Endpoint, Settings
from webui import server


@asynccontextmanager
async def app_served(app: ASGIApp, settings: Settings) -> AsyncIterator[str]:
    """Serve `app` on loopback without TLS for the length of a block; yields its origin."""
    sockets = server.bind("https", Endpoint(host="127.0.0.1", port=0), reuse_port=False)
    port = sockets[0].getsockname()[1]
    limits = settings.limits
    connections = Connections(limits.connections, limits.connections_per_address)
    async with server.serving(app, sockets, None, settings, connections):
        yield f"http://127.0.0.1:{port}"
