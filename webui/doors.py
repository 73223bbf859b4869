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
from mailserver.runtime.settings_listeners import WEB
from webui import server
from webui.access import Access, Faults
from webui.app import create_app
from webui.deps import State
from webui.held import Held
from webui.hosts import Hosts, Names, split_port
from webui.jmap.pushing import push_rounds
from webui.limits import NetworkRates, Rates
from webui.metrics import metrics_door
from webui.proxies import Proxies
from webui.reading.paces import Paces
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

    @property
    def answers_scrapes(self) -> bool:
        """Whether this process is the one that answers for all."""
        ...

    async def scrape(self) -> bytes:
        """Return the metrics in the text format."""
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
    settings, doors, stops = services.settings, [], []
    async with AsyncExitStack() as stack:
        # All ports first: the sites name each other's addresses, free ports too.
        bound = [
            (Site(name), listener, server.bind(name, address, reuse_port=hall.shares_ports))
            for name, listener, address in hall.wanted(*WEB)
        ]
        ports = {site: sockets[0].getsockname()[1] for site, _, sockets in bound}
        apps = await _applications(services, ports, stack)
        rates = Rates(settings.web.requests_per_minute, services.clock)
        for site, listener, sockets in bound:
            app = listening(site, apps, services, rates)
            context = hall.context(listener)
            serving = server.serving(app, sockets, context, settings, services.connections)
            stops.append(await stack.enter_async_context(serving))
            host = "" if listener.address is None else listener.address.host
            doors.append(Door(site.value, Endpoint(host=host, port=ports[site]), listener.tls))
        scraped = metrics_door(
            hall.scrape,
            hall.wanted("metrics") if hall.answers_scrapes else [],
            settings,
            hall.context,
            reuse_port=hall.shares_ports,
        )
        doors += await stack.enter_async_context(scraped)
        for stop in (*stops, _state(apps[Site.PUBLIC]).stopping.set):
            stack.callback(stop)  # all at once, so that none waits for another's peers
        yield doors


async def _applications(
    services: Services, ports: Mapping[Site, int], stack: AsyncExitStack
) -> dict[Site, FastAPI]:
    """Make the application of each site; what they hold together is closed by `stack`."""
    held, stopping = Held(services.clock), asyncio.Event()
    account_rates = Rates(services.settings.web.account_requests_per_minute, services.clock)
    paces = Paces.of(services.clock)
    stack.push_async_callback(held.close)
    tasks = await stack.enter_async_context(asyncio.TaskGroup())
    stack.callback(tasks.create_task(_tend(held)).cancel)
    stack.callback(tasks.create_task(push_rounds(services.push_desk)).cancel)
    webmail = ports.get(Site.WEBMAIL, 0)
    at_home = {Site.PUBLIC: webmail, Site.HTTP: webmail}
    places = [Place.of(site, services.settings, {**ports, **at_home}.get(site, 0)) for site in Site]
    names = frozenset(split_port(place.host)[0] for place in places)
    return {
        place.site: create_app(State(services, place, names, held, account_rates, paces, stopping))
        for place in places
    }


def listening(
    site: Site, apps: Mapping[Site, FastAPI], services: Services, rates: Rates
) -> ASGIApp:
    """Put the layers of a listener before the sites that are found there."""
    app: ASGIApp = apps[site]
    if site is not Site.HTTP:
        names = Names(services.directory.is_local)
        app = Hosts(_by_host(site, apps, services.settings), app, apps[Site.PUBLIC], names)
    app = NetworkRates(app, rates)
    app = Faults(app)
    app = Headers(app, site)
    app = Access(app, site)
    return Proxies(app, services.settings.web.proxies)


def _by_host(site: Site, apps: Mapping[Site, FastAPI], settings: Settings) -> dict[str, ASGIApp]:
    """Return the sites of a listener by the name in the Host field.

    The webmail's listener also serves the sites that have a URL and no listener of their own.
    """
    guests = {
        Site.API: settings.web.api_url,
        Site.ADMIN: settings.web.admin_url,
        Site.PORTAL: settings.web.portal_url,
    }
    listeners = settings.listeners.named()
    found: dict[str, ASGIApp] = {}
    if site is Site.WEBMAIL:
        for guest, url in guests.items():
            if url and listeners[guest.value].address is None:
                found[_state(apps[guest]).place.host] = apps[guest]
    found[_state(apps[site]).place.host] = apps[site]
    return found


def _state(app: FastAPI) -> State:
    state = app.state.web
    if not isinstance(state, State):
        raise TypeError("the application was not made by create_app")
    return state


async def _tend(held: Held) -> None:
    while True:
        await asyncio.sleep(TEND_SECONDS)
        await held.tend()
