"""Every screen in Dutch: accessible, and no English left (WEBUI §6)."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mail import deliver, signed_up
from tests.support.webmail import Webmail, look

pytestmark = pytest.mark.long
SETTINGS = ("general", "identities", "folders", "security", "filters", "vacation", "forwarding")
SCREENS = {
    "mail": ("/mail", "Postvak IN"),
    "search": ("/search?q=water", "water"),
    "contacts": ("/contacts", "Contacten"),
    "privacy": ("/privacy", "Uw rechten"),
    **{f"settings-{name}": (f"/settings/{name}", "Instellingen") for name in SETTINGS},
    "settings-templates": ("/settings/templates", "Instellingen"),
    "settings-apps": ("/settings/apps", "Instellingen"),
}
ENGLISH = ("Settings", "Save", "Cancel", "Search mail", "Inbox", "Write", "Sign out", "Security")


def test_every_screen_is_dutch_and_accessible(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "anna")
    deliver(webmail, address, "Hoog water", "De peilschaal staat op twee meter.")
    page.goto("/settings/general")
    with page.expect_response("**/jmap"):
        page.get_by_label("Language").select_option("nl")
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    for name, (path, words) in SCREENS.items():
        page.goto(path)
        expect(page.get_by_text(words).first).to_be_attached()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        look(page, f"nl-{name}")
        shown = page.locator("body").inner_text().splitlines()
        assert [word for word in ENGLISH if word in (line.strip() for line in shown)] == [], name
    page.get_by_role("link", name="Mail", exact=True).click()
    page.get_by_role("treeitem", name="Prullenbak").click()
    expect(page.get_by_text("wordt na 30 dagen verwijderd")).to_be_visible()
    page.goto("/mail")
    page.get_by_role("row").filter(has_text="Hoog water").click()
    expect(page.get_by_role("article").get_by_text("De peilschaal staat")).to_be_visible()
    look(page, "nl-message")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, "nl-compose")
