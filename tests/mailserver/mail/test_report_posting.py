"""TLS reports by https: where a domain names a web server, until it has them (RFC 8460 §5.4)."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.app.house import House, open_house
from mailserver.mail.report_posting import FIRST_WAIT, GIVE_UP, ReportPosting
from mailserver.mail.report_sending import Author, ReportSending
from mailserver.mailauth.report_addresses import ADDRESSES, tls_destinations
from mailserver.model.web_url import WebUrl
from mailserver.outbound.tls_results import Applied, Observation, PolicyType
from mailserver.runtime.clock import ManualClock
from mailserver.store.reports import day_of
from tests.support.dns import DnsServer, standing_zone, txt
from tests.support.house import made, settings_in
from tests.support.internet import INSIDE, OUTSIDE, Internet, internet
from tests.support.web_host import answer, redirect

NAMES = {"reports.test": [f"A {OUTSIDE}"], "inside.test": [f"A {INSIDE}"]}
RECORDS = {
    "web.test": "rua=https://reports.test/in",
    "both.test": "rua=mailto:tls@both.test,https://reports.test/in,https://reports.test/two",
    "within.test": "rua=https://inside.test/in",
    "odd.test": "rua=http://reports.test/in,https://127.0.0.1/,https://a@reports.test/,ftp://x.test/",
    "many.test": "rua=" + ",".join(f"https://reports.test/{n}" for n in range(9)),
}
ZONE = {
    **NAMES,
    **{f"_smtp._tls.{name}": [txt(f"v=TLSRPTv1; {rua}")] for name, rua in RECORDS.items()},
}
POLICY = Applied(PolicyType.STS, ("version: STSv1", "mode: enforce"), ("mx.there.test",))
TAKEN = answer(status="201 Created")


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(ZONE) as server:
        yield server


@dataclass
class Reporter:
    """A house that reports, and the internet around."""

    house: House
    clock: ManualClock
    there: Internet
    sending: ReportSending

    async def see(self, domain: str) -> None:
        """Let the relay see one session, and the day end."""
        self.house.reports.observe(Observation(domain, POLICY, "mx.there.test", "192.0.2.9"))
        await self.house.reports.ledger.flush()
        self.clock.advance(timedelta(days=1))

    async def later(self, by: timedelta) -> int:
        self.clock.advance(by)
        return await self.sending.send_due()

    async def left(self) -> int:
        """Count the days that are still to be reported."""
        return len(await self.house.store.reports.days(day_of(self.clock.now()) + 1, 10))


@pytest.fixture
async def reporter(tmp_path: Path, dns: DnsServer) -> AsyncIterator[Reporter]:
    clock, settings = ManualClock(), settings_in(tmp_path)
    await made(settings)
    async with open_house(settings, clock) as house, internet(dns.resolver(), NAMES) as there:
        guard, outgoing = house.master.instance_guard, house.outgoing

        async def author() -> Author:
            return Author("ours.test", "mx.ours.test")

        sending = ReportSending(
            *(house.store, guard, outgoing, dns.resolver(), clock, house.offload, author),
            ReportPosting(there.client, clock),
        )
        there.outside.answers = {"/in": TAKEN, "/two": TAKEN}
        yield Reporter(house, clock, there, sending)


async def test_a_report_is_posted_and_done(reporter: Reporter) -> None:
    await reporter.see("web.test")
    assert await reporter.sending.send_due() == 0  # no letter
    (request,) = reporter.there.outside.asked
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in HTTP/1.1\r\nHost: reports.test\r\n")
    assert b"\r\nContent-Type: application/tlsrpt+gzip\r\n" in head
    document = json.loads(gzip.decompress(body))
    assert document["organization-name"] == "mx.ours.test"
    assert document["policies"][0]["policy"]["policy-domain"] == "web.test"
    assert await reporter.left() == 0


async def test_each_place_gets_it_once_however_often_another_fails(reporter: Reporter) -> None:
    reporter.there.outside.answers["/two"] = answer(status="503 Service Unavailable")
    await reporter.see("both.test")
    assert await reporter.sending.send_due() == 1
    assert await reporter.left() == 1
    assert await reporter.sending.send_due() == 0  # too soon to ask again
    reporter.there.outside.answers["/two"] = TAKEN
    assert await reporter.later(FIRST_WAIT) == 0
    assert reporter.there.outside.targets == ["/in", "/two", "/two"]
    assert await reporter.left() == 0
    bodies = {request.partition(b"\r\n\r\n")[2] for request in reporter.there.outside.asked}
    assert len(bodies) == 1


async def test_after_a_day_nobody_is_asked_any_more(reporter: Reporter) -> None:
    reporter.there.outside.answers = {"/in": redirect("https://reports.test/else")}
    await reporter.see("web.test")
    await reporter.sending.send_due()
    asked = 0
    while await reporter.left() and asked < 100:
        await reporter.later(FIRST_WAIT)
        asked += 1
    assert asked * FIRST_WAIT >= GIVE_UP
    assert len(reporter.there.outside.asked) < 15  # at longer and longer intervals
    assert set(reporter.there.outside.targets) == {"/in"}


@pytest.mark.parametrize("domain", ["within.test", "odd.test"])
async def test_nobody_within_gets_a_report(reporter: Reporter, domain: str) -> None:
    await reporter.see(domain)
    assert await reporter.sending.send_due() == 0
    assert reporter.there.outside.connections == 0


async def test_of_many_places_the_first_count(dns: DnsServer) -> None:
    found = await tls_destinations(dns.resolver(), "many.test")
    assert len(found.urls) == ADDRESSES
    both = await tls_destinations(dns.resolver(), "both.test")
    assert [str(one) for one in both.mailboxes] == ["tls@both.test"]
    assert both.urls[0] == WebUrl("https", "reports.test", "/in")
    assert not await tls_destinations(dns.resolver(), "odd.test")
