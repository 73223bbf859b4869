"""Submission with a relay: queued whole or refused whole, and nobody who is here gets it twice."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.mail.delivery import Incoming
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.submission import Submission, Submitter
from mailserver.model.address import Address
from mailserver.model.envelope import Asked, Notify, Onward, Ret
from mailserver.model.errors import Absent, Condition, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from tests.support.mail import MailNode, letter, messages, open_mail
from tests.support.outgoing import over

ALICE = Address("alice", "example.org")
RECEIVED = b"Received: with ESMTPSA id 1; Mon, 2 Mar 2026 09:00:00 +0000\r\n"
LETTER = letter(From="alice@example.org")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def mail(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, clock) as opened:
        yield opened


async def submit(
    mail: MailNode, outgoing: Outgoing | None, *to: str, asked: Asked | None = None
) -> list[MailError | None]:
    submission = Submission(mail.delivery, outgoing)
    submitter = Submitter((await mail.node.directory.find(ALICE)).account_id, ALICE, (ALICE,))
    recipients = [await submission.recipient(Address.parse(each)) for each in to]
    incoming = Incoming(Plaintext(LETTER), ALICE, RECEIVED, asked=asked or Asked())
    return await submission.submit(submitter, incoming, recipients)


async def test_mail_for_elsewhere_is_queued_in_order_and_here_delivered(mail: MailNode) -> None:
    alice, bob = await mail.account(), await mail.account("bob@example.org")
    outgoing = over(mail.node)
    to = ("x@there.test", "bob@example.org", "y@else.test")
    asked = Asked(
        ret=Ret.FULL,
        envid="1",
        require_tls=True,
        recipients=(Onward(Address("x", "there.test"), Notify.SUCCESS, "rfc822;x@old.test"),),
    )
    assert await submit(mail, outgoing, *to, asked=asked) == [None, None, None]
    assert len(await messages(bob)) == 1
    assert await messages(alice) == []
    first, second = sorted(await outgoing.due(10), key=lambda due: due.domain)
    assert (first.domain, second.domain) == ("else.test", "there.test")
    assert second.recipient == asked.recipients[0]
    assert first.recipient == Onward(Address("y", "else.test"))
    assert first.envelope.require_tls
    assert (first.envelope.ret, first.envelope.envid) == (Ret.FULL, "1")
    content = (await outgoing.content(first)).reveal()
    assert content.startswith(RECEIVED)
    assert b"Return-Path" not in content
    assert b"Message-ID: <" in content


async def test_without_a_relay_elsewhere_is_refused(mail: MailNode) -> None:
    await mail.account()
    with pytest.raises(Refused) as refused:
        await submit(mail, None, "x@there.test")
    assert refused.value.condition is Condition.RELAY_DENIED
    with pytest.raises(Absent):
        await submit(mail, over(mail.node), "nobody@example.org")


async def test_nothing_is_taken_where_the_queue_takes_nothing(mail: MailNode) -> None:
    """The account goes between RCPT and the message: a failure that the store itself reports."""
    await mail.account()
    bob = await mail.account("bob@example.org")
    outgoing = over(mail.node)
    submission = Submission(mail.delivery, outgoing)
    ghost = Submitter(AccountId(b"g" * 16), ALICE, (ALICE,))
    recipients = [
        await submission.recipient(Address.parse(each))
        for each in ("x@there.test", "bob@example.org")
    ]
    with pytest.raises(Absent):
        await submission.submit(ghost, Incoming(Plaintext(LETTER), ALICE, RECEIVED), recipients)
    assert await messages(bob) == []
    assert await outgoing.due(10) == []


async def test_who_cannot_get_it_now_is_queued_if_others_have_it(mail: MailNode) -> None:
    await mail.account()
    bob = await mail.account("bob@example.org")
    carol = await mail.account("carol@example.org")
    outgoing = over(mail.node)
    submission = Submission(mail.delivery, outgoing)
    submitter = Submitter((await mail.node.directory.find(ALICE)).account_id, ALICE, (ALICE,))
    incoming = Incoming(Plaintext(LETTER), ALICE, RECEIVED)
    found = [
        await submission.recipient(Address.parse(each))
        for each in ("bob@example.org", "carol@example.org")
    ]
    full = (await mail.node.directory.find(Address("carol", "example.org"))).account_id
    await mail.node.store.accounts.set_quota(full, 1)  # filled up between RCPT and the message
    # Alone, he hears it at once.
    (alone,) = await submission.submit(submitter, incoming, found[1:])
    assert alone is not None
    assert alone.condition is Condition.OVER_QUOTA
    assert await outgoing.due(10) == []
    assert await submission.submit(submitter, incoming, found) == [None, None]
    assert len(await messages(bob)) == 1
    assert await messages(carol) == []
    (due,) = await outgoing.due(10)
    assert due.recipient.address == Address("carol", "example.org")


async def test_what_is_held_waits_in_the_queue_wherever_it_goes(
    mail: MailNode, clock: ManualClock
) -> None:
    await mail.account()
    bob = await mail.account("bob@example.org")
    outgoing = over(mail.node)
    asked = Asked(hold_until=clock.now() + timedelta(hours=1))
    assert await submit(mail, outgoing, "x@there.test", "bob@example.org", asked=asked) == [
        None,
        None,
    ]
    assert await messages(bob) == []
    assert await outgoing.due(10) == []
    clock.advance(timedelta(hours=1))
    assert {due.domain for due in await outgoing.due(10)} == {"there.test", "example.org"}
