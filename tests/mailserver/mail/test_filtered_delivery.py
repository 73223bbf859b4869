"""What delivery does with what filters decide: where mail lies, what leaves, what is refused."""

from dataclasses import dataclass

import pytest

from mailserver.mail.delivery import Delivery, Incoming
from mailserver.mail.forwarding import Forwarding
from mailserver.mail.outgoing import Due, Outgoing
from mailserver.mail.signing import Signing
from mailserver.model.address import Address
from mailserver.model.errors import Condition, MailError, Refused
from mailserver.model.message import Flag
from mailserver.model.sealed import Plaintext
from mailserver.screening.opinion import GOOD, Advice, Opinion, Reason
from tests.support.filters import ALICE, Filtered, filtered
from tests.support.mail import RECEIVED, MailNode, letter, messages
from tests.support.outgoing import TAKEN, over

BOB = "bob@elsewhere.test"
JUNK = Opinion(Advice.JUNK, 7.0, (Reason("test", 7.0, "it is a test"),))


@dataclass
class House:
    """An account with filters, behind a delivery that asks them."""

    alice: Filtered
    delivery: Delivery
    outgoing: Outgoing

    async def deliver(
        self,
        octets: bytes | None = None,
        to: str = ALICE,
        sender: str | None = BOB,
        opinion: Opinion = GOOD,
    ) -> MailError | None:
        """Deliver one message as the MX does."""
        incoming = Incoming(
            Plaintext(octets or letter()),
            Address.parse(sender) if sender else None,
            RECEIVED,
            opinion=opinion,
        )
        recipient = await self.delivery.recipient(Address.parse(to))
        (outcome,) = await self.delivery.deliver(incoming, [recipient])
        return outcome

    async def leaving(self) -> list[tuple[Due, bytes]]:
        """Return what waits in the queue, in the order of its recipients."""
        due = await self.outgoing.due(100)
        found = [(each, (await self.outgoing.content(each)).reveal()) for each in due]
        return sorted(found, key=lambda each: str(each[0].recipient.address))

    async def subjects(self, mailbox: str = "INBOX") -> int:
        """Count what is in a mailbox."""
        return len(await messages(self.alice.account, mailbox))


@pytest.fixture
async def house(mail: MailNode) -> House:
    alice = await filtered(mail)
    node = mail.node
    outgoing = over(node)
    await outgoing.begin()
    guard = node.master.instance_guard
    forwarding = Forwarding(
        outgoing,
        Signing(node.store, guard, node.clock, node.offload),
        guard,
        node.master.bounce_keys,
        node.clock,
    )
    delivery = Delivery(
        node.store,
        node.directory,
        mail.deposits,
        node.offload,
        node.clock,
        filtering=alice.filtering,
        forwarding=forwarding,
    )
    return House(alice, delivery, outgoing)


async def test_mail_lies_where_its_reader_wants_it(house: House) -> None:
    await house.alice.script(
        'require ["fileinto", "imap4flags", "copy", "mailbox"];'
        'fileinto :copy :create :flags ["\\\\Seen", "$Todo"] "Work/New"; addflag "\\\\Flagged";'
    )
    assert await house.deliver() is None
    (kept,) = await messages(house.alice.account)
    (filed,) = await messages(house.alice.account, "Work/New", content=True)
    assert (filed.flags, filed.keywords) == (Flag.SEEN, frozenset({"$Todo"}))
    assert filed.octets is not None
    assert filed.octets.reveal().endswith(letter())
    assert not filed.damaged
    assert kept.flags == Flag.FLAGGED
    assert await house.leaving() == []


async def test_an_edited_message_is_stored_as_it_was_edited(house: House) -> None:
    await house.alice.script('require "editheader"; addheader "X-Seen-By" "me";')
    assert await house.deliver() is None
    (message,) = await messages(house.alice.account, content=True)
    assert message.octets is not None
    assert b"X-Seen-By: me\r\n" in message.octets.reveal()


async def test_a_discarded_message_is_nowhere(house: House) -> None:
    await house.alice.script("discard;")
    assert await house.deliver() is None
    assert await house.subjects() == 0
    assert await house.leaving() == []


async def test_a_rejected_message_is_refused_in_one_line(house: House) -> None:
    await house.alice.script('require "reject"; reject "Not\\r\\nhere";')
    outcome = await house.deliver()
    assert isinstance(outcome, Refused)
    assert outcome.condition is Condition.REJECTED_BY_RECIPIENT
    assert "\n" not in outcome.text
    assert await house.subjects() == 0


async def test_junk_goes_to_junk_and_nobody_is_answered(house: House) -> None:
    house.alice.approved.add("carol@elsewhere.test")
    await house.alice.script(
        'require ["vacation", "copy"]; vacation "Away"; redirect :copy "carol@elsewhere.test";'
    )
    assert await house.deliver(opinion=JUNK) is None
    assert await house.subjects("Junk") == 1
    assert await house.subjects() == 0
    assert await house.leaving() == []


async def test_an_absence_is_told_once_with_the_null_reverse_path(house: House) -> None:
    await house.alice.script('require "vacation"; vacation "Away until Monday.";')
    assert await house.deliver(letter(To=ALICE)) is None
    assert await house.deliver(letter(To=ALICE)) is None
    ((due, octets),) = await house.leaving()
    assert due.envelope.sender is None
    assert str(due.recipient.address) == BOB
    assert due.account_id == house.alice.account.account_id
    assert b"Auto-Submitted: auto-replied" in octets
    assert b"Away until Monday." in octets
    assert await house.subjects() == 2


async def test_mail_sent_on_comes_back_to_its_sender_when_it_bounces(house: House) -> None:
    house.alice.approved.add("carol@elsewhere.test")
    await house.alice.script('redirect "carol@elsewhere.test";')
    assert await house.deliver() is None
    assert await house.subjects() == 0
    ((due, octets),) = await house.leaving()
    path = due.envelope.sender
    assert path is not None
    assert path.domain == "example.org"
    assert octets.startswith(b"Delivered-To: alice@example.org\r\n")
    assert octets.endswith(RECEIVED + letter())
    await house.outgoing.delivered(due, TAKEN)
    # The bounce finds its way; anything else to that address is refused.
    assert await house.deliver(letter("Bounce"), str(path), sender=None) is None
    ((bounce, octets),) = await house.leaving()
    assert str(bounce.recipient.address) == BOB
    assert bounce.envelope.sender is None
    outcome = await house.deliver(letter("Spam"), str(path))
    assert isinstance(outcome, Refused)
    assert outcome.condition is Condition.RELAY_DENIED


async def test_a_forged_address_for_bounces_is_nobodys(house: House) -> None:
    with pytest.raises(Refused) as refused:
        await house.deliver(to="SRS0=aaaaaa=aa=victim.test=someone@example.org", sender=None)
    assert refused.value.condition is Condition.NOT_PERMITTED


async def test_a_loop_ends(house: House) -> None:
    house.alice.approved.add("carol@elsewhere.test")
    await house.alice.script('redirect "carol@elsewhere.test";')
    outcome = await house.deliver(b"Delivered-To: Alice@example.org\r\n" + letter())
    assert outcome is not None
    assert outcome.condition is Condition.MAIL_LOOP


async def test_a_loop_beside_a_kept_copy_is_no_failure(house: House) -> None:
    house.alice.approved.add("carol@elsewhere.test")
    await house.alice.script('require "copy"; redirect :copy "carol@elsewhere.test";')
    assert await house.deliver(b"Delivered-To: alice@example.org\r\n" + letter()) is None
    assert await house.subjects() == 1
    assert await house.leaving() == []


async def test_what_is_no_longer_approved_stays_here(house: House) -> None:
    house.alice.approved.add("carol@elsewhere.test")
    await house.alice.script('redirect "carol@elsewhere.test";')
    house.alice.approved.clear()
    assert await house.deliver() is None
    assert await house.subjects() == 1
    assert await house.leaving() == []
