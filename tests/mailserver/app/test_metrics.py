"""The metrics of a whole server, as Prometheus reads them."""

import asyncio
import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mailserver.app.exposition import exposition
from mailserver.app.house import House
from mailserver.app.metrics import FRESH_SECONDS, Metrics
from mailserver.app.orders import Part
from mailserver.audit.entry import OPERATOR, Event
from mailserver.mail.parcels import Origin, Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward
from mailserver.model.errors import Misconfigured
from mailserver.model.sealed import Plaintext
from mailserver.operations.backup.sets import new_name
from mailserver.operations.vitals import Vitals
from mailserver.privacy.request import Right, Source
from mailserver.runtime.metrics import SECONDS, Counts, Histogram, counted
from mailserver.runtime.settings import load
from tests.mailserver.app.test_workers import comes_true
from tests.support.alert_desk import NOW, desk_in
from tests.support.command import ROOT
from tests.support.house import made, serving, settings_in
from tests.support.ports import free_ports
from tests.support.server import Server
from tests.support.server import databases as server_databases

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(octets: bytes | str) -> Samples:
    """Read the text as Prometheus does: by name and labels, without `process`."""
    text = octets if isinstance(octets, str) else octets.decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = tuple(sorted((k, v) for k, v in one.labels.items() if k != "process"))
            found[one.name.removeprefix("zegel_"), labels] = one.value
    return found


def test_a_histogram_adds_up_as_the_format_wants() -> None:
    counts = Counts()
    for seconds in (0.0005, 0.001, 0.002, 99.0):
        counts.commits.observe(seconds)
    found = read(exposition(counted(counts)))
    buckets = [found["commit_seconds_bucket", (("le", str(le)),)] for le in SECONDS]
    assert buckets[:3] == [2, 3, 3]
    assert buckets == sorted(buckets)
    assert found["commit_seconds_bucket", (("le", "+Inf"),)] == 4
    assert found["commit_seconds_count", ()] == 4
    assert found["commit_seconds_sum", ()] == pytest.approx(99.0035)
    assert Histogram().told() == {"counts": [0] * (len(SECONDS) + 1), "sum": 0.0}


def test_what_is_counted_has_words_of_ours_for_labels() -> None:
    counts = Counts()
    counts.came("mx", "refused", "no_such_user")
    counts.came("mx", "accepted")
    counts.came("mx", "accepted")
    counts.went("delivered", 250)
    counts.went("deferred")
    counts.fault("full")
    counts.http[4] += 3
    found = read(exposition(counted(counts)))
    mine = (("outcome", "accepted"), ("reason", "none"), ("service", "mx"))
    assert found["incoming_recipients_total", mine] == 2
    assert found["outgoing_attempts_total", (("code", "2xx"), ("outcome", "delivered"))] == 1
    assert found["outgoing_attempts_total", (("code", "none"), ("outcome", "deferred"))] == 1
    assert found["database_errors_total", (("kind", "full"),)] == 1
    assert found["http_requests_total", (("status", "4xx"),)] == 3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"listeners.metrics.address": "0.0.0.0:9100"}, "loopback"),
        ({"listeners.metrics.address": "192.0.2.1:9100"}, "loopback"),
        ({"listeners.metrics.tls": "starttls", "listeners.metrics.address": "[::1]:1"}, "implicit"),
    ],
)
def test_without_tls_nobody_scrapes_from_elsewhere(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        load(None, {}, settings)
    safe = {"listeners.metrics.tls": "implicit"}
    assert load(None, {}, settings | safe).listeners.metrics.address is not None
    assert load(None, {}, {}).listeners.metrics.address is None


def metrics_of(house: House, directory: Path, part: Part | None = None) -> Metrics:
    vitals = Vitals(house.settings, house.store, house.keystore, house.offload)
    return Metrics(part or Part(), directory / "metrics", vitals, house.books, house.clock)


async def test_what_is_true_of_the_server_as_a_whole(
    tmp_path: Path, databases: dict[str, str]
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    async with desk_in(tmp_path, **databases, backup__targets=[target]) as desk:
        house = desk.house
        metrics = metrics_of(house, tmp_path)
        (target / "mail" / new_name(NOW - HOUR)).mkdir(parents=True)
        origin = Origin(None, house.master.instance_guard)
        for name in ("one", "two"):
            to = [Onward(Address(name, "slow.test"))]
            letter = Plaintext(b"Subject: x\r\n\r\nx\r\n")
            await house.outgoing.enqueue(Parcel(origin, Envelope(None), letter, to))
            desk.clock.advance(2 * HOUR + timedelta(milliseconds=1))
        number = await house.books.breaches.open("A laptop is gone.")
        await house.books.breaches.open("Another one is.")
        await house.books.breaches.become_aware(number)
        await house.books.requests.receive(Right.ACCESS, Source.FORM, "somebody@example.org")
        await house.chain.record(Event.BACKUP_RUN, actor=OPERATOR, facts={"drill": "failed"})
        found = read(await metrics.scrape())
        _are_documented({name for name, _ in found})
        waiting = ("state", "waiting")
        rows = {
            age: found["queue_rows", tuple(sorted((("older_than", age), waiting)))]
            for age in ("0h", "1h", "4h", "24h")
        }
        assert rows == {"0h": 0, "1h": 1, "4h": 1, "24h": 0}
        assert found["queue_oldest_seconds", (waiting,)] == pytest.approx(4 * 3600, abs=1)
        assert found["backup_age_seconds", (("kind", "mail"),)] == pytest.approx(5 * 3600, abs=1)
        assert found["certificate_days", ()] == pytest.approx(365 - 4 / 24, abs=0.1)
        assert found["disk_free_octets", (("place", "mail"),)] > 0
        assert (found["breaches_waiting", ()], found["breaches_suspected", ()]) == (2, 1)
        assert found["breach_deadline_seconds", ()] == 72 * 3600
        assert found["requests_open", ()] == 1
        assert found["request_deadline_seconds", ()] > 27 * 86_400
        assert found["drill_ok", ()] == 0
        assert found["retention_failing", ()] == 0
        await house.books.breaches.open("A third one is.")
        assert read(await metrics.scrape())["breaches_waiting", ()] == 2  # asked a moment ago
        desk.clock.advance(timedelta(seconds=FRESH_SECONDS))
        assert read(await metrics.scrape())["breaches_waiting", ()] == 3


def _are_documented(seen: set[str]) -> None:
    """Compare with the names that the documentation lists; it uses no other in its rules."""
    counts = Counts()
    counts.came("mx", "accepted")
    counts.went("delivered")
    counts.fault("full")
    seen |= {name for name, _ in read(exposition(counted(counts)))}
    parts = ("_bucket", "_count", "_sum")
    bare = {next((name.removesuffix(p) for p in parts if name.endswith(p)), name) for name in seen}
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    listed, rules = text.split("Rules to begin with")
    assert set(re.findall(r"`zegel_([a-z_]+)`", listed)) == bare
    assert set(re.findall(r"zegel_([a-z_]+)", rules)) <= bare | seen


async def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        metrics = metrics_of(desk.house, tmp_path)
        (tmp_path / "keystore").rename(tmp_path / "elsewhere")
        found = read(await metrics.scrape())
        assert ("certificate_days", ()) not in found
        assert found["breaches_waiting", ()] == 0


async def test_a_server_answers_on_one_path(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, listeners__metrics__address="127.0.0.1:0")
    await made(settings)
    async with serving(settings) as server:
        base = f"http://127.0.0.1:{server.ports['metrics']}"
        async with httpx.AsyncClient(base_url=base) as client:
            answer = await client.get("/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            before = read(answer.text)
            await asyncio.to_thread(greeted, "127.0.0.1", server.ports["mx"])
            after = read((await client.get("/metrics")).text)
            assert after["connections_total", ()] - before["connections_total", ()] == 1
            assert after["up", ()] == 1
            assert (await client.get("/")).status_code == 404
            assert (await client.post("/metrics")).status_code == 405
    off = settings_in(tmp_path)
    async with serving(off) as server:
        assert "metrics" not in server.ports


def greeted(host: str, port: int) -> None:
    with smtplib.SMTP(host, port) as client:
        client.noop()


@contextmanager
def two(directory: Path, options: tuple[str, ...], port: int) -> Iterator[Server]:
    environ = {"ZEGEL_LISTENERS_METRICS_ADDRESS": f"127.0.0.1:{port}"}
    server = Server(directory, *options, "--workers", "2", environ=environ)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.mark.long
async def test_of_several_processes_one_answers_for_all(tmp_path: Path) -> None:
    (port,) = free_ports(1)

    def scraped() -> dict[tuple[str, str], float]:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        return {
            (one.name, one.labels["process"]): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if set(one.labels) == {"process"}
        }

    async with server_databases("postgresql") as options:
        with two(tmp_path, options, port) as server:
            await asyncio.to_thread(comes_true, lambda: scraped().get(("zegel_up", "1")) == 1)
            for _ in range(40):
                await asyncio.to_thread(greeted, *server.address("mx"))

            def counted_by_both() -> bool:
                found = scraped()
                each = [found["zegel_connections_total", process] for process in "01"]
                return min(each) > 0 and sum(each) >= 40

            await asyncio.to_thread(comes_true, counted_by_both)
