"""The metrics over HTTP: one path, no cookies, nothing to sign in to.

The settings let it listen without TLS on loopback alone; what it says names nobody. It is no site
of `webui.site`: no page, no host name and no rate of theirs applies to it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailserver.runtime.door import Door
from mailserver.runtime.limits import Connections
from mailserver.runtime.settings import Endpoint, Listener, Settings
from webui import server
from webui.access import Faults

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
AT_ONCE = 20

Scrape = Callable[[], Awaitable[bytes]]


@asynccontextmanager
async def metrics_door(
    scrape: Scrape,
    found: Sequence[tuple[str, Listener, Endpoint]],
    settings: Settings,
    context: Callable[[Listener], server.Context],
    *,
    reuse_port: bool,
) -> AsyncIterator[list[Door]]:
    """Open the listener of the metrics, where it is on, for the length of a block.

    Raises:
        Misconfigured: its address cannot be bound.
    """
    if not found:
        yield []
        return
    ((name, listener, address),) = found
    sockets = server.bind(name, address, reuse_port=reuse_port)
    port = sockets[0].getsockname()[1]
    # Of its own: who has taken all the room for mail must not hide that it is taken.
    connections = Connections(AT_ONCE, AT_ONCE)
    app = Faults(_application(scrape))
    async with server.serving(app, sockets, context(listener), settings, connections) as stop:
        try:
            yield [Door(name, Endpoint(host=address.host, port=port), listener.tls)]
        finally:
            stop()


def _application(scrape: Scrape) -> Starlette:
    async def metrics(_request: Request) -> Response:
        return Response(
            await scrape(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        )

    return Starlette(routes=[Route("/metrics", metrics, methods=["GET"])])
