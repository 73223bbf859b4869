"""Whatever is sent to the account's API, it answers; made from its own OpenAPI description."""

import asyncio
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from tests.support.api_fuzz import ask_everything, described
from tests.support.house import add_person, made, serving, settings_in
from tests.support.web import ONLY_WEB, WebServer
from webui.account.routes import router


def test_every_operation_says_what_it_takes_and_what_may_go_wrong() -> None:
    for path, operations in described(router)["paths"].items():
        assert path.startswith("/api/account/")
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert {"401", "403", "422", "429"} <= operation["responses"].keys(), where
            if method == "get":
                assert "requestBody" not in operation, where


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_nothing_that_is_sent_is_a_fault(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **{**ONLY_WEB, "limits__login_delays": False})
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    async with serving(settings, seconds=380) as server:
        asking = asyncio.to_thread(ask_everything, WebServer(server, secret), router)
        assert await asking == []
