"""A server that dies and a draft with two pages at it: nothing that was written is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, expect, sync_playwright

from tests.browser.test_mail import signed_up
from tests.support.ports import free_port
from tests.support.product import Product
from tests.support.webmail import PASSWORD, Webmail, open_browser, watched_context

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
DIED = (
    "net::ERR_CONNECTION_RESET",
    "net::ERR_CONNECTION_CLOSED",
    "net::ERR_EMPTY_RESPONSE",
    "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
)
"""What the console says of connections to a server that was killed."""


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webmail]:
    """A product of its own that is found at the same place after it died."""
    place = {"ZEGEL_LISTENERS_HTTPS_ADDRESS": f"127.0.0.1:{free_port()}"}
    product = Product(tmp_path_factory.mktemp("mortal"), environ=place)
    product.start()
    try:
        yield Webmail(product)
    finally:
        product.stop()
    assert "incident" not in product.words()


@pytest.fixture(scope="module")
def browser(mortal: Webmail) -> Iterator[Browser]:
    """A browser that believes the certificate of that product."""
    with sync_playwright() as playwright:
        opened = open_browser(playwright, mortal)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, mortal: Webmail) -> Iterator[Page]:
    """A page whose server may die."""
    with watched_context(browser, mortal, forgiven=DIED) as context:
        yield context.new_page()


@pytest.fixture
def other(browser: Browser, mortal: Webmail) -> Iterator[Page]:
    """Another browser."""
    with watched_context(browser, mortal, forgiven=DIED) as context:
        yield context.new_page()


def editor_of(page: Page) -> Locator:
    """Return where the text of a message is written."""
    frame: FrameLocator = page.frame_locator("iframe[title='Text of the message']")
    return frame.locator("[contenteditable]")


def write(page: Page, to: str, subject: str, text: str) -> Locator:
    """Begin a letter; returns its panel."""
    page.keyboard.press("c")
    panel = page.get_by_role("dialog", name="New message")
    panel.get_by_role("combobox", name="To").fill(to)
    page.keyboard.press("Enter")
    panel.get_by_label("Subject").fill(subject)
    editor_of(page).fill(text)
    panel = page.get_by_role("dialog", name=subject)
    expect(panel.get_by_text("Saved", exact=False).first).to_be_visible()
    return panel


def test_a_server_killed_while_somebody_writes_loses_nothing(page: Page, mortal: Webmail) -> None:
    address = signed_up(page, mortal, "anna")
    panel = write(page, address, "The lock at Zuid", "It opens at nine.")
    mortal.product.kill()
    editor_of(page).press("Control+End")
    page.keyboard.type(" And closes at five.")
    expect(panel.get_by_text("Not saved")).to_be_visible()
    mortal.product.start()
    expect(panel.get_by_text("Not saved")).to_have_count(0, timeout=90_000)
    expect(panel.get_by_text("Saved", exact=False).first).to_be_visible()
    expect(editor_of(page)).to_contain_text("It opens at nine. And closes at five.")
    page.reload()
    page.goto("/mail")
    page.get_by_role("treeitem", name="Drafts").click()
    draft = page.get_by_role("row").filter(has_text="The lock at Zuid")
    expect(draft).to_have_count(1)
    draft.click()
    page.get_by_role("button", name="Go on writing").click()
    expect(editor_of(page)).to_contain_text("It opens at nine. And closes at five.")


def test_a_letter_sent_to_a_dead_server_arrives_once(page: Page, mortal: Webmail) -> None:
    address = signed_up(page, mortal, "anna")
    panel = write(page, address, "High water", "It rises.")
    mortal.product.kill()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Waits for the network").first).to_be_visible()
    expect(panel).to_be_hidden()
    mortal.product.start()
    letter = page.get_by_role("row").filter(has_text="High water")
    expect(letter.first).to_be_visible(timeout=120_000)
    page.wait_for_timeout(3_000)  # a second one would come now
    expect(letter).to_have_count(1)
    page.get_by_role("treeitem", name="Drafts").click()
    expect(page.get_by_role("row").filter(has_text="High water")).to_have_count(0)


def test_two_pages_on_one_draft_never_overwrite_each_other(
    page: Page, other: Page, mortal: Webmail
) -> None:
    address = signed_up(page, mortal, "anna")
    write(page, address, "Dredging", "The first half.")
    other.goto("/")
    other.get_by_label("E-mail address").fill(address)
    other.keyboard.press("Enter")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.keyboard.press("Enter")
    other.get_by_role("treeitem", name="Drafts").click()
    other.get_by_role("row").filter(has_text="Dredging").click()
    other.get_by_role("button", name="Go on writing").click()
    expect(editor_of(other)).to_contain_text("The first half.")
    there = other.get_by_role("dialog", name="Dredging")
    editor_of(other).fill("Written over there.")
    expect(there.get_by_text("Saved", exact=False).first).to_be_visible()
    other.wait_for_timeout(4_000)  # until it is saved: two seconds after the last key
    editor_of(page).fill("Written over here.")
    expect(page.get_by_text("This draft was changed elsewhere")).to_be_visible()
    expect(page.get_by_text("Written over there.").first).to_be_visible()
    page.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text("This draft was changed elsewhere")).to_have_count(0)
    drafts = other.get_by_role("row").filter(has_text="Dredging")
    expect(drafts).to_have_count(2)
    expect(drafts.filter(has_text="Written over here.")).to_have_count(1)
    expect(drafts.filter(has_text="Written over there.")).to_have_count(1)
