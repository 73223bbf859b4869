"""Whatever fits an API's description, and what does not, sent to a server by somebody signed in."""

from typing import Any
from urllib.parse import quote

import httpx
import schemathesis
from fastapi import APIRouter, FastAPI
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet
from schemathesis.core.result import Ok

from tests.support.house import PASSWORD
from tests.support.web import WebServer, from_page

OWN = "nine paper lanterns over a canal"
EXAMPLES = 8  # of each operation, of what fits and of what does not


def described(router: APIRouter) -> dict[str, Any]:
    """Return the description of the routes of a router."""
    app = FastAPI()
    app.include_router(router)
    return app.openapi()


def sign_in(client: httpx.Client, password: str) -> None:
    """Begin a session, in the place of the one before."""
    login = {"address": "noor@example.test", "password": password}
    begun = client.post("/api/account/sign-in", json=login)
    assert begun.status_code == 200, begun.text
    client.headers["x-csrf-token"] = begun.json()["csrf"]


def ask_everything(server: WebServer, router: APIRouter) -> list[str]:
    """Send what fits the description and what does not; return the answers that are faults."""
    faults: list[str] = []
    schema = schemathesis.openapi.from_dict(described(router))
    # A cookie of a secure host is sent to our loopback port only where it is given by hand.
    with httpx.Client(base_url=server.origin(), verify=server.tls(), trust_env=False) as client:
        client.headers.update(from_page(server))
        sign_in(client, PASSWORD.reveal().decode())
        client.post("/api/account/take-over", json={"password": OWN})
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            sign_in(client, OWN)  # the one before may have ended it
            takes = operation.body or operation.query or operation.path_parameters
            modes = GenerationMode if takes else [GenerationMode.POSITIVE]
            strategies = [operation.as_strategy(generation_mode=mode) for mode in modes]

            @given(case=st.one_of(strategies))
            @how(
                max_examples=EXAMPLES * len(strategies),
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def ask(case: Any) -> None:
                body = None if isinstance(case.body, NotSet | bytes) else case.body
                path = quote(case.formatted_path, safe="/%", errors="replace")
                answer = client.request(case.method, path, params=case.query, json=body)
                if answer.status_code >= 500:
                    faults.append(f"{case.method} {case.path}: {answer.status_code} {answer.text}")

            ask()
    return faults
