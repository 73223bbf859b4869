"""T-SRV-3: a new address that mail may be sent on to is in the audit log and told to the owner."""

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest

from mailserver.accounts.forwarding import MOST_TARGETS
from mailserver.audit.entry import Event
from mailserver.mail.scripts import Scripts
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings import Sieve
from tests.support.mail import MailNode, messages, open_mail
from tests.support.post import Post, post

ALICE = Address("alice", "example.org")
HOME = Address("alice", "home.test")


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    """A node with mail, on each engine in turn."""
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node


@pytest.fixture
async def office(mail: MailNode) -> Post:
    await mail.account()
    return post(mail)


async def alice_of(office: Post) -> AccountId:
    return (await office.mail.node.directory.find(ALICE)).account_id


async def redirecting(office: Post) -> None:
    """Let Alice's filter send everything home."""
    node = office.mail.node
    alice = await node.directory.find(ALICE)
    scripts = Scripts(
        node.store,
        alice.account_id,
        alice.guard,
        node.chain,
        office.people.forwards.approved,
        Sieve(),
    )
    await scripts.put("main", Plaintext(b'redirect "alice@home.test";'))
    await scripts.activate("main")


async def inbox(office: Post) -> list[bytes]:
    account = await office.mail.sign_in()
    found = [message.octets for message in await messages(account, content=True)]
    await account.close()
    return [octets.reveal() for octets in found if octets is not None]


async def test_t_srv_3_a_new_forward_is_in_the_audit_log_and_told_to_its_owner(
    office: Post,
) -> None:
    alice = await alice_of(office)
    with pytest.raises(Refused):
        await redirecting(office)  # before it is approved, not even a script may name it
    await office.people.forwards.approve(alice, HOME)
    (entry,) = [
        row
        for row in await office.mail.node.store.audit.of_account(alice, 100)
        if row.event == Event.FORWARD_CHANGED.value
    ]
    assert b"home.test" not in bytes(entry.entry)  # under the owner's key: it goes with the account
    (notice,) = await inbox(office)
    parsed = message_from_bytes(notice, policy=SMTP)
    assert parsed["From"] == "postmaster@example.org"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert "alice@home.test" in parsed["Subject"]
    await redirecting(office)
    assert await office.arrive("alice@example.org") is None
    (due,) = await office.leaving()
    assert due.recipient.address == HOME
    assert len(await inbox(office)) == 1  # the letter itself went on


async def test_t_srv_3_what_is_taken_back_is_kept_at_once(office: Post) -> None:
    alice = await alice_of(office)
    await office.people.forwards.approve(alice, HOME)
    await redirecting(office)
    await office.people.forwards.remove(alice, HOME)
    assert await office.arrive("alice@example.org") is None
    assert await office.leaving() == []
    assert len(await inbox(office)) == 2
    with pytest.raises(Absent):
        await office.people.forwards.remove(alice, HOME)


async def test_t_srv_3_approving_twice_tells_once(office: Post) -> None:
    alice = await alice_of(office)
    for _ in range(2):
        await office.people.forwards.approve(alice, HOME)
    assert await office.people.forwards.listing(alice) == (HOME,)
    assert len(await inbox(office)) == 1


async def test_t_srv_3_a_domain_that_keeps_its_mail_forwards_nothing_outside(
    office: Post,
) -> None:
    alice, rules = await alice_of(office), office.people.domain_rules
    await office.people.forwards.approve(alice, HOME)
    await redirecting(office)
    await rules.set_no_external_forward("example.org", keeps=True)
    with pytest.raises(Refused) as raised:
        await office.people.forwards.approve(alice, Address("alice", "other.test"))
    assert raised.value.condition is Condition.NOT_PERMITTED
    await office.people.forwards.approve(alice, Address("bob", "example.org"))
    assert await office.arrive("alice@example.org") is None
    assert await office.leaving() == []  # though it was approved before


async def test_the_list_has_a_bound(office: Post) -> None:
    alice = await alice_of(office)
    for number in range(MOST_TARGETS):
        await office.people.forwards.approve(alice, Address(f"a{number}", "example.org"))
    with pytest.raises(Refused) as raised:
        await office.people.forwards.approve(alice, HOME)
    assert raised.value.condition is Condition.LIMIT


async def test_nobody_elses_list_counts(office: Post) -> None:
    await office.mail.account("carol@example.org")
    carol = await office.mail.node.directory.find(Address("carol", "example.org"))
    await office.people.forwards.approve(carol.account_id, HOME)
    assert not await office.people.forwards.approved(await alice_of(office), HOME)
    assert not await office.people.forwards.approved(AccountId(b"g" * 16), HOME)
