"""T-RATE-1: how much an account sends, and what stops one that looks stolen (PRIVACY §8 Rates)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest

from mailserver.accounts.sending import FROZEN, NEW_FOR, Span
from mailserver.audit.entry import Event
from mailserver.mail.outgoing import Parcel
from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Onward, RemoteReply
from mailserver.model.errors import Condition, Conflict, Refused
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings import Limits
from mailserver.store.ageing import Aged
from mailserver.store.queue_rows import QueueState
from mailserver.store.sending import Count
from tests.support.mail import MailNode, letter, messages, open_mail
from tests.support.post import Post, post

ALICE = "alice@example.org"
HOME, ABROAD = "192.0.2.7", "203.0.113.9"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GONE = RemoteReply("no such user", 550, "5.1.1", "mx.else.test")


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    """A node with mail, on each engine in turn."""
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node


@pytest.fixture
async def office(mail: MailNode) -> Post:
    """Alice, who signed up more than a week ago, under the limits as they come."""
    await mail.account()
    mail.node.clock.advance(NEW_FOR)
    return post(mail)


def some(count: int, start: int = 0) -> list[str]:
    return [f"r{number}@else.test" for number in range(start, start + count)]


async def refused(office: Post, *to: str, peer: str = HOME) -> Refused:
    with pytest.raises(Refused) as raised:
        await office.submit(ALICE, *to, peer=peer)
    return raised.value


async def test_t_rate_1_thirty_messages_a_minute(office: Post) -> None:
    for _ in range(30):
        assert await office.submit(ALICE, "r@else.test") == [None]
    refusal = await refused(office, "r@else.test")
    assert refusal.condition is Condition.LIMIT  # 450 4.7.1
    assert "30 messages a minute" in refusal.text
    queued = await office.mail.node.store.queue.rows(100)
    assert len(queued) == 30  # nothing of what was refused
    office.mail.node.clock.advance(2 * MINUTE)
    assert await office.submit(ALICE, "r@else.test") == [None]


async def test_t_rate_1_two_hundred_recipients_an_hour(office: Post) -> None:
    known = some(40)
    for _ in range(5):
        assert await office.submit(ALICE, *known) == [None] * 40
    refusal = await refused(office, "r0@else.test")
    assert "200 recipients an hour" in refusal.text
    office.mail.node.clock.advance(2 * HOUR)
    assert await office.submit(ALICE, *known) == [None] * 40


async def test_t_rate_1_a_thousand_recipients_a_day(office: Post) -> None:
    known = some(40)
    for _ in range(5):
        for _ in range(5):
            await office.submit(ALICE, *known)
        office.mail.node.clock.advance(2 * HOUR)
    refusal = await refused(office, "r0@else.test")
    assert "1000 recipients a day" in refusal.text
    office.mail.node.clock.advance(2 * DAY)
    assert await office.submit(ALICE, *known) == [None] * 40


async def test_t_rate_1_more_than_ever_allowed_is_told_as_such(office: Post) -> None:
    refusal = await refused(office, *some(201))
    assert refusal.condition is Condition.TOO_MANY  # 452 4.5.3: send to fewer
    assert "200 recipients an hour, no more" in refusal.text


async def test_t_rate_1_a_new_account_has_a_quarter(mail: MailNode) -> None:
    await mail.account()
    office = post(mail)
    for _ in range(7):
        assert await office.submit(ALICE, "r@else.test") == [None]
    assert "7 messages a minute" in (await refused(office, "r@else.test")).text
    mail.node.clock.advance(NEW_FOR)
    assert await office.submit(ALICE, "r@else.test") == [None]


async def test_t_rate_1_counts_are_shared_and_outlive_a_restart(office: Post) -> None:
    """Another process, or the same one later, is another `Post` over the same store."""
    again = post(office.mail)
    for number in range(30):
        assert await (office, again)[number % 2].submit(ALICE, "r@else.test") == [None]
    assert (await refused(again, "r@else.test")).condition is Condition.LIMIT
    assert (await refused(post(office.mail), "r@else.test")).condition is Condition.LIMIT


async def test_t_rate_1_the_turn_of_a_window_gives_nothing_extra(office: Post) -> None:
    store, clock = office.mail.node.store, office.mail.node.clock
    account = (await office.mail.node.directory.find(Address.parse(ALICE))).account_id
    clock.advance(MINUTE - timedelta(seconds=clock.now().timestamp() % 60))  # at a turn
    clock.advance(timedelta(seconds=59))
    ten = Count(Span.MESSAGES, MINUTE, 10, 10)
    assert (await store.sending.charge(account, [ten])).refused is None
    clock.advance(timedelta(seconds=1))
    counted = await store.sending.charge(account, [ten._replace(amount=1)])
    assert counted.refused is not None
    clock.advance(counted.wait)
    assert (await store.sending.charge(account, [ten._replace(amount=1)])).refused is None


async def test_t_rate_1_wait_is_long_enough_whatever_is_asked(office: Post) -> None:
    store, clock = office.mail.node.store, office.mail.node.clock
    account = (await office.mail.node.directory.find(Address.parse(ALICE))).account_id
    for amount, after in ((10, 3), (4, 50), (10, 20), (7, 41), (1, 0), (10, 7)):
        count = Count(Span.MESSAGES, MINUTE, amount, 10)
        for _ in range(4):
            counted = await store.sending.charge(account, [count])
            if counted.refused is None:
                break
            assert counted.wait > timedelta(0)
            clock.advance(counted.wait + timedelta(microseconds=10))
        assert counted.refused is None
        clock.advance(timedelta(seconds=after))


async def failing(office: Post, count: int) -> None:
    """Let mail to so many recipients fail for good."""
    while count:
        leased = await office.outgoing.due(min(count, 20))  # so many of one domain at once
        assert leased
        for due in leased:
            await office.outgoing.failed(due, GONE)
        count -= len(leased)


async def settle_in(office: Post) -> None:
    """Let Alice write to a few from home, who are nobody any more, and a week go by."""
    await office.submit(ALICE, *some(10))
    await failing(office, 10)
    office.mail.node.clock.advance(NEW_FOR)


async def frozen(office: Post) -> bool:
    account = (await office.mail.node.directory.find(Address.parse(ALICE))).account_id
    return FROZEN in (await office.mail.node.keyring.account(account, fresh=True)).record.policy


async def test_t_rate_1_many_strangers_from_a_new_network_stop_sending_and_nothing_else(
    office: Post,
) -> None:
    await settle_in(office)
    await office.submit(ALICE, *some(40, 100), peer=ABROAD)
    waiting = await office.leaving()
    await office.outgoing.give_back(waiting)
    refusal = await refused(office, *some(15, 200), peer=ABROAD)
    assert refusal.condition is Condition.NOT_PERMITTED
    assert await frozen(office)
    assert (await refused(office, "r0@else.test")).condition is Condition.NOT_PERMITTED
    node = office.mail.node
    account = (await node.directory.find(Address.parse(ALICE))).account_id
    events = [row.event for row in await node.store.audit.of_account(account, 100)]
    assert events.count(Event.SENDING_FROZEN.value) == 1
    # What the thief had queued stays where it is.
    assert await office.leaving() == []
    rows = await node.store.queue.rows(100)
    assert {row.state for row in rows} == {QueueState.HELD}
    # Its owner signs in, reads and receives, and is told.
    assert await office.arrive(ALICE) is None
    account_ = await office.mail.sign_in()
    octets = [m.octets for m in await messages(account_, content=True) if m.octets is not None]
    said = [message_from_bytes(each.reveal(), policy=SMTP)["Subject"] for each in octets]
    assert "Sending from your account was stopped" in said
    await office.sending.unfreeze(account)
    assert not await frozen(office)
    assert await office.submit(ALICE, "r0@else.test") == [None]
    with pytest.raises(Conflict):
        await office.sending.unfreeze(account)


async def test_t_rate_1_neither_sign_alone_stops_anybody(office: Post) -> None:
    await settle_in(office)
    await office.submit(ALICE, *some(80, 100), peer=HOME)  # strangers, from home
    office.mail.node.clock.advance(NEW_FOR)
    await office.submit(ALICE, *some(80, 100), peer=ABROAD)  # known, from abroad
    assert not await frozen(office)


async def test_t_rate_1_an_account_without_habits_is_no_thief(office: Post) -> None:
    """Its first newsletter is not stopped: it has never sent from anywhere."""
    assert await office.submit(ALICE, *some(60), peer=ABROAD) == [None] * 60
    assert not await frozen(office)


async def test_t_rate_1_many_recipients_who_are_nobody_stop_sending(office: Post) -> None:
    await settle_in(office)
    for start in (100, 200):
        await office.submit(ALICE, *some(30, start))
    await failing(office, 49)
    assert not await frozen(office)
    await failing(office, 5)
    assert await frozen(office)


async def test_t_rate_1_a_few_among_many_stop_nobody(office: Post) -> None:
    await settle_in(office)
    for start in (100, 200, 300, 400):
        await office.submit(ALICE, *some(30, start))
    await failing(office, 55)
    assert not await frozen(office)


async def test_t_rate_1_a_broken_forward_stops_nobody(office: Post) -> None:
    """What filters send on is not what its owner wrote."""
    node = office.mail.node
    account = (await node.directory.find(Address.parse(ALICE))).account_id
    origin = await office.outgoing.origin(account)
    for number in range(60):
        onward = [Onward(Address(f"r{number}", "else.test"))]
        envelope = Envelope(Address.parse(ALICE))
        await office.outgoing.enqueue(Parcel(origin, envelope, Plaintext(letter()), onward))
    await failing(office, 60)
    assert not await frozen(office)


async def test_t_rate_1_everything_can_be_off(mail: MailNode) -> None:
    await mail.account()
    off = Limits(
        sending_messages_per_minute=0,
        sending_recipients_per_hour=0,
        sending_recipients_per_day=0,
        sending_strangers=0,
        sending_failures=0,
    )
    office = post(mail, off)
    for _ in range(40):
        assert await office.submit(ALICE, *some(10)) == [None] * 10
    await failing(office, 400)
    assert not await frozen(office)


async def test_correspondents_are_keyed_hashes_and_forgotten_after_a_year(office: Post) -> None:
    node = office.mail.node
    await office.submit(ALICE, "r@else.test")
    account = (await node.directory.find(Address.parse(ALICE))).account_id
    guard = (await node.keyring.account(account)).guard
    known = guard.name_hash("sent to\0r@else.test")
    counted = await node.store.sending.charge(account, [], hashes=[known])
    assert counted.new == frozenset()
    assert await node.store.ageing.end(Aged.KNOWN_RECIPIENTS, node.clock.now()) == 2
    counted = await node.store.sending.charge(account, [], hashes=[known])
    assert counted.new == {known}
