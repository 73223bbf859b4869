"""The application of a site: its routes behind the layers that every request passes.

Each site has an application of its own; none knows another's paths. There are no pages that show
the interface's description; `openapi` writes it out for builds and tests.
"""

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from mailserver.mail.contacts import FILE_OCTETS
from mailserver.runtime.settings import Settings
from mailserver.runtime.settings_values import KIB
from webui.access import Faults
from webui.account.routes import router as account
from webui.admin.routes import router as admin
from webui.bounds import Body, Bounds
from webui.bundle import read_bundle
from webui.csrf import Anonymous, ForPrograms, SameSite
from webui.deps import State
from webui.errors import problem
from webui.jmap.errors import limit_members
from webui.jmap.limits import REQUEST_OCTETS
from webui.jmap.routes import api_jmap, web_jmap
from webui.jmap.websocket import socket_jmap
from webui.pages import app_pages
from webui.public.acme import router as port_80
from webui.public.agreement import router as agreement
from webui.public.consent import router as consent
from webui.public.landing import pages
from webui.public.routes import router as public
from webui.public.trust import router as trust
from webui.public.trust_request import router as trust_request
from webui.reading.routes import router as reading
from webui.site import Site

ROUTERS: dict[Site, tuple[APIRouter, ...]] = {
    Site.WEBMAIL: (account, reading, web_jmap),
    Site.API: (api_jmap, socket_jmap),
    Site.ADMIN: (admin,),
    Site.PORTAL: (),
    Site.HTTP: (port_80,),
    Site.PUBLIC: (public, trust, trust_request, agreement, consent),
}
"""What each site answers."""


def bodies(site: Site, settings: Settings) -> dict[str, Body]:
    """Return how large bodies may be, by the begin of the path; elsewhere `web.body_octets`."""
    if site in (Site.PUBLIC, Site.HTTP):
        return {"/": Body(16 * KIB)}
    if site in (Site.WEBMAIL, Site.API):
        upload = settings.limits.message_octets
        return {
            "/jmap": Body(REQUEST_OCTETS, limit_members("maxSizeRequest")),
            "/jmap/upload": Body(upload, limit_members("maxSizeUpload")),
            "/api/account/contacts/read": Body(FILE_OCTETS),
        }
    return {}


def create_app(web: State) -> FastAPI:
    """Make the application of the site at `web.place`."""
    settings, place = web.services.settings, web.place
    bounds = Middleware(
        Bounds,
        settings=settings,
        budget=web.services.budget,
        bodies=bodies(place.site, settings),
    )
    app = FastAPI(
        title="Zegel",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        middleware=[_who_may_ask(web), Middleware(Faults), bounds],
        exception_handlers={
            HTTPException: _http_error,
            RequestValidationError: _invalid,
        },
        redirect_slashes=False,
    )
    app.state.web = web
    for router in ROUTERS[place.site]:
        app.include_router(router)
    front = app_pages(place, read_bundle())
    if front is None and place.site in (Site.WEBMAIL, Site.PORTAL):
        front = pages
    if front is not None:
        app.include_router(front)
    return app


def _who_may_ask(web: State) -> Middleware:
    """Return the rule of the site on requests that a browser sent for a page."""
    site = web.place.site
    if site.has_cookies:
        return Middleware(SameSite, place=web.place)
    if site is Site.API:
        return Middleware(ForPrograms, origins=web.services.settings.api.origins)
    return Middleware(Anonymous)


def openapi(site: Site) -> dict[str, Any]:
    """Describe the REST parts of a site, for builds and tests. Source: OpenAPI 3.1."""
    described = FastAPI(title="Zegel", version=version("zegel"))
    for router in ROUTERS[site]:
        described.include_router(router)
    return described.openapi()


async def _http_error(_request: Request, error: Exception) -> Response:
    """Say what the framework refused: no such route, a method that is not the route's."""
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, headers=dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> Response:
    """Say which fields were wrong, without what stood in them."""
    if not isinstance(error, RequestValidationError):
        raise error
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "the request does not have the form that is expected here",
        errors=_places(error.errors()),
    )


def _places(errors: Sequence[Any]) -> list[dict[str, str]]:
    return [
        {"at": ".".join(str(step) for step in error["loc"]), "detail": str(error["type"])}
        for error in errors
    ]
