"""Files of contacts over the account's API: read, made into cards, given back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mailserver.mail.contacts import FILE_OCTETS
from mailserver.protocol.vcard.decode import decode
from tests.support.browser import Browser
from tests.support.house import PASSWORD
from tests.support.web import WebServer, web_server

NOOR = "noor@example.test"
OWN = "nine paper lanterns over a canal"
CONTACTS = "urn:ietf:params:jmap:contacts"
FILE = (
    "BEGIN:VCARD\r\nVERSION:2.1\r\nN:de Vries;Eva\r\nEMAIL;INTERNET:eva@elsewhere.test\r\n"
    "PHOTO;ENCODING=BASE64;JPEG:/9j/\r\n\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:7\r\nFN:Zoë\r\nTEL:+31 6\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:3.0\r\nEND:VCARD\r\n"
).encode()


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **databases) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    first = await opened.sign_in(NOOR, PASSWORD.reveal().decode())
    assert first.status_code == 200, first.text
    await opened.post("/take-over", password=OWN)
    opened.csrf = (await opened.get("/session")).json()["csrf"]
    yield opened
    await opened.close()


async def read(browser: Browser, octets: bytes, kind: str = "text/vcard") -> httpx.Response:
    fields = {**browser.fields, "x-csrf-token": browser.csrf, "content-type": kind}
    path = "/api/account/contacts/read"
    return await browser.client.post(path, content=octets, headers=fields)


async def jmap(browser: Browser, name: str, **arguments: Any) -> Any:
    fields = {**browser.fields, "x-csrf-token": browser.csrf}
    session = (await browser.client.get("/.well-known/jmap", follow_redirects=True)).json()
    account = session["primaryAccounts"][CONTACTS]
    calls = [[name, {"accountId": account, **arguments}, "0"]]
    body = {"using": ["urn:ietf:params:jmap:core", CONTACTS], "methodCalls": calls}
    answer = await browser.client.post("/jmap", json=body, headers=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["methodResponses"][0][1]


async def test_a_file_is_read_and_nothing_of_it_is_kept(browser: Browser) -> None:
    answer = await read(browser, FILE)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [each["name"] for each in told["cards"]] == [
        {
            "components": [
                {"kind": "given", "value": "Eva"},
                {"kind": "surname", "value": "de Vries"},
            ]
        },
        {"full": "Zoë"},
    ]
    assert (told["unread"], told["too_many"], told["pictures"]) == (1, 0, 1)
    assert (await jmap(browser, "ContactCard/get"))["list"] == []
    assert (await read(browser, b"\xff no card")).json()["cards"] == []


async def test_what_was_read_becomes_cards_and_a_file_again(browser: Browser) -> None:
    (book,) = (await jmap(browser, "AddressBook/get"))["list"]
    cards = (await read(browser, FILE)).json()["cards"]
    wanted = {
        f"n{at}": {**card, "addressBookIds": {book["id"]: True}} for at, card in enumerate(cards)
    }
    made = await jmap(browser, "ContactCard/set", create=wanted)
    assert made["notCreated"] is None
    answer = await browser.get("/contacts/file")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/vcard")
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.vcf"'
    assert answer.headers["cache-control"] == "no-store"
    given = decode(answer.content).cards
    assert [each.get("emails") for each in given] == [cards[0]["emails"], None]
    assert given[1] == cards[1]
    assert answer.content.count(b"VERSION:4.0") == 2


async def test_only_who_is_signed_in_and_a_page_of_the_site(
    server: WebServer, browser: Browser
) -> None:
    large = FILE + b"NOTE:x\r\n" * (2 << 17)
    assert FILE_OCTETS > len(large) > server.serving.settings.web.body_octets
    assert len((await read(browser, large)).json()["cards"]) == 2
    assert (await read(browser, FILE, "text/plain")).status_code == 403  # as a form would send it
    browser.csrf = "0" * 64
    assert (await read(browser, FILE)).status_code == 403
    stranger = Browser.at(server)
    assert (await read(stranger, FILE)).status_code == 401
    assert (await stranger.get("/contacts/file")).status_code == 401
    await stranger.close()
