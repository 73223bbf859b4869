"""Whatever is sent to `/api/mail`, it answers; made from its own OpenAPI description."""

import asyncio
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from tests.support.api_fuzz import ask_everything, described
from tests.support.house import add_person, made, serving, settings_in
from tests.support.socket_spy import spying
from tests.support.web import ONLY_WEB, WebServer
from webui.app import openapi
from webui.reading.routes import router
from webui.site import Site


def test_every_operation_says_what_it_takes_and_what_may_go_wrong() -> None:
    for path, operations in described(router)["paths"].items():
        assert path.startswith("/api/mail/")
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert {"401", "403", "404", "422", "429"} <= operation["responses"].keys(), where
            assert ("requestBody" in operation) is (method == "post"), where


def test_what_is_no_json_is_described_as_what_it_is() -> None:
    paths = described(router)["paths"]
    shown = paths["/api/mail/preview/{blob_id}"]["get"]["responses"]["200"]["content"]
    assert {"image/png", "text/plain"} <= shown.keys()
    assert "image/jpeg" in paths["/api/mail/remote-image"]["post"]["responses"]["200"]["content"]


def test_it_stands_in_the_webmails_description_alone() -> None:
    assert any(path.startswith("/api/mail/") for path in openapi(Site.WEBMAIL)["paths"])
    assert not any(
        path.startswith("/api/mail/")
        for site in Site
        if site is not Site.WEBMAIL
        for path in openapi(site)["paths"]
    )


@pytest.mark.long
@pytest.mark.timeout(200)
async def test_nothing_that_is_sent_is_a_fault_and_nobody_is_asked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **{**ONLY_WEB, "limits__login_delays": False})
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    async with serving(settings, seconds=180) as server:
        web = WebServer(server, secret)
        with spying() as seen:
            assert await asyncio.to_thread(ask_everything, web, router) == []
        ports = {place[1] for place in seen if isinstance(place, tuple)}
        assert ports <= {server.ports["https"], 0}
