"""Nobody hears from us because a stranger wrote his name on an envelope."""

from collections.abc import Iterator

import pytest

from mailserver.mail.inbound import Inbound
from mailserver.mail.incoming import Incoming
from mailserver.mail.receipts import Receipts
from mailserver.mail.spam import Spam
from mailserver.mail.vacation import Vacation, Vacations
from mailserver.mailauth.arc import Arc, ArcResult
from mailserver.mailauth.dmarc import Dmarc, DmarcResult
from mailserver.mailauth.spf import Spf, SpfResult
from mailserver.mailauth.verdict import Verdict
from mailserver.model.address import Address
from mailserver.model.client import Client
from mailserver.model.envelope import Asked, Notify, Onward
from mailserver.model.sealed import Plaintext
from tests.support.dns import DnsServer, standing_zone
from tests.support.mail import RECEIVED, MailNode
from tests.support.post import Post, post
from tests.support.screening import HOST, RECORDS, friend, mail_from, settings_for, stranger

ALICE, BOB = Address("alice", "example.org"), Address("bob", "there.test")
LETTER = mail_from("bob@there.test", To="alice@example.org")


@pytest.fixture(scope="module")
def dns() -> Iterator[DnsServer]:
    with standing_zone(RECORDS) as server:
        yield server


@pytest.fixture
async def office(mail: MailNode) -> Post:
    await (await mail.account()).close()
    return post(mail)


async def leaves(office: Post, dns: DnsServer, client: Client, *, notify: bool) -> list[Address]:
    """Bring a letter of Bob's by some client; return to whom something goes then."""
    node = office.mail.node
    settings = settings_for(
        spam__greylisting=False, spam__junk_points=90.0, spam__reject_points=95.0
    )
    resolver = dns.resolver(node.clock)
    spam = Spam(
        settings, node.store, node.master.instance_guard, resolver, node.offload, node.clock
    )
    receipts = Receipts(office.delivery, office.outgoing, HOST, node.clock)
    inbound = Inbound(receipts, resolver, spam, node.offload, node.clock, HOST)
    asked = Asked(recipients=[Onward(ALICE, Notify.SUCCESS)]) if notify else Asked()
    message = Incoming(Plaintext(LETTER), BOB, RECEIVED, asked=asked, client=client)
    assert await inbound.deliver(message, [await inbound.recipient(ALICE)]) == [None]
    await spam.close()
    return [due.recipient.address for due in await office.leaving()]


CLIENTS = pytest.mark.parametrize(
    ("client", "answered"), [(friend(), [BOB]), (stranger(), [])], ids=["his server", "a stranger"]
)


@CLIENTS
async def test_a_receipt_goes_to_who_sent_the_letter(
    office: Post, dns: DnsServer, client: Client, answered: list[Address]
) -> None:
    assert await leaves(office, dns, client, notify=True) == answered


@CLIENTS
async def test_a_vacation_answers_who_sent_the_letter(
    office: Post, dns: DnsServer, client: Client, answered: list[Address]
) -> None:
    node = office.mail.node
    alice = await node.directory.find(ALICE)
    vacations = Vacations(node.store, alice.account_id, alice.guard, node.chain)
    await vacations.set_vacation(Vacation(enabled=True, text="Away."))
    assert await leaves(office, dns, client, notify=False) == answered


@pytest.mark.parametrize(
    ("sender", "author", "forged"),
    [
        ("bob@there.test", "there.test", False),
        ("bob@mail.there.test", "there.test", False),
        ("victim@bank.test", "there.test", True),
        ("victim@notthere.test", "there.test", True),
    ],
)
def test_a_signature_of_the_authors_domain_proves_no_other_sender(
    sender: str, author: str, forged: bool
) -> None:
    verdict = Verdict(
        spf=Spf(SpfResult.FAIL, "bank.test", "mailfrom", "-all"),
        dkim=(),
        arc=Arc(ArcResult.NONE),
        dmarc=Dmarc(DmarcResult.PASS, author, domain=author),
        from_address=f"bob@{author}",
        from_domain=author,
    )
    message = Incoming(Plaintext(LETTER), Address.parse(sender), RECEIVED, verdict=verdict)
    assert message.is_sender_forged == forged
