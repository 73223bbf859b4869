"""Mail that has to wait: a real Postfix that is busy, greylists, is down, or must come again.

The server under test is whole, its DNS is real, and its clock is ours, so that hours pass at once.
"""

import asyncio
import re
import smtplib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from mailserver.app.house import House, open_house
from mailserver.app.serving import running
from mailserver.operations.first_run import make_certificate
from mailserver.runtime.background import background
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.tls import ServerTls
from mailserver.store.queue_rows import QueueState
from tests.interop.test_relay_internet import OTHER, POSTFIX, Sender, records, until
from tests.mailserver.app.test_greylisting import ADDRESSES, DELAY, OUR_IP, PORT, mx_in
from tests.support.dns import Records, dns_zone
from tests.support.house import Serving, add_person, made, serving, settings_in
from tests.support.own_network import OwnNetwork, own_network
from tests.support.ports import free_port
from tests.support.postfix import postfix
from tests.support.postgrey import postgrey
from tests.support.screening import BAD_IP, mail_from

pytestmark = pytest.mark.long

LONGER = timedelta(hours=4)
"""More than any wait between two tries, whatever its jitter (`mail.backoff`)."""
BUSY = "451 4.3.2 come again"


@dataclass(frozen=True)
class Waiting:
    """A running Zegel, ann who writes from it, and its clock."""

    ann: Sender
    house: House
    clock: ManualClock

    async def put_off(self, attempts: int) -> None:
        """Wait until the one letter was tried so often and nothing is under way."""
        async with asyncio.timeout(20):
            while True:
                rows = await self.house.store.queue.rows(10)
                if [(row.attempts, row.state) for row in rows] == [(attempts, QueueState.WAITING)]:
                    return
                await asyncio.sleep(0.05)

    async def gone(self) -> None:
        """Wait until nothing is left of the queue."""
        await until(lambda: self.ann.queued() == 0)


@asynccontextmanager
async def waiting(directory: Path, zone: Records, port: int) -> AsyncIterator[Waiting]:
    """Run ann's server over the DNS of `zone`; the others' MX listen on `port`."""
    clock = ManualClock(datetime.now(UTC))
    async with dns_zone(zone) as dns:
        settings = settings_in(
            directory,
            hostname="mail.example.test",
            relay__enabled=True,
            relay__private_addresses=True,
            relay__port=port,
            dns__nameservers=[str(dns.endpoint)],
        )
        await made(settings)
        make_certificate(settings)
        certificate = ServerTls(settings.tls.certificate, settings.tls.private_key)
        async with open_house(settings, clock) as house, background() as tasks:
            secret = await add_person(house, "ann")
            async with running(house, tasks, certificate) as doors:
                ports = {door.name: door.address.port for door in doors}
                ann = Sender(Serving(settings, ports), secret, directory)
                yield Waiting(ann, house, clock)


def shown() -> trustme.LeafCert:
    return trustme.CA().issue_cert("mx.there.test")


async def test_postfix_says_4xx_and_then_2xx(tmp_path: Path) -> None:
    port = free_port(POSTFIX, OTHER)
    answers = f"inline:{{ {{bob@there.test = {BUSY}}} }}"
    busy = f"smtpd_recipient_restrictions = check_recipient_access {answers}"
    async with (
        postfix(shown(), address=POSTFIX, port=port, more=busy) as there,
        waiting(tmp_path, records(port, None), port) as here,
    ):
        await here.ann.submit("bob@there.test")
        await here.put_off(attempts=1)
        assert "451 4.3.2 <bob@there.test>" in there.log
        assert there.messages() == []
        await there.change("smtpd_recipient_restrictions =")
        assert here.ann.queued() == 1, "it waits for its time"
        here.clock.advance(timedelta(minutes=7))  # the first wait is five, give or take one
        await here.gone()
        await until(lambda: len(there.messages()) == 1)
        assert await here.ann.inbox() == [], "nobody is told of what went well in the end"


async def test_who_is_greylisted_comes_again_and_is_let_in(tmp_path: Path) -> None:
    port = free_port(POSTFIX, OTHER)
    async with (
        postgrey(delay_seconds=2) as asks,
        postfix(
            shown(), address=POSTFIX, port=port, more=f"smtpd_recipient_restrictions = {asks}"
        ) as there,
        waiting(tmp_path, records(port, None), port) as here,
    ):
        await here.ann.submit("bob@there.test")
        await here.put_off(attempts=1)
        assert "Greylisted" in there.log
        await asyncio.sleep(2.5)  # postgrey has a clock of its own
        here.clock.advance(timedelta(minutes=7))
        await here.gone()
        await until(lambda: len(there.messages()) == 1)


async def test_a_postfix_that_is_down_for_eight_hours_gets_the_letter_and_ann_hears_of_it_once(
    tmp_path: Path,
) -> None:
    port = free_port(POSTFIX, OTHER)
    async with (
        postfix(shown(), address=POSTFIX, port=port) as there,
        waiting(tmp_path, records(port, None), port) as here,
    ):
        there.kill()
        await here.ann.submit("bob@there.test")
        await here.put_off(attempts=1)
        for attempts in (2, 3):
            here.clock.advance(LONGER)
            await here.put_off(attempts)
        (report,) = await here.ann.inbox()
        assert b"Action: delayed" in report
        await there.start()
        here.clock.advance(LONGER)
        await here.gone()
        await until(lambda: len(there.messages()) == 1)
        assert len(await here.ann.inbox()) == 1


async def test_a_postfix_that_has_ipv6_alone_gets_the_letter_by_it(tmp_path: Path) -> None:
    port = free_port()
    zone = {"there.test": ["MX 10 mx.there.test."], "mx.there.test": ["AAAA ::1"]}
    async with (
        postfix(shown(), address="::1", port=port, more="inet_protocols = all") as there,
        waiting(tmp_path, zone, port) as here,
    ):
        await here.ann.submit("bob@there.test")
        await here.gone()
        await until(lambda: len(there.messages()) == 1)
        assert re.search(r"client=\S+\[::1\]", there.log)


async def test_an_address_of_ipv6_that_answers_nobody_does_not_keep_the_letter(
    tmp_path: Path,
) -> None:
    port = free_port(POSTFIX)
    zone = {
        "there.test": ["MX 10 mx.there.test."],
        "mx.there.test": ["AAAA ::1", f"A {POSTFIX}"],  # nobody listens at the first
    }
    async with (
        postfix(shown(), address=POSTFIX, port=port) as there,
        waiting(tmp_path, zone, port) as here,
    ):
        await here.ann.submit("bob@there.test")
        await here.gone()
        await until(lambda: len(there.messages()) == 1)


async def test_one_zegel_writes_to_another_over_ipv6(tmp_path: Path) -> None:
    port = free_port()
    zone = {"other.test": ["MX 10 mail.other.test."], "mail.other.test": ["AAAA ::1"]}
    there = settings_in(
        tmp_path / "other", hostname="mail.other.test", listeners__mx__address=f"[::1]:{port}"
    )
    await made(there)
    async with open_house(there) as house:
        await house.provisioning.add_domain("other.test")
    async with (
        serving(there),
        waiting(tmp_path / "ours", zone, port) as here,
    ):
        await here.ann.submit("nobody@other.test")
        await here.gone()
        (report,) = await here.ann.inbox()
        assert b"Remote-MTA: dns; mail.other.test" in report
        assert b"Status: 5.1.1" in report


@pytest.fixture
def network() -> Iterator[OwnNetwork]:
    with own_network(*ADDRESSES) as network:
        yield network


def test_a_postfix_whom_we_greylist_comes_again_by_itself(
    network: OwnNetwork, tmp_path: Path
) -> None:
    """It sends from a public address; near ones never wait."""
    more = f"""
relay_domains = example.test
transport_maps = inline:{{ {{example.test = smtp:[{OUR_IP}]:{PORT}}} }}
smtp_bind_address = {BAD_IP}
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
"""

    async def body() -> None:
        async with (
            mx_in(tmp_path) as mx,
            postfix(shown(), address=BAD_IP, port=2525, more=more) as there,
        ):
            octets = mail_from("who@nowhere.test", Date=format_datetime(mx.clock.now()))

            def submit() -> None:
                with smtplib.SMTP(BAD_IP, 2525) as client:
                    client.sendmail("who@nowhere.test", ["noor@example.test"], octets)

            await asyncio.to_thread(submit)
            await until(lambda: "status=deferred" in there.log)
            assert "said: 451 4.7.1" in there.log
            assert "status=sent" not in there.log
            mx.clock.advance(DELAY)
            await until(lambda: "status=sent" in there.log)

    network.run(body())
