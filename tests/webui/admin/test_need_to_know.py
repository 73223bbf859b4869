"""Roles and endpoints (T-NTK-1), and that nothing of a person's mail is behind any (T-NTK-2)."""

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from mailserver.accounts.permissions import MATRIX, AdminRole, Permission, may
from mailserver.app.house import open_house
from tests.support.console import CONSOLE, Console, add_admin
from tests.support.web import WebServer, web_server
from webui.admin.needs import Needs
from webui.admin.routes import PARTS
from webui.app import openapi
from webui.site import Site

CANARY = "kestrel-under-the-bridge"
BEFORE_SIGNING_IN = {
    "/sign-in",
    "/sign-in/factor",
    "/sign-in/enrol",
    "/sign-in/enrol/confirm",
    "/sign-out",
}
ROUTES = [route for part in PARTS for route in part.routes if isinstance(route, APIRoute)]


def needs_of(route: APIRoute) -> list[Needs]:
    return [each.call for each in route.dependant.dependencies if isinstance(each.call, Needs)]


def test_t_ntk_1_every_endpoint_asks_for_one_permission() -> None:
    described = openapi(Site.ADMIN)["paths"]
    assert {f"/api/admin{route.path}" for route in ROUTES} == set(described)
    for route in ROUTES:
        asked = needs_of(route)
        if route.path in BEFORE_SIGNING_IN:
            assert asked == [], route.path
        else:
            assert len(asked) == 1, route.path


def test_t_ntk_1_what_changes_something_asks_for_more_than_reading() -> None:
    reading = {each for each in Permission if each.value.endswith(":read")} - {
        Permission.AUDIT_READ  # verifying changes nothing
    }
    for route in ROUTES:
        for needs in needs_of(route):
            if route.methods != {"GET"}:
                assert needs.permission not in reading, route.path


def test_t_ntk_1_every_permission_and_role_is_in_the_table() -> None:
    assert set(MATRIX) == set(Permission)
    for permission, roles in MATRIX.items():
        assert AdminRole.OWNER in roles
        if permission.value.endswith(":write"):
            assert AdminRole.AUDITOR not in roles
    reads = {each for each in Permission if each.value.endswith(":read")}
    for role in AdminRole:
        assert any(may([role], each) for each in reads)


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    options = {**CONSOLE, "listeners__lmtp__address": "127.0.0.1:0"}
    async with web_server(tmp_path, **databases, **options) as running:
        async with open_house(running.serving.settings) as house:
            for role in AdminRole:
                await add_admin(house, role.value, role)
        yield running


@pytest.mark.long
async def test_t_ntk_1_each_role_reaches_what_it_may_and_nothing_else(server: WebServer) -> None:
    for role in AdminRole:
        console = Console.at(server)
        assert (await console.enter(role.value)).status_code == 200
        for route in ROUTES:
            for needs in needs_of(route):
                if needs.permission is Permission.SELF:
                    continue
                method = next(iter(route.methods or {"GET"}))
                answer = await console.ask(method, filled(route.path), body_for(method))
                allowed = may([role], needs.permission)
                said = f"{role} {method} {route.path}: {answer.status_code} {answer.text[:80]}"
                assert (answer.status_code != 403) is allowed, said
                assert answer.status_code < 500, said
        await console.close()


@pytest.mark.long
async def test_t_ntk_2_no_administrator_sees_anything_of_a_letter(
    server: WebServer, tmp_path: Path
) -> None:
    letter = (
        f"From: {CANARY} <{CANARY}@example.org>\r\nSubject: {CANARY}\r\n"
        f"Message-ID: <{CANARY}@example.org>\r\n\r\n{CANARY}\r\n"
    )

    def send() -> None:
        with smtplib.LMTP("127.0.0.1", server.serving.ports["lmtp"]) as lmtp:
            lmtp.sendmail(f"{CANARY}@example.org", ["noor@example.test"], letter)

    await asyncio.to_thread(send)
    console = Console.at(server)
    await console.enter("owner")
    asked = 0
    for route in ROUTES:
        if route.methods == {"GET"}:
            answer = await console.get(filled(route.path))
            assert CANARY not in answer.text, route.path
            asked += answer.status_code == 200
    assert asked >= 8
    await console.close()
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def filled(path: str) -> str:
    """Put numbers and names where a path has them."""
    return re.sub(r"\{(\w+)\}", lambda m: "ab" * 16 if m.group(1) == "account" else "1", path)


def body_for(method: str) -> Any:
    return {} if method == "POST" else None
