"""The pages behind links in letters: they act on a POST alone, without cookies or scripts."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mailserver.app.house import House, open_house
from mailserver.model.address import Address
from mailserver.privacy.consent import Channel, Person, Said
from tests.support.web import WebServer, web_server

ASKED = "News <of> the tides\n\nOnce a month."
PERSON = Person("bram@elsewhere.test")


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    more = {"consent__purposes": ("news",), "organisation__name": "Tides & Co"}
    async with web_server(tmp_path, **more, **databases) as running:
        yield running


@pytest.fixture
async def house(server: WebServer) -> AsyncIterator[House]:
    async with open_house(server.serving.settings) as opened:
        yield opened


@pytest.fixture
async def client(server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as opened:
        yield opened


async def granted(house: House) -> str:
    """Let somebody say yes who is to confirm it; return the path of his link."""
    text = await house.books.consents.texts.add("news", "nl", "1", ASKED)
    _, token = await house.books.consents.grant(PERSON, text, Channel.MAIL)
    return f"/consent/confirm/{token}"


async def said(house: House) -> list[Said]:
    courses = await house.books.consents.of(PERSON)
    return [one.said for each in courses for one in await house.books.consents.events(each)]


def check_plain(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "set-cookie" not in answer.headers
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_t_con_1_looking_at_a_link_says_nothing_and_its_button_says_yes(
    house: House, client: httpx.AsyncClient
) -> None:
    """T-CON-1: GET changes nothing; POST confirms, once; then there is the way back."""
    path = await granted(house)
    for _ in range(2):
        shown = await client.get(path)
        assert shown.status_code == 200
        check_plain(shown)
        assert '<html lang="nl">' in shown.text
        assert "News &lt;of&gt; the tides" in shown.text
        assert "Tides &amp; Co" in shown.text
    assert await said(house) == [Said.GRANTED]
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "null"}
    done = await client.post(path, headers=form)
    assert done.status_code == 200
    check_plain(done)
    assert await said(house) == [Said.GRANTED, Said.CONFIRMED]
    again = await client.post(path, headers=form)
    assert again.status_code == 404
    check_plain(again)
    back = done.text.partition('action="')[2].partition('"')[0]
    assert back.startswith("/consent/withdraw/news/")
    assert (await client.post(back, headers=form)).status_code == 200
    assert (await said(house))[-1] is Said.WITHDRAWN


@pytest.mark.parametrize("language", ["nl", "de", "fr"])
async def test_t_con_1_a_no_takes_one_post_without_signing_in(
    house: House, client: httpx.AsyncClient, language: str
) -> None:
    """T-CON-1: RFC 8058 one-click, and a page for people in their language."""
    await client.post(await granted(house))
    path = urlsplit(house.consents.withdrawal(PERSON, "news")).path
    fields = {"accept-language": f"{language}-XX,en;q=0.5"}
    looked = await client.get(path, headers=fields)
    check_plain(looked)
    assert f'<html lang="{language}">' in looked.text
    assert await said(house) == [Said.GRANTED, Said.CONFIRMED]
    clicked = await client.post(path, data={"List-Unsubscribe": "One-Click"}, headers=fields)
    assert clicked.status_code == 200
    check_plain(clicked)
    assert (await said(house))[-1] is Said.WITHDRAWN
    assert (await client.post(path)).status_code == 200  # twice is once
    assert len(await said(house)) == 3


async def test_links_of_nobody_change_nothing(house: House, client: httpx.AsyncClient) -> None:
    await granted(house)
    for path in (
        "/consent/confirm/none",
        "/consent/withdraw/news/none",
        "/consent/withdraw/offers/" + house.consents.withdrawal(PERSON, "news").rpartition("/")[2],
    ):
        for method in ("GET", "POST"):
            answer = await client.request(method, path)
            assert answer.status_code == 404
            check_plain(answer)
            assert "does nothing" in answer.text
    assert await said(house) == [Said.GRANTED]
    assert (await client.get("/consent/confirm/" + "x" * 101)).status_code == 422
    assert (await client.get("/consent/")).status_code == 404


async def test_t_con_2_a_customer_who_never_answered_says_no_by_his_link(
    house: House, client: httpx.AsyncClient
) -> None:
    """T-CON-2: the link in a letter to customers works without anything in the ledger."""
    noor = await house.books.consents.person(Address.parse("noor@example.test"))
    assert noor.account
    path = urlsplit(house.consents.withdrawal(noor, "news")).path
    assert (await client.post(path)).status_code == 200
    (course,) = await house.books.consents.of(noor)
    assert course.settled is Said.WITHDRAWN
