"""T-READ-2, T-READ-3, T-READ-6 at a whole server, as the webmail meets it.

The server is the product's own, in a network of the test's: one address there is the internet's,
the others are what stands within, and listen too. Whatever a letter names, only the first is asked.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mailserver.app.house import House, open_house
from mailserver.mail.incoming import Incoming
from mailserver.mailauth.dkim import sign
from mailserver.model.address import Address
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import SystemClock
from tests.mailserver.mail.test_previews import pdf
from tests.support.browser import Browser
from tests.support.dkim import published, signing_key, zone
from tests.support.dns import dns_zone
from tests.support.house import PASSWORD, add_person, made, serving, settings_in
from tests.support.internet import authority
from tests.support.mail import RECEIVED, letter
from tests.support.mail_host import tls_with
from tests.support.own_network import OwnNetwork, own_network
from tests.support.postgres import by_socket
from tests.support.screening import stranger
from tests.support.socket_spy import spying
from tests.support.web import ONLY_WEB, WebServer
from tests.support.web_host import WebHost, answer, redirect
from webui.security import ALWAYS, HSTS

pytestmark = pytest.mark.long  # each starts a server, in a network that takes root

PUBLIC, PUBLIC6 = "192.0.43.8", "2606:4700::8"
WITHIN = ("127.0.0.1", "10.9.8.7", "192.168.7.7", "169.254.169.254", "100.64.7.7", "::1", "fd00::7")
OWN = "nine paper lanterns over a canal"
KEY = signing_key(domain="news.test")
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
NAMES = {
    "news.test": [f"A {PUBLIC}", f"AAAA {PUBLIC6}"],
    "four.test": [f"A {PUBLIC}"],
    **{f"within{n}.test": [f"{'AAAA' if ':' in at else 'A'} {at}"] for n, at in enumerate(WITHIN)},
    "mapped.test": ["AAAA ::ffff:10.9.8.7"],
    "mixed.test": ["A 10.9.8.7", f"A {PUBLIC}"],
}
ODD = [
    *("https://10.9.8.7/", "https://169016327/", "https://0x0a090807/", "https://012.9.8.7/"),
    *("http://169.254.169.254/latest/", "http://[::1]/", "http://[fd00::7]/", "https://127.1/"),
    *("https://news.test@10.9.8.7/", "https://news.test:22/", "http://localhost/"),
]
GOOD = ["https://news.test/a", "https://four.test/a", "https://mixed.test/a"]
BAD = [f"https://within{n}.test/a" for n in range(len(WITHIN))] + ["https://mapped.test/a"]
MOVED = [f"https://news.test/to{n}" for n in range(len(WITHIN))]


@dataclass
class Edges:
    """Noor at the webmail, the internet, and what stands within."""

    browser: Browser
    outside: WebHost
    within: list[WebHost]
    emails: dict[str, str]
    blobs: dict[str, str]

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        fields = {**self.browser.fields, "x-csrf-token": self.browser.csrf}
        return await self.browser.client.request(method, path, json=body, headers=fields)

    async def image(self, url: str, email: str = "pictures") -> httpx.Response:
        body = {"email_id": self.emails[email], "url": url}
        return await self.ask("POST", "/api/mail/remote-image", body)

    async def leave(self, email: str, by: str = "one_click") -> httpx.Response:
        body = {"email_id": self.emails[email], "by": by}
        return await self.ask("POST", "/api/mail/unsubscribe", body)


def letters() -> dict[str, bytes]:
    """Return letters by subject."""
    shown = "".join(f'<img src="{url}">' for url in (*GOOD, *BAD, *MOVED, *ODD))
    now = SystemClock().now()
    common = {"From": "News <bob@news.test>", "To": "noor@example.test"}
    common["Date"] = format_datetime(now)
    html = letter("pictures", f"<html>{shown}", **common)
    html = html.replace(b"\r\n\r\n", b"\r\nContent-Type: text/html; charset=utf-8\r\n\r\n", 1)
    found = {"pictures": html}
    ways = {
        "list": "https://news.test/leave",
        **{f"list{n}": url for n, url in enumerate(BAD + ODD)},
    }
    for subject, url in ways.items():
        post = {"List_Unsubscribe_Post": "List-Unsubscribe=One-Click"}
        made = letter(subject, "Words.", List_Unsubscribe=f"<{url}>", **post, **common)
        found[subject] = sign(made, [KEY], now=now) + made
    found["unsigned"] = letter(
        "unsigned", "Words.", List_Unsubscribe="<https://news.test/leave>", **post, **common
    )
    return {**found, "file": _with_file(letter("file", **common), pdf((200, 100), (200, 100)))}


def _with_file(octets: bytes, file: bytes) -> bytes:
    head, _, _ = octets.partition(b"\r\n\r\n")
    body = base64.encodebytes(file).replace(b"\n", b"\r\n")
    fields = b"\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=a.pdf\r\n"
    return head + fields + b"Content-Transfer-Encoding: base64\r\n\r\n" + body


async def deliver(house: House) -> None:
    """Let every letter come as strangers' mail does."""
    to = [await house.inbound.recipient(Address("noor", "example.test"))]
    for octets in letters().values():
        client = stranger("203.0.113.9")
        incoming = Incoming(Plaintext(octets), Address("b", "news.test"), RECEIVED, client=client)
        assert await house.inbound.deliver(incoming, to) == [None]


@asynccontextmanager
async def edges(directory: Path, **settings: Any) -> AsyncIterator[Edges]:
    """Serve noor's mail for the length of a block; what stands within must not be asked."""
    outside, within = WebHost(), [WebHost() for _ in range(2 * len(WITHIN))]
    tls = tls_with(authority().issue_cert(*NAMES))
    authority().cert_pem.write_to_path(str(directory / "ca.pem"))
    async with AsyncExitStack() as stack:
        for address in (PUBLIC, PUBLIC6):
            await stack.enter_async_context(outside.serving(address, tls, 443))
        for number, address in enumerate(WITHIN):
            hosts = within[2 * number : 2 * number + 2]
            await stack.enter_async_context(hosts[0].serving(address, tls, 443))
            await stack.enter_async_context(hosts[1].serving(address, None, 80))
        dns = await stack.enter_async_context(dns_zone({**NAMES, **zone(published([KEY]))}))
        wanted = {
            **ONLY_WEB,
            "relay__ca_file": directory / "ca.pem",
            "dns__nameservers": [str(dns.endpoint)],
            "spam__greylisting": False,
            **settings,
        }
        chosen = settings_in(directory, **wanted)
        await made(chosen)
        async with open_house(chosen) as house:
            secret = await add_person(house, "noor")
            await deliver(house)
        server = await stack.enter_async_context(serving(chosen))
        browser = Browser.at(WebServer(server, secret))
        stack.push_async_callback(browser.close)
        await browser.sign_in("noor@example.test", PASSWORD.reveal().decode())
        await browser.post("/take-over", password=OWN)
        await browser.get("/session")  # which tells the new session's token
        emails, blobs = await _listed(browser)
        yield Edges(browser, outside, within, emails, blobs)
    assert [host.connections for host in within] == [0] * len(within)


async def _listed(browser: Browser) -> tuple[dict[str, str], dict[str, str]]:
    """Return the emails' ids, and the blobs of their first parts, by subject."""
    fields = {**browser.fields, "x-csrf-token": browser.csrf}
    session = (await browser.client.get("/jmap/session")).json()
    account = next(iter(session["accounts"]))
    properties = ["subject", "bodyStructure"]
    ids = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    calls = [
        ["Email/query", {"accountId": account}, "0"],
        ["Email/get", {"accountId": account, "#ids": ids, "properties": properties}, "1"],
    ]
    using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
    body = {"using": using, "methodCalls": calls}
    answered = (await browser.client.post("/jmap", json=body, headers=fields)).json()
    listed = answered["methodResponses"][1][1]["list"]
    return (
        {each["subject"]: each["id"] for each in listed},
        {each["subject"]: each["bodyStructure"]["blobId"] for each in listed},
    )


@pytest.fixture
def stores(databases: dict[str, str]) -> dict[str, str]:
    """What settings say of the databases, on each engine in turn, for a server in the network."""
    return {name: by_socket(url) for name, url in databases.items()}


@pytest.fixture
def network() -> Iterator[OwnNetwork]:
    others = [address for address in WITHIN if address not in ("127.0.0.1", "::1")]
    with own_network(PUBLIC, PUBLIC6, *others) as made:
        yield made


def test_t_read_3_pictures_come_from_the_internet_and_from_nowhere_else(
    network: OwnNetwork, tmp_path: Path, stores: dict[str, str]
) -> None:
    async def work() -> None:
        async with edges(tmp_path, **stores) as noor:
            leads = {f"/to{n}": redirect(url) for n, url in enumerate(BAD[: len(WITHIN)])}
            noor.outside.answers = {"/a": answer(PNG), **leads}
            for url in GOOD:
                got = await noor.image(url)
                assert (got.status_code, got.content) == (200, PNG), (url, got.text)
                assert got.headers["content-type"] == "image/png"
            for url in BAD + MOVED:
                got = await noor.image(url)
                assert got.status_code == 422, url
                assert got.json()["reason"] == "forbidden_address", url
            for url in ODD:
                assert (await noor.image(url)).json()["reason"] == "bad_url", url
            assert (await noor.image("https://news.test/b")).json()["reason"] == "not_in_message"
            assert (await noor.image(GOOD[0], "list")).json()["reason"] == "not_in_message"
            assert set(noor.outside.targets) == {"/a", *leads}
            for request in noor.outside.asked:
                assert b"cookie" not in request.lower()

    network.run(work())


def test_t_read_6_lists_are_left_at_the_internet_and_nowhere_else(
    network: OwnNetwork, tmp_path: Path, stores: dict[str, str]
) -> None:
    async def work() -> None:
        async with edges(tmp_path, **stores) as noor:
            noor.outside.answers = {"/leave": answer(b"bye")}
            offer = (await noor.ask("GET", f"/api/mail/unsubscribe/{noor.emails['list']}")).json()
            assert offer["one_click"] == {"host": "news.test", "signed_by": "news.test"}
            assert (await noor.leave("list")).json() == {"result": "unsubscribed"}
            assert noor.outside.targets == ["/leave"]
            assert (await noor.leave("unsigned")).json() == {"result": "unsigned"}
            assert (await noor.leave("list", "mail")).json() == {"result": "not_offered"}
            for number in range(len(WITHIN) - 1):
                got = (await noor.leave(f"list{number}")).json()
                assert got == {"result": "unreachable"}, WITHIN[number]
            assert noor.outside.targets == ["/leave"]

    network.run(work())


def test_t_read_2_nothing_is_asked_of_anybody_when_mail_is_opened(
    network: OwnNetwork, tmp_path: Path, stores: dict[str, str]
) -> None:
    async def work() -> None:
        async with edges(tmp_path, **stores) as noor:
            ours = noor.browser.client.base_url.port
            with spying() as seen:
                for subject, email in noor.emails.items():
                    got = await noor.ask("GET", f"/api/mail/unsubscribe/{email}")
                    assert got.status_code == 200, subject
                    await noor.ask("GET", f"/api/mail/preview/{noor.blobs[subject]}")
                await _listed(noor.browser)
            assert {place[1] for place in seen if isinstance(place, tuple)} <= {ours}
            assert noor.outside.connections == 0

    network.run(work())


def test_t_read_4_every_answer_has_its_fields_and_a_file_is_no_page(
    network: OwnNetwork, tmp_path: Path, stores: dict[str, str]
) -> None:
    async def work() -> None:
        async with edges(tmp_path, **stores) as noor:
            noor.outside.answers = {"/a": answer(PNG)}
            blob = noor.blobs["file"]
            answers = [
                await noor.image(GOOD[0]),
                await noor.image(BAD[0]),
                await noor.ask("GET", "/api/mail/reading"),
                await noor.ask("GET", f"/api/mail/preview/{blob}?page=2"),
                await noor.ask("GET", f"/api/mail/preview/{blob}?page=3"),
                await noor.ask("GET", f"/api/mail/preview/{blob}?page=0"),
                await noor.ask("GET", "/api/mail/preview/B99"),
                await noor.ask("GET", "/api/mail/unsubscribe/M99"),
            ]
            codes = [got.status_code for got in answers]
            assert codes == [200, 422, 200, 200, 422, 422, 404, 404]
            for got in answers:
                assert got.headers["strict-transport-security"] == HSTS
                for name, value in ALWAYS:
                    assert got.headers.get_list(name) == [value], (got.url, name)
            page = answers[3]
            assert page.headers["content-type"] == "image/png"
            assert page.headers["content-disposition"] == "attachment"
            assert page.headers["x-preview-kind"] == "document"
            assert (page.headers["x-preview-page"], page.headers["x-preview-pages"]) == ("2", "2")
            assert page.content.startswith(PNG[:8])

    network.run(work())


def test_who_has_no_session_or_no_token_gets_nothing(network: OwnNetwork, tmp_path: Path) -> None:
    async def work() -> None:
        async with edges(tmp_path) as noor:
            noor.browser.csrf = "0" * 64
            assert (await noor.image(GOOD[0])).status_code == 403
            assert (await noor.leave("list")).status_code == 403
            client = noor.browser.client
            client.cookies.clear()
            paths = ("reading", "unsubscribe/M1", "preview/B1")
            for path in paths:
                assert (await client.get(f"/api/mail/{path}")).status_code == 401, path
            elsewhere = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
            body = {"email_id": "M1", "url": GOOD[0]}
            got = await client.post("/api/mail/remote-image", json=body, headers=elsewhere)
            assert got.status_code == 403
            assert noor.outside.connections == 0

    network.run(work())


def test_an_organisation_may_turn_each_of_it_off(network: OwnNetwork, tmp_path: Path) -> None:
    async def work() -> None:
        off = {f"reading__{name}": False for name in ("remote_images", "unsubscribe", "previews")}
        async with edges(tmp_path, **off) as noor:
            allowed = (await noor.ask("GET", "/api/mail/reading")).json()
            assert allowed == {
                "remote_images": False,
                "unsubscribe": False,
                "previews": False,
                "authserv_id": "localhost",
                "trash_days": 30,
                "junk_days": 30,
            }
            answers = [
                await noor.image(GOOD[0]),
                await noor.leave("list"),
                await noor.ask("GET", f"/api/mail/unsubscribe/{noor.emails['list']}"),
                await noor.ask("GET", f"/api/mail/preview/{noor.blobs['file']}"),
            ]
            assert {got.status_code for got in answers} == {403}
            assert noor.outside.connections == 0

    network.run(work())


def test_nobody_can_have_it_done_without_end(network: OwnNetwork, tmp_path: Path) -> None:
    async def work() -> None:
        async with edges(tmp_path) as noor:
            codes = [(await noor.leave("unsigned")).status_code for _ in range(14)]
            assert codes[0] == 200
            assert codes[-1] == 429
            assert noor.outside.connections == 0

    network.run(work())
