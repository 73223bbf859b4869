"""Signing up, in and out as a person does it, in a real browser (WEBUI §3, §9)."""

import re
from datetime import UTC, datetime

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.support.webmail import PASSWORD, Webmail, look

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

WRONG = "The address or the password is not right."


def give_address(page: Page, address: str) -> None:
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Next").click()


def give_password(page: Page, password: str) -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def choose_password(page: Page, password: str, button: str) -> None:
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same password again").fill(password)
    page.get_by_role("button", name=button).click()


def type_code_back(page: Page) -> str:
    """Type two groups of the recovery code that is shown; returns it."""
    expect(page.get_by_role("heading", name="Save your recovery code")).to_be_visible()
    code = page.get_by_role("list", name="Recovery code").inner_text().strip()
    groups = code.split("-")
    for field in page.get_by_label(re.compile(r"^Group \d$")).all():
        label = page.locator(f"label[for='{field.get_attribute('id')}']").inner_text()
        field.fill(groups[int(label.split()[1]) - 1].lower())
    page.get_by_role("button", name="Continue").click()
    return code


def set_up_app(page: Page) -> tuple[pyotp.TOTP, list[str]]:
    """Enrol an authenticator; returns it and the backup codes."""
    page.get_by_role("button", name="Use an authenticator app").click()
    app = pyotp.TOTP(page.locator("p.secret code").inner_text().replace(" ", ""))
    page.get_by_label("Then type the code").fill(app.now())  # the last digit sends it
    codes = page.get_by_role("list", name="Save your backup codes")
    expect(codes).to_be_visible()
    return app, codes.locator("li").all_inner_texts()


def following(app: pyotp.TOTP) -> str:
    """Return the code after this one: each is taken once, and the next is taken already."""
    return app.at(datetime.now(UTC), counter_offset=1)


def expect_app(page: Page) -> None:
    expect(page.get_by_role("navigation", name="Parts of the app")).to_be_visible()


def test_an_invitation_makes_an_account_with_a_second_step(page: Page, webmail: Webmail) -> None:
    address = webmail.new_address()
    page.goto(webmail.invitation(address))
    expect(page.get_by_text(address)).to_be_visible()
    look(page, "invitation")
    choose_password(page, "passwordpassword", "Make the mailbox")
    expect(
        page.get_by_text("This password is on lists that leaked").or_(
            page.get_by_text("This password is easily guessed")
        )
    ).to_be_visible()
    choose_password(page, PASSWORD, "Make the mailbox")
    expect(page.get_by_role("heading", name="Save your recovery code")).to_be_visible()
    look(page, "recovery-code")
    type_code_back(page)
    expect(page.get_by_role("heading", name="Add a second step")).to_be_visible()
    look(page, "second-step")
    app, codes = set_up_app(page)
    assert len(codes) == 10
    look(page, "backup-codes")
    page.get_by_role("button", name="I have saved these codes").click()
    expect(page.get_by_role("heading", name="About your data")).to_be_visible()
    look(page, "notice")
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)

    page.get_by_role("button", name=f"Account {address}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    give_address(page, address)
    give_password(page, PASSWORD)
    expect(page.get_by_role("heading", name="Your second step")).to_be_visible()
    look(page, "factor")
    code = following(app)
    page.get_by_label("Code from your authenticator app").fill(f"{code[:3]} {code[3:]}")
    expect_app(page)


def test_unknown_people_and_wrong_passwords_are_told_the_same(page: Page, webmail: Webmail) -> None:
    address = webmail.person()
    page.goto("/")
    look(page, "sign-in-address")
    for who in (webmail.new_address("nobody"), address):
        give_address(page, who)
        give_password(page, "not the password of anybody")
        expect(page.get_by_text(WRONG)).to_be_visible()
        expect(page.get_by_label("Password", exact=True)).to_be_focused()
        if who == address:
            look(page, "sign-in-wrong")
        page.get_by_role("button", name="Use another address").click()
    expect(page.get_by_label("E-mail address")).to_have_value(address)


def test_an_account_that_somebody_else_set_up_becomes_ones_own(
    page: Page, webmail: Webmail
) -> None:
    address = webmail.person()
    page.goto("/")
    give_address(page, address)
    give_password(page, PASSWORD)
    expect(page.get_by_role("heading", name="Make this mailbox your own")).to_be_visible()
    look(page, "take-over")
    own = "eleven herons stand in a ditch"
    choose_password(page, own, "Make it my own")
    type_code_back(page)
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    page.reload()
    expect_app(page)


def test_the_page_speaks_four_languages(page: Page, webmail: Webmail) -> None:
    page.goto("/")
    titles = {"Nederlands": "Aanmelden", "Deutsch": "Anmelden", "Français": "Se connecter"}
    for language, title in titles.items():
        page.get_by_role("button", name=language).click()
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page).to_have_title(f"{title} · Zegel")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.reload()
    expect(page.get_by_role("heading", name="Se connecter")).to_be_visible()


def test_a_link_that_is_used_up_says_so(page: Page, webmail: Webmail) -> None:
    page.goto("/invitation#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    expect(page.get_by_text("This link is not valid any more")).to_be_visible()
    look(page, "link-used-up")


def test_the_recovery_code_sets_a_password(page: Page, webmail: Webmail) -> None:
    address = webmail.new_address()
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    code = type_code_back(page)
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_role("link", name="I cannot sign in").click()
    expect(page.get_by_role("heading", name="Back into your account")).to_be_visible()
    look(page, "ways-back")
    page.get_by_role("link", name="I have my recovery code").click()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Recovery code").fill(code)
    look(page, "recovery")
    choose_password(page, "seven geese land on the frozen pond", "Set the password")
    assert type_code_back(page) != code
    page.get_by_role("link", name="Sign in").click()
    give_address(page, address)
    give_password(page, "seven geese land on the frozen pond")
    expect_app(page)


def test_a_session_that_ends_asks_over_the_page(page: Page, webmail: Webmail) -> None:
    address = webmail.new_address()
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    type_code_back(page)
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    page.get_by_role("button", name=f"Account {address}").click()
    leave = page.get_by_role("menuitem", name="Sign out")
    expect(leave).to_be_visible()
    page.context.clear_cookies()
    leave.dispatch_event("click")  # whatever else the app asks meanwhile may bring the dialog first
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog).to_be_visible()
    look(page, "sign-in-again")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("E-mail address")).to_be_visible()  # what waited went on: signed out


def test_everything_is_reached_by_keys_alone(page: Page, webmail: Webmail) -> None:
    address = webmail.person()
    page.goto("/")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Make this mailbox your own")).to_be_visible()


def test_a_passkey_is_made_and_asked_for_first(page: Page, webmail: Webmail) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    address = webmail.new_address()
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    type_code_back(page)
    page.get_by_role("button", name="Use a passkey of this device").click()
    codes = page.get_by_role("list", name="Save your backup codes")
    backup = codes.locator("li").first.inner_text()
    page.get_by_role("button", name="I have saved these codes").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    for answer in ("passkey", "backup"):
        page.context.clear_cookies()
        page.goto("/")
        give_address(page, address)
        give_password(page, PASSWORD)
        expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()
        if answer == "passkey":
            look(page, "factor-passkey")
            page.get_by_role("button", name="Use a passkey").click()
        else:
            page.get_by_role("button", name="Use a backup code instead").click()
            page.get_by_label("Backup code").fill("AAAA-AAAA-AAAA-AAAA")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("This backup code is not right")).to_be_visible()
            page.get_by_label("Backup code").fill(backup)
            page.get_by_role("button", name="Sign in").click()
        expect_app(page)


def test_a_reset_waits_a_day_and_its_owner_can_stop_it(page: Page, webmail: Webmail) -> None:
    address = webmail.new_address()
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    type_code_back(page)
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    page.goto(webmail.reset(address))
    expect(page.get_by_role("heading", name="Begin anew")).to_be_visible()
    look(page, "reset")
    page.get_by_role("button", name="Ask for it").click()
    expect(page.get_by_text("You can set a new password from")).to_be_visible()
    page.goto("/mail")
    expect(page.get_by_text("Somebody asked to reset your account.")).to_be_visible()
    look(page, "reset-pending")
    page.get_by_role("button", name="It was not me: stop it").click()
    expect(page.get_by_text("Somebody asked to reset your account.")).to_be_hidden()


def test_who_guesses_is_told_how_long_to_wait(page: Page, webmail: Webmail) -> None:
    page.goto("/")
    give_address(page, webmail.new_address("guessed"))
    waiting = page.get_by_text("Too many attempts. You can try again in").last
    for guess in range(12):
        page.get_by_label("Password", exact=True).fill(f"guess number {guess} of many")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text(WRONG).or_(waiting)).to_be_visible()
        if waiting.is_visible():
            break
    expect(waiting).to_be_visible()
    expect(page.get_by_role("button", name="Sign in")).to_be_disabled()
    expect(page.get_by_label("Code from your authenticator app")).to_be_visible()
    look(page, "sign-in-wait")
