"""Reports between servers, both ways: counted, written, sent where they are wanted, and taken."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import cast

import pytest
from dmarc_report.parser import DMARCParser

from mailserver.app.house import House, open_house
from mailserver.mail.incoming import Incoming
from mailserver.mail.outgoing import Due
from mailserver.mail.report_intake import OCTETS_A_DAY, ReportIntake, opened
from mailserver.mail.report_ledger import LINES, ReportLedger, Session
from mailserver.mailauth.dmarc_record import Policy
from mailserver.mailauth.report_addresses import tls_uris
from mailserver.mailauth.verdict import judge
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.errors import Condition, MailError, PeerFault, Refused, Transient
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.outbound.tls_results import Applied, Observation, PolicyType
from mailserver.protocol.reports.dmarc import DmarcReport
from mailserver.protocol.reports.dmarc_read import parse
from mailserver.protocol.reports.unpack import attachments
from mailserver.runtime.clock import ManualClock
from mailserver.store.ageing import Aged
from mailserver.store.reports import NewReport, ReportKind, day_of
from mailserver.store.store import Store
from tests.support.dns import DnsServer, standing_zone, txt
from tests.support.house import made, settings_in
from tests.support.reports import OLD_STYLE, TLS_STYLE, gzipped_mail, mail_with

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLIENT = Client("192.0.2.7", "out.sender.test", None, True, False)
DMARC = "v=DMARC1; p=reject; sp=none; adkim=s; rua=mailto:{}"
ZONE = {
    "sender.test": [txt("v=spf1 ip4:192.0.2.7 -all"), "A 192.0.2.7"],
    "_dmarc.sender.test": [txt(DMARC.format("dmarc-reports@sender.test"))],
    "quiet.test": ["A 192.0.2.7"],
    "_dmarc.quiet.test": [txt("v=DMARC1; p=reject")],
    "pushy.test": ["A 192.0.2.7"],
    "_dmarc.pushy.test": [txt(DMARC.format("flood@victim.test"))],
    "agreed.test": ["A 192.0.2.7"],
    "_dmarc.agreed.test": [txt(DMARC.format("in@reports.test,mailto:a@agreed.test"))],
    "agreed.test._report._dmarc.reports.test": [txt("v=DMARC1; rua=mailto:other@reports.test")],
    "moved.test": ["A 192.0.2.7"],
    "_dmarc.moved.test": [txt(DMARC.format("in@reports.test"))],
    "moved.test._report._dmarc.reports.test": [txt("v=DMARC1; rua=mailto:flood@victim.test")],
    "_smtp._tls.there.test": [
        txt("v=TLSRPTv1; rua=https://r.test/x,mailto:tls-reports@there.test")
    ],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(ZONE, servfail=["down.test"]) as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def houses(
    tmp_path: Path, dns: DnsServer, clock: ManualClock
) -> AsyncIterator[tuple[House, House]]:
    """Two servers: who reports, for ours.test, and who is reported to, for sender.test."""
    async with AsyncExitStack() as stack:
        found = []
        for domain in ("ours.test", "sender.test"):
            settings = settings_in(
                tmp_path / domain,
                hostname=f"mx.{domain}",
                relay__enabled=True,
                dns__nameservers=str(dns.endpoint),
            )
            await made(settings)
            house = await stack.enter_async_context(open_house(settings, clock))
            await house.provisioning.add_domain(domain)
            found.append(house)
        yield (found[0], found[1])


def letter(domain: str) -> bytes:
    return f"From: a@{domain}\r\nSubject: hello\r\n\r\nWords.\r\n".encode()


async def judged(house: House, domain: str, *, times: int = 1, ip: str = CLIENT.ip) -> None:
    client = Client(ip, CLIENT.helo, None, True, False)
    verdict = await judge(
        house.resolver, letter(domain), client, Address("a", domain), now=house.clock.now()
    )
    for _ in range(times):
        house.reports.ledger.judged(verdict, client, verdict.policy)


async def queued(house: House) -> list[tuple[Due, bytes]]:
    dues = await house.outgoing.due(100)
    return [(due, (await house.outgoing.content(due)).reveal()) for due in dues]


async def reported(house: House, clock: ManualClock) -> list[tuple[Due, bytes]]:
    """Let the day end, and return the letters that then wait to be sent."""
    await house.reports.ledger.flush()
    clock.advance(timedelta(days=1))
    await house.reports.sending.send_due()
    return await queued(house)


def read(letter: bytes) -> DmarcReport:
    (octets,) = attachments(letter)
    assert DMARCParser.parse_bytes(octets).warnings == []
    return parse(octets)


async def take(house: House, octets: bytes, to: str, client: Client | None = None) -> None:
    recipient = await house.delivery.recipient(Address.parse(to))
    incoming = Incoming(Plaintext(octets), None, b"Received: x\r\n", client=client)
    (outcome,) = await house.delivery.deliver(incoming, [recipient])
    if outcome is not None:
        raise outcome


async def test_a_days_verdicts_are_reported_to_their_domain_which_takes_the_report(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, theirs = houses
    await judged(ours, "sender.test", times=5)
    await judged(ours, "sender.test", times=2, ip="2001:db8::66")
    ((due, octets),) = await reported(ours, clock)
    assert str(due.recipient.address) == "dmarc-reports@sender.test"
    assert due.envelope.sender is None
    report = read(octets)
    assert report.published.domain == "sender.test"
    assert (report.published.policy, report.published.subdomains) == ("reject", "none")
    assert (report.published.adkim, report.published.aspf) == ("s", "r")
    good, bad = report.lines
    assert (good.count, good.ip, good.disposition, good.spf, good.dkim) == (
        *(5, "192.0.2.7", "pass"),
        *("pass", "fail"),
    )
    assert (bad.count, bad.disposition, bad.passed) == (2, "reject", False)
    assert report.end - report.begin == 86_399
    assert report.begin == datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    await take(theirs, octets, "dmarc-reports@sender.test")
    since = clock.now() - timedelta(days=1)
    (row,) = await theirs.store.reports.page("sender.test", ReportKind.DMARC, since, 10)
    assert (row.total, row.failed) == (7, 2)
    kept = opened(theirs.master.instance_guard, row)
    assert kept is not None
    assert kept.report == report


async def test_the_letter_is_signed_by_the_authors_domain(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    await judged(ours, "sender.test")
    ((_, octets),) = await reported(ours, clock)
    message = cast(Message, message_from_bytes(octets, policy=default))
    assert message["From"] == "postmaster@ours.test"
    assert message["Subject"].startswith("Report Domain: sender.test Submitter: mx.ours.test Rep")
    name = next(part.get_filename() for part in message.walk() if part.get_filename())
    assert name is not None
    assert name.startswith("mx.ours.test!sender.test!1772409600!1772495999!")
    assert name.endswith(".xml.gz")
    assert (await ours.signing.sign("ours.test", octets)).startswith(b"DKIM-Signature:")


async def test_what_is_reported_is_counted_no_longer(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    await judged(ours, "sender.test")
    await reported(ours, clock)
    clock.advance(timedelta(days=1))
    assert await ours.reports.sending.send_due() == 0


async def test_a_report_that_is_made_again_is_the_same_letter(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    letters = []
    for _ in range(2):
        clock_day = clock.now()
        await judged(ours, "sender.test")
        await ours.reports.ledger.flush()
        rows = await ours.store.reports.days(day_of(clock_day) + 1, 10)
        observed = await ours.store.reports.of_day(rows[0], 10)
        clock.advance(timedelta(days=1))
        await ours.reports.sending.send_due()
        letters.append((await queued(ours))[-1][1])
        await ours.store.reports.observe(observed)  # as if its counts had not been dropped
        await ours.reports.sending.send_due()
        again = (await queued(ours))[-1][1]
        assert again == letters[-1]
    assert letters[0] != letters[1]


async def test_nobody_is_told_who_does_not_ask(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    await judged(ours, "quiet.test")
    await judged(ours, "nowhere.test")
    await ours.reports.ledger.flush()
    assert await ours.store.reports.days(day_of(clock.now()) + 1, 10) == []


async def test_an_address_elsewhere_gets_nothing_unless_it_agreed(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    for domain in ("pushy.test", "agreed.test", "moved.test"):
        await judged(ours, domain)
    found = await reported(ours, clock)
    assert {str(due.recipient.address) for due, _ in found} == {
        "other@reports.test",  # as it asked: not the address that agreed.test named
        "a@agreed.test",
    }


async def test_a_domain_whose_dns_is_down_has_its_turn_later(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    ours.reports.ledger.spoke("down.test", Session("sts"))
    assert await reported(ours, clock) == []
    (day,) = await ours.store.reports.days(day_of(clock.now()), 10)
    assert day.kind is ReportKind.TLS
    await ours.store.ageing.end(Aged.OBSERVATIONS, clock.now())
    assert await ours.store.reports.days(day_of(clock.now()), 10) == []


async def test_tls_sessions_are_reported_where_a_domain_asks(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    sts = Applied(PolicyType.STS, ("version: STSv1", "mode: testing"), ("mx.there.test",))
    good = Observation("there.test", sts, "mx.there.test", "192.0.2.9")
    bad = Observation("there.test", sts, "mx.there.test", "192.0.2.9", "certificate-expired", "x")
    for seen in (good, good, bad, Observation("silent.test", Applied(), "mx.s.test", "192.0.2.8")):
        ours.reports.observe(seen)
    ((due, octets),) = await reported(ours, clock)
    assert str(due.recipient.address) == "tls-reports@there.test"
    message = message_from_bytes(octets, policy=default)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert message["TLS-Report-Domain"] == "there.test"
    assert message["TLS-Required"] == "No"
    (part,) = (part for part in message.walk() if part.get_content_subtype() == "tlsrpt+gzip")
    document = json.loads(gzip.decompress(part.get_payload(decode=True)))  # type: ignore[arg-type]
    (policy,) = document["policies"]
    assert policy["summary"] == {
        "total-successful-session-count": 2,
        "total-failure-session-count": 1,
    }
    assert policy["failure-details"][0]["result-type"] == "certificate-expired"
    assert policy["policy"]["mx-host"] == ["mx.there.test"]


async def test_what_cannot_be_written_now_is_counted_on(
    houses: tuple[House, House], tmp_path: Path, clock: ManualClock
) -> None:
    ours, _ = houses
    away = await Store.open(ours.settings.database_url, tmp_path / "blobs", clock=clock)
    await away.close()
    ledger = ReportLedger(away, ours.master.instance_guard, clock)
    for _ in range(2):
        ledger.spoke("there.test", Session("sts"))
        with pytest.raises(Transient):
            await ledger.flush()
    assert ledger.waiting == 2


async def test_counting_takes_a_bounded_amount_of_memory(houses: tuple[House, House]) -> None:
    ours, _ = houses
    for number in range(LINES + 10):
        ours.reports.ledger.spoke("there.test", Session("sts", ip=str(number)))
    await ours.reports.ledger.flush()
    (day,) = await ours.store.reports.days(day_of(NOON) + 1, 10)
    assert len(await ours.store.reports.of_day(day, 2 * LINES)) == LINES


async def test_what_is_no_report_about_the_domain_is_refused(houses: tuple[House, House]) -> None:
    _, theirs = houses
    for octets in (letter("x.test"), gzipped_mail(), mail_with(b"<html/>", "text/xml", "r.xml")):
        with pytest.raises(Refused) as told:
            await take(theirs, octets, "dmarc-reports@sender.test")
        assert told.value.condition is Condition.NOT_PERMITTED


async def test_a_bomb_is_refused(houses: tuple[House, House]) -> None:
    _, theirs = houses
    bomb = gzip.compress(b"<" * (64 << 20))
    with pytest.raises(PeerFault):
        await take(theirs, mail_with(bomb), "dmarc-reports@sender.test")


async def test_reports_about_subdomains_and_tls_are_taken(houses: tuple[House, House]) -> None:
    _, theirs = houses
    sub = OLD_STYLE.replace(b"<domain>example.org", b"<domain>sub.sender.test", 1)
    await take(theirs, gzipped_mail(sub), "DMARC-reports@sender.test")
    tls = TLS_STYLE.replace(b'domain":"example.org', b'domain":"sender.test')
    await take(theirs, mail_with(gzip.compress(tls)), "tls-reports@sender.test")
    since = NOON - timedelta(days=1)
    for kind in ReportKind:
        (row,) = await theirs.store.reports.page("sender.test", kind, since, 10)
        assert row.proven  # it came from this very machine


async def test_a_report_that_nobody_vouches_for_is_marked(houses: tuple[House, House]) -> None:
    _, theirs = houses
    octets = gzipped_mail(OLD_STYLE.replace(b"<domain>example.org", b"<domain>sender.test", 1))
    await take(theirs, octets, "dmarc-reports@sender.test", CLIENT)
    since = NOON - timedelta(days=1)
    (row,) = await theirs.store.reports.page("sender.test", ReportKind.DMARC, since, 10)
    assert not row.proven


async def test_too_many_reports_a_day_are_put_off(houses: tuple[House, House]) -> None:
    _, theirs = houses
    huge = Guarded(bytes(OCTETS_A_DAY))
    await theirs.store.reports.add(
        NewReport("sender.test", b"n" * 16, ReportKind.TLS, True, 1, 0, huge)
    )
    octets = gzipped_mail(OLD_STYLE.replace(b"<domain>example.org", b"<domain>sender.test", 1))
    with pytest.raises(Transient):
        await take(theirs, octets, "dmarc-reports@sender.test")


async def test_the_addresses_of_reports_are_those_of_our_domains_alone(
    houses: tuple[House, House],
) -> None:
    _, theirs = houses
    assert not ReportIntake.takes(Address("postmaster", "sender.test"))
    with pytest.raises(MailError) as told:
        await theirs.delivery.recipient(Address("dmarc-reports", "foreign.test"))
    assert told.value.condition is Condition.NO_SUCH_DOMAIN


async def test_a_verdict_that_a_trusted_forwarder_outweighs_says_so(
    houses: tuple[House, House], clock: ManualClock
) -> None:
    ours, _ = houses
    client = Client("192.0.2.99", "fwd.test", None, True, False)
    verdict = await judge(
        ours.resolver, letter("sender.test"), client, Address("a", "fwd.test"), now=clock.now()
    )
    assert verdict.policy is Policy.REJECT
    ours.reports.ledger.judged(verdict, client, Policy.NONE)
    ((_, octets),) = await reported(ours, clock)
    (line,) = read(octets).lines
    assert (line.disposition, line.reasons[0][0]) == ("none", "trusted_forwarder")


@pytest.mark.parametrize(
    ("texts", "uris"),
    [
        ([b"v=TLSRPTv1; rua=mailto:a@b.test"], ("mailto:a@b.test",)),
        (
            [b"v=TLSRPTv1;rua=mailto:a@b.test,https://c.test/;"],
            ("mailto:a@b.test", "https://c.test/"),
        ),
        ([b"v=TLSRPTv1; rua=mailto:a@b.test"] * 2, None),
        ([b"v=TLSRPTv1"], None),
        ([b"v=TLSRPTv1; no=rua"], None),
        ([b"something else"], None),
        ([], None),
    ],
)
def test_tls_report_records_are_read(texts: list[bytes], uris: tuple[str, ...] | None) -> None:
    assert tls_uris(texts) == uris
