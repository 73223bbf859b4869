"""The privacy centre in a browser: what is kept, why, and what somebody asks for by his rights."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mail import deliver, signed_up
from tests.support.webmail import PASSWORD, Webmail, look

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
    expect(proofs).to_contain_text("10 years at most")
    expect(page.get_by_text("You asked for nothing so far")).to_be_visible()
    look(page, "privacy")
    page.get_by_role("button", name="Ask: Correct something that is wrong").click()
    asked = page.get_by_role("row").filter(has_text="Correct something that is wrong")
    expect(asked).to_contain_text("Received; answer by")
    assert "rectification" in webmail.product.zegel("privacy", "requests")


def at_privacy(page: Page, webmail: Webmail, name: str) -> str:
    address = signed_up(page, webmail, name)
    deliver(webmail, address, "Tides", "High water at noon.")
    expect(page.get_by_role("row").filter(has_text="Tides")).to_be_visible()
    page.goto("/privacy")
    return address


def test_everything_is_copied_into_one_file(page: Page, webmail: Webmail, tmp_path: Path) -> None:
    at_privacy(page, webmail, "anna")
    page.get_by_role("button", name="Make a copy").click()
    expect(page.get_by_text("Your copy is ready")).to_be_visible()
    look(page, "privacy-copy")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    waiting.value.save_as(tmp_path / "all.zip")
    with ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert b"High water at noon." in archive.read("mail/INBOX.mbox")
    page.get_by_role("button", name="Delete the copy").click()
    expect(page.get_by_role("button", name="Make a copy")).to_be_visible()
    expect(page.get_by_text("Your copy is ready")).to_be_hidden()


def test_data_are_only_kept_until_their_owner_says_otherwise(page: Page, webmail: Webmail) -> None:
    at_privacy(page, webmail, "anna")
    page.get_by_role("button", name="Only keep them").click()
    expect(page.get_by_text("Your data are only kept now.")).to_be_visible()
    asked = page.get_by_role("row").filter(has_text="Keep my data, but do nothing with it")
    expect(asked).to_contain_text("Answered")
    look(page, "privacy-restricted")
    page.get_by_role("button", name="Use them as before").click()
    expect(page.get_by_text("Your data are only kept now.")).to_be_hidden()


def test_an_account_is_deleted_by_its_owner_who_may_think_again(
    page: Page, webmail: Webmail
) -> None:
    address = at_privacy(page, webmail, "anna")
    page.get_by_role("button", name="Delete my account").click()
    sheet = page.get_by_role("dialog")
    look(page, "privacy-erasure")
    sheet.get_by_label("Type your address").fill("somebody@example.org")
    sheet.get_by_role("button", name="Delete my account").click()
    expect(sheet).to_contain_text(f"Type {address} to delete it.")
    sheet.get_by_label("Type your address").fill(address)
    sheet.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("Your account will be deleted on")).to_be_visible()
    expect(page.get_by_text("If you sign in before, it stays.")).to_be_visible()
    look(page, "farewell")
    told = webmail.product.zegel("privacy", "requests")
    assert "erasure" in told
    page.goto("/")
    page.get_by_label("Address").fill(address)
    page.keyboard.press("Enter")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="Your account stays")).to_be_visible()


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
