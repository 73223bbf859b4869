"""What every request of a site finds: the services, where the site is, who asks."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from webui.held import Held
from webui.limits import Rates
from webui.reading.paces import Paces
from webui.services import Services
from webui.site import Place


@dataclass(frozen=True, slots=True)
class State:
    """What every request of a site finds in `app.state.web`."""

    services: Services
    place: Place
    hostnames: frozenset[str]
    """Of all sites."""
    held: Held
    account_rates: Rates
    paces: Paces
    stopping: asyncio.Event
    """Set when the server stops: what goes on for long, as push channels do, ends then."""


def state_of(connection: HTTPConnection) -> State:
    """Return what the site's application was made with."""
    state = connection.app.state.web
    if not isinstance(state, State):
        raise TypeError("the application was not made by create_app")
    return state


def services_of(connection: HTTPConnection) -> Services:
    """Return the server's services."""
    return state_of(connection).services


def peer_of(connection: HTTPConnection) -> str:
    """Return the client's IP address, as a trusted proxy tells it where there is one."""
    return connection.client.host if connection.client is not None else ""


Web = Annotated[State, Depends(state_of)]
Served = Annotated[Services, Depends(services_of)]
Peer = Annotated[str, Depends(peer_of)]
