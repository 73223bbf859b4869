"""The relay at work: the queue, real mail hosts on sockets, and a clock that we set."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.mail.backoff import Schedule
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.parcels import Due
from mailserver.model.address import Address
from mailserver.model.envelope import Notify
from mailserver.model.errors import Condition, Refused
from mailserver.outbound.route import Via
from mailserver.outbound.runner import FIRST_REST, RECIPIENTS, grouped
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.store.instants import to_microseconds
from tests.support.mail_host import MailHost, hosting
from tests.support.outgoing import MESSAGE, SENDER, onward, outgoing, parcel
from tests.support.relaying import LIFE, Post, running
from tests.support.store import build, opened


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    clock = ManualClock()
    offload = Offload(2)
    async with AsyncExitStack() as stack:
        stack.callback(offload.close)
        store = await stack.enter_async_context(
            opened(f"sqlite:///{tmp_path / 'mail.db'}", tmp_path / "blobs", clock)
        )
        yield Post(store, clock, offload, await build(store))


async def test_t_tls_6_a_message_leaves_signed_and_nothing_stays_behind(post: Post) -> None:
    await post.put("bob@there.test", "eve@there.test")
    async with post.host(MailHost()) as there, running(post.relay()):
        await post.empty()
    assert there.contents == [b"DKIM-Signature: of zegel.test\r\n" + MESSAGE + b".\r\n"]
    assert sum(line.startswith("RCPT") for line in there.commands) == 2
    assert post.signed == ["zegel.test"]
    assert post.reports == []
    rows = await post.store.queue.counts()
    assert sum(rows.values()) == 0


async def test_recipients_of_one_message_share_a_transaction(post: Post) -> None:
    await post.put(*(f"r{number}@there.test" for number in range(RECIPIENTS + 30)))
    dues = []
    while found := await post.queue.due(500):
        dues += found
        await post.queue.tend()
        if len(dues) >= 20:  # as many as one destination is given at once
            break
    assert {len(group) for group in grouped(dues)} == {20}
    many = [replace(dues[0], recipient=onward(f"r{number}@there.test")) for number in range(250)]
    assert [len(group) for group in grouped(many)] == [100, 100, 50]
    elsewhere = replace(dues[0], recipient=onward("x@other.test"))
    assert len(grouped([dues[0], elsewhere])) == 2
    await post.queue.give_back(dues)


async def test_4xx_then_2xx(post: Post) -> None:
    await post.put()
    there = MailHost(says={"RCPT": "450 4.2.0 grey"})
    async with post.host(there), running(post.relay()):
        await post.until(lambda: "DATA" in there.commands)
        there.says = {}
        await post.put_off()
        assert there.contents == [b".\r\n"]  # nobody was left to take it
        post.clock.advance(timedelta(minutes=7))
        await post.empty()
    assert len(there.contents) == 2
    assert post.reports == []


async def test_each_recipient_of_a_message_fares_alone(post: Post) -> None:
    await post.put("bob@there.test", "gone@there.test", "grey@there.test")
    says = {"RCPT gone": "550 5.1.1 no such user", "RCPT grey": "451 4.7.1 later"}
    async with post.host(MailHost(says=says)) as there, running(post.relay()):
        await post.until(lambda: len(post.reports) == 1)
        await post.empty(left=1)
        there.says = {}
        post.clock.advance(timedelta(minutes=7))
        await post.empty()
    assert len(there.contents) == 2
    (report,) = post.reports
    assert "Final-Recipient: rfc822; gone@there.test" in report
    assert "Diagnostic-Code: smtp; 550 5.1.1 no such user" in report
    assert "bob@there.test" not in report
    (address, incoming) = post.box.taken[0]
    assert address == str(SENDER)
    assert incoming.sender is None


async def test_several_failures_of_a_message_are_one_report(post: Post) -> None:
    await post.put(*(f"r{number}@there.test" for number in range(10)))
    async with post.host(MailHost(says={"RCPT": "550 5.1.1 nobody"})), running(post.relay()):
        await post.until(lambda: bool(post.reports))
        await post.empty()
    (report,) = post.reports
    assert report.count("Final-Recipient") == 10


async def test_a_host_that_is_down_for_hours(post: Post) -> None:
    async with hosting(gone := MailHost()):
        pass
    post.routes["there.test"] = Via("127.0.0.1", gone.port, "none")
    await post.put()
    for _ in range(20):
        await post.put()  # more mail for it, which need not all try
    async with running(post.relay()):
        await post.hours(5)
        await post.until(lambda: bool(post.reports))
        assert "Action: delayed" in post.reports[0]  # after four hours
        up = MailHost()
        server = await asyncio.start_server(up.talk, "127.0.0.1", gone.port)
        await post.hours(8)
        await post.empty()
    server.close()
    up.ended.set()
    await asyncio.gather(*up.talks, return_exceptions=True)
    assert len(up.contents) == 21
    assert all("Action: delayed" in report for report in post.reports)


async def test_failures_of_one_moment_are_one_rest(post: Post) -> None:
    async with hosting(gone := MailHost()):
        pass
    post.routes["there.test"] = Via("127.0.0.1", gone.port, "none")
    for _ in range(15):
        await post.put()
    async with running(post.relay()):
        await post.put_off(rows=15)
    (destination,) = await post.store.queue.destinations(10)
    assert destination.rest_until == to_microseconds(post.clock.now() + FIRST_REST)


async def test_mail_that_nobody_takes_is_returned_after_five_days(post: Post) -> None:
    await post.put()
    there = MailHost(says={"MAIL": "451 4.3.2 not today"})
    async with post.host(there), running(post.relay()):
        await post.put_off()
        post.clock.advance(LIFE)
        await post.empty()
    assert [report.count("Action: failed") for report in post.reports] == [1]
    assert "Status: 4.4.7" in post.reports[0]
    assert "not today" in post.reports[0]


async def test_reports_that_the_sender_did_not_want_are_not_made(post: Post) -> None:
    await post.put(onward("gone@there.test", Notify.NEVER), onward("no@there.test", Notify.DELAY))
    says = {"RCPT": "550 5.1.1 no such user"}
    async with post.host(MailHost(says=says)), running(post.relay()):
        await post.empty()
    assert post.reports == []


@pytest.mark.parametrize(("offers", "reports"), [(("DSN",), 0), ((), 1)])
async def test_success_is_told_where_the_next_server_cannot(
    post: Post, offers: tuple[str, ...], reports: int
) -> None:
    await post.put(onward("bob@there.test", Notify.SUCCESS))
    async with post.host(MailHost(offers=offers)) as there, running(post.relay()):
        await post.until(lambda: bool(there.contents))
        await post.empty()
    assert [report.count("Action: relayed") for report in post.reports] == [1] * reports
    assert any("NOTIFY=SUCCESS" in line for line in there.commands) == (not reports)


async def test_about_a_report_nothing_is_reported(post: Post) -> None:
    made = parcel(post.guards, post.owner.account, sender=None)
    await post.queue.enqueue(made)
    async with post.host(MailHost(says={"RCPT": "550 5.1.1 nobody"})), running(post.relay()):
        await post.empty()
    assert post.reports == []


async def test_a_report_to_nobody_goes_nowhere(post: Post) -> None:
    nobody = Address("nobody", "zegel.test")
    await post.queue.enqueue(parcel(post.guards, post.owner.account, sender=nobody))
    async with post.host(MailHost(says={"RCPT": "550 5.1.1 nobody"})), running(post.relay()):
        await post.empty()
    assert post.reports == []


async def test_our_own_people_get_queued_mail_too(post: Post) -> None:
    post.box.complaints["full"] = Refused(Condition.OVER_QUOTA, "the mailbox is full")
    post.box.complaints["never"] = Refused(Condition.NOT_PERMITTED, "the reader wants none of it")
    await post.put("eve@zegel.test", "never@zegel.test", "full@zegel.test", "nobody@zegel.test")
    async with running(post.relay()):
        await post.until(lambda: len(post.box.taken) == 2)
        await post.put_off()
        post.box.complaints = {}
        post.clock.advance(timedelta(minutes=7))
        await post.empty()
    assert sorted(address for address, _ in post.box.taken) == [
        *("ann@zegel.test", "eve@zegel.test", "full@zegel.test")
    ]
    (report,) = (text for text in post.reports if "delivery-status" in text)
    assert report.count("Action: failed") == 2


async def test_a_domain_that_must_have_tls_gets_its_mail_back_after_a_day(post: Post) -> None:
    async with hosting(there := MailHost()):
        post.routes["there.test"] = Via("127.0.0.1", there.port, "starttls")
        post.mandatory["there.test"] = ()
        await post.put()
        async with running(post.relay()):
            await post.put_off(1)
            assert there.connections == 1
            post.clock.advance(timedelta(hours=23))
            await post.put_off(2)
            assert there.connections == 2
            post.clock.advance(timedelta(hours=4))
            await post.until(lambda: any("Action: failed" in each for each in post.reports))
            await post.empty()
    assert there.contents == []
    assert "Status: 5.7.10" in post.reports[-1]


async def test_a_message_that_no_server_may_see_fails(post: Post) -> None:
    await post.put(message=b"From: ann@zegel.test\r\n\r\nbare\nnewline\r\n")
    async with post.host(MailHost()) as there, running(post.relay()):
        await post.until(lambda: bool(post.reports))
        await post.empty()
    assert there.contents == []
    assert "Status: 5.6.0" in post.reports[0]


async def test_a_connection_lost_after_the_last_dot_doubles_and_never_loses(post: Post) -> None:
    await post.put()
    async with post.host(MailHost(drops={"END"})) as there, running(post.relay()):
        await post.put_off()
        assert len(there.contents) == 1
        there.drops = set()
        post.clock.advance(timedelta(minutes=7))
        await post.empty()
    assert len(there.contents) == 2  # what SMTP cannot avoid: RFC 1047
    assert there.contents[0] == there.contents[1]


async def test_an_idle_connection_that_the_server_closed_is_no_delay(post: Post) -> None:
    async with post.host(MailHost()) as there, running(post.relay()):
        await post.put()
        await post.empty()
        for writer in there.talks.values():
            writer.close()
        await post.put()
        await post.empty()
        there.drops = {"MAIL"}  # it closes at the next command of a conversation that it kept
        await post.put()
        await post.until(lambda: there.connections == 3)
    assert len(there.contents) == 2


async def test_connections_are_used_again_and_let_go(post: Post) -> None:
    async with post.host(MailHost()) as there, running(post.relay()):
        for _ in range(5):
            await post.put()
            await post.empty()
        assert there.connections == 1
        post.clock.advance(timedelta(seconds=30))
        await post.put()
        await post.empty()
        assert there.connections == 2
    assert there.commands[-1] == "QUIT"


async def test_recipients_that_a_server_takes_in_portions_all_get_it(post: Post) -> None:
    await post.put(*(f"r{number}@there.test" for number in range(9)))
    there = MailHost(at_most=4)
    async with post.host(there), running(post.relay()):
        await post.empty()
    assert len(there.contents) == 3


async def test_two_relays_send_nothing_twice(post: Post) -> None:
    for number in range(60):
        await post.put(f"r{number}@there.test")
    second = outgoing(post.store, post.guards, post.clock, post.offload, Schedule(life=LIFE))
    there = MailHost()
    async with post.host(there), running(post.relay()), running(post.relay(second)):
        await post.empty()
    assert len(there.contents) == 60


async def test_stopping_lets_transactions_end_and_gives_the_rest_back(post: Post) -> None:
    there = MailHost(delay=0.5)
    async with post.host(there):
        for number in range(5):
            await post.put(f"r{number}@there.test")
        async with running(post.relay()):
            await post.until(lambda: any("RCPT" in line for line in there.commands))
        sent = len(there.contents)
        assert sent >= 1
        assert sent + await post.waiting() == 5
        there.delay = 0
        async with running(post.relay()):
            await post.empty()
    assert len(there.contents) == 5


async def test_a_paused_destination_waits(post: Post) -> None:
    await post.queue.tune("there.test", paused=True)
    await post.put()
    async with post.host(MailHost()) as there, running(post.relay()):
        await asyncio.sleep(0.3)
        assert there.connections == 0
        await post.queue.tune("there.test", paused=False)
        await post.empty()
    assert len(there.contents) == 1


class Broken(Outgoing):
    """A queue that breaks, as no queue should, the first times it is asked."""

    left = 1

    async def due(self, limit: int) -> list[Due]:
        if self.left:
            self.left -= 1
            raise ValueError("canary")
        return await super().due(limit)


async def test_a_bug_in_reading_the_queue_ends_no_relay(
    post: Post, capfd: pytest.CaptureFixture[str]
) -> None:
    queue = Broken(
        post.store,
        post.guards.of,
        post.guards.instance,
        post.clock,
        post.offload,
        Schedule(life=LIFE),
    )
    await post.put()
    async with post.host(MailHost()) as there, running(post.relay(queue)):
        await post.empty()
    assert len(there.contents) == 1
    said = capfd.readouterr().err
    assert '"error":"ValueError"' in said
    assert "canary" not in said
