"""What one's own device keeps: sealed, used without the network, gone with the session."""

import re
import smtplib
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_signing_in import (
    choose_password,
    expect_app,
    give_address,
    give_password,
    type_code_back,
)
from tests.support.waiting import wait_until
from tests.support.webmail import PASSWORD, Webmail

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

CANARY = "heron-canary-on-the-quay"
_KEPT = """async () => {
    const names = (await indexedDB.databases()).map(each => each.name);
    if (!names.includes('zegel')) return null;
    const database = await new Promise((told, failed) => {
        const asked = indexedDB.open('zegel');
        asked.onsuccess = () => told(asked.result);
        asked.onerror = () => failed(asked.error);
    });
    const all = store => new Promise(told => {
        const asked = database.transaction(store).objectStore(store).getAll();
        asked.onsuccess = () => told(asked.result);
    });
    const found = { values: 0, text: '', stores: {}, extractable: null };
    for (const store of database.objectStoreNames) {
        const values = await all(store);
        found.stores[store] = values.length;
        for (const value of values) {
            if (value.key) {
                found.extractable = value.key.extractable;
                found.text += value.account;
            } else {
                found.values += 1;
                found.text += new TextDecoder('latin1').decode(value.data);
            }
        }
    }
    database.close();
    return found;
}"""


def kept(page: Page) -> dict[str, Any] | None:
    """Return what the browser keeps of the mail, as whoever has its disk sees it."""
    found: dict[str, Any] | None = page.evaluate(_KEPT)
    return found


def deliver(webmail: Webmail, to: str, subject: str, text: str) -> None:
    """Have a letter delivered, as the mail host hands it over."""
    letter = f"From: eva@elsewhere.test\r\nTo: {to}\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    with smtplib.LMTP("127.0.0.1", webmail.product.port("lmtp")) as host:
        host.sendmail("eva@elsewhere.test", [to], letter.encode())


def at_home(page: Page, webmail: Webmail) -> str:
    """Make an account and sign in on a device that is one's own; returns the address."""
    address = webmail.new_address("anna")
    page.goto(webmail.invitation(address))
    choose_password(page, PASSWORD, "Make the mailbox")
    type_code_back(page)
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="Go to your mail").click()
    expect_app(page)
    assert kept(page) is None
    sign_out(page, address)
    give_address(page, address)
    page.get_by_label("This is my own device").check()
    give_password(page, PASSWORD)
    expect_app(page)
    return address


def wait_until_sent(page: Page) -> None:
    """Wait until nothing of what was done lies here any more."""
    for _ in range(100):
        found = kept(page)
        if found is not None and found["stores"]["job"] == 0:
            return
        page.wait_for_timeout(200)
    pytest.fail("what was done without the network stayed here")


def sign_out(page: Page, address: str) -> None:
    page.get_by_role("button", name=f"Account {address}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_mail_is_read_and_filed_without_the_network(page: Page, webmail: Webmail) -> None:
    anna = at_home(page, webmail)
    deliver(webmail, anna, f"About the {CANARY}", f"Look at the {CANARY} at noon.")
    deliver(webmail, anna, "High water", "It rises.")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(2)
    rows.filter(has_text=CANARY).click()
    expect(page.get_by_text("at noon.").last).to_be_visible()
    page.keyboard.press("u")

    page.context.set_offline(True)
    rows.filter(has_text=CANARY).click()
    expect(page.get_by_text("at noon.").last).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.press("u")
    rows.filter(has_text="High water").hover()
    rows.filter(has_text="High water").get_by_role("button", name="Archive").click()
    expect(rows).to_have_count(1)
    wait_until(lambda: (kept(page) or {"stores": {"job": 0}})["stores"]["job"] >= 1)
    found = kept(page)
    assert found is not None

    page.context.set_offline(False)
    wait_until_sent(page)
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("row", name=re.compile("Starred"))).to_have_count(1)


def test_the_app_opens_without_the_network(page: Page, webmail: Webmail) -> None:
    anna = at_home(page, webmail)
    deliver(webmail, anna, f"About the {CANARY}", f"Look at the {CANARY} at noon.")
    row = page.get_by_role("row").filter(has_text=CANARY)
    row.click()
    expect(page.get_by_text("at noon.").last).to_be_visible()
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    page.goto("/")
    expect(row).to_be_visible()
    page.context.set_offline(True)
    page.goto("/")
    expect(page.get_by_text("Offline")).to_be_visible()
    row.click()
    expect(page.get_by_text("at noon.").last).to_be_visible()
    page.keyboard.press("u")
    page.context.set_offline(False)
    deliver(webmail, anna, "High water", "It rises.")
    expect(page.get_by_role("row").filter(has_text="High water")).to_be_visible()


def test_what_is_kept_is_sealed_and_goes_with_the_session(page: Page, webmail: Webmail) -> None:
    anna = at_home(page, webmail)
    deliver(webmail, anna, f"About the {CANARY}", f"Look at the {CANARY} at noon.")
    row = page.get_by_role("row").filter(has_text=CANARY)
    row.click()
    expect(page.get_by_text("at noon.").last).to_be_visible()
    page.reload()
    expect(row).to_be_visible()
    found = kept(page)
    assert found is not None
    assert found["stores"]["list"] >= 1, found["stores"]
    assert found["stores"]["thread"] >= 1, found["stores"]
    assert found["extractable"] is False
    assert CANARY not in found["text"]
    assert anna not in found["text"]
    sign_out(page, anna)
    assert kept(page) is None


def test_a_session_that_is_ended_elsewhere_leaves_nothing(page: Page, webmail: Webmail) -> None:
    anna = at_home(page, webmail)
    deliver(webmail, anna, f"About the {CANARY}", "Text.")
    expect(page.get_by_role("row").filter(has_text=CANARY)).to_be_visible()
    assert kept(page) is not None
    page.context.clear_cookies(name="__Host-sid")
    page.goto("/")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    assert kept(page) is None
