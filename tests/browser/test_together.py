"""Two browsers and an IMAP client on one account: each sees within a second what another did."""

import imaplib
import re
import ssl
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_mail import deliver, signed_up
from tests.support.waiting import wait_until
from tests.support.webmail import PASSWORD, Webmail, watched_context

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
WITHIN_SECONDS = 1.0


@pytest.fixture
def other(browser: Browser, webmail: Webmail) -> Iterator[Page]:
    """The same person's other browser."""
    with watched_context(browser, webmail) as context:
        yield context.new_page()


def imap_of(page: Page, webmail: Webmail, address: str) -> imaplib.IMAP4_SSL:
    """Sign a mail program in by an app password that is made in the settings."""
    page.goto("/settings/security")
    page.get_by_role("button", name="New app password").click()
    page.get_by_label("For which device or app").fill("Telephone")
    page.get_by_role("button", name="Make it").click()
    secret = page.get_by_role("list", name="App password").get_by_role("listitem").inner_text()
    page.get_by_role("button", name="I have it").click()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = imaplib.IMAP4_SSL("127.0.0.1", webmail.product.port("imaps"), ssl_context=trusting)
    client.login(address, secret.strip())
    client.select("INBOX")
    return client


def flags(client: imaplib.IMAP4_SSL, uid: str) -> str:
    """Return a message's flags as the client is told, empty where it is gone."""
    client.noop()
    _, told = client.uid("FETCH", uid, "(FLAGS)")
    return " ".join(each.decode() for each in told if isinstance(each, bytes))


def test_all_see_at_once_what_one_does(page: Page, other: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "anna")
    client = imap_of(page, webmail, address)
    page.goto("/mail")
    other.goto("/")
    other.get_by_label("E-mail address").fill(address)
    other.keyboard.press("Enter")
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.keyboard.press("Enter")
    for each in (page, other):
        expect(each.get_by_text("Your inbox is empty")).to_be_visible()
    deliver(webmail, address, "High water", "It rises.")
    deliver(webmail, address, "Low water", "It falls.")
    within = WITHIN_SECONDS * 1000
    for each in (page, other):
        expect(each.get_by_role("row")).to_have_count(2)

    client.noop()
    client.uid("STORE", "1", "+FLAGS", r"(\Flagged)")
    for each in (page, other):
        starred = each.get_by_role(
            "row", name=re.compile("Starred.*High water|High water.*Starred")
        )
        expect(starred).to_have_count(1, timeout=within)

    row = page.get_by_role("row").filter(has_text="Low water")
    row.hover()
    row.get_by_role("button", name="Mark as read").click()
    elsewhere = other.get_by_role("row", name=re.compile("Unread")).filter(has_text="Low water")
    expect(elsewhere).to_have_count(0, timeout=within)
    wait_until(lambda: r"\Seen" in flags(client, "2"), WITHIN_SECONDS)

    row = other.get_by_role("row").filter(has_text="High water")
    row.hover()
    row.get_by_role("button", name="Archive").click()
    gone = page.get_by_role("row").filter(has_text="High water")
    expect(gone).to_have_count(0, timeout=within)
    wait_until(lambda: flags(client, "1") == "", WITHIN_SECONDS)

    client.uid("MOVE", "2", "Trash")
    for each in (page, other):
        expect(each.get_by_role("row")).to_have_count(0, timeout=within)
    client.logout()
