"""T-AUTH-5: what is revoked in the settings is closed wherever it is open, within five seconds."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.browser import Browser
from tests.support.house import PASSWORD
from tests.support.web import WebServer, web_server

NOOR = "noor@example.test"
OWN = "nine paper lanterns over a canal"
WITHIN_SECONDS = 5.0  # PRIVACY §6


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    """A server with the web and IMAP."""
    listening = {"listeners__imaps__address": "127.0.0.1:0"}
    async with web_server(tmp_path, **listening, **databases) as running:
        yield running


@pytest.fixture
async def owner(server: WebServer) -> AsyncIterator[Browser]:
    """The account's owner in the settings."""
    browser = await _signed_in(server, first=True)
    yield browser
    await browser.close()


async def _signed_in(server: WebServer, *, first: bool = False) -> Browser:
    browser = Browser.at(server)
    begun = await browser.sign_in(NOOR, PASSWORD.reveal().decode() if first else OWN)
    assert begun.status_code == 200, begun.text
    if first:
        assert (await browser.post("/take-over", password=OWN)).status_code == 200
        browser.csrf = (await browser.get("/session")).json()["csrf"]
    return browser


async def _app_password(owner: Browser, label: str) -> tuple[str, str]:
    made = await owner.post("/app-passwords", label=label, scopes=["imap", "jmap"])
    assert made.status_code == 201, made.text
    return made.json()["id"], made.json()["secret"]


@asynccontextmanager
async def _idle(server: WebServer, secret: str) -> AsyncIterator[asyncio.StreamReader]:
    """Sign in to IMAP and idle."""
    tls: ssl.SSLContext = server.tls()
    port = server.serving.ports["imaps"]
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
    await reader.readline()
    for tag, command in ((b"a", f"LOGIN {NOOR} {secret}"), (b"b", "SELECT INBOX"), (b"+", "IDLE")):
        writer.write((b"c" if tag == b"+" else tag) + f" {command}\r\n".encode())
        while not (line := await reader.readline()).startswith(tag):
            assert line, command
    yield reader
    writer.close()


async def _end(reader: asyncio.StreamReader) -> bytes:
    said = await reader.read()
    assert b"* BYE" in said, said
    return said


async def _listens(client: httpx.AsyncClient, ready: asyncio.Event, **fields: str) -> None:
    """Listen to events until the server ends the stream."""
    async with client.stream("GET", "/jmap/events", timeout=30, headers=fields) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith(":"):
                ready.set()


async def test_t_auth_5_an_app_password_revoked_closes_idle_and_events(
    server: WebServer, owner: Browser
) -> None:
    name, secret = await _app_password(owner, "stolen")
    _, kept = await _app_password(owner, "kept")
    async with (
        _idle(server, secret) as stolen,
        _idle(server, kept) as other,
        server.client("api", auth=(NOOR, secret)) as program,
    ):
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            ready = asyncio.Event()
            listening = tasks.create_task(_listens(program, ready))
            await ready.wait()
            began_at = time.monotonic()
            assert (await owner.ask("DELETE", f"/app-passwords/{name}")).status_code == 204
            await asyncio.gather(_end(stolen), listening)
            assert time.monotonic() - began_at < WITHIN_SECONDS
            assert (await program.get("/jmap/session")).status_code == 401
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await other.read(1)  # whose app password was not revoked


async def test_t_auth_5_a_session_revoked_ends_its_events_and_answers_nothing(
    server: WebServer, owner: Browser
) -> None:
    lost = await _signed_in(server)
    listed = (await lost.get("/sessions")).json()
    name = next(each["id"] for each in listed if each["current"])
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        ready = asyncio.Event()
        listening = tasks.create_task(_listens(lost.client, ready, **lost.fields))
        await ready.wait()
        began_at = time.monotonic()
        assert (await owner.ask("DELETE", f"/sessions/{name}")).status_code == 204
        await listening
        assert time.monotonic() - began_at < WITHIN_SECONDS
    assert (await lost.client.get("/jmap/session")).status_code == 401
    assert (await owner.get("/session")).status_code == 200
    await lost.close()
