"""Whatever is sent to the account's API, it answers; made from its own OpenAPI description."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from schemathesis.core.result import Ok

from mailserver.app.house import open_house
from tests.support.house import PASSWORD, add_person, made, serving, settings_in
from tests.support.web import ONLY_WEB, WebServer, from_page
from webui.account.routes import router

OWN = "nine paper lanterns over a canal"
EXAMPLES = 8  # of each operation


def described() -> dict[str, Any]:
    """Return the description of the routes under test."""
    app = FastAPI()
    app.include_router(router)
    return app.openapi()


def test_every_operation_says_what_it_takes_and_what_may_go_wrong() -> None:
    for path, operations in described()["paths"].items():
        assert path.startswith("/api/account/")
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert {"401", "403", "422", "429"} <= operation["responses"].keys(), where
            if method == "get":
                assert "requestBody" not in operation, where


def sign_in(client: httpx.Client, password: str) -> None:
    """Begin a session, in the place of the one before."""
    login = {"address": "noor@example.test", "password": password}
    begun = client.post("/api/account/sign-in", json=login)
    assert begun.status_code == 200, begun.text
    client.headers["x-csrf-token"] = begun.json()["csrf"]


def ask_everything(server: WebServer) -> list[str]:
    """Send what fits the description and what does not; return the answers that are faults."""
    faults: list[str] = []
    schema = schemathesis.openapi.from_dict(described())
    # A cookie of a secure host is sent to our loopback port only where it is given by hand.
    with httpx.Client(base_url=server.origin(), verify=server.tls(), trust_env=False) as client:
        client.headers.update(from_page(server))
        sign_in(client, PASSWORD.reveal().decode())
        client.post("/api/account/take-over", json={"password": OWN})
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            sign_in(client, OWN)  # the one before may have ended it

            @given(case=operation.as_strategy())
            @how(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: Any) -> None:
                body = case.body if isinstance(case.body, dict | list | str | int) else None
                answer = client.request(case.method, case.formatted_path, json=body)
                if answer.status_code >= 500 and answer.status_code != 503:
                    faults.append(f"{case.method} {case.path}: {answer.status_code} {answer.text}")

            ask()
    return faults


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_nothing_that_is_sent_is_a_fault(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **{**ONLY_WEB, "limits__login_delays": False})
    await made(settings)
    async with open_house(settings) as house:
        secret = await add_person(house, "noor")
    async with serving(settings, seconds=380) as server:
        assert await asyncio.to_thread(ask_everything, WebServer(server, secret)) == []
