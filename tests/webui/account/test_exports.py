"""Everything of an account in one file, asked for and fetched in the webmail (T-DSR-2)."""

import asyncio
import io
import json
import smtplib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from mailserver.app.house import open_house
from mailserver.audit.entry import Event
from mailserver.store.exports import ExportState
from tests.support.browser import Browser
from tests.support.house import PASSWORD, add_person
from tests.support.web import WebServer, web_server
from tests.webui.account.test_privacy import NOOR, OWN, settle

CANARY = "kestrel-over-the-canal"
LETTERS = 40


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    options = {"listeners__lmtp__address": "127.0.0.1:0"}
    async with web_server(tmp_path, **databases, **options) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    await settle(opened, NOOR)
    yield opened
    await opened.close()


def letters(count: int) -> list[bytes]:
    return [
        f"From: bram@example.org\r\nSubject: {CANARY} {n}\r\n\r\n{CANARY} {n}\r\n".encode()
        for n in range(count)
    ]


async def arrive(server: WebServer, octets: list[bytes]) -> None:
    """Have letters delivered by LMTP."""

    def send() -> None:
        with smtplib.LMTP("127.0.0.1", server.serving.ports["lmtp"]) as lmtp:
            for each in octets:
                lmtp.sendmail("bram@example.org", [NOOR], each)

    await asyncio.to_thread(send)


async def made(browser: Browser) -> dict[str, Any]:
    """Wait for the newest export to be whole."""
    async with asyncio.timeout(30):
        while True:
            newest: dict[str, Any] = (await browser.get("/privacy/exports")).json()[0]
            if newest["progress"] != "making":
                return newest
            await asyncio.sleep(0.05)


async def fetched(browser: Browser, name: str, **headers: str) -> httpx.Response:
    path = f"/api/account/privacy/exports/{name}/file"
    return await browser.client.get(path, headers={**browser.fields, **headers})


async def test_t_dsr_2_a_person_exports_everything_and_fetches_it(
    server: WebServer, browser: Browser, tmp_path: Path
) -> None:
    sent = letters(LETTERS)
    await arrive(server, sent)
    begun = await browser.post("/privacy/exports")
    assert begun.status_code == 201, begun.text
    assert begun.json()["progress"] == "making"
    export = await made(browser)
    assert (export["progress"], export["messages"]) == ("ready", LETTERS)
    assert export["done"] == LETTERS + 1  # and the one that says that it is made
    whole = await fetched(browser, export["name"])
    assert whole.status_code == 200, whole.text
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"].startswith("attachment")
    assert len(whole.content) == export["octets"]
    with ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
        activity = json.loads(archive.read("activity.json"))
    assert {"contacts.vcf", "settings.json", "consents.json", "processing.json"} <= names
    assert len(manifest["messages"]) == LETTERS + 1
    assert activity["log"][0]["event"] == "exported"
    mbox = next(each for each in manifest["files"] if each["path"] == "mail/INBOX.mbox")
    with ZipFile(io.BytesIO(whole.content)) as archive:
        octets = archive.read("mail/INBOX.mbox")
    assert sha256(octets).hexdigest() == mbox["sha256"]
    assert octets.count(CANARY.encode()) == 2 * LETTERS
    there = [path for path in (tmp_path / "data" / "exports").rglob("*") if path.is_file()]
    assert there
    assert all(CANARY.encode() not in path.read_bytes() for path in there)


async def test_a_fetching_that_broke_off_goes_on_where_it_stopped(
    server: WebServer, browser: Browser
) -> None:
    await arrive(server, letters(3))
    await browser.post("/privacy/exports")
    export = await made(browser)
    whole = (await fetched(browser, export["name"])).content
    rest = await fetched(browser, export["name"], range="bytes=100-", **{"if-range": "other"})
    assert (rest.status_code, rest.content) == (200, whole)
    tag = f'"{export["name"]}"'
    rest = await fetched(browser, export["name"], range="bytes=100-", **{"if-range": tag})
    assert (rest.status_code, rest.content) == (206, whole[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert (await fetched(browser, export["name"], range="bytes=-7")).content == whole[-7:]
    assert (await fetched(browser, export["name"], range="bytes=3-9")).content == whole[3:10]
    beyond = await fetched(browser, export["name"], range=f"bytes={len(whole)}-")
    assert (beyond.status_code, beyond.content) == (416, b"")
    for odd in ("bytes=-", "pages=1-2", "bytes=1-2,4-5", "bytes=b-"):
        assert (await fetched(browser, export["name"], range=odd)).content == whole


async def test_nobody_else_fetches_it(server: WebServer, browser: Browser) -> None:
    await browser.post("/privacy/exports")
    export = await made(browser)
    async with open_house(server.serving.settings) as house:
        await add_person(house, "bram")
    other = Browser.at(server)
    await settle(other, "bram@example.test")
    assert (await fetched(other, export["name"])).status_code == 404
    assert (await other.get("/privacy/exports")).json() == []
    assert (await other.ask("DELETE", f"/privacy/exports/{export['name']}")).status_code == 204
    assert (await fetched(browser, export["name"])).status_code == 200
    await other.close()
    stranger = Browser.at(server)
    assert (await fetched(stranger, export["name"])).status_code == 401
    await stranger.close()
    for odd in ("0" * 32, "..", "%2e%2e", "x"):
        assert (await fetched(browser, odd)).status_code == 404


async def test_an_export_dies_with_the_password_it_was_made_under(
    browser: Browser, tmp_path: Path
) -> None:
    await browser.post("/privacy/exports")
    export = await made(browser)
    changed = await browser.post("/password", old=OWN, new="eleven quiet boats on a lake")
    assert changed.status_code == 204, changed.text
    browser.csrf = (await browser.get("/session")).json()["csrf"]
    assert (await fetched(browser, export["name"])).status_code == 404
    assert (await browser.get("/privacy/exports")).json() == []
    assert [p for p in (tmp_path / "data" / "exports").rglob("*") if p.is_file()] == []


async def test_one_at_a_time_the_newest_stays_and_it_is_in_the_audit_log(
    server: WebServer, browser: Browser
) -> None:
    await browser.post("/privacy/exports")
    first = await made(browser)
    await browser.post("/privacy/exports")
    second = await made(browser)
    await fetched(browser, second["name"])
    assert (await fetched(browser, first["name"])).status_code == 404
    assert [one["name"] for one in (await browser.get("/privacy/exports")).json()] == [
        second["name"]
    ]
    async with open_house(server.serving.settings) as house:
        (account,) = await house.store.accounts.listing()
        rows = await house.store.audit.of_account(account.account_id, 20)
        events = [row.event for row in rows]
    assert events.count(Event.EXPORTED.value) == 2
    assert events.count(Event.EXPORT_FETCHED.value) == 1


async def test_what_expired_goes_with_its_files(
    server: WebServer, browser: Browser, tmp_path: Path
) -> None:
    await browser.post("/privacy/exports")
    await made(browser)
    root = tmp_path / "data" / "exports"
    stray = root / "00" / "11"
    stray.mkdir(parents=True)
    (stray / "000000").write_bytes(b"left by a crash")
    async with open_house(server.serving.settings) as house:
        outcomes = await house.books.retention.run()
        assert not any(outcome.failed for outcome in outcomes)
        assert not stray.exists()
        assert any(path.is_file() for path in root.rglob("*"))
        names = await house.store.exports.names()
        await house.store.exports.end(*names[0], ExportState.READY, house.clock.now())
        await house.books.retention.run()
    assert [path for path in root.rglob("*") if path.is_file()] == []
    assert (await browser.get("/privacy/exports")).json() == []


async def test_only_who_has_just_proved_who_he_is_asks_for_one(
    server: WebServer, browser: Browser
) -> None:
    right, browser.csrf = browser.csrf, "0" * 64
    assert (await browser.post("/privacy/exports")).status_code == 403
    browser.csrf = right
    stranger = Browser.at(server)
    await stranger.sign_in(NOOR, PASSWORD.reveal().decode())
    assert (await stranger.get("/privacy/exports")).status_code == 401
    await stranger.close()
