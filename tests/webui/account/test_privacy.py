"""What people are told of their own data, and ask for by their rights, in a running server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailserver.app.house import open_house
from mailserver.model.ids import AccountId
from mailserver.privacy.centre import OPEN_AT_MOST
from mailserver.privacy.clocks import request_term
from mailserver.privacy.request import Right, Source
from tests.support.browser import Browser
from tests.support.house import PASSWORD, add_person
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
    await settle(opened, NOOR)
    yield opened
    await opened.close()


async def settle(browser: Browser, address: str) -> None:
    first = await browser.sign_in(address, PASSWORD.reveal().decode())
    assert first.status_code == 200, first.text
    await browser.post("/take-over", password=OWN)
    browser.csrf = (await browser.get("/session")).json()["csrf"]


async def test_t_dsr_2_everybody_sees_what_is_kept_of_him_why_and_how_long(
    browser: Browser,
) -> None:
    told = (await browser.get("/privacy")).json()
    assert told["organisation"]
    assert told["authority_url"].startswith("https://")
    assert told["stored"]["sessions"] == 1
    assert told["stored"]["sign_ins"] >= 1
    assert told["stored"]["letters"] == 0
    assert told["sending_stopped"] is False
    purposes = {one["name"]: one for one in told["purposes"]}
    assert {"mailboxes", "receiving", "signing-in", "webmail"} <= set(purposes)
    assert "push" not in purposes  # no push service is registered
    assert purposes["mailboxes"]["with_account"]
    assert purposes["signing-in"]["longest_days"] == 365  # an address that nobody may have
    assert not purposes["signing-in"]["with_account"]


async def test_t_dsr_1_a_right_is_asked_for_in_the_webmail_and_has_its_term(
    server: WebServer, browser: Browser
) -> None:
    assert (await browser.get("/privacy/requests")).json() == []
    made = await browser.post("/privacy/requests", right="rectification")
    assert made.status_code == 201, made.text
    asked = made.json()
    came = datetime.fromisoformat(asked["received_at"])
    assert (datetime.now(UTC) - came).total_seconds() < 60
    again = (await browser.post("/privacy/requests", right="rectification")).json()
    assert again["number"] != asked["number"]
    await browser.post("/privacy/requests", right="human-review")
    listed = (await browser.get("/privacy/requests")).json()
    rights = [one["right"] for one in listed]
    assert rights == ["human-review", "rectification", "rectification"]
    async with open_house(server.serving.settings) as house:
        term = request_term(came, house.books.profile)
        assert asked["due"] == term.due.isoformat()
        first, second, _ = await house.books.requests.listing()
        assert (first.who, first.source) == (NOOR, Source.ACCOUNT)
        assert second.first == first.number
        (account,) = await house.store.accounts.listing()
        assert bytes.fromhex(first.account) == account.account_id
        await house.books.requests.refuse(first.number, "You wrote to us that it was a mistake.")
    listed = (await browser.get("/privacy/requests")).json()
    assert listed[-1]["state"] == "refused"
    assert listed[-1]["reason"] == "You wrote to us that it was a mistake."


async def test_requests_are_their_own_accounts_alone(server: WebServer, browser: Browser) -> None:
    await browser.post("/privacy/requests", right="erasure")
    async with open_house(server.serving.settings) as house:
        await add_person(house, "bram")
        # Whoever has an address next must not read what was asked for from it before.
        await house.books.requests.receive(
            Right.ACCESS, Source.ACCOUNT, NOOR, account=AccountId(bytes(16))
        )
    other = Browser.at(server)
    await settle(other, "bram@example.test")
    assert (await other.get("/privacy/requests")).json() == []
    assert len((await browser.get("/privacy/requests")).json()) == 1
    await other.close()


async def test_only_who_has_just_proved_who_he_is_asks(server: WebServer, browser: Browser) -> None:
    right, browser.csrf = browser.csrf, "0" * 64
    assert (await browser.post("/privacy/requests", right="erasure")).status_code == 403
    browser.csrf = right
    assert (await browser.post("/privacy/requests", right="a pony")).status_code == 422
    stranger = Browser.at(server)
    assert (await stranger.get("/privacy")).status_code == 401
    assert (await stranger.get("/privacy/requests")).status_code == 401
    await stranger.close()
    assert (await browser.get("/privacy/requests")).json() == []


async def test_so_much_waits_and_no_more(browser: Browser) -> None:
    for _ in range(OPEN_AT_MOST):
        assert (await browser.post("/privacy/requests", right="access")).status_code == 201
    full = await browser.post("/privacy/requests", right="access")
    assert full.status_code == 429
    assert "Traceback" not in full.text
