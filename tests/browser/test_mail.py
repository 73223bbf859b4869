"""Reading, writing, finding and filing mail as a person does it, in a real browser (WEBUI §3)."""

import smtplib
import sqlite3
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from tests.browser.test_signing_in import (
    choose_password,
    expect_app,
    type_code_back,
)
from tests.support.webmail import PASSWORD, Webmail, look, watched_context

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def deliver(webmail: Webmail, to: str, subject: str, text: str, *fields: str) -> None:
    """Have a letter of somebody elsewhere delivered, as the mail host hands it over."""
    head = (
        "From: Eva de Vries <eva@elsewhere.test>",
        f"To: {to}",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        *(fields or ("Content-Type: text/plain; charset=utf-8",)),
    )
    letter = "\r\n".join((*head, "", text, "")).encode()
    with smtplib.LMTP("127.0.0.1", webmail.product.port("lmtp")) as host:
        host.sendmail("eva@elsewhere.test", [to], letter)


def signed_up(page: Page, webmail: Webmail, name: str) -> str:
    """Make an account and leave the page in its mail; returns its address."""
    address = webmail.new_address(name)
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    type_code_back(page)
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    return address


@pytest.fixture
def other(browser: Browser, webmail: Webmail) -> Iterator[Page]:
    """Somebody else's browser."""
    with watched_context(browser, webmail) as context:
        yield context.new_page()


def test_a_letter_comes_is_answered_and_the_answer_arrives(
    page: Page, other: Page, webmail: Webmail
) -> None:
    anna, bart = signed_up(page, webmail, "anna"), signed_up(other, webmail, "bart")
    expect(page.get_by_text("Your inbox is empty")).to_be_visible()
    look(page, "mail-empty")

    page.keyboard.press("c")
    panel = page.get_by_role("dialog", name="New message")
    panel.get_by_role("combobox", name="To").fill(bart)
    page.keyboard.press("Enter")
    panel.get_by_label("Subject").fill("The lock at Zuid")
    panel = page.get_by_role("dialog", name="The lock at Zuid")
    editor = page.frame_locator("iframe[title='Text of the message']").locator("[contenteditable]")
    editor.fill("It opens at nine.")
    expect(panel.get_by_text("Saved")).to_be_visible()
    look(page, "compose")
    page.keyboard.press("Control+Enter")
    expect(panel).to_be_hidden()

    letter = other.get_by_role("row").filter(has_text="The lock at Zuid")
    expect(letter).to_be_visible()
    letter.click()
    expect(other.get_by_role("heading", name="The lock at Zuid")).to_be_visible()
    frame = other.frame_locator("iframe[src^='/frame.html']")
    expect(frame.get_by_text("It opens at nine.")).to_be_visible()
    look(other, "mail-conversation")
    other.get_by_role("button", name="Reply", exact=True).last.click()
    answer = other.get_by_role("dialog", name="Re: The lock at Zuid")
    expect(answer.get_by_text(anna)).to_be_visible()
    text = other.frame_locator("iframe[title='Text of the message']").locator("[contenteditable]")
    expect(text).to_contain_text("It opens at nine.")
    text.press("Control+Home")
    other.keyboard.type("Then I come at nine.")
    answer.get_by_role("button", name="Send", exact=True).click()
    expect(answer).to_be_hidden()

    expect(page.get_by_role("row").filter(has_text="Re: The lock at Zuid")).to_be_visible()


def test_mail_is_filed_found_and_brought_back(page: Page, webmail: Webmail) -> None:
    anna = signed_up(page, webmail, "anna")
    for subject in ("High water", "The weir", "Dredging"):
        deliver(webmail, anna, subject, f"About {subject.lower()} in the canal.")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    look(page, "mail-list")

    rows.filter(has_text="The weir").click()
    expect(page.get_by_role("article").get_by_text("About the weir")).to_be_visible()
    page.keyboard.press("e")
    expect(rows.filter(has_text="The weir")).to_have_count(0)
    expect(page.get_by_text("1 message archived").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(rows.filter(has_text="The weir")).to_have_count(1)

    page.keyboard.press("/")
    page.keyboard.type("subject:dredging")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Search: subject:dredging")).to_be_visible()
    expect(rows).to_have_count(1)
    look(page, "search")
    page.go_back()
    expect(rows).to_have_count(3)


def test_html_of_strangers_stays_in_its_frame(page: Page, webmail: Webmail) -> None:
    anna = signed_up(page, webmail, "anna")
    html = (
        "<h1>Offers</h1><img src='https://shop.example.org/a.png'>"
        "<img src='https://track.example.org/p.gif' width=1 height=1>"
        "<script>parent.document.title = 'gone'</script>"
        "<a href='https://shop.example.org/?utm_source=x'>Shop</a>"
    )
    deliver(webmail, anna, "Autumn", html, "Content-Type: text/html; charset=utf-8")
    page.get_by_role("row").filter(has_text="Autumn").click()
    frame = page.frame_locator("iframe[src^='/frame.html']")
    expect(frame.get_by_role("heading", name="Offers")).to_be_visible()
    expect(page.get_by_text("1 picture that lies elsewhere was not loaded")).to_be_visible()
    expect(page.get_by_text("Taken out: 1 spy pixel and 1 tracker in a link.")).to_be_visible()
    expect(page).not_to_have_title("gone")
    look(page, "mail-html")


@pytest.mark.parametrize(
    "name",
    [
        *("general", "identities", "folders", "security", "filters"),
        *("vacation", "forwarding", "templates", "apps"),
    ],
)
def test_settings_have_their_pages(page: Page, webmail: Webmail, name: str) -> None:
    signed_up(page, webmail, "anna")
    page.goto(f"/settings/{name}")
    current = page.get_by_role("navigation", name="Settings").locator("[aria-current=page]")
    expect(page.get_by_role("heading", level=1)).to_have_text(current.inner_text())
    expect(page.get_by_text("could not be loaded")).to_have_count(0)
    look(page, f"settings-{name}")


def test_an_app_password_is_made_and_ends(page: Page, webmail: Webmail) -> None:
    signed_up(page, webmail, "anna")
    page.goto("/settings/security")
    page.get_by_role("button", name="New app password").click()
    page.get_by_label("For which device or app").fill("Telephone")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("list", name="App password")).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    entry = page.get_by_role("listitem").filter(has_text="Telephone")
    expect(entry).to_be_visible()
    entry.get_by_role("button", name="End").click()
    page.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(entry).to_have_count(0)


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until `wanted` has the focus, as somebody without a mouse must."""
    for _ in range(most):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{most} times Tab do not reach {wanted}")


def test_the_keyboard_alone_signs_in_reads_answers_sends_and_signs_out(
    page: Page, other: Page, webmail: Webmail
) -> None:
    address = signed_up(other, webmail, "anna")  # elsewhere, with a mouse: made, not looked at
    answered = (f"Reply-To: {webmail.person('bart')}", "Content-Type: text/plain; charset=utf-8")
    deliver(webmail, address, "High water", "The gauge stands at two metres.", *answered)
    page.goto("/")
    expect(page.get_by_label("E-mail address")).to_be_focused()
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="High water")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article").get_by_text("The gauge stands")).to_be_visible()
    page.keyboard.press("r")
    panel = page.get_by_role("dialog", name="Re: High water")
    expect(panel.get_by_label("Text of the message")).to_be_focused()
    page.keyboard.type("Thank you.")
    page.keyboard.press("Control+Enter")
    expect(panel).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("row").filter(has_text="Re: High water")).to_be_visible()
    tab_to(page, page.get_by_role("button", name=f"Account {address}"))
    page.keyboard.press("Enter")
    leave = page.get_by_role("menuitem", name="Sign out")
    expect(leave).to_be_visible()
    for _ in range(12):
        if leave.evaluate("node => node === document.activeElement"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_a_contact_is_made_changed_and_brought_back(page: Page, webmail: Webmail) -> None:
    signed_up(page, webmail, "anna")
    page.get_by_role("link", name="Contacts").click()
    expect(page.get_by_text("No contacts yet")).to_be_visible()
    look(page, "contacts-empty")
    page.get_by_role("button", name="New contact").last.click()
    page.get_by_label("Name", exact=True).fill("Bart de Boer")
    page.get_by_label("E-mail address 1").fill("bart@elsewhere.test")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Bart de Boer")).to_be_visible()
    look(page, "contacts")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Organisation").fill("Waterschap")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Waterschap")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No contacts yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Bart de Boer")).to_be_visible()


def test_a_damaged_letter_says_so_and_hides_no_other(page: Page, webmail: Webmail) -> None:
    address = signed_up(page, webmail, "dora")
    page.goto("about:blank")
    for subject in ("The torn one", "The cut one", "The sound one"):
        deliver(webmail, address, subject, "It opens at nine.")
    with sqlite3.connect(webmail.product.data / "zegel.sqlite3") as store:
        (account,) = store.execute(
            "SELECT account_id FROM emails ORDER BY internaldate DESC LIMIT 1"
        ).fetchone()
        for table, column, key, number in (
            ("emails", "summary", "email_id", 1),
            ("blobs", "data", "blob_id", 2),
        ):
            store.execute(
                f"UPDATE {table} SET {column} = (SELECT t.{column} FROM {table} t"
                f" WHERE t.account_id = ? AND t.{key} = 3) WHERE account_id = ? AND {key} = ?",
                (account, account, number),
            )
    page.goto(webmail.origin)
    expect_app(page)
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="The sound one")).to_be_visible()
    expect(rows.filter(has_text="The cut one")).to_be_visible()
    torn = rows.filter(has_text="Damaged message")
    expect(torn).to_be_visible()
    look(page, "mail-damaged-list")
    torn.click()
    expect(page.get_by_text("It opens at nine.").last).to_be_visible()  # its body is whole
    page.keyboard.press("u")
    rows.filter(has_text="The cut one").click()
    expect(page.get_by_text("This message is damaged and cannot be shown")).to_be_visible()
    look(page, "mail-damaged")
    page.keyboard.press("u")
    rows.filter(has_text="The sound one").click()
    expect(page.get_by_role("article").get_by_text("It opens at nine.")).to_be_visible()


def test_what_waits_for_the_network_is_asked_about_and_sent_when_it_is_back(
    page: Page, webmail: Webmail
) -> None:
    olga = signed_up(page, webmail, "olga")
    expect(page.get_by_text("Your inbox is empty")).to_be_visible()
    page.keyboard.press("c")
    panel = page.get_by_role("dialog", name="New message")
    panel.get_by_role("combobox", name="To").fill(olga)
    page.keyboard.press("Enter")
    panel.get_by_label("Subject").fill("Low water")
    editor = page.frame_locator("iframe[title='Text of the message']").locator("[contenteditable]")
    editor.fill("The ferry waits.")
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Waits for the network").first).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.context.set_offline(False)
    expect(page.get_by_role("row").filter(has_text="Low water")).to_be_visible()
