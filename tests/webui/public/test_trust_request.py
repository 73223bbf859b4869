"""Asking for a right without an account: the address is proved by a letter, whoever it is."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mailserver.app.house import open_house
from mailserver.model.errors import Absent
from mailserver.privacy.request import Right, Source
from mailserver.privacy.request_form import GOOD_FOR, PATH, WORDS
from mailserver.runtime.clock import ManualClock
from tests.support.web import WebServer, web_server
from webui.public.trust import LANGUAGES, TEXTS

STRANGER = "bram@example.org"


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    options = {"relay__enabled": True, "dns__nameservers": ("127.0.0.1:9",)}
    async with web_server(tmp_path, **databases, **options) as running:
        yield running


async def ask(server: WebServer, address: str = STRANGER, **fields: str) -> httpx.Response:
    async with server.client() as client:
        body = {"right": "access", "address": address}
        return await client.post(PATH, data=body, headers={"accept-language": "en", **fields})


async def link_of(server: WebServer) -> str:
    """Return the path of the link in a letter that waits to be sent."""
    later = ManualClock(datetime.now(UTC) + timedelta(hours=12))  # it was tried, and waits
    async with open_house(server.serving.settings, later) as house:
        due = await house.outgoing.due(10)
        assert [one.domain for one in due] == ["example.org"]
        letter = (await house.outgoing.content(due[0])).reveal()
        await house.outgoing.give_back(due)
    found = re.search(rb"https://[^/\r\n]+(/trust/request/[\w-]+)\r\n", letter)
    assert found, letter
    assert len(max(letter.split(b"\r\n"), key=len)) < 998
    return found[1].decode()


async def test_a_request_stands_in_the_register_once_its_link_was_used(server: WebServer) -> None:
    sent = await ask(server)
    assert sent.status_code == 200
    assert TEXTS["en"]["ask_sent"] in sent.text
    async with open_house(server.serving.settings) as house:
        assert await house.books.requests.listing() == []
    path = await link_of(server)
    async with server.client() as client:
        client.headers["accept-language"] = "en"
        shown = await client.get(path)
        assert TEXTS["en"]["right_access"] in shown.text
        async with open_house(server.serving.settings) as house:
            assert await house.books.requests.listing() == []  # looking is not sending
        done = await client.post(path, data={"words": "All of it, <please>"})
        again = await client.post(path, data={"words": "twice"})
    assert done.status_code == 200
    assert "number 1" in done.text
    assert again.text == done.text
    async with open_house(server.serving.settings) as house:
        (request,) = await house.books.requests.listing()
        assert (request.right, request.source, request.who) == (
            Right.ACCESS,
            Source.FORM,
            STRANGER,
        )
        assert request.words == "All of it, <please>"
        assert request.term(house.books.profile, house.clock.now()).due.isoformat() in done.text


async def test_known_and_unknown_addresses_get_the_same_answer(server: WebServer) -> None:
    known, unknown = await ask(server, "noor@example.test"), await ask(server, "x@example.test")
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


async def test_a_link_ends_and_none_is_made_up(server: WebServer) -> None:
    await ask(server)
    path = await link_of(server)
    token = path.rpartition("/")[2]
    later = ManualClock(datetime.now(UTC) + GOOD_FOR + timedelta(minutes=1))
    async with open_house(server.serving.settings, later) as house:
        with pytest.raises(Absent):
            house.books.form.read(token)
    async with server.client() as client:
        for odd in (token[:-2] + "AA", "x", "A" * 200, "é"):
            assert (await client.get(f"{PATH}/{odd}")).status_code == 404
            assert (await client.post(f"{PATH}/{odd}")).status_code == 404
        long = await client.post(path, data={"words": "x" * (WORDS + 1)})
        assert long.status_code == 422


async def test_who_asks_too_often_waits(server: WebServer) -> None:
    answers = [(await ask(server, f"{n}@example.org")).status_code for n in range(7)]
    assert answers[:5] == [200] * 5
    assert answers[5:] == [429] * 2


@pytest.mark.parametrize("address", ["", "not an address", "a@b\r\nBcc: c@d.example", "<x>@y"])
async def test_what_is_no_address_gets_no_letter(server: WebServer, address: str) -> None:
    assert (await ask(server, address)).status_code == 422
    async with open_house(server.serving.settings) as house:
        assert [entry async for entry in house.queue_desk.listing()] == []


async def test_another_sites_form_sends_nothing(server: WebServer) -> None:
    refused = await ask(server, **{"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    async with open_house(server.serving.settings) as house:
        assert [entry async for entry in house.queue_desk.listing()] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_form_speaks_its_readers_language(server: WebServer, language: str) -> None:
    async with server.client() as client:
        shown = await client.get(PATH, headers={"accept-language": language})
    assert f'<html lang="{language}">' in shown.text
    assert "set-cookie" not in shown.headers
    assert "form-action 'self'" in shown.headers["content-security-policy"]
    assert "<script" not in shown.text


async def test_where_no_letter_leaves_it_says_where_to_write(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    options = {"organisation__contact": "privacy@example.org"}
    async with web_server(tmp_path, **databases, **options) as server, server.client() as client:
        shown = await client.get(PATH)
    assert "privacy@example.org" in shown.text
    assert "<form" not in shown.text
