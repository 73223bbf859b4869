"""Consents in the webmail: seen, given and taken back there, in a running server."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.house import House, open_house
from mailserver.app.personal import documents_of
from mailserver.cli.unlocking import unlocked_owner
from mailserver.model.address import Address
from mailserver.model.errors import Refused
from mailserver.model.sealed import Plaintext
from mailserver.privacy.consent import Reach, Said
from tests.support.browser import Browser
from tests.support.web import WebServer, web_server
from tests.webui.account.test_privacy import NOOR, OWN, settle

CONSENTS = "/privacy/consents"


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    more = {"consent__purposes": ("news", "offers"), "consent__offered_since": "2020-01-01"}
    async with web_server(tmp_path, **more, **databases) as running:
        yield running


@pytest.fixture
async def house(server: WebServer) -> AsyncIterator[House]:
    async with open_house(server.serving.settings) as opened:
        yield opened


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    await settle(opened, NOOR)
    yield opened
    await opened.close()


async def listed(browser: Browser, query: str = "") -> dict[str, Any]:
    answer = await browser.get(CONSENTS + query)
    assert answer.status_code == 200, answer.text
    return {one["purpose"]: one for one in answer.json()}


async def test_t_con_1_a_yes_in_the_account_needs_no_letter_and_a_no_no_more_steps(
    house: House, browser: Browser
) -> None:
    """T-CON-1: given with the text that was read; one request each way."""
    assert await listed(browser) == {}  # nothing is asked before there is a text
    text = await house.books.consents.texts.add("news", "nl", "1", "Een keer per maand.")
    assert (await listed(browser, "?language=nl"))["news"]["stand"] == "nothing"
    given = await browser.post(f"{CONSENTS}/news", given=True, text=text.number)
    assert given.status_code == 200, given.text
    (one,) = given.json()
    assert one["stand"] == "given"
    assert one["agreed"]["sha256"] == text.sha256.hex()
    assert one["since"]
    assert await reached(house, Reach.CONSENTED) == [NOOR]
    (one,) = (await browser.post(f"{CONSENTS}/news", given=False)).json()
    assert (one["stand"], one["as_customer"]) == ("withdrawn", False)
    assert await reached(house, Reach.CONSENTED) == []
    assert [one async for one in house.queue_desk.listing()] == []


async def reached(house: House, reach: Reach) -> list[str]:
    return [one.address for one in await house.consents.audience("news", reach)]


async def test_t_con_1_a_yes_is_to_the_text_that_is_asked_now(
    house: House, browser: Browser
) -> None:
    """T-CON-1: neither an older text, nor another purpose's, nor one of no purpose."""
    texts = house.books.consents.texts
    old = await texts.add("news", "en", "1", "Once a month.")
    other = await texts.add("offers", "en", "1", "Offers.")
    await texts.add("news", "en", "2", "Once a week.")
    for purpose, number, status in (
        ("news", old.number, 409),
        ("news", other.number, 409),
        ("news", 99, 404),
        ("cookies", other.number, 404),
    ):
        answer = await browser.post(f"{CONSENTS}/{purpose}", given=True, text=number)
        assert answer.status_code == status, answer.text
    assert (await browser.post(f"{CONSENTS}/cookies", given=False)).status_code == 404
    assert await house.books.consents.all() == []


async def test_t_con_2_an_objection_in_the_account_stops_all_marketing(
    house: House, browser: Browser
) -> None:
    """T-CON-2: GDPR Art. 21(2), one request."""
    await house.books.consents.texts.add("news", "en", "1", "Once a month.")
    assert (await listed(browser))["news"]["as_customer"]
    assert await reached(house, Reach.SIMILAR) == [NOOR]
    (one,) = (await browser.post(f"{CONSENTS}/*", given=False)).json()
    assert not one["as_customer"]
    assert await reached(house, Reach.SIMILAR) == []


async def test_a_persons_own_export_tells_what_he_said(house: House, browser: Browser) -> None:
    text = await house.books.consents.texts.add("news", "en", "1", "Once a month.")
    await browser.post(f"{CONSENTS}/news", given=True, text=text.number)
    await browser.post(f"{CONSENTS}/*", given=False)
    who, secret = Address.parse(NOOR), Plaintext(OWN.encode())
    async with unlocked_owner(house, who, secret) as (lease, account):
        found = await documents_of(house, lease, account)
    told = {one["purpose"]: one for one in json.loads(found["consents.json"].reveal())}
    assert [one["said"] for one in told["news"]["events"]] == ["granted", "confirmed", "withdrawn"]
    assert told["news"]["events"][0]["text"]["text"] == "Once a month."
    assert [one["by"] for one in told["everything"]["events"]] == ["account"]


async def test_an_erased_account_leaves_the_proof_alone(house: House, browser: Browser) -> None:
    text = await house.books.consents.texts.add("news", "en", "1", "Once a month.")
    await browser.post(f"{CONSENTS}/news", given=True, text=text.number)
    with suppress(Refused):  # erased, but not certified: PostgreSQL keeps old write-ahead log
        certificate = json.loads(await house.books.erasure.certified(Address.parse(NOOR)))
        assert "proof of consents" in certificate["exceptions"][-1]["what"]
    (course,) = await house.books.consents.all()
    assert (course.settled, course.person.address) == (Said.EXPIRED, NOOR)
    assert await reached(house, Reach.BOTH) == []


async def test_nobody_answers_without_a_session(server: WebServer) -> None:
    stranger = Browser.at(server)
    assert (await stranger.get(CONSENTS)).status_code == 401
    assert (await stranger.post(f"{CONSENTS}/news", given=False)).status_code == 401
    await stranger.close()
