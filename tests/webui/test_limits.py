"""How often one may ask."""

from datetime import timedelta
from pathlib import Path

from mailserver.runtime.clock import ManualClock
from tests.support.web import web_server
from webui.limits import KNOWN_AT_ONCE, Rates


def test_a_minutes_share_may_be_used_at_once_and_comes_back_with_time() -> None:
    clock = ManualClock()
    rates = Rates(60, clock)
    assert [rates.wait_seconds("a") for _ in range(60)] == [0.0] * 60
    assert 0 < rates.wait_seconds("a") <= 1
    assert rates.wait_seconds("b") == 0
    clock.advance(timedelta(seconds=2))
    assert rates.wait_seconds("a") == 0


def test_nothing_is_counted_where_no_rate_is_set() -> None:
    rates = Rates(0, ManualClock())
    assert all(rates.wait_seconds("a") == 0 for _ in range(10_000))


def test_those_who_were_silent_longest_are_forgotten() -> None:
    rates = Rates(1, ManualClock())
    assert rates.wait_seconds("first") == 0
    assert rates.wait_seconds("first") > 0
    for number in range(KNOWN_AT_ONCE):
        rates.wait_seconds(number)
    assert rates.wait_seconds("first") == 0


async def test_a_network_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with (
        web_server(tmp_path, web__requests_per_minute=3) as server,
        server.client() as client,
    ):
        codes = [(await client.get("/robots.txt")).status_code for _ in range(3)]
        assert codes == [200] * 3
        refused = await client.get("/robots.txt")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 20
        assert refused.headers["content-security-policy"]
        assert refused.json()["condition"] == "try_later"


async def test_an_account_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with (
        web_server(tmp_path, web__account_requests_per_minute=3) as server,
        server.client("api", auth=("noor@example.test", server.secret)) as client,
    ):
        codes = [(await client.get("/jmap/session")).status_code for _ in range(3)]
        assert codes == [200] * 3
        refused = await client.get("/jmap/session")
        assert refused.status_code == 429
        assert refused.json()["condition"] == "try_later"
