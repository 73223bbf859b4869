"""An account that its owner wants only kept, or erased (T-DSR-3, T-DSR-4), in a running server."""

import asyncio
import imaplib
import json
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from mailserver.app.house import House, open_house
from mailserver.audit.checkpoint import load_key
from mailserver.model.address import Address
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.privacy.certificate import check
from mailserver.privacy.request import Request, Right, State
from mailserver.runtime.clock import ManualClock
from mailserver.store.accounts import AccountState
from tests.support.browser import Browser
from tests.support.web import WebServer, web_server
from tests.webui.account.test_privacy import NOOR, OWN, settle

T = TypeVar("T")

GRACE = timedelta(days=14)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    mail = {
        f"listeners__{name}__address": "127.0.0.1:0"
        for name in ("lmtp", "mx", "imaps", "submissions")
    }
    async with web_server(tmp_path, **databases, **mail, relay__enabled=True) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    await settle(opened, NOOR)
    yield opened
    await opened.close()


async def in_thread(server: WebServer, work: Callable[[WebServer], T]) -> T:
    return await asyncio.to_thread(work, server)


def delivered(server: WebServer) -> None:
    with smtplib.LMTP("127.0.0.1", server.serving.ports["lmtp"]) as lmtp:
        lmtp.sendmail("bram@example.org", [NOOR], b"Subject: tide\r\n\r\nhigh at nine\r\n")


def refusal_at_the_mx(server: WebServer) -> bytes:
    with smtplib.SMTP("127.0.0.1", server.serving.ports["mx"]) as smtp:
        smtp.ehlo("mail.example.org")
        smtp.mail("bram@example.org")
        code, text = smtp.rcpt(NOOR)
        return b"%d %s" % (code, text)


def imap_refusal(secret: str) -> Callable[[WebServer], str]:
    def sign_in(server: WebServer) -> str:
        context = ssl.create_default_context(cafile=server.serving.settings.tls.certificate)
        client = imaplib.IMAP4_SSL("localhost", server.serving.ports["imaps"], ssl_context=context)
        try:
            client.login(NOOR, secret)
        except imaplib.IMAP4.error as refused:
            return str(refused)
        finally:
            client.shutdown()
        return ""

    return sign_in


def sending_refusal(secret: str) -> Callable[[WebServer], str]:
    def send(server: WebServer) -> str:
        context = ssl.create_default_context(cafile=server.serving.settings.tls.certificate)
        port = server.serving.ports["submissions"]
        with smtplib.SMTP_SSL("localhost", port, context=context) as smtp:
            smtp.login(NOOR, secret)
            try:
                smtp.sendmail(NOOR, ["bram@example.org"], f"From: {NOOR}\r\n\r\nhello\r\n".encode())
            except smtplib.SMTPResponseException as refused:
                return f"{refused.smtp_code} {refused.smtp_error!r}"
            except smtplib.SMTPRecipientsRefused as refused:
                return str(refused.recipients)
        return ""

    return send


async def app_password(browser: Browser) -> str:
    made = await browser.post("/app-passwords", label="phone", scopes=["imap", "smtp"])
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


async def the_account(house: House) -> AccountId:
    (row,) = await house.store.accounts.listing()
    return row.account_id


async def test_t_dsr_4_a_restricted_account_is_kept_and_nothing_else(
    server: WebServer, browser: Browser
) -> None:
    secret = await app_password(browser)
    assert (await browser.get("/privacy")).json()["restricted"] is False
    assert (await browser.post("/privacy/restriction")).status_code == 204
    assert (await browser.get("/privacy")).json()["restricted"] is True
    assert "restricted" in (await in_thread(server, sending_refusal(secret)))
    await in_thread(server, delivered)
    assert await in_thread(server, imap_refusal(secret)) == ""  # its owner reads on
    async with open_house(server.serving.settings) as house:
        account_id = await the_account(house)
        row = await house.store.accounts.get(account_id)
        assert row.state is AccountState.FROZEN  # which retention and learning look at
        (request,) = await house.books.requests.listing()
        assert (request.right, request.state) == (Right.RESTRICTION, State.DONE)
        events = [one.event for one in await house.store.audit.of_account(account_id, 20)]
        assert "restricted" in events
    listed = (await browser.get("/privacy/requests")).json()
    assert [(one["right"], one["state"]) for one in listed] == [("restriction", "done")]
    lifted = await browser.ask("DELETE", "/privacy/restriction")
    assert lifted.status_code == 204
    assert await in_thread(server, sending_refusal(secret)) == ""
    again = await browser.ask("DELETE", "/privacy/restriction")
    assert again.status_code == 409


async def see_that_it_is_proved(house: House, account_id: AccountId, request: Request) -> None:
    (entry, *_) = await house.store.audit.of_account(account_id, 5)
    assert entry.event == "account-erased"
    if not request.certificate:  # a PostgreSQL that may keep what was deleted is not certified
        assert "wal_recycle" in request.reason
        return
    said = check(load_key(house.settings.keys.audit_file).public, request.certificate)
    assert said["account"] == account_id.hex()
    assert said["counts"]["entries"] >= 2
    assert said["audit"]["hash"] == entry.hash.hex()


async def test_t_dsr_3_an_account_is_erased_after_its_days_of_grace(
    server: WebServer, browser: Browser
) -> None:
    secret = await app_password(browser)
    await in_thread(server, delivered)
    asked = await browser.post("/privacy/erasure", address=NOOR, answer_to="noor@example.org")
    assert asked.status_code == 202, asked.text
    at = datetime.fromisoformat(asked.json()["erase_at"])
    assert abs(at - datetime.now(UTC) - GRACE) < timedelta(minutes=1)
    assert (await browser.get("/session")).status_code == 401
    assert "to be erased" in (await in_thread(server, imap_refusal(secret)))
    await in_thread(server, delivered)  # mail is not lost while its owner may think again
    async with open_house(server.serving.settings, ManualClock(at - SECOND)) as house:
        assert await house.books.erasure.tend() == 0
        account_id = await the_account(house)
    async with open_house(server.serving.settings, ManualClock(at + SECOND)) as house:
        assert await house.books.erasure.tend() == 1
        assert await house.books.erasure.tend() == 0
        with pytest.raises(Absent):
            await house.keyring.account(account_id, fresh=True)
        assert await house.store.accounts.listing() == []
        (request,) = await house.books.requests.listing()
        assert request.state is State.DONE
        await see_that_it_is_proved(house, account_id, request)
        queued = [entry async for entry in house.queue_desk.listing()]
        assert [entry.domain for entry in queued] == (
            ["example.org"] if request.certificate else []
        )
    await asyncio.sleep(5)  # until the server that runs has looked (PRIVACY §6)
    assert (await in_thread(server, refusal_at_the_mx)).startswith(b"550 5.1.1")
    back = Browser.at(server)
    assert (await back.sign_in(NOOR, OWN)).status_code == 401
    await back.close()


async def test_t_dsr_3_signing_in_keeps_the_account(server: WebServer, browser: Browser) -> None:
    secret = await app_password(browser)
    await browser.post("/privacy/erasure", address=NOOR)
    again = Browser.at(server)
    assert (await again.sign_in(NOOR, OWN)).status_code == 200
    again.csrf = (await again.get("/session")).json()["csrf"]
    assert await in_thread(server, imap_refusal(secret)) == ""
    async with open_house(
        server.serving.settings, ManualClock(datetime.now(UTC) + 2 * GRACE)
    ) as house:
        assert await house.books.erasure.tend() == 0
        (request,) = await house.books.requests.listing()
        assert request.state is State.WITHDRAWN
        events = [
            one.event for one in await house.store.audit.of_account(await the_account(house), 20)
        ]
        assert {"erasure-asked", "erasure-cancelled"} <= set(events)
    await again.close()


async def test_what_a_hold_covers_is_not_erased_while_it_stands(
    server: WebServer, browser: Browser
) -> None:
    async with open_house(server.serving.settings) as house:
        account_id, now = await the_account(house), house.clock.now()
        number = await house.books.holds.add("order of the court", now, account_id=account_id)
    assert (await browser.get("/privacy")).json()["held"] is True
    asked = await browser.post("/privacy/erasure", address=NOOR)
    assert asked.json()["erase_at"] is None
    assert (await browser.get("/session")).status_code == 200
    async with open_house(server.serving.settings) as house:
        await house.books.holds.lift(number, house.clock.now())
    assert (await browser.post("/privacy/erasure", address=NOOR)).json()["erase_at"]
    later = datetime.now(UTC) + GRACE + SECOND
    async with open_house(server.serving.settings, ManualClock(later)) as house:
        await house.books.holds.add("another order", later, account_id=account_id)
        assert await house.books.erasure.tend() == 0
        assert len(await house.store.accounts.listing()) == 1


async def test_a_slip_erases_nothing(server: WebServer, browser: Browser) -> None:
    for body in ({"address": "bram@example.test"}, {"address": ""}, {}, {"address": NOOR, "x": 1}):
        assert (await browser.ask("POST", "/privacy/erasure", body)).status_code in (403, 422)
    bad = await browser.post("/privacy/erasure", address=NOOR, answer_to="not an address")
    assert bad.status_code == 422, json.dumps(bad.json())
    right, browser.csrf = browser.csrf, "0" * 64
    assert (await browser.post("/privacy/erasure", address=NOOR)).status_code == 403
    browser.csrf = right
    assert (await browser.get("/session")).status_code == 200
    async with open_house(server.serving.settings) as house:
        assert await house.books.requests.listing() == []
        assert await house.store.accounts.by_address(Address.parse(NOOR).key) is not None
