"""What a privacy officer does at the console: requests, breaches, retention, registers, the log."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.accounts.permissions import AdminRole
from mailserver.app.house import open_house
from mailserver.privacy.request import State
from tests.support.console import CONSOLE, Console, add_admin
from tests.support.web import WebServer, web_server


@pytest.fixture
async def server(tmp_path: Path, databases: dict[str, str]) -> AsyncIterator[WebServer]:
    async with web_server(tmp_path, **databases, **CONSOLE, organisation__country="NL") as running:
        async with open_house(running.serving.settings) as house:
            await add_admin(house, "officer", AdminRole.PRIVACY_OFFICER)
            await house.books.processing.record()
        yield running


@pytest.fixture
async def officer(server: WebServer) -> AsyncIterator[Console]:
    opened = Console.at(server)
    await opened.enter("officer")
    yield opened
    await opened.close()


async def test_a_request_goes_its_way_and_says_what_to_tell(
    server: WebServer, officer: Console
) -> None:
    at = "2026-01-31T10:00:00+01:00"
    made = await officer.post("/requests", right="access", who="Noor, Kade 7", at=at)
    assert made.status_code == 201, made.text
    asked = made.json()
    assert (asked["target"], asked["due"], asked["late"]) == ("2026-02-28", "2026-03-02", True)
    number = asked["number"]
    assert (await officer.post(f"/requests/{number}/begin")).json()["state"] == "in-progress"
    late = await officer.post(f"/requests/{number}/answer")
    assert late.status_code == 403  # late, and no reason
    told = await officer.post(f"/requests/{number}/refuse", reason="No such person.", language="nl")
    assert "klacht" in told.json()["letter"]
    assert (await officer.get("/requests")).json() == []
    (over,) = (await officer.get("/requests?over=true")).json()
    assert over["timeline"][-1]["actor"].startswith("admin:")
    async with open_house(server.serving.settings) as house:
        (request,) = await house.books.requests.listing()
        assert request.state is State.REFUSED
    missing = await officer.get("/requests/99")
    assert missing.status_code == 404
    naive = await officer.post("/requests", right="access", who="x", at="2026-01-31T10:00:00")
    assert naive.status_code == 422


async def test_t_br_1_a_breach_has_its_seventy_two_hours(officer: Console) -> None:
    number = (await officer.post("/breaches", nature="a laptop in a train")).json()["number"]
    at = "2026-10-24T12:00:00+02:00"
    aware = (await officer.post(f"/breaches/{number}/aware", at=at)).json()
    deadline = datetime.fromisoformat(aware["deadline"])
    assert deadline == datetime.fromisoformat("2026-10-27T11:00:00+01:00")
    assert aware["late"] is (datetime.now(UTC) > deadline)
    told = await officer.post(f"/breaches/{number}/told")
    assert told.status_code == 403  # fields of Art. 33(3) are missing
    fields = dict.fromkeys(aware["missing"], "?")
    filled = await officer.post(f"/breaches/{number}/fill", fields=fields)
    assert filled.json()["missing"] == []
    for language in ("en", "nl", "de", "fr"):
        draft = await officer.get(f"/breaches/{number}/draft?language={language}")
        assert draft.json()["letter"]
    assessed = await officer.post(f"/breaches/{number}/assess", risk="none", reason="encrypted")
    assert assessed.json()["state"] == "assessed"
    known = dict.fromkeys(aware["missing"], "none, as the disk is encrypted")
    assert (await officer.post(f"/breaches/{number}/fill", fields=known)).status_code == 200
    spared = await officer.post(f"/breaches/{number}/spare", reason="encrypted disk")
    assert spared.json()["state"] == "answered"
    await officer.post(f"/breaches/{number}/people", exemption="no risk")
    closed = await officer.post(f"/breaches/{number}/close")
    assert closed.status_code == 200, closed.text
    assert (await officer.get("/breaches")).json() == []


async def test_retention_is_shown_previewed_run_and_held(officer: Console) -> None:
    table = {one["name"]: one for one in (await officer.get("/retention")).json()}
    assert table["trash"]["period_seconds"] == 30 * 86_400
    assert all(not one["failed"] for one in (await officer.get("/retention/preview")).json())
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    made = await officer.post("/holds", reason="order of the court", category="trash", until=until)
    assert made.status_code == 201, made.text
    ran = {one["category"]: one for one in (await officer.post("/retention/run")).json()}
    assert ran["trash"]["held"] is True
    number = made.json()["number"]
    assert (await officer.post(f"/holds/{number}/lift")).status_code == 204
    assert (await officer.post(f"/holds/{number}/lift")).status_code == 409
    assert (await officer.post("/holds", reason="x", category="ponies")).status_code == 400
    assert (await officer.post("/holds", reason=" ", category="trash")).status_code == 400
    assert len((await officer.get("/holds")).json()) == 1


async def test_the_registers_and_the_log_are_read(officer: Console) -> None:
    register = (await officer.get("/processing")).json()
    names = {one["name"] for one in register["activities"]}
    assert {"mailboxes", "receiving", "accountability"} <= names
    processor = (await officer.get("/processing?view=processor")).json()
    assert "accountability" not in {one["name"] for one in processor["activities"]}
    (version,) = (await officer.get("/processing/versions")).json()
    number = version["number"]
    assert (await officer.get(f"/processing/versions/{number}")).status_code == 200
    assert (await officer.get(f"/processing/diff/{number}/{number}")).json() == []
    assert (await officer.get("/processing/versions/99")).status_code == 404
    page = (await officer.get("/audit?limit=3")).json()
    numbers = [line["number"] for line in page]
    assert numbers == sorted(numbers, reverse=True)
    rest = (await officer.get(f"/audit?before={page[-1]['number']}")).json()
    assert rest[0]["number"] == page[-1]["number"] - 1
    assert (await officer.post("/audit/verify")).json() == {"intact": True}
    assert "noor" not in str(page + rest)
    (account,) = (await officer.get("/accounts")).json()
    assert account["addresses"] == ["noor@example.test"]
    assert account["restricted"] is False
    day = await officer.get(f"/accounts/{account['account']}/last-sign-in")
    assert day.status_code == 200
