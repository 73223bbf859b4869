"""Mail to a group: to each member once, through the queue, from those who may write to it."""

import pytest

from mailserver.accounts.directory import address_of
from mailserver.mail.delivery import Incoming
from mailserver.mail.posting import proven_author
from mailserver.mail.scripts import Scripts
from mailserver.model.address import Address
from mailserver.model.errors import Condition
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import Limits, Sieve
from mailserver.vault.receiving import Posting
from tests.support.mail import RECEIVED, MailNode, letter, messages
from tests.support.post import Post, post

TEAM = Address("team", "example.org")
NO_LIMITS = Limits(
    sending_messages_per_minute=0, sending_recipients_per_hour=0, sending_recipients_per_day=0
)


@pytest.fixture
async def office(mail: MailNode) -> Post:
    """Alice and Carol at example.org, and no group yet."""
    await mail.account()
    await mail.account("carol@example.org")
    return post(mail, NO_LIMITS)


async def group(office: Post, *members: str, posting: Posting = Posting.ANYBODY) -> None:
    found = [Address.parse(each) for each in members]
    await office.people.addresses.add_group(TEAM, found, posting)


async def has(office: Post, address: str) -> int:
    account = await office.mail.sign_in(address)
    try:
        return len(await messages(account))
    finally:
        await account.close()


async def test_each_member_gets_it_once_and_bounces_come_back(office: Post) -> None:
    await group(office, "alice@example.org", "carol@example.org", "eve@else.test")
    assert await office.arrive("team+x@example.org") is None
    (away,) = await office.deliver_queued()
    assert str(away.recipient.address) == "eve@else.test"
    sender = away.envelope.sender
    assert sender is not None
    assert sender.local.startswith("SRS0=")
    assert sender.domain == "example.org"
    content = (await office.outgoing.content(away)).reveal()
    assert b"Delivered-To: team+x@example.org\r\n" in content
    assert await has(office, "alice@example.org") == 1
    assert await has(office, "carol@example.org") == 1


async def test_a_message_that_comes_back_to_its_group_stops(office: Post) -> None:
    """A member elsewhere sends everything back: the mark of the first time tells it."""
    await group(office, "alice@example.org")
    assert await office.arrive("team@example.org") is None
    (due,) = await office.leaving()
    again = (await office.outgoing.content(due)).reveal()
    refused = await office.arrive("team@example.org", octets=again)
    assert refused is not None
    assert refused.condition is Condition.MAIL_LOOP


async def test_members_write_to_their_group_and_strangers_do_not(office: Post) -> None:
    await group(office, "alice@example.org", posting=Posting.MEMBERS)
    assert await office.submit("alice@example.org", "team@example.org") == [None]
    for refused in (
        await office.submit("carol@example.org", "team@example.org"),
        [await office.arrive("team@example.org")],
        # Who only says that she is Alice has proved nothing; nor has a bounce.
        [await office.arrive("team@example.org", sender="alice@example.org")],
        [await office.arrive("team@example.org", sender=None)],
    ):
        assert [error and error.condition for error in refused] == [Condition.NOT_PERMITTED]
    assert len(await office.leaving()) == 1


async def test_colleagues_write_to_a_group_of_their_domain(office: Post) -> None:
    await group(office, "alice@example.org", posting=Posting.DOMAIN)
    assert await office.submit("carol@example.org", "team@example.org") == [None]
    refused = await office.arrive("team@example.org", sender="carol@example.org")
    assert refused is not None
    assert refused.condition is Condition.NOT_PERMITTED


async def test_a_filter_does_not_vouch_for_what_it_sends_on(office: Post) -> None:
    """Forged mail that Alice's filter sends to the group is not Carol's, though it says so."""
    await group(office, "alice@example.org", posting=Posting.DOMAIN)
    node = office.mail.node
    alice = await node.directory.find(Address.parse("alice@example.org"))
    await office.people.forwards.approve(alice.account_id, TEAM)
    scripts = Scripts(
        node.store,
        alice.account_id,
        alice.guard,
        node.chain,
        office.people.forwards.approved,
        Sieve(),
    )
    await scripts.put("main", Plaintext(b'redirect "team@example.org";'))
    await scripts.activate("main")
    assert await office.arrive("alice@example.org", sender="carol@example.org") is None
    (due,) = await office.leaving()
    assert due.recipient.address == TEAM
    content = await office.outgoing.content(due)
    forged = Incoming(content, due.envelope.sender, b"", submitted=due.account_id is not None)
    assert due.envelope.sender == address_of("carol@example.org")
    assert proven_author(forged) is None
    (refused,) = await office.delivery.deliver(forged, [await office.delivery.recipient(TEAM)])
    assert refused is not None
    assert refused.condition is Condition.NOT_PERMITTED


async def test_a_rewritten_reverse_path_proves_nobody(office: Post) -> None:
    rewritten = Address("SRS0=abcdef=xy=elsewhere.test=bob", "example.org")
    incoming = Incoming(Plaintext(letter()), rewritten, RECEIVED, submitted=True)
    assert proven_author(incoming) is None
