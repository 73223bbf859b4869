"""Letters that were written to do harm: sent by SMTP, kept by the server, opened in the app itself.

`test_hostile_letters` shows each in the frame alone; here it comes the whole way. A page fails its
test on every report of its policy, every error in the console and every request to elsewhere.

Source: WEBUI §9, PRIVACY §9 (T-READ-1).
"""

import re
import smtplib
import ssl
from base64 import encodebytes
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from tests.browser.test_mail import signed_up
from tests.support.frames import HOSTILE, WHAT_STAYS
from tests.support.webmail import Webmail, watched_context

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
NAMES = sorted(path.name for path in HOSTILE.iterdir() if path.suffix in (".html", ".eml"))
PARTS = 4
# Chromium says so of what it drops while a letter is parsed for cleaning: handlers in a document
# that runs nothing, imports in a sheet that is applied to nothing.
PARSED = ("Executing inline event handler violates", "@import rules are not allowed here")
CANARY = "globalThis.canary = (...said) => console.error('a script ran: ' + said);"
_SUBJECT = re.compile(rb"(?im)^Subject:.*(?:\r?\n[ \t].*)*")


def letter(name: str, to: str) -> bytes:
    """Return a hostile letter as it is sent, with its name for a subject."""
    octets = (HOSTILE / name).read_bytes()
    if name.endswith(".html"):
        head = (
            f"From: Eva <eva@elsewhere.test>\nTo: {to}\nSubject: {name}\nMIME-Version: 1.0\n"
            "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        )
        octets = head.encode() + encodebytes(octets)  # some have lines that no server takes
    else:
        fields, _, body = octets.replace(b"\r\n", b"\n").partition(b"\n\n")
        fields = _SUBJECT.sub(b"X-Was: it", fields)
        octets = b"Subject: %b\n%b\n\n%b" % (name.encode(), fields, body)
    return re.sub(rb"\r?\n", b"\r\n", octets)


def send(webmail: Webmail, to: str, octets: bytes) -> None:
    """Hand a letter over as another server does."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", webmail.product.port("mx"), "mx.elsewhere.test") as host:
        host.starttls(context=trusting)
        host.sendmail("eva@elsewhere.test", [to], octets, ["BODY=8BITMIME"])


@pytest.fixture
def page(browser: Browser, webmail: Webmail) -> Iterator[Page]:
    """A page in which every script that runs is heard."""
    with watched_context(browser, webmail, forgiven=PARSED) as context:
        context.add_init_script(CANARY)
        yield context.new_page()


def shown(page: Page, name: str) -> list[str]:
    """Open a letter; return what is in its frame that must not be there."""
    row = page.get_by_role("row").filter(has_text=name)
    row.first.click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    sheet = page.frame_locator("iframe[src^='/frame.html']").first.locator("#sheet")
    plain = page.get_by_role("article").get_by_text("Still here.")
    expect(sheet.get_by_text("Still here.").or_(plain).first).to_be_attached()
    wrong = [each for frame in letters(page) for each in frame.evaluate(WHAT_STAYS)]
    if any(not frame.url.startswith(page.url.split("/mail")[0]) for frame in page.frames):
        wrong.append(f"a frame went to {[frame.url for frame in page.frames]}")
    wrong += [] if page.locator("dialog[open]").count() == 0 else ["it asks something"]
    page.keyboard.press("u")
    return [f"{name}: {each}" for each in wrong]


def letters(page: Page) -> list[Frame]:
    """Return the frames in which letters are shown."""
    return [frame for frame in page.frames if "/frame.html" in frame.url]


@pytest.mark.parametrize("part", range(PARTS))
def test_t_read_1_a_hostile_letter_that_came_by_smtp_does_nothing(
    page: Page, webmail: Webmail, part: int
) -> None:
    address = signed_up(page, webmail, "anna")
    wrong = []
    for name in NAMES[part::PARTS]:
        send(webmail, address, letter(name, address))
        wrong += shown(page, name)
    assert wrong == []
    expect(page).to_have_title(re.compile("Zegel"))


def test_a_script_that_ran_would_be_seen(browser: Browser, webmail: Webmail) -> None:
    heard: list[str] = []
    with watched_context(browser, webmail, forgiven=("a script ran", *PARSED)) as context:
        context.add_init_script(CANARY)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        address = signed_up(page, webmail, "anna")
        send(webmail, address, letter(NAMES[-1], address))
        shown(page, NAMES[-1])
        page.get_by_role("row").filter(has_text=NAMES[-1]).first.click()
        expect(page.locator("iframe[src^='/frame.html']").first).to_be_visible()
        letters(page)[0].evaluate("() => canary('here')")
    assert "a script ran: here" in heard
