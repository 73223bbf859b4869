"""Every way back into an account, through its door: what each opens, and what not (PRIVACY §5)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from mailserver.accounts.sending import FROZEN
from mailserver.app.house import House, open_house
from mailserver.app.serving import running
from mailserver.model.address import Address
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.tls import ServerTls
from tests.support.browser import Browser
from tests.support.house import PASSWORD, Serving, add_person, made, settings_in
from tests.support.web import ONLY_WEB, WebServer

NOOR = "noor@example.test"
OWN = "nine paper lanterns over a canal"
NEW = "ten wet dogs behind the ferry"
NEWER = "eleven herons stand in a ditch"
DAY = timedelta(hours=24)

pytestmark = pytest.mark.long


@dataclass
class Here:
    """A server whose clock is ours, and noor's browser with her own password set."""

    house: House
    server: WebServer
    clock: ManualClock
    browser: Browser
    recovery_code: str

    def another(self) -> Browser:
        return Browser.at(self.server, agent="Safari on iPhone")

    def code(self, secret: str) -> dict[str, str]:
        """Show the authenticator's next code; each counts once."""
        self.clock.advance(timedelta(seconds=30))
        return {"kind": "totp", "code": pyotp.TOTP(secret).at(self.clock.now())}

    async def reset_link(self) -> str:
        token = await self.house.desk.resets.issue(Address.parse(NOOR))
        return token.reveal().decode()


@pytest.fixture
async def here(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[Here]:
    async with _serving(tmp_path, databases) as (house, server, clock):
        browser = Browser.at(server)
        assert (await browser.sign_in(NOOR, PASSWORD.reveal().decode())).status_code == 200
        own = await browser.post("/take-over", password=OWN)
        assert own.status_code == 200, own.text
        browser.csrf = (await browser.get("/session")).json()["csrf"]
        yield Here(house, server, clock, browser, own.json()["recovery_code"])
        await browser.close()


@asynccontextmanager
async def _serving(
    directory: Path, databases: dict[str, str]
) -> AsyncIterator[tuple[House, WebServer, ManualClock]]:
    settings = settings_in(directory, **ONLY_WEB, **databases)
    await made(settings)
    make_certificate(settings)
    certificate = ServerTls(settings.tls.certificate, settings.tls.private_key)
    clock = ManualClock(datetime.now(UTC))
    async with open_house(settings, clock) as house, background() as tasks:
        secret = await add_person(house, "noor")
        async with running(house, tasks, certificate) as doors:
            ports = {door.name: door.address.port for door in doors}
            yield house, WebServer(Serving(settings, ports), secret), clock


async def _enrolled(here: Here) -> str:
    """Set up an authenticator; return its secret."""
    offered = (await here.browser.post("/factors/totp")).json()
    secret = str(offered["secret"]).replace(" ", "")
    confirmed = await here.browser.post("/factors/totp/confirm", code=here.code(secret)["code"])
    assert confirmed.status_code == 200, confirmed.text
    return secret


async def _was_reset(here: Here, **factor: object) -> None:
    """Reset by a link, after its day, from a stranger's browser."""
    token, stranger = await here.reset_link(), here.another()
    assert (await stranger.post("/reset/ask", token=token, **factor)).status_code == 200
    here.clock.advance(DAY)
    done = await stranger.post("/reset", token=token, password=NEW)
    assert done.status_code == 200, done.text
    await stranger.close()


async def _signs_in(here: Here, password: str) -> int:
    browser = here.another()
    answer = await browser.sign_in(NOOR, password)
    await browser.close()
    return answer.status_code


async def _frozen(here: Here) -> bool:
    opened = await here.house.directory.holder(Address.parse(NOOR))
    assert opened is not None
    return FROZEN in opened.record.policy


async def test_t_lc_2_a_reset_takes_a_day_and_the_vault_opens_by_the_old_password(
    here: Here,
) -> None:
    token, stranger = await here.reset_link(), here.another()
    waits = await stranger.post("/reset/ask", token=token)
    assert waits.status_code == 200
    assert "older mail stays closed" in waits.json()["notice"]
    early = await stranger.post("/reset", token=token, password=NEW)
    assert early.status_code == 403, early.text
    assert (await here.browser.get("/pending")).json()["reset_at"]
    here.clock.advance(DAY)
    assert (await stranger.post("/reset", token=token, password=NEW)).status_code == 200
    assert await _signs_in(here, OWN) == 401
    assert await _signs_in(here, NEW) == 200
    wrong = await stranger.post("/vault", address=NOOR, old=NEWER, password=NEWER)
    assert wrong.status_code == 401, wrong.text
    opened = await stranger.post("/vault", address=NOOR, old=OWN, password=NEWER)
    assert opened.status_code == 200, opened.text
    assert opened.json()["recovery_code"]
    assert await _signs_in(here, NEW) == 401, "what was set up since the reset has ended"
    assert await _signs_in(here, NEWER) == 200
    await stranger.close()


async def test_from_a_session_the_vault_opens_and_may_be_destroyed(here: Here) -> None:
    await _was_reset(here)
    browser = here.another()
    await browser.sign_in(NOOR, NEW)
    assert len((await browser.get("/pending")).json()["vaults"]) == 1
    of_another = await browser.post(
        "/vault/session", address="else@example.test", old=OWN, password=NEWER
    )
    assert of_another.status_code == 404
    assert (await browser.post("/vault/purge")).status_code == 204
    assert (await browser.get("/pending")).json()["vaults"] == []
    gone = await browser.post("/vault/session", address=NOOR, old=OWN, password=NEWER)
    assert gone.status_code == 401, gone.text
    await browser.close()


async def test_from_a_session_the_vault_keeps_what_came_since(here: Here) -> None:
    await _was_reset(here)
    browser = here.another()
    await browser.sign_in(NOOR, NEW)
    opened = await browser.post("/vault/session", address=NOOR, old=OWN, password=NEWER)
    assert opened.status_code == 200, opened.text
    assert await _signs_in(here, NEWER) == 200
    await browser.close()


async def test_t_auth_8_neither_link_nor_code_goes_round_the_factor(here: Here) -> None:
    secret = await _enrolled(here)
    token, stranger = await here.reset_link(), here.another()
    assert (await stranger.post("/reset/ask", token=token)).status_code == 403
    asked = await stranger.post("/reset/ask", token=token, factor=here.code(secret))
    assert asked.status_code == 200, asked.text
    by_code = {"address": NOOR, "code": here.recovery_code, "password": NEWER}
    assert (await stranger.post("/reset/code", **by_code)).status_code == 403
    here.clock.advance(DAY)
    assert (await stranger.post("/reset", token=token, password=NEW)).status_code == 403
    done = await stranger.post("/reset", token=token, password=NEW, factor=here.code(secret))
    assert done.status_code == 200, done.text
    await stranger.close()


async def test_t_lc_7_the_owner_opens_the_vault_and_the_intruder_is_out(here: Here) -> None:
    await _was_reset(here)
    intruder = here.another()
    await intruder.sign_in(NOOR, NEW)
    shadow = await _enrolled(Here(here.house, here.server, here.clock, intruder, ""))
    owner = here.another()
    opened = await owner.post("/vault", address=NOOR, old=OWN, password=NEWER)
    assert opened.status_code == 200, opened.text
    assert (await intruder.get("/session")).status_code == 401
    begun = await owner.sign_in(NOOR, NEW, factor=here.code(shadow))
    assert begun.status_code == 401
    await intruder.close()
    await owner.close()


async def test_an_old_secret_says_that_the_reset_was_a_strangers(here: Here) -> None:
    await _was_reset(here)
    stranger = here.another()
    wrong = await stranger.post("/reset/deny", address=NOOR, old=NEWER)
    assert wrong.status_code == 401
    assert not await _frozen(here)
    denied = await stranger.post("/reset/deny", address=NOOR, old=here.recovery_code)
    assert denied.status_code == 204, denied.text
    assert await _frozen(here)
    await stranger.close()


async def test_rescue_by_an_app_password_needs_a_factor(here: Here) -> None:
    secret = await _enrolled(here)
    made = await here.browser.post("/app-passwords", label="phone", scopes=["imap"])
    held = {"address": NOOR, "app_password": made.json()["secret"], "password": NEW}
    stranger = here.another()
    assert (await stranger.post("/rescue", **held)).status_code == 422
    wrong = {"kind": "totp", "code": "000000"}
    assert (await stranger.post("/rescue", **held, factor=wrong)).status_code == 401
    rescued = await stranger.post("/rescue", **held, factor=here.code(secret))
    assert rescued.status_code == 204, rescued.text
    assert await _signs_in(here, OWN) == 401
    await stranger.close()


async def test_rescue_from_an_open_session_needs_a_fresh_factor(here: Here) -> None:
    alone = await here.browser.post("/rescue/session", password=NEW)
    assert alone.status_code == 403, "without a second factor the password itself is asked for"
    secret = await _enrolled(here)
    here.clock.advance(timedelta(minutes=6))
    stale = await here.browser.post("/rescue/session", password=NEW)
    assert stale.status_code == 403, stale.text
    proof = {"password": OWN, "factor": here.code(secret)}
    assert (await here.browser.post("/sign-in/again", **proof)).status_code < 300
    fresh = await here.browser.post("/rescue/session", password=NEW)
    assert fresh.status_code == 204, fresh.text
    assert await _signs_in(here, OWN) == 401


async def test_devices_are_forgotten_and_the_recovery_code_is_confirmed(here: Here) -> None:
    trusted = here.another()
    begun = await trusted.sign_in(NOOR, OWN, trust=True)
    assert any(each.startswith("__Host-trust=") for each in trusted.set_cookies), begun.text
    assert (await here.browser.post("/devices/forget")).status_code == 204
    renewed = await here.browser.post("/recovery-code")
    assert renewed.status_code == 200, renewed.text
    assert (await here.browser.post("/recovery-code/confirm", skipped=False)).status_code == 204
    await trusted.close()
