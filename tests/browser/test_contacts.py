"""Contacts in a browser: out of the file of another address book, into one, and forgotten."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from mailserver.protocol.vcard.decode import decode
from tests.browser.test_mail import signed_up
from tests.support.webmail import Webmail, look

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
FIRST = """BEGIN:VCARD
VERSION:3.0
FN:Eva de Vries
EMAIL;TYPE=WORK:eva@elsewhere.test
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;J=C3=BCrgen
TEL;CELL:+49 170 1234567
PHOTO;JPEG;ENCODING=BASE64:
 /9j/4AAQ

END:VCARD
"""
SECOND = """BEGIN:VCARD
VERSION:4.0
FN:E. de Vries
EMAIL:EVA@elsewhere.test
EMAIL:eva.de.vries@home.test
TEL:+31 6 12345678
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:<img src=x onerror=alert(1)>
EMAIL:"><script>alert(1)</script>@hostile.test
END:VCARD
BEGIN:VCARD
VERSION:4.0
END:VCARD
"""


def choose(page: Page, folder: Path, text: str) -> None:
    """Choose a file in the sheet that imports."""
    path = folder / f"people{len(list(folder.iterdir()))}.vcf"
    path.write_text(text)
    page.get_by_label("vCard file").set_input_files(path)


def test_contacts_come_from_a_file_and_go_into_one(
    page: Page, webmail: Webmail, tmp_path: Path
) -> None:
    signed_up(page, webmail, "anna")
    page.goto("/contacts")
    expect(page.get_by_text("No contacts yet")).to_be_visible()
    look(page, "contacts-empty")
    page.get_by_role("button", name="Import from a file").click()
    sheet = page.get_by_role("dialog", name="Import from a file")
    choose(page, tmp_path, "Dear Anna,")
    expect(sheet.get_by_text("There is no contact in this file")).to_be_visible()
    expect(sheet.get_by_role("button", name="Import 0 contacts")).to_be_disabled()
    choose(page, tmp_path, FIRST)
    expect(sheet.get_by_text("2 new contacts")).to_be_visible()
    expect(sheet.get_by_text("1 picture is left out")).to_be_visible()
    look(page, "contacts-import-new")
    sheet.get_by_role("button", name="Import 2 contacts").click()
    expect(page.get_by_text("2 contacts imported").first).to_be_visible()
    everybody = page.get_by_role("list", name="Contacts")
    expect(everybody.get_by_role("link")).to_have_count(2)
    expect(everybody).to_contain_text("Jürgen Müller")

    page.get_by_role("button", name="More for contacts").press("Enter")
    page.get_by_role("menuitem", name="Import from a file").press("Enter")
    choose(page, tmp_path, SECOND)
    expect(sheet.get_by_text("1 new contact", exact=True)).to_be_visible()
    expect(sheet.get_by_text("1 you may have already")).to_be_visible()
    expect(sheet.get_by_text("1 card says nothing of anybody")).to_be_visible()
    expect(sheet.get_by_text("Adds: eva.de.vries@home.test and +31 6 12345678")).to_be_visible()
    expect(sheet.get_by_label("What to do with Eva de Vries")).to_have_value("merge")
    look(page, "contacts-import-alike")
    sheet.get_by_role("button", name="Import 2 contacts").click()
    expect(sheet).to_be_hidden()
    expect(everybody.get_by_role("link")).to_have_count(3)
    everybody.get_by_role("link", name="Eva de Vries").click()
    card = page.get_by_role("article", name="Eva de Vries")
    expect(card).to_contain_text("eva@elsewhere.test")
    expect(card).to_contain_text("eva.de.vries@home.test")
    expect(card).to_contain_text("+31 6 12345678")
    look(page, "contacts-card")

    page.get_by_role("button", name="More for contacts").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Export all as a file").click()
    assert download.value.suggested_filename == "contacts.vcf"
    cards = decode(Path(download.value.path()).read_bytes()).cards
    assert len(cards) == 3
    assert [len(each.get("emails", {})) for each in cards] == [2, 0, 1]

    choose_again(page, tmp_path)
    card.get_by_role("button", name="Forget").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(everybody.get_by_role("link")).to_have_count(2)


def choose_again(page: Page, folder: Path) -> None:
    """See that a file that was imported has nothing new."""
    page.get_by_role("button", name="More for contacts").click()
    page.get_by_role("menuitem", name="Import from a file").click()
    choose(page, folder, SECOND)
    sheet = page.get_by_role("dialog", name="Import from a file")
    expect(sheet.get_by_text("2 you have already, with nothing new")).to_be_visible()
    expect(sheet.get_by_role("button", name="Import 0 contacts")).to_be_disabled()
    sheet.get_by_role("button", name="Cancel").click()


def test_a_network_that_goes_away_loses_nothing_and_brings_nothing_twice(
    page: Page, webmail: Webmail, tmp_path: Path
) -> None:
    signed_up(page, webmail, "anna")
    page.goto("/contacts")
    page.get_by_role("button", name="Import from a file").click()
    sheet = page.get_by_role("dialog", name="Import from a file")
    people = "".join(
        f"BEGIN:VCARD\nVERSION:4.0\nFN:Person {n}\nEMAIL:p{n}@elsewhere.test\nEND:VCARD\n"
        for n in range(250)
    )
    choose(page, tmp_path, people)
    expect(sheet.get_by_text("250 new contacts")).to_be_visible()
    expect(sheet.get_by_text("and 200 more")).to_be_visible()
    asked = []

    def lose(route: Route) -> None:
        if "ContactCard/set" in (route.request.post_data or ""):  # what else it asks gets through
            asked.append(route)
            if len(asked) == 2:
                route.abort("internetdisconnected")
                return
        route.continue_()

    def is_import(url: str) -> bool:
        return url.endswith("/jmap")

    page.route(is_import, lose)
    sheet.get_by_role("button", name="Import 250 contacts").click()
    expect(sheet.get_by_text("Not everything was imported")).to_be_visible()
    page.unroute(is_import)
    look(page, "contacts-import-stopped")
    left = sheet.get_by_role("button", name="Import 150 contacts")
    left.click()
    expect(sheet).to_be_hidden()
    page.reload()
    expect(page.get_by_role("list", name="Contacts").get_by_role("link")).to_have_count(250)


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("nl", "Importeren uit een bestand"),
        ("de", "Aus einer Datei importieren"),
        ("fr", "Importer un fichier"),
    ],
)
def test_it_is_said_in_the_languages_of_its_people(
    page: Page, webmail: Webmail, tmp_path: Path, language: str, label: str
) -> None:
    signed_up(page, webmail, "anna")
    page.goto("/settings/general")
    with page.expect_response("**/jmap"):
        page.get_by_label("Language").select_option(language)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.goto("/contacts")
    page.get_by_role("button", name=label).click()
    path = tmp_path / "people.vcf"
    path.write_text(FIRST)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_role("dialog", name=label).get_by_role("listitem").first).to_be_visible()
    look(page, f"contacts-import-{language}")
