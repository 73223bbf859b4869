"""The page of an agreement: read in four languages, signed once, without script or cookie."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from mailserver.app.house import open_house
from mailserver.audit.checkpoint import load_key
from mailserver.model.errors import Absent, Refused
from mailserver.privacy.agreement import Signatory, check_receipt
from mailserver.privacy.offers import Offers
from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node, open_node
from tests.support.books import books_of
from tests.support.web import WebServer, web_server
from webui.public.agreement_texts import WORDS

BAKERY = "Bakkerij <Noël> B.V."
ONE = "Artikel 1. Wij verwerken e-mail & meer.\nTweede regel.\n\nArtikel 2. <Slot>.\n"
GIVEN = {"name": "Noël de Wit", "role": "directeur", "authority": "yes"}


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **databases) as running:
        yield running


async def offered(server: WebServer, *languages: str) -> str:
    """Publish a text in some languages and return the path of an offer's link."""
    async with open_house(server.serving.settings) as house:
        papers, (first, *rest) = house.books.papers, languages
        await papers.agreements.publish(ONE, first)
        for language in rest:
            await papers.agreements.publish(f"{language}: {ONE}", language, translates=1)
        return f"/agreement/{await papers.offers.offer(BAKERY)}"


class Page(HTMLParser):
    """What a page has."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


async def test_t_dpa_1_a_customer_reads_and_signs_and_both_have_the_receipt(
    server: WebServer,
) -> None:
    path = await offered(server, "nl")
    async with server.client() as browser:
        read = await browser.get(path)
        assert read.status_code == 200
        assert "Artikel 1. Wij verwerken e-mail &amp; meer.<br>Tweede regel.</p>" in read.text
        assert "Bakkerij &lt;Noël&gt; B.V." in read.text
        assert sha256(ONE.encode()).hexdigest() in read.text
        (form,) = Page(read).all("form")
        signed = await browser.post(str(form["action"]), data=GIVEN)
        assert (signed.status_code, WORDS["nl"].done in signed.text) == (200, True)
        given = await browser.get(f"{path}/receipt.json")
        again = await browser.post(str(form["action"]), data=GIVEN | {"name": "Somebody else"})
    assert given.headers["content-disposition"].startswith("attachment")
    settings = server.serving.settings
    said = check_receipt(load_key(settings.keys.audit_file).public, given.text)
    assert (said["controller"], said["signatory"]) == (BAKERY, "Noël de Wit")
    assert (said["network"], said["language"]) == ("127.0.0.0/24", "nl")
    async with open_house(settings) as house:
        (accepted,) = await house.books.papers.agreements.acceptances()
        assert accepted.receipt == given.text
        await house.books.papers.agreements.check(BAKERY)
    assert "Noël de Wit" in again.text  # the receipt of the first; the second signs nothing


@pytest.mark.parametrize("missing", GIVEN)
async def test_what_is_missing_is_asked_for_again(server: WebServer, missing: str) -> None:
    path = await offered(server, "nl")
    async with server.client() as browser:
        given = {name: words for name, words in GIVEN.items() if name != missing}
        answer = await browser.post(path, data=given)
        receipt = await browser.get(f"{path}/receipt.json")
    assert (answer.status_code, receipt.status_code) == (422, 404)
    assert WORDS["nl"].missing in answer.text
    fields = {str(one["id"]): one.get("value") for one in Page(answer).all("input")}
    assert fields["name"] == given.get("name", "")


async def test_the_page_is_there_in_each_language_for_everybody(server: WebServer) -> None:
    path = await offered(server, *WORDS)
    async with server.client() as browser:
        for language, words in WORDS.items():
            answer = await browser.get(path, params={"language": language})
            page = Page(answer)
            assert page.all("html") == [{"lang": language}]
            assert f"<h1>{words.title}</h1>" in answer.text.replace("&#x27;", "'")
            assert len(page.all("nav")) == 1
            assert len(page.all("a")) == len(WORDS) - 1
            labels = {str(one["for"]) for one in page.all("label")}
            assert labels == {str(one["id"]) for one in page.all("input")}
            assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "style"}
            assert "set-cookie" not in answer.headers
            assert "{" not in answer.text
        policy = answer.headers["content-security-policy"]
    assert "form-action 'self'" in policy
    assert "default-src 'none'" in policy


async def test_a_link_that_nobody_made_leads_to_nothing(server: WebServer) -> None:
    path = await offered(server, "nl")
    async with server.client() as browser:
        for language, words in (("nl", WORDS["nl"]), ("xx", WORDS["en"])):
            gone = await browser.get(f"{path}x", params={"language": language})
            assert gone.status_code == 404
            assert words.gone in gone.text
        assert (await browser.post(f"{path}x", data=GIVEN)).status_code == 404
        assert (await browser.get("/agreement/short")).status_code == 422


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock())
    yield opened
    await opened.close()


async def test_a_link_ends_after_thirty_days_and_says_nothing_in_the_register(node: Node) -> None:
    papers = books_of(node).papers
    with pytest.raises(Absent):
        await papers.offers.offer(BAKERY)
    await papers.agreements.publish(ONE, "nl")
    offers: Offers = papers.offers
    secret = await offers.offer(BAKERY)
    assert (await offers.look(secret)).customer == BAKERY
    with pytest.raises(Refused):
        await offers.accept(secret, Signatory("Noël", "baker", False), "nl")
    node.clock.advance(timedelta(days=30) - timedelta(seconds=1))
    await offers.look(secret)
    node.clock.advance(timedelta(seconds=1))
    with pytest.raises(Absent):
        await offers.look(secret)
