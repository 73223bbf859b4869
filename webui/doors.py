"""The web doors: the server loads them by the entry point group `zegel.doors`."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI
from starlette.types import ASGIApp

from mailserver.runtime.door import Door
from mailserver.runtime.settings import Endpoint, Listener, Settings
from webui import server
from webui.access import Access
from webui.app import ROUTERS, create_app
from webui.deps import State
from webui.held import Held
from webui.hosts import Hosts, Proxies
from webui.limits import NetworkRates, Rates
from webui.security import Headers
from webui.services import Services, ServingHall
from webui.site import Place, Site

TEND_SECONDS = 5.0


class WebHall(ServingHall, Protocol):
    """What the web doors are given."""

    @property
    def shares_ports(self) -> bool:
        """Whether other processes of this server listen on the same ports."""
        ...

    def wanted(self, *names: str) -> list[tuple[str, Listener, Endpoint]]:
        """Return those of the named listeners that the settings turn on."""
        ...

    def context(self, listener: Listener) -> ssl.SSLContext | None:
        """Return the TLS context of a listener; None where it has no TLS."""
        ...


@asynccontextmanager
async def web_doors(hall: WebHall) -> AsyncIterator[Sequence[Door]]:
    """Open the web listeners of the settings for the length of a block.

    Raises:
        Misconfigured: an address cannot be bound.
    """
    services = Services.of(hall)
    settings, doors = services.settings, []
    held = Held(services.clock)
    rates = Rates(settings.web.requests_per_minute, services.clock)
    account_rates = Rates(settings.web.account_requests_per_minute, services.clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(held.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tending = tasks.create_task(_tend(held))
        stack.callback(tending.cancel)
        # All ports first: the sites name each other's addresses, free ports too.
        bound = [
            (Site(name), listener, server.bind(name, address, reuse_port=hall.shares_ports))
            for name, listener, address in hall.wanted(*(site.value for site in ROUTERS))
        ]
        ports = {site: sockets[0].getsockname()[1] for site, _, sockets in bound}
        apps: dict[Site, FastAPI] = {}
        for site in Site:
            place = Place.of(site, settings, ports.get(site, 0))
            apps[site] = create_app(State(services, place, held, account_rates))
        for site, listener, sockets in bound:
            app = listening(site, apps, settings, rates)
            context = hall.context(listener)
            await stack.enter_async_context(
                server.serving(app, sockets, context, settings, services.connections)
            )
            address = listener.address
            host = address.host if address is not None else ""
            doors.append(Door(site.value, Endpoint(host=host, port=ports[site]), listener.tls))
        yield doors


def listening(
    site: Site, apps: Mapping[Site, FastAPI], settings: Settings, rates: Rates
) -> ASGIApp:
    """Put the layers of a listener before the sites that are found there."""
    app: ASGIApp = Hosts(_by_host(site, apps, settings), apps[site])
    app = NetworkRates(app, rates)
    app = Headers(app, site)
    app = Access(app, site)
    return Proxies(app, settings.web.proxies)


def _by_host(site: Site, apps: Mapping[Site, FastAPI], settings: Settings) -> dict[str, ASGIApp]:
    """Return the sites of a listener by the name in the Host field.

    The webmail's listener also serves the sites that have a URL and no listener of their own.
    """
    guests = {Site.API: settings.web.api_url, Site.ADMIN: settings.web.admin_url}
    guests[Site.PORTAL] = settings.web.portal_url
    listeners = settings.listeners.named()
    found: dict[str, ASGIApp] = {}
    if site is Site.WEBMAIL:
        for guest, url in guests.items():
            if url and listeners[guest.value].address is None:
                found[_place(apps[guest]).host] = apps[guest]
    found[_place(apps[site]).host] = apps[site]
    return found


def _place(app: FastAPI) -> Place:
    state = app.state.web
    if not isinstance(state, State):
        raise TypeError("not an application of ours")
    return state.place


async def _tend(held: Held) -> None:
    while True:
        await asyncio.sleep(TEND_SECONDS)
        await held.tend()
