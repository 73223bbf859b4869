"""Bounds on one request: its body, its time, an answer nobody reads."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mailserver.model.errors import Condition, Refused
from mailserver.runtime.limits import Budget
from mailserver.runtime.settings import Settings
from tests.support.house import settings_in
from tests.support.waiting import until
from tests.support.web_app import app_served
from webui.access import Access, Faults
from webui.bounds import Body, Bounds
from webui.site import Site

MANY = 64 * 1024


async def echo(request: Request) -> Response:
    """Say how much came."""
    return PlainTextResponse(str(len(await request.body())))


async def sleep(request: Request) -> Response:
    await asyncio.sleep(30)
    return PlainTextResponse("late")


async def drip(request: Request) -> Response:
    async def said() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0.5)
            yield b"x"

    return StreamingResponse(said())


async def flood(request: Request) -> Response:
    async def said() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * MANY

    return StreamingResponse(said())


async def bug(request: Request) -> Response:
    raise KeyError("a secret")


async def half(request: Request) -> Response:
    async def said() -> AsyncIterator[bytes]:
        yield b"begun"
        raise Refused(Condition.LIMIT, "no more")

    return StreamingResponse(said())


def app(settings: Settings, budget: Budget) -> Access:
    paths = (echo, sleep, drip, flood, bug, half)
    methods = ["GET", "POST"]
    bodies = {"/echo": Body(100_000), "/": Body(1_000)}
    bounds = Middleware(Bounds, settings=settings, budget=budget, bodies=bodies)
    inner = Starlette(
        routes=[Route(f"/{one.__name__}", one, methods=methods) for one in paths],
        middleware=[Middleware(Faults), bounds],
    )
    return Access(inner, Site.WEBMAIL)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path, web__request_seconds=1, web__stall_seconds=1)


@pytest.fixture
def budget() -> Budget:
    return Budget(150_000)


@pytest.fixture
async def client(settings: Settings, budget: Budget) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app_served(app(settings, budget), settings) as origin,
        httpx.AsyncClient(base_url=origin, trust_env=False) as client,
    ):
        yield client


async def chunks(octets: int) -> AsyncIterator[bytes]:
    for _ in range(octets // 1_000):
        yield b"a" * 1_000


async def test_a_body_may_be_as_large_as_its_route_says(client: httpx.AsyncClient) -> None:
    assert (await client.post("/echo", content=b"a" * 100_000)).text == "100000"
    assert (await client.post("/echo", content=chunks(100_000))).text == "100000"
    for content in (b"a" * 100_001, chunks(101_000)):
        refused = await client.post("/echo", content=content)
        assert refused.status_code == 413
        assert refused.json()["condition"] == "too_large"
    assert (await client.post("/drip", content=b"a" * 1_001)).status_code == 413


async def test_bodies_share_what_may_be_in_flight(
    client: httpx.AsyncClient, budget: Budget
) -> None:
    budget.try_reserve(100_000)
    assert (await client.post("/echo", content=b"a" * 40_000)).text == "40000"
    busy = await client.post("/echo", content=b"a" * 60_000)
    assert busy.status_code == 503
    assert busy.headers["retry-after"]
    assert (await client.post("/echo", content=chunks(60_000))).status_code == 503
    assert budget.held_octets == 100_000


async def test_an_answer_that_does_not_begin_in_time_is_given_up(
    client: httpx.AsyncClient,
) -> None:
    late = await client.get("/sleep")
    assert late.status_code == 503
    assert late.json()["condition"] == "busy"


async def test_an_answer_that_has_begun_may_last(client: httpx.AsyncClient) -> None:
    assert (await client.get("/drip")).text == "xxxx"


async def test_a_body_that_keeps_coming_gets_more_time(client: httpx.AsyncClient) -> None:
    async def steady() -> AsyncIterator[bytes]:
        for _ in range(5):
            await asyncio.sleep(0.3)
            yield b"a" * 8_000

    assert (await client.post("/echo", content=steady())).text == "40000"


async def test_a_body_that_drips_is_given_up(client: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        line = tasks.create_task(reader.readline())
        while not line.done():
            writer.write(b"a")
            await asyncio.sleep(0.2)
    assert line.result().startswith(b"HTTP/1.1 503 ")
    writer.close()


async def test_a_peer_that_does_not_read_is_left(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    port = client.base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=MANY)
    writer.write(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
    await until(lambda: "/flood" in capsys.readouterr().err)  # it is written down when it ends
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        async with asyncio.timeout(30):
            await reader.readexactly(1 << 30)
    writer.close()


async def test_a_bug_is_an_incident_and_says_nothing(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get("/bug")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    logged = capsys.readouterr().err
    assert answer.json()["incident"] in logged
    assert "secret" not in logged


async def test_half_an_answer_ends_its_connection(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/half")


async def test_the_log_holds_no_query_and_no_whole_address(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.get("/echo?token=canary&mail=noor@example.test")
    await client.get("/nothing%0a%22canary?x=canary")
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().err.split("\n") if line
    ]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [200, 404]
    assert requests[0]["peer"] == "127.0.0.0/24"
    assert "canary" not in json.dumps(lines)
    assert "noor" not in json.dumps(lines)
