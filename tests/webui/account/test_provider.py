"""Signing in by an organisation's identity provider: npm's oidc-provider, as it is.

It proves who somebody is and opens nothing (PRIVACY §6).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mailserver.app.house import House, open_house
from mailserver.model.address import Address
from mailserver.vault.providers import ProviderRecord
from tests.support.browser import Browser
from tests.support.house import DOMAIN, PASSWORD
from tests.support.identity_provider import IdentityProvider, certified, identity_provider
from tests.support.web import WebServer, web_server

pytestmark = pytest.mark.long

NOOR = f"noor@{DOMAIN}"
PASSPHRASE = PASSWORD.reveal().decode()
OWN = "nine paper lanterns over a canal"
RETURN = "/api/account/sign-in/provider/return"


@dataclass
class Organisation:
    """A server, its provider, and a house beside the server to configure it."""

    server: WebServer
    idp: IdentityProvider
    house: House
    browsers: list[Browser]

    def browser(self) -> Browser:
        """Open a browser."""
        self.browsers.append(Browser.at(self.server))
        return self.browsers[-1]

    async def asks(self, **changes: Any) -> ProviderRecord:
        """Let the provider say who people are."""
        record = replace(self.idp.record, **changes)
        await self.house.people.domain_rules.set_provider(DOMAIN, record)
        return record

    async def answered(self, browser: Browser, address: str = NOOR, **more: Any) -> httpx.Response:
        """Go to the provider and come back with its answer."""
        begun = await browser.post("/sign-in/provider", address=address)
        assert begun.status_code == 200, begun.text
        came = await self.idp.visited(begun.json()["url"], self.server.origin() + RETURN)
        return await browser.post(
            "/sign-in/provider/proof", **{"flow": begun.json()["flow"], **came, **more}
        )

    async def identity(self, browser: Browser) -> str:
        """Return the provider's word for Noor."""
        told = await self.answered(browser)
        assert told.status_code == 200, told.text
        assert told.json()["next"] == "passphrase"
        return str(told.json()["identity"])


@pytest.fixture
async def organisation(tmp_path: Path) -> AsyncIterator[Organisation]:
    """A server and a provider that believe each other."""
    home = tmp_path / "identity-provider"
    ca_file = certified(home)
    async with web_server(tmp_path, relay__ca_file=ca_file) as server:
        with identity_provider(home, server.origin() + RETURN) as idp:
            async with open_house(server.serving.settings) as house:
                found = Organisation(server, idp, house, [])
                await idp.person("u-1", NOOR)
                yield found
                for browser in found.browsers:
                    await browser.close()


async def test_the_provider_proves_who_and_the_passphrase_opens(organisation: Organisation) -> None:
    browser = organisation.browser()
    assert (await browser.post("/sign-in/start", address=NOOR)).json()["next"] == "password"
    await organisation.asks()
    offer = {"name": "Test Sign-on", "required": True}
    for address in (NOOR, f"nobody@{DOMAIN}"):
        told = (await browser.post("/sign-in/start", address=address)).json()
        assert told == {"next": "provider", "provider": offer}
    alone = await browser.sign_in(NOOR, PASSPHRASE)
    assert (alone.status_code, alone.json()["reason"]) == (403, "provider_required")
    identity = await organisation.identity(browser)
    assert (await browser.get("/session")).status_code == 401
    wrong = await browser.sign_in(NOOR, "not the passphrase", identity=identity)
    assert wrong.status_code == 401
    opened = await browser.sign_in(NOOR, PASSPHRASE, identity=identity)
    assert opened.status_code == 200, opened.text
    session = (await browser.get("/session")).json()
    assert (session["provider"], session["key_mode"]) == (True, "user")
    account = await organisation.house.directory.holder(Address.parse(NOOR))
    assert account is not None
    assert account.record.linked == (organisation.idp.issuer, "u-1")


async def test_the_browser_is_sent_with_pkce_state_and_nonce(organisation: Organisation) -> None:
    await organisation.asks()
    browser = organisation.browser()
    urls = [(await browser.post("/sign-in/provider", address=NOOR)).json()["url"] for _ in "ab"]
    first, second = (parse_qs(urlsplit(url).query) for url in urls)
    assert first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [organisation.server.origin() + RETURN]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


async def test_the_answer_is_brought_by_our_own_page(organisation: Organisation) -> None:
    async with organisation.server.client() as client:
        answer = await client.get(f"{RETURN}?code=c%26d&state=s&session_state=x&iss=https://idp")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/#provider?code=c%26d&state=s&iss=https%3A%2F%2Fidp"
    assert "set-cookie" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_an_answer_is_good_for_its_own_question_only(organisation: Organisation) -> None:
    await organisation.asks()
    browser = organisation.browser()
    begun = (await browser.post("/sign-in/provider", address=NOOR)).json()
    other = (await browser.post("/sign-in/provider", address=NOOR)).json()
    came = await organisation.idp.visited(begun["url"], organisation.server.origin() + RETURN)
    for flow, changes, reason in (
        (other["flow"], {}, "unverified"),  # somebody else's answer: login CSRF
        (begun["flow"], {"state": "s"}, "unverified"),
        (begun["flow"], {"iss": "https://evil.test"}, "unverified"),  # mix-up
        (begun["flow"], {"iss": None}, "unverified"),
        (begun["flow"], {"code": "c"}, "unverified"),
        (begun["flow"], {"error": "access_denied"}, "declined"),
        (begun["flow"][:-8] + "AAAAAAA=", {}, "flow_expired"),
    ):
        told = await browser.post("/sign-in/provider/proof", **{"flow": flow, **came, **changes})
        assert (told.status_code, told.json()["reason"]) == (401, reason), (changes, told.text)
    fine = await browser.post("/sign-in/provider/proof", flow=begun["flow"], **came)
    assert fine.status_code == 200, fine.text
    again = await browser.post("/sign-in/provider/proof", flow=begun["flow"], **came)
    assert again.json()["reason"] == "unverified"  # a code is good once


async def test_who_refuses_at_the_provider_is_not_signed_in(organisation: Organisation) -> None:
    await organisation.asks()
    await organisation.idp.person("u-1", NOOR, refuses=True)
    told = await organisation.answered(organisation.browser(), code=None)
    assert (told.status_code, told.json()["reason"]) == (401, "declined")


async def test_another_user_of_the_provider_is_not_linked(organisation: Organisation) -> None:
    await organisation.asks()
    browser = organisation.browser()
    for person, more in (
        ("other@example.test", {}),
        (NOOR, {"verified": False}),
        ("", {}),
    ):
        await organisation.idp.person("u-2", person, **more)
        for address in (NOOR, f"nobody@{DOMAIN}"):
            told = await organisation.answered(browser, address)
            assert (told.status_code, told.json()["reason"]) == (403, "not_linked")
    account = await organisation.house.directory.holder(Address.parse(NOOR))
    assert account is not None
    who = (organisation.idp.issuer, "u-2")
    await organisation.house.desk.providers.link(account, who, "operator")
    identity = await organisation.identity(browser)  # whatever its address: an operator said so
    assert (await browser.sign_in(NOOR, PASSPHRASE, identity=identity)).status_code == 200
    await organisation.idp.person("u-1", NOOR)
    told = await organisation.answered(browser)
    assert told.json()["reason"] == "not_linked"


async def test_nobodys_address_is_asked_for_a_passphrase_too(organisation: Organisation) -> None:
    await organisation.asks()
    nobody = f"nobody@{DOMAIN}"
    await organisation.idp.person("u-9", nobody)
    browser = organisation.browser()
    told = (await organisation.answered(browser, nobody)).json()
    assert told["next"] == "passphrase"
    refused = await browser.sign_in(nobody, PASSPHRASE, identity=told["identity"])
    assert refused.status_code == 401
    assert refused.json()["detail"] == "the address or the password is not right"
    another = await browser.sign_in(NOOR, PASSPHRASE, identity=told["identity"])
    assert another.json()["reason"] == "flow_expired"


async def test_the_providers_second_factor_counts_where_it_is_asked_for(
    organisation: Organisation,
) -> None:
    await organisation.asks(vouches=True, acr=("gold",))
    await organisation.house.people.domain_rules.set_second_factor(DOMAIN, required=True)
    browser = organisation.browser()
    await organisation.idp.person("u-1", NOOR, acr="silver", amr=["pwd"])
    told = await organisation.answered(browser)
    assert (told.status_code, told.json()["reason"]) == (403, "factor_needed")
    await organisation.idp.person("u-1", NOOR, acr="gold", amr=["pwd", "otp"])
    identity = await organisation.identity(browser)
    assert (await browser.sign_in(NOOR, PASSPHRASE, identity=identity)).status_code == 200
    own = await browser.post("/take-over", password=OWN)
    assert own.status_code == 200, own.text
    session = (await browser.get("/session")).json()
    assert (session["factor_missing"], session["provider"]) == (False, True)
    assert (await browser.get("/sessions")).status_code == 200


async def test_the_account_that_the_server_opens_needs_no_passphrase(
    organisation: Organisation,
) -> None:
    ann = f"ann@{DOMAIN}"
    add = organisation.house.provisioning.add_user
    await organisation.asks()
    await add(Address.parse(ann), None, quota_octets=1 << 30)
    await organisation.idp.person("u-3", ann)
    browser = organisation.browser()
    told = await organisation.answered(browser, ann)
    assert told.status_code == 200, told.text
    assert (told.json()["next"], told.json()["step"]["needed"]) == ("step", [])
    browser.csrf = told.json()["step"]["csrf"]
    session = (await browser.get("/session")).json()
    assert (session["key_mode"], session["provisional"]) == ("server", False)
    assert (await browser.sign_in(ann, PASSPHRASE)).json()["reason"] == "provider_required"
    await organisation.idp.person("u-4", NOOR)
    assert (await organisation.answered(organisation.browser(), ann)).status_code == 403
    left = await browser.post("/take-over", password=OWN)
    assert left.status_code == 200, left.text
    assert (await browser.get("/session")).json()["key_mode"] == "user"
    await organisation.idp.person("u-3", ann)
    told = await organisation.answered(organisation.browser(), ann)
    assert told.json()["next"] == "passphrase"


async def test_a_provider_that_is_away_keeps_nobody_from_trying_again(
    organisation: Organisation,
) -> None:
    await organisation.asks(issuer="https://localhost:9")
    told = await organisation.browser().post("/sign-in/provider", address=NOOR)
    assert (told.status_code, told.json()["reason"]) == (503, "provider_unavailable")
    assert "retry-after" in told.headers
    await organisation.house.people.domain_rules.set_provider(DOMAIN, None)
    missing = await organisation.browser().post("/sign-in/provider", address=NOOR)
    assert missing.status_code == 404


async def test_no_token_is_kept(organisation: Organisation, tmp_path: Path) -> None:
    await organisation.asks()
    browser = organisation.browser()
    identity = await organisation.identity(browser)
    assert (await browser.sign_in(NOOR, PASSPHRASE, identity=identity)).status_code == 200
    for path, octets in everything(tmp_path):
        assert b"eyJ" not in octets, path  # how a signed statement begins
        assert organisation.idp.record.client_secret not in octets, path


def everything(directory: Path) -> list[tuple[Path, bytes]]:
    """Return every file of the server."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return [(path, path.read_bytes()) for path in files if "identity-provider" not in path.parts]
