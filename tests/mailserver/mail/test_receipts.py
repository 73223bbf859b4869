"""Receipts: one for each recipient who got it and whose sender asked, and for nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.mail.delivery import Incoming
from mailserver.mail.receipts import Receipts
from mailserver.model.address import Address
from mailserver.model.envelope import Asked, Notify, Onward
from mailserver.model.errors import MailError
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.dsn import Action
from mailserver.protocol.mime.dsn_read import parse
from mailserver.runtime.clock import ManualClock
from tests.support.mail import RECEIVED, MailNode, letter, open_mail
from tests.support.outgoing import over

BOB = Address("bob", "elsewhere.test")
LETTER = letter(Message_ID="<7@elsewhere.test>")


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as opened:
        yield opened


async def deliver(
    mail: MailNode, receipts: Receipts, sender: Address | None, **notify: Notify | None
) -> list[MailError | None]:
    to = [Address(local, "example.org") for local in notify]
    asked = Asked(
        envid="e1",
        recipients=[
            Onward(each, wish, f"rfc822;{each.local}@list.test")
            for each, wish in zip(to, notify.values(), strict=True)
        ],
    )
    incoming = Incoming(Plaintext(LETTER), sender, RECEIVED, asked=asked)
    return await receipts.deliver(incoming, [await receipts.recipient(each) for each in to])


async def test_who_asked_for_success_hears_of_it(mail: MailNode) -> None:
    for name in ("alice", "carol", "dave"):
        await mail.account(f"{name}@example.org")
    outgoing = over(mail.node)
    receipts = Receipts(mail.delivery, outgoing, "mail.example.org", mail.node.clock)
    assert await receipts.is_local("example.org")
    wishes = {"alice": Notify.SUCCESS, "carol": None, "dave": Notify.FAILURE}
    assert await deliver(mail, receipts, BOB, **wishes) == [None] * 3
    (due,) = await outgoing.due(10)
    assert (due.recipient.address, due.envelope.sender) == (BOB, None)
    alice = await mail.node.directory.find(Address("alice", "example.org"))
    assert due.account_id == alice.account_id
    report = parse((await outgoing.content(due)).reveal())
    assert report is not None
    assert (report.envid, report.message_id) == ("e1", b"<7@elsewhere.test>")
    assert report.recipients[0].action is Action.DELIVERED
    assert report.recipients[0].original == "alice@list.test"


async def test_a_receipt_is_in_the_language_of_who_got_the_message(mail: MailNode) -> None:
    await mail.account()
    alice = await mail.node.directory.find(Address("alice", "example.org"))
    await mail.node.desk.languages.speak(alice.account_id, "de")
    outgoing, languages = over(mail.node), mail.node.desk.languages
    receipts = Receipts(
        mail.delivery, outgoing, "mail.example.org", mail.node.clock, language=languages.of
    )
    assert await deliver(mail, receipts, BOB, alice=Notify.SUCCESS) == [None]
    (due,) = await outgoing.due(10)
    assert b"Content-Language: de" in (await outgoing.content(due)).reveal()


async def test_no_receipt_for_a_failure_or_to_nobody(mail: MailNode) -> None:
    await mail.account()
    outgoing = over(mail.node)
    receipts = Receipts(mail.delivery, outgoing, "mail.example.org", mail.node.clock)
    assert await deliver(mail, receipts, None, alice=Notify.SUCCESS) == [None]
    alice = await receipts.recipient(Address("alice", "example.org"))
    assert alice.account_id is not None
    await mail.node.store.accounts.set_quota(alice.account_id, 1)
    (refused,) = await deliver(mail, receipts, BOB, alice=Notify.SUCCESS)
    assert refused is not None
    assert await outgoing.due(10) == []
