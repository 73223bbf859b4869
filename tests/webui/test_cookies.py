"""T-COOK-1: the webmail has its three cookies, on no route any other; all other sites have none."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.support.browser import Browser
from tests.support.house import PASSWORD
from tests.support.web import WebServer, from_page, web_server
from webui.app import ROUTERS
from webui.site import Site

NOOR = "noor@example.test"
OURS = {"__Host-sid", "__Host-trust", "__Host-pref"}
"""PRIVACY §14. The language and the theme are chosen by the page itself, so far."""
LAST = "/api/account/sign-out"
OTHER_DOORS = {f"listeners__{name}__address": "127.0.0.1:0" for name in ("admin", "portal", "http")}


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **OTHER_DOORS, **databases) as running:
        yield running


def operations(site: Site) -> list[tuple[str, str]]:
    """Return every method and path of a site, the one that ends the session at the end."""
    app = FastAPI()
    for router in ROUTERS[site]:
        app.include_router(router)
    found = {
        (method, path.replace("{", "x").replace("}", "x").replace(":path", ""))
        for route in app.routes
        if (path := getattr(route, "path", "")) and not path.startswith(("/docs", "/redoc"))
        for method in getattr(route, "methods", None) or ()
    }
    return sorted(found, key=lambda each: (each[1] == LAST, each[1], each[0]))


def names(answer: httpx.Response) -> set[str]:
    """Return the cookies that an answer sets."""
    return {each.partition("=")[0] for each in answer.headers.get_list("set-cookie")}


async def test_t_cook_1_the_webmail_sets_its_own_cookies_alone(server: WebServer) -> None:
    browser = Browser.at(server)
    begun = await browser.sign_in(NOOR, PASSWORD.reveal().decode(), trust=True)
    assert names(begun) == {"__Host-sid", "__Host-trust"}
    kept = dict(browser.client.cookies)
    for method, path in operations(Site.WEBMAIL):
        browser.client.cookies.update(kept)
        content = b"{}" if method == "POST" else b""
        fields = {
            **browser.fields,
            "x-csrf-token": browser.csrf,
            "content-type": "application/json",
        }
        # Streamed, for /jmap/events goes on until its reader leaves.
        asked = browser.client.stream(method, path, headers=fields, content=content)
        async with asked as answer:
            assert names(answer) <= OURS, (method, path)
            assert answer.status_code < 500, (method, path)
    await browser.close()


@pytest.mark.parametrize("site", [site for site in Site if site is not Site.WEBMAIL])
async def test_t_cook_1_no_other_site_sets_any(server: WebServer, site: Site) -> None:
    door = "https" if site is Site.PUBLIC else site.value
    fields = {} if site in (Site.API, Site.HTTP) else from_page(server, door)
    async with server.client(door) as client:
        for method, path in [("GET", "/"), ("GET", "/nothing"), *operations(site)]:
            answer = await client.request(method, path, headers=fields)
            assert names(answer) == set(), (method, path)
            assert answer.status_code < 500, (method, path)
