"""The trust page says what the settings do, in four languages, and loads nothing (T-REG-1)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mailserver.app.house import open_house
from mailserver.privacy.legal_profile import PROFILES
from tests.privacy.test_claims import CLAIM
from tests.support.web import WebServer, web_server
from webui.public.trust import LANGUAGES, TEXTS

LIST = {
    "name": "Lists & <b>Co</b>",
    "role": "address-list",
    "zone": "list.example.org",
    "country": "NL",
    "basis": "agreement under GDPR Art. 28",
}


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    options: dict[str, Any] = {
        "organisation__name": "Tides & Sons <script>alert(1)</script>",
        "organisation__contact": "privacy@example.org",
        "organisation__country": "NL",
        "processors": [LIST],
        "web__requests_per_minute": 0,
    }
    async with web_server(tmp_path, **databases, **options) as running:
        yield running


async def page(server: WebServer, path: str = "/trust", **fields: str) -> httpx.Response:
    async with server.client() as client:
        return await client.get(path, headers=fields)


def test_every_language_has_every_text_and_every_place_in_it() -> None:
    english = TEXTS["en"]
    for language in LANGUAGES:
        assert TEXTS[language].keys() == english.keys()
        for key, text in TEXTS[language].items():
            assert text.strip()
            assert [p for p in PLACES if p in text] == [p for p in PLACES if p in english[key]], key


PLACES = [
    *("{organisation}", "{contact}", "{minutes}", "{days}", "{key_days}", "{authority}"),
    *("{names}", "{year}", "{asked}", "{answered}", "{refused}"),
]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_speaks_the_language_of_its_reader(server: WebServer, language: str) -> None:
    words = TEXTS[language]
    by_browser = await page(server, **{"accept-language": f"{language}-XX,en;q=0.5"})
    by_link = await page(server, f"/trust/{language}")
    assert by_browser.status_code == by_link.status_code == 200
    assert by_browser.text == by_link.text
    assert f'<html lang="{language}">' in by_link.text
    for key in ("title", "claim", "moment_reception", "m_sealed", "rights_text"):
        assert words[key].replace("'", "&#x27;") in by_link.text


async def test_t_claim_it_makes_the_allowed_claim_and_names_the_moments(server: WebServer) -> None:
    text = (await page(server, "/trust/en")).text
    assert CLAIM in text
    for moment in ("While a letter comes in", "While you are signed in", "60 minutes", "filters"):
        assert moment in text


async def test_it_has_no_script_no_cookie_and_nothing_of_anybody_elses(server: WebServer) -> None:
    answer = await page(server, "/trust/en", cookie="__Host-sid=x")
    assert "set-cookie" not in answer.headers
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text  # the organisation's name, as it is
    assert "Lists &amp; &lt;b&gt;Co&lt;/b&gt;" in answer.text
    assert "src=" not in answer.text
    assert (await page(server, "/trust/xx")).status_code == 404


async def test_it_tells_whom_to_ask_and_where_to_complain(server: WebServer) -> None:
    text = (await page(server, "/trust/nl")).text
    assert "privacy@example.org" in text
    assert PROFILES["NL"].authority.url in text


async def test_t_reg_1_what_is_turned_on_stands_there_and_what_is_not_does_not(
    tmp_path: Path,
) -> None:
    words = TEXTS["en"]
    scanner = {**LIST, "name": "Scan", "role": "scanner", "zone": "", "host": "scan.example.net"}
    cases: list[tuple[dict[str, Any], set[str], str]] = [
        ({}, set(), ""),
        ({"processors": [LIST]}, {"m_lists", "act_lists"}, "Lists &amp;"),
        (
            {"processors": [scanner], "scanners__rspamd": "http://scan.example.net:11333"},
            {"m_scanning", "act_scanning"},
            "Scan",
        ),
        ({"relay__enabled": True}, {"m_transport", "act_sending"}, ""),
        ({"audit__copy_to": tmp_path / "copies"}, {"m_copies"}, ""),
    ]
    (tmp_path / "copies").mkdir()
    toggled = set[str]().union(*(keys for _, keys, _ in cases))
    for number, (options, keys, name) in enumerate(cases):
        async with web_server(tmp_path / str(number), **options) as server:
            text = (await page(server, "/trust/en")).text
            shown = {key for key in toggled if words[key] in text}
            assert shown == keys, options
            assert name in text
            async with open_house(server.serving.settings) as house:
                register = {one["name"] for one in house.books.processing.current()["activities"]}
            for key in keys:
                if key.startswith("act_"):
                    assert key.removeprefix("act_") in register


async def test_it_tells_what_changed(server: WebServer) -> None:
    async with open_house(server.serving.settings) as house:
        versions = await house.books.processing.versions()
    text = (await page(server, "/trust/en")).text
    assert f"{versions[-1].at.date().isoformat()}: first recorded" in text
