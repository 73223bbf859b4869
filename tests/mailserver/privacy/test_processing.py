"""The register of processing: it says what the settings enable, in versions, for both views."""

import csv
import json
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.registers import Books
from mailserver.model.errors import Misconfigured
from mailserver.privacy.activities import ACTIVITIES
from mailserver.privacy.papers import Form, written
from mailserver.privacy.processing import Version, View, differences
from mailserver.privacy.register_papers import processing_paper
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings import load
from tests.support.accounts import Node, open_node
from tests.support.books import books_of

LIST = {
    "name": "Example List <Foundation>",
    "role": "address-list",
    "zone": "list.example.org",
    "country": "US",
    "basis": "standard contractual clauses",
}
SCANNER = {
    "name": "Scanners Ltd",
    "role": "scanner",
    "host": "scan.example.net",
    "country": "IE",
    "basis": "agreement under GDPR Art. 28",
}
RELAY = SCANNER | {"name": "Carriers", "role": "relay", "host": "mail.example.net"}
PROVIDER = SCANNER | {"name": "Names", "role": "identity-provider", "host": "id.example.net"}
WAKER = SCANNER | {"name": "Wakers", "role": "push-service", "host": "push.example.net"}
HOSTER = {key: SCANNER[key] for key in ("country", "basis")} | {"name": "H", "role": "hosting"}
FEATURES: dict[str, tuple[str, dict[str, Any]]] = {
    "sending": ("sending", {"relay__enabled": True}),
    "reports": ("reports", {"relay__enabled": True}),
    "lists": ("lists", {"processors": [LIST]}),
    "scanning": ("scanning", {"scanners__clamd": "unix:/run/clamav/clamd.ctl"}),
    "identity provider": ("identity-provider", {"processors": [PROVIDER]}),
    "push service": ("push", {"processors": [WAKER]}),
    "consents": ("consents", {"consent__purposes": ("news",)}),
    "webmail": ("webmail", {"listeners__https__address": "127.0.0.1:0"}),
}
LEAST: dict[str, Any] = {
    "relay__enabled": False,
    "spam__learning": False,
    "listeners__https__address": "off",
    "listeners__api__address": "off",
}


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock())
    yield opened
    await opened.close()


def names(books: Books) -> set[str]:
    return {one["name"] for one in books.processing.current()["activities"]}


@pytest.mark.parametrize("feature", FEATURES)
async def test_t_reg_1_a_feature_that_is_turned_on_is_in_the_register(
    node: Node, feature: str
) -> None:
    activity, settings = FEATURES[feature]
    without, with_it = books_of(node, **LEAST), books_of(node, **LEAST | settings)
    assert activity not in names(without)
    assert activity in names(with_it)
    assert await without.processing.record() == 1
    assert await with_it.processing.record() == 2
    assert await books_of(node, **LEAST | settings).processing.record() is None
    one, two = await with_it.processing.versions()
    came = [line for line in differences(one.document, two.document) if line.startswith("+ ")]
    assert any(line.startswith(f"+ activities.{activity}.") for line in came)
    assert await without.processing.record() == 3  # turned off again: a version, too


async def test_t_reg_1_learning_can_be_turned_off(node: Node) -> None:
    assert "learning" in names(books_of(node))
    assert "learning" not in names(books_of(node, **LEAST))


async def test_t_reg_1_every_activity_is_enabled_by_something(node: Node) -> None:
    everything: dict[str, Any] = {}
    for _, settings in FEATURES.values():
        everything |= settings
    everything["processors"] = [LIST, SCANNER, RELAY, PROVIDER, WAKER, HOSTER]
    books = books_of(node, **everything)
    assert names(books) == {one.name for one in ACTIVITIES}
    (document,) = [books.processing.current()]
    (lists,) = [one for one in document["activities"] if one["name"] == "lists"]
    assert lists["recipients"] == ["Example List <Foundation> (address-list, US)"]
    assert lists["transfers"] == ["Example List <Foundation>, US: standard contractual clauses"]
    (sending,) = [one for one in document["activities"] if one["name"] == "sending"]
    assert sending["transfers"] == []


async def test_a_version_stays_as_it_was(node: Node) -> None:
    books = books_of(node, **LEAST)
    await books.processing.record()
    await books_of(node, organisation__name="Ann's bakery", **LEAST).processing.record()
    one, two = await books.processing.versions()
    assert one.document["organisation"]["name"] != "Ann's bakery"
    name = one.document["organisation"]["name"]
    assert differences(one.document, two.document) == [
        f"~ organisation.name: {name} → Ann's bakery"
    ]


async def test_both_views_are_written_in_each_form(node: Node) -> None:
    books = books_of(node, processors=[LIST], organisation__contact="=HYPERLINK(1)")
    await books.processing.record()
    (version,) = await books.processing.versions()
    read = json.loads(form_of(version, View.PROCESSOR, Form.JSON))
    assert "purpose" not in read["activities"][0]
    assert "accountability" not in {one["name"] for one in read["activities"]}
    assert "purpose" in json.loads(form_of(version, View.CONTROLLER, Form.JSON))["activities"][0]
    lines = list(csv.DictReader(form_of(version, View.CONTROLLER, Form.CSV).splitlines()))
    assert {line["name"] for line in lines} == names(books)
    page = form_of(version, View.CONTROLLER, Form.HTML)
    assert "<Foundation>" not in page
    assert "Example List &lt;Foundation&gt;" in page
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe"}


def form_of(version: Version, view: View, form: Form) -> str:
    return written(processing_paper(version, view), form).decode()


class Tags(HTMLParser):
    """Which tags a page has, and which it does not close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("setting", "value", "entry"),
    [
        ("scanners.rspamd", "http://scan.example.net:11333", SCANNER),
        ("scanners.clamd", "scan.example.net:3310", SCANNER),
        ("relay.smart_host", "mail.example.net:465 implicit", RELAY),
    ],
)
def test_t_reg_2_an_integration_without_its_processor_is_refused(
    setting: str, value: str, entry: dict[str, str]
) -> None:
    with pytest.raises(Misconfigured, match="processors"):
        load(None, {}, {setting: value})
    other = entry | {"host": "other.example.net"}
    with pytest.raises(Misconfigured, match="processors"):
        load(None, {}, {setting: value, "processors": [other]})
    assert load(None, {}, {setting: value, "processors": [entry]}).processors


def test_t_reg_2_what_is_our_own_needs_none() -> None:
    for host in ("127.0.0.1:25 none", "10.0.0.5:25 none"):
        assert load(None, {}, {"relay.smart_host": host}).relay.smart_host


@pytest.mark.parametrize(
    "entry",
    [
        {key: text for key, text in RELAY.items() if key != "host"},
        HOSTER | {"host": "rack.example.net"},
        LIST | {"host": "rack.example.net"},
        SCANNER | {"basis": ""},
        SCANNER | {"country": "Ireland"},
    ],
)
def test_t_reg_2_an_entry_that_says_too_little_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="processors"):
        load(None, {}, {"processors": [entry]})
