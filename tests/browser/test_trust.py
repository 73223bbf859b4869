"""The trust page in a browser, found from the sign-in page."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.webmail import Webmail, look

pytestmark = pytest.mark.long


def test_it_is_found_from_the_sign_in_page_and_reads_well(page: Page, webmail: Webmail) -> None:
    page.goto(webmail.origin)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="How your data are kept").click()
    trust = opened.value
    expect(trust.get_by_role("heading", level=1, name="How your data are kept")).to_be_visible()
    expect(trust.get_by_role("heading", name="How it is protected")).to_be_visible()
    look(trust, "trust")
    trust.get_by_role("link", name="Nederlands").click()
    expect(trust.locator("html")).to_have_attribute("lang", "nl")
    look(trust, "trust-nl")
