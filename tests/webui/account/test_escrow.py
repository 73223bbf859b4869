"""Escrow as its people meet it in a running server: the notice, its effect, and new keys."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.house import open_house
from mailserver.vault.custodians import key_of
from mailserver.vault.records import WrapKind
from tests.support.browser import Browser
from tests.support.escrow import NAMES, TERMS, a_pair
from tests.support.house import PASSWORD
from tests.support.web import WebServer, web_server

NOOR = "noor@example.test"
OWN = "nine paper lanterns over a canal"


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **databases) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    await opened.sign_in(NOOR, PASSWORD.reveal().decode())
    assert (await opened.get("/escrow")).status_code == 403  # her own password comes first
    await opened.post("/take-over", password=OWN)
    opened.csrf = (await opened.get("/session")).json()["csrf"]
    yield opened
    await opened.close()


async def turned_on(server: WebServer) -> None:
    async with open_house(server.serving.settings) as house:
        for name in NAMES:
            await house.desk.escrow.add_custodian(name, key_of(a_pair()))
        await house.desk.escrow.enable(*TERMS)


async def wraps(server: WebServer) -> int:
    async with open_house(server.serving.settings) as house:
        (account,) = await house.store.accounts.listing()
        return len(await house.keyring.wraps(account.account_id, WrapKind.ESCROW))


async def escrow(browser: Browser, wanted: str) -> dict[str, Any]:
    """Ask until what another process did is seen here: two seconds at most."""
    for _ in range(30):
        told = dict((await browser.get("/escrow")).json())
        if told["state"] == wanted:
            return told
        await asyncio.sleep(0.1)
    raise AssertionError(told)


async def test_t_lc_5_the_notice_is_seen_before_anything_has_effect(
    server: WebServer, browser: Browser
) -> None:
    off = (await browser.get("/escrow")).json()
    assert (off["state"], off["custodians"]) == ("off", [])
    assert (await browser.post("/escrow/seen", notice="0" * 64)).status_code == 403
    await turned_on(server)
    told = await escrow(browser, "notice")
    assert told["policy"] == TERMS[1]
    assert sorted(one["name"] for one in told["custodians"]) == sorted(NAMES)
    again = Browser.at(server)
    await again.sign_in(NOOR, OWN)
    assert await wraps(server) == 0
    stranger = Browser.at(server)
    for asking in (stranger, again):
        asking.csrf = ""
        answer = await asking.post("/escrow/seen", notice=told["notice"])
        assert answer.status_code in (401, 403)
        await asking.close()
    assert (await browser.post("/escrow/seen", notice="0" * 64)).status_code == 409
    assert (await browser.post("/escrow/seen", notice="short")).status_code == 422
    assert await wraps(server) == 0
    assert (await browser.post("/escrow/seen", notice=told["notice"])).status_code == 204
    assert (await browser.get("/escrow")).json()["state"] == "on"
    assert await wraps(server) == 1


async def test_new_keys_come_after_a_custodian_left(server: WebServer, browser: Browser) -> None:
    await turned_on(server)
    told = await escrow(browser, "notice")
    await browser.post("/escrow/seen", notice=told["notice"])
    async with open_house(server.serving.settings) as house:
        assert await house.desk.escrow.remove_custodian(NAMES[0]) == 1
    await escrow(browser, "renewal")
    assert (await browser.post("/escrow/renew", password="not it")).status_code == 401
    before = browser.set_cookies[-1]
    made = await browser.post("/escrow/renew", password=OWN)
    assert made.status_code == 200, made.text
    assert len(made.json()["recovery_code"].split("-")) > 4
    assert browser.set_cookies[-1] != before
    browser.csrf = (await browser.get("/session")).json()["csrf"]
    assert (await browser.get("/escrow")).json()["state"] == "waiting"
    assert (await browser.post("/escrow/renew", password=OWN)).status_code == 403
    assert await wraps(server) == 0
