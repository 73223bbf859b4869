"""Escrow in a browser: the notice at sign-in, the badge on every page, and new keys."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_mail import signed_up
from tests.browser.test_signing_in import expect_app, type_code_back
from tests.support.webmail import PASSWORD, Webmail, look

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

PHRASE = "a lighthouse keeper's third lamp\n"
BADGE = "Your organisation can open this mailbox"


@pytest.fixture
def turn_on(webmail: Webmail, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """What turns escrow on; it is off again afterwards, for whoever shares the server."""
    zegel = webmail.product.zegel
    yield lambda: _turn_on(webmail, tmp_path)
    zegel("escrow", "disable")
    for name in ("Ruth Vos", "Jan Prins"):
        if name in zegel("escrow", "custodian", "list"):
            zegel("escrow", "custodian", "remove", name)


def _turn_on(webmail: Webmail, directory: Path) -> None:
    zegel = webmail.product.zegel
    for name in ("Ruth Vos", "Jan Prins"):
        file = directory / name
        said = zegel("escrow", "custodian", "key", str(file), typed=PHRASE)
        last = " ".join(said.split()[-2:]) + "\n"
        zegel("escrow", "custodian", "add", name, f"{file}.pub", typed=last)
    policy = directory / "policy.txt"
    policy.write_text("Only for absence and death.\n", "utf-8")
    why = ("--reason", "a small firm", "--policy", str(policy), "--dpia", "A-4")
    zegel("escrow", "enable", *why)


def test_the_notice_is_read_and_the_badge_stays(
    page: Page, webmail: Webmail, turn_on: Callable[[], None]
) -> None:
    signed_up(page, webmail, "anna")
    expect(page.get_by_role("link", name=BADGE)).to_have_count(0)
    turn_on()
    page.wait_for_timeout(2_500)  # for so long a process may go by what it read
    page.reload()
    sheet = page.get_by_role("dialog", name=BADGE)
    expect(sheet).to_contain_text("Only for absence and death.")
    expect(sheet).to_contain_text("Custodian: Ruth Vos")
    look(page, "escrow-notice")
    sheet.get_by_role("button", name="Later").click()
    page.reload()
    sheet.get_by_role("button", name="I have read this").click()
    expect(sheet).to_have_count(0)
    page.get_by_role("link", name=BADGE).click()
    expect(page.get_by_role("heading", name="Privacy", level=1)).to_be_visible()
    expect(page.get_by_text("It has effect: two custodians together")).to_be_visible()
    expect(page.get_by_text("Only for absence and death.")).to_be_visible()
    expect(page.get_by_text("Opening mailboxes by two custodians")).to_be_visible()
    look(page, "escrow-privacy")
    page.goto("/settings/security")
    expect(page.get_by_text("It has effect: two custodians together")).to_be_visible()
    expect(page.get_by_role("link", name=BADGE)).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name=BADGE)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_after_a_custodian_left_there_are_new_keys(
    page: Page, webmail: Webmail, turn_on: Callable[[], None]
) -> None:
    signed_up(page, webmail, "anna")
    turn_on()
    page.wait_for_timeout(2_500)
    page.reload()
    page.get_by_role("button", name="I have read this").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    webmail.product.zegel("escrow", "custodian", "remove", "Jan Prins")
    page.wait_for_timeout(2_500)
    page.reload()
    sheet = page.get_by_role("dialog", name="Your mailbox gets new keys")
    expect(sheet).to_be_visible()
    look(page, "escrow-renewal")
    sheet.get_by_label("Your password").fill("not it at all")
    sheet.get_by_role("button", name="Make new keys").click()
    expect(sheet.get_by_role("alert")).to_be_visible()
    sheet.get_by_label("Your password").fill(PASSWORD)
    sheet.get_by_role("button", name="Make new keys").click()
    type_code_back(page)
    expect_app(page)  # it begins anew, with the new keys
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name=BADGE)).to_be_visible()
