"""Administrators sign in to the console with a second factor, and never without (PRIVACY §6)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from mailserver.accounts.admin_sessions import FRESH_FACTOR, IDLE, LONGEST
from mailserver.accounts.permissions import AdminRole
from mailserver.accounts.visitor import Visitor
from mailserver.app.house import House, open_house
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.vault.admin_sessions import AdminStage
from tests.support.console import ADMIN_PASSWORD, CONSOLE, Console, add_admin
from tests.support.house import house_in
from tests.support.web import WebServer, web_server

HERE = Visitor("192.0.2.7", "Firefox on Linux")
SECOND = timedelta(seconds=1)
PASSWORD = Plaintext(ADMIN_PASSWORD.encode())


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **databases, **CONSOLE) as running:
        async with open_house(running.serving.settings) as house:
            await add_admin(house, "root", AdminRole.OWNER)
        yield running


@pytest.fixture
async def console(server: WebServer) -> AsyncIterator[Console]:
    opened = Console.at(server)
    yield opened
    await opened.close()


async def test_the_first_sign_in_sets_up_a_second_factor(console: Console) -> None:
    assert (await console.get("/session")).status_code == 401
    done = await console.enter("root")
    assert done.status_code == 200, done.text
    assert len(done.json()["backup_codes"]) == 10
    here = (await console.get("/session")).json()
    assert (here["name"], here["roles"], here["fresh"]) == ("root", ["owner"], True)
    assert "admins:write" in here["permissions"]
    cookie = console.client.cookies.jar
    assert [each.name for each in cookie] == ["__Host-admin"]


async def test_from_then_on_the_password_alone_opens_nothing(
    server: WebServer, console: Console
) -> None:
    codes = (await console.enter("root")).json()["backup_codes"]
    other = Console.at(server)
    step = (await other.post("/sign-in", name="ROOT", password=ADMIN_PASSWORD)).json()
    assert step["stage"] == "factor"
    assert (await other.get("/session")).status_code == 401
    assert (await other.get("/audit")).status_code == 401
    assert (await other.post("/sign-in/enrol")).status_code == 401  # there is one already
    used = pyotp.TOTP(console.seed).now()
    assert (await other.post("/sign-in/factor", code=used)).status_code == 401  # each code once
    done = await other.post("/sign-in/factor", code=codes[0])
    assert (done.status_code, done.json()["stage"]) == (200, "open")
    assert (await other.get("/session")).status_code == 200
    third = Console.at(server)
    await third.post("/sign-in", name="root", password=ADMIN_PASSWORD)
    assert (await third.post("/sign-in/factor", code=codes[0])).status_code == 401
    for each in (other, third):
        await each.close()


async def test_who_guesses_is_told_nothing_and_not_for_long(console: Console) -> None:
    wrong = await console.post("/sign-in", name="root", password="not this one at all")
    nobody = await console.post("/sign-in", name="nobody", password="not this one at all")
    assert (wrong.status_code, wrong.json()) == (nobody.status_code, nobody.json())
    assert wrong.status_code == 401
    await console.post("/sign-in", name="root", password=ADMIN_PASSWORD)
    await console.post("/sign-in/enrol")
    answers = [
        (await console.post("/sign-in/enrol/confirm", code="000000")).status_code for _ in range(6)
    ]
    assert set(answers) == {401}
    assert (await console.post("/sign-in/enrol")).status_code == 401  # the session is over


async def test_a_request_of_another_page_or_without_the_token_changes_nothing(
    server: WebServer, console: Console
) -> None:
    await console.enter("root")
    right, console.csrf = console.csrf, "0" * 64
    assert (await console.post("/breaches", nature="lost")).status_code == 403
    console.csrf = right
    console.fields = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert (await console.post("/breaches", nature="lost")).status_code == 403
    async with open_house(server.serving.settings) as house:
        assert await house.books.breaches.listing() == []


async def test_sessions_are_listed_ended_and_end_with_their_administrator(
    server: WebServer, console: Console
) -> None:
    codes = (await console.enter("root")).json()["backup_codes"]
    other = Console.at(server)
    await other.post("/sign-in", name="root", password=ADMIN_PASSWORD)
    await other.post("/sign-in/factor", code=codes[0])
    listed = (await console.get("/sessions")).json()
    assert [one["current"] for one in listed].count(True) == 1
    theirs = next(one["id"] for one in listed if not one["current"])
    assert (await console.ask("DELETE", f"/sessions/{theirs}")).status_code == 204
    assert (await other.get("/session")).status_code == 401
    assert (await console.ask("DELETE", f"/sessions/{theirs}")).status_code == 404
    async with open_house(server.serving.settings) as house:
        await house.admins.remove("root")
    assert (await console.get("/session")).status_code == 401
    await other.close()


async def test_the_sites_do_not_know_each_others_sessions(
    server: WebServer, console: Console
) -> None:
    await console.enter("root")
    cookie = console.client.cookies["__Host-admin"]
    async with server.client("https") as webmail:
        answer = await webmail.get(
            "/api/account/session", headers={"cookie": f"__Host-sid={cookie}"}
        )
        assert answer.status_code == 401
        assert (await webmail.get("/api/admin/session")).status_code == 404


@pytest.fixture
async def house(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[House]:
    async with house_in(
        tmp_path, ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC)), **databases
    ) as opened:
        await add_admin(opened, "root", AdminRole.OWNER)
        yield opened


def clock_of(house: House) -> ManualClock:
    assert isinstance(house.clock, ManualClock)
    return house.clock


async def entered(house: House) -> Plaintext:
    sessions = house.admin_sessions
    first = await sessions.sign_in("root", PASSWORD, HERE)
    assert first.stage is AdminStage.ENROL
    offered = await sessions.offer_factor(first.cookie)
    totp = pyotp.TOTP(offered.secret.reveal().decode().replace(" ", ""))
    code = Plaintext(totp.at(house.clock.now()).encode())
    done, _ = await sessions.confirm_factor(first.cookie, code, HERE)
    return done.cookie


async def is_open(house: House, cookie: Plaintext) -> bool:
    try:
        await house.admin_sessions.open(cookie)
    except Refused as refusal:
        return refusal.condition is not Condition.AUTHENTICATION_FAILED
    return True


async def test_a_session_ends_after_fifteen_idle_minutes(house: House) -> None:
    cookie, clock = await entered(house), clock_of(house)
    clock.advance(IDLE - SECOND)
    assert await is_open(house, cookie)
    clock.advance(IDLE - SECOND)
    assert await is_open(house, cookie)
    clock.advance(IDLE + SECOND)
    assert not await is_open(house, cookie)


async def test_a_session_ends_after_twelve_hours_of_work(house: House) -> None:
    cookie, clock = await entered(house), clock_of(house)
    ends_at = clock.now() + LONGEST
    while clock.now() + IDLE < ends_at:
        assert await is_open(house, cookie)
        clock.advance(IDLE - SECOND)
    assert await is_open(house, cookie)
    clock.advance(ends_at - clock.now() - SECOND)
    assert await is_open(house, cookie)
    clock.advance(2 * SECOND)
    assert not await is_open(house, cookie)
    assert await house.admin_sessions.sweep() == 1


async def test_a_proof_is_fresh_for_five_minutes(house: House) -> None:
    cookie, clock = await entered(house), clock_of(house)
    here = await house.admin_sessions.open(cookie)
    assert here.is_fresh(clock.now())
    clock.advance(FRESH_FACTOR)
    assert not here.is_fresh(clock.now())
