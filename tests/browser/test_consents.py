"""Consents in a browser: given and taken back on the privacy page, and by the link in a letter."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_mail import signed_up
from tests.support.product import Product
from tests.support.webmail import Webmail, look, watched_context

pytestmark = pytest.mark.long

ONCE, WEEKLY = "Once a month we write about new tides.", "Once a week we write about new tides."


@pytest.fixture(scope="module")
def webmail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webmail]:
    """A product that asks for news."""
    settings = {"ZEGEL_CONSENT_PURPOSES": "news", "ZEGEL_CONSENT_OFFERED_SINCE": "2020-01-01"}
    directory = tmp_path_factory.mktemp("consents")
    product = Product(directory, settings)
    file = directory / "text.txt"
    file.write_text(ONCE)
    product.zegel("privacy", "consent", "text", "add", "news", "2026-02", str(file))
    product.start()
    try:
        yield Webmail(product)
    finally:
        product.stop()
    assert "incident" not in product.words()


def reached(webmail: Webmail, reach: str) -> str:
    return webmail.product.zegel("privacy", "consent", "audience", "news", reach)


def test_a_yes_is_given_and_taken_back_in_one_step_each(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "anna")
    page.goto("/privacy")
    expect(page.get_by_role("heading", name="What you agreed to")).to_be_visible()
    expect(page.get_by_text(ONCE)).to_be_visible()
    expect(page.get_by_text("As a customer you may get letters")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Writing about products and news")
    expect(row).to_contain_text("GDPR Art. 6(1)(a)")
    page.get_by_role("button", name="Agree", exact=True).click()
    expect(page.get_by_text(re.compile("You agreed on .*, to version 2026-02"))).to_be_visible()
    look(page, "consents")
    assert address in reached(webmail, "consented")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("You said no on")).to_be_visible()
    for reach in ("consented", "similar", "both"):
        assert address not in reached(webmail, reach)


def test_all_advertising_is_stopped_at_once(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "bram")
    assert address in reached(webmail, "similar")
    page.goto("/privacy")
    page.get_by_role("button", name="Stop all advertising").click()
    expect(page.get_by_text("You have not answered")).to_be_visible()
    assert address not in reached(webmail, "similar")


@pytest.fixture
def stranger(browser: Browser, webmail: Webmail) -> Iterator[Page]:
    """A page of a browser in which nobody signed in."""
    with watched_context(browser, webmail) as context:
        yield context.new_page()


def test_a_letter_asks_and_its_link_says_yes_and_no(
    page: Page, stranger: Page, webmail: Webmail
) -> None:
    address = signed_up(page, webmail, "carla")
    said = webmail.product.zegel("privacy", "consent", "ask", "news", address)
    assert said.strip() == f"{address}: asked"
    row = page.get_by_role("row").filter(has_text="Please confirm")
    expect(row).to_be_visible(timeout=30_000)
    row.click()
    link = page.get_by_text(re.compile("/consent/confirm/")).first
    path = urlsplit(re.findall(r"https://\S+", link.inner_text())[0]).path
    stranger.goto(path)
    expect(stranger.get_by_role("heading", name="Do you agree?")).to_be_visible()
    expect(stranger.get_by_text(ONCE)).to_be_visible()
    assert address not in reached(webmail, "consented")
    look(stranger, "consent-question")
    stranger.get_by_role("button", name="Yes, I agree").click()
    expect(stranger.get_by_role("heading", name="You agreed")).to_be_visible()
    assert address in reached(webmail, "consented")
    stranger.get_by_role("button", name="Take it back").click()
    expect(stranger.get_by_role("heading", name="It is done")).to_be_visible()
    assert address not in reached(webmail, "both")
    assert stranger.context.cookies() == []


def test_a_newer_text_is_asked_and_the_older_yes_stands(
    page: Page, webmail: Webmail, tmp_path: Path
) -> None:
    address = signed_up(page, webmail, "dirk")
    page.goto("/privacy")
    page.get_by_role("button", name="Agree", exact=True).click()
    expect(page.get_by_text("You agreed on")).to_be_visible()
    file = tmp_path / "text.txt"
    file.write_text(WEEKLY)
    webmail.product.zegel("privacy", "consent", "text", "add", "news", "2026-03", str(file))
    page.reload()
    expect(page.get_by_text(WEEKLY)).to_be_visible()
    expect(page.get_by_text("you agreed to the older one")).to_be_visible()
    assert address in reached(webmail, "consented")
    page.get_by_role("button", name="Agree", exact=True).click()
    expect(page.get_by_text("to version 2026-03")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("nl", "Waarmee u hebt ingestemd"),
        ("de", "Wozu Sie zugestimmt haben"),
        ("fr", "Ce que vous avez accepté"),
    ],
)
def test_it_is_asked_in_the_languages_of_its_people(
    page: Page, webmail: Webmail, language: str, title: str
) -> None:
    signed_up(page, webmail, f"erik-{language}")
    page.evaluate(
        "(code) => localStorage.setItem('zegel.language', JSON.stringify(code))", language
    )
    page.goto("/settings/general")
    with page.expect_response("**/jmap"):
        page.get_by_label("Language").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.goto("/privacy")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    look(page, f"consents-{language}")
