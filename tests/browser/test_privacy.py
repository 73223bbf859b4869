"""The privacy centre in a browser: what is kept, why, and what somebody asks for by his rights."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mail import deliver, signed_up
from tests.support.webmail import Webmail, look

pytestmark = pytest.mark.long


def test_everybody_sees_what_is_kept_and_asks_for_his_rights(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "anna")
    deliver(webmail, address, "Tides", "High water at noon.")
    expect(page.get_by_role("row").filter(has_text="Tides")).to_be_visible()
    page.get_by_role("button", name=f"Account {address}").click()
    page.get_by_role("menuitem", name="Privacy").click()
    expect(page.get_by_role("heading", level=1, name="Privacy")).to_be_visible()
    expect(page.get_by_text("1 letter", exact=False).first).to_be_visible()
    expect(page.get_by_text("signed in on 1 device")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Keeping your mail, contacts and settings")
    expect(row).to_contain_text("Until you delete it")
    expect(row).to_contain_text("GDPR Art. 6(1)(b)")
    proofs = page.get_by_role("row").filter(has_text="Proving what was done")
    expect(proofs).to_contain_text("5 years at most")
    expect(page.get_by_text("You asked for nothing so far")).to_be_visible()
    look(page, "privacy")
    page.get_by_role("button", name="Ask: Correct something that is wrong").click()
    asked = page.get_by_role("row").filter(has_text="Correct something that is wrong")
    expect(asked).to_contain_text("Received; answer by")
    page.get_by_role("button", name="Ask: Delete my account").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("Nothing is deleted before somebody has answered you")
    sheet.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("row").filter(has_text="Delete my account")).to_be_visible()
    look(page, "privacy-asked")
    told = webmail.product.zegel("privacy", "requests")
    assert "rectification" in told
    assert "erasure" in told


def test_what_does_not_load_says_so_and_is_asked_for_again(page: Page, webmail: Webmail) -> None:
    signed_up(page, webmail, "anna")
    page.route("**/api/account/privacy", lambda route: route.abort("internetdisconnected"))
    page.goto("/privacy")
    expect(page.get_by_text("This could not be loaded")).to_be_visible()
    page.unroute("**/api/account/privacy")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Your rights")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "title"),
    [("nl", "Uw rechten"), ("de", "Ihre Rechte"), ("fr", "Vos droits")],
)
def test_it_is_told_in_the_languages_of_its_people(
    page: Page, webmail: Webmail, language: str, title: str
) -> None:
    signed_up(page, webmail, "anna")
    page.evaluate(
        "(code) => localStorage.setItem('zegel.language', JSON.stringify(code))", language
    )
    page.goto("/settings/general")
    with page.expect_response("**/jmap"):
        page.get_by_label("Language").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.goto("/privacy")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    look(page, f"privacy-{language}")
