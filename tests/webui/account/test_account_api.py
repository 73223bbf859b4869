"""The account's API in a running server: cookies, proofs, and who may not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from mailserver.model.errors import Corrupt
from mailserver.runtime.settings import Settings
from mailserver.store.migrate import Which, migrate
from tests.support.browser import Browser
from tests.support.house import PASSWORD, serving
from tests.support.web import WebServer, from_page, web_server

NOOR = "noor@example.test"
OWN = "nine paper lanterns over a canal"


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    """A server with one provisional account."""
    async with web_server(tmp_path, **databases) as running:
        yield running


@pytest.fixture
async def browser(server: WebServer) -> AsyncIterator[Browser]:
    opened = Browser.at(server)
    yield opened
    await opened.close()


async def settled(browser: Browser) -> str:
    """Sign in for the first time, and make the account one's own; return the recovery code."""
    first = await browser.sign_in(NOOR, PASSWORD.reveal().decode())
    assert first.status_code == 200, first.text
    assert first.json()["provisional"]
    assert (await browser.get("/sessions")).status_code == 403
    own = await browser.post("/take-over", password=OWN)
    assert own.status_code == 200, own.text
    browser.csrf = (await browser.get("/session")).json()["csrf"]
    return str(own.json()["recovery_code"])


async def test_the_first_sign_in_makes_a_provisional_account_ones_own(
    server: WebServer, browser: Browser
) -> None:
    await settled(browser)
    told = (await browser.get("/session")).json()
    assert (told["address"], told["provisional"], told["fresh"]) == (NOOR, False, True)
    assert (await browser.get("/history")).json()[0]["agent"] == "Firefox on Linux"
    other = Browser.at(server)
    assert (await other.sign_in(NOOR, PASSWORD.reveal().decode())).status_code == 401
    assert (await other.sign_in(NOOR, OWN)).status_code == 200
    await other.close()


async def test_t_auth_9_cookies_are_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    await browser.sign_in(NOOR, PASSWORD.reveal().decode(), trust=True)
    names = set()
    for cookie in browser.set_cookies:
        name, *attributes = (part.strip() for part in cookie.split(";"))
        names.add(name.partition("=")[0])
        lowered = {each.lower() for each in attributes}
        assert {"secure", "httponly", "samesite=strict", "path=/"} <= lowered
        assert not any(each.startswith("domain") for each in lowered)
    assert names == {"__Host-sid", "__Host-trust"}


async def test_the_language_of_what_the_server_writes_is_the_owners_choice(
    browser: Browser,
) -> None:
    await settled(browser)
    assert (await browser.get("/language")).json() == {"language": "en"}
    assert (await browser.ask("PUT", "/language", {"language": "fr"})).status_code == 204
    assert (await browser.get("/language")).json() == {"language": "fr"}
    assert (await browser.ask("PUT", "/language", {"language": "tlh"})).status_code == 422


async def test_a_change_without_the_sessions_token_is_refused(browser: Browser) -> None:
    await settled(browser)
    right, browser.csrf = browser.csrf, "0" * 64
    assert (await browser.post("/sessions/end-others")).status_code == 403
    browser.csrf = right
    assert (await browser.post("/sessions/end-others")).status_code == 204


async def test_an_authenticator_is_enrolled_and_asked_for(
    server: WebServer, browser: Browser
) -> None:
    await settled(browser)
    offered = (await browser.post("/factors/totp")).json()
    assert offered["qr_svg"].startswith("<svg")
    code = pyotp.TOTP(offered["secret"].replace(" ", "")).now()
    wrong = await browser.post("/factors/totp/confirm", code="000000")
    assert wrong.status_code == 401
    enrolled = await browser.post("/factors/totp/confirm", code=code)
    assert enrolled.status_code == 200, enrolled.text
    codes = enrolled.json()["backup_codes"]
    assert len(codes) == 10
    other = Browser.at(server, "Safari")
    needed = (await other.sign_in(NOOR, OWN)).json()["needed"]
    assert needed == ["totp", "backup"]
    assert (await other.get("/session")).status_code == 401
    opened = await other.post("/sign-in/factor", factor={"kind": "backup", "code": codes[0]})
    assert opened.status_code == 200, opened.text
    assert (await other.get("/factors")).json()["backup_codes_left"] == 9
    listed = (await other.get("/sessions")).json()
    assert {each["agent"] for each in listed} == {"Firefox on Linux", "Safari"}
    mine = next(each["id"] for each in listed if each["agent"] == "Firefox on Linux")
    assert (await other.ask("DELETE", f"/sessions/{mine}")).status_code == 204
    assert (await browser.get("/session")).status_code == 401
    await other.close()


async def test_t_srv_4_an_app_password_never_reaches_it(
    server: WebServer, browser: Browser
) -> None:
    await settled(browser)
    made = await browser.post("/app-passwords", label="script", scopes=["jmap", "imap"])
    assert made.status_code == 201, made.text
    secret = made.json()["secret"]
    for door in ("https", "api"):
        async with server.client(door) as program:
            for method, path in (("GET", "/session"), ("POST", "/password"), ("GET", "/sessions")):
                answer = await program.request(
                    method,
                    f"/api/account{path}",
                    auth=(NOOR, secret),
                    headers=from_page(server) if door == "https" else {},
                )
                assert answer.status_code in (401, 403, 404), (door, path)
    assert (await browser.sign_in(NOOR, secret)).status_code == 401


async def test_signing_out_ends_it_and_clears_what_the_browser_kept(browser: Browser) -> None:
    await settled(browser)
    gone = await browser.post("/sign-out")
    assert gone.status_code == 204
    assert "storage" in gone.headers["clear-site-data"]
    assert (await browser.get("/session")).status_code == 401


async def test_the_recovery_code_sets_a_password_and_is_replaced(browser: Browser) -> None:
    code = await settled(browser)
    asked = {"address": NOOR, "password": "eleven herons stand in a ditch"}
    wrong = await browser.post("/reset/code", code="AAAA", **asked)
    assert wrong.status_code == 401
    done = await browser.post("/reset/code", code=code, **asked)
    assert done.status_code == 200, done.text
    assert done.json()["recovery_code"] != code
    assert (await browser.get("/session")).status_code == 401
    assert (await browser.post("/reset/code", code=code, **asked)).status_code == 401


async def test_a_weak_password_is_refused_with_its_reason(browser: Browser) -> None:
    assert (await browser.sign_in(NOOR, PASSWORD.reveal().decode())).status_code == 200
    for password, fault in (("short", "short"), ("noor@example.test-noor", "own_name")):
        told = (await browser.post("/take-over", password=password)).json()
        assert (told["condition"], told["fault"], told["least"]) == ("weak_password", fault, 15)


async def test_what_does_not_fit_is_said_without_what_stood_in_it(browser: Browser) -> None:
    answer = await browser.post("/sign-in", address=NOOR, password="p" * 2_000)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ppp" not in answer.text


async def test_mail_may_be_sent_on_where_its_owner_says(browser: Browser) -> None:
    await settled(browser)
    assert (await browser.get("/forwards")).json() == []
    allowed = await browser.post("/forwards", address="Noor@Elsewhere.Example")
    assert allowed.status_code == 204, allowed.text
    assert (await browser.get("/forwards")).json() == ["noor@elsewhere.example"]
    assert (await browser.post("/forwards", address="no address")).status_code == 422
    gone = await browser.post("/forwards/remove", address="Noor@elsewhere.example")
    assert gone.status_code == 204, gone.text
    assert (await browser.get("/forwards")).json() == []
    again = await browser.post("/forwards/remove", address="Noor@elsewhere.example")
    assert again.status_code == 404


@pytest.mark.long
async def test_t_auth_4_a_cookie_opens_nothing_without_the_keystore(tmp_path: Path) -> None:
    async with web_server(tmp_path) as server:
        browser = Browser.at(server)
        await settled(browser)
        kept = dict(browser.client.cookies)
        await browser.close()
    settings = server.serving.settings
    keystore, store = (
        Path(url.removeprefix("sqlite:///"))
        for url in (settings.keystore_url, settings.database_url)
    )
    keystore.rename(tmp_path / "kept.keystore")
    await migrate(settings.keystore_url, Which.KEYSTORE)
    with pytest.raises(ExceptionGroup) as refused:
        await asked_with(settings, kept)
    assert refused.group_contains(Corrupt), "an audit log that the keystore does not know"
    store.rename(tmp_path / "kept.store")
    await migrate(settings.database_url, Which.MAIN)
    assert await asked_with(settings, kept) == [401, 401]
    (tmp_path / "kept.keystore").rename(keystore)
    (tmp_path / "kept.store").rename(store)
    assert await asked_with(settings, kept) == [200, 200], "nothing else was missing"


async def asked_with(settings: Settings, cookies: dict[str, str]) -> list[int]:
    """Serve again, and ask with a cookie for the session and for mail; return the statuses."""
    async with serving(settings) as there:
        browser = Browser.at(WebServer(there, ""))
        browser.client.cookies.update(cookies)
        answers = [
            await browser.get("/session"),
            await browser.client.get("/jmap/session", headers=browser.fields),
        ]
        await browser.close()
        return [answer.status_code for answer in answers]
