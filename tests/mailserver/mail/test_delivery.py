"""A message that was accepted is in the mailbox, sealed, octet for octet."""

import pytest

from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, MailError
from mailserver.model.sealed import Plaintext
from tests.support.mail import RECEIVED, MailNode, letter, messages

LARGE = letter("Large", "0123456789abcdef" * 100_000)


@pytest.mark.parametrize("octets", [letter(), b"", b"\x00\xff no header", LARGE])
async def test_a_delivery_is_read_octet_for_octet(mail: MailNode, octets: bytes) -> None:
    account = await mail.account()
    assert await mail.deliver(octets, "alice@example.org") == [None]
    (message,) = await messages(account, content=True, summary=True)
    stored = b"Return-Path: <bob@elsewhere.test>\r\n" + RECEIVED + octets
    assert message.octets is not None
    assert message.octets.reveal() == stored
    assert message.size_octets == len(stored)
    assert not message.damaged


async def test_detail_and_case_of_an_address_reach_its_owner(mail: MailNode) -> None:
    account = await mail.account()
    assert await mail.deliver(letter(), "Alice+shop@EXAMPLE.org", sender=None) == [None]
    (message,) = await messages(account, content=True)
    assert message.octets is not None
    assert message.octets.reveal().startswith(b"Return-Path: <>\r\n")


async def test_two_addresses_of_one_account_get_one_copy(mail: MailNode) -> None:
    account = await mail.account()
    outcomes = await mail.deliver(letter(), "alice@example.org", "alice+b@example.org")
    assert outcomes == [None, None]
    assert len(await messages(account)) == 1


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("nobody@example.org", Condition.NO_SUCH_USER),
        ("alice@elsewhere.test", Condition.NO_SUCH_DOMAIN),
    ],
)
async def test_nobody_there(mail: MailNode, address: str, condition: Condition) -> None:
    await mail.account()
    with pytest.raises(Absent) as refused:
        await mail.delivery.recipient(Address.parse(address))
    assert refused.value.condition is condition


async def test_one_full_mailbox_is_nobody_elses_trouble(mail: MailNode) -> None:
    alice, bob = await mail.account(), await mail.account("bob@example.org")
    recipients = [
        await mail.delivery.recipient(Address.parse(each))
        for each in ("alice@example.org", "bob@example.org")
    ]
    await mail.node.store.accounts.set_quota(alice.account_id, 10)
    outcomes = await mail.delivery.deliver(_incoming(letter()), recipients)
    assert isinstance(outcomes[0], MailError)
    assert outcomes[0].condition is Condition.OVER_QUOTA
    assert outcomes[1] is None
    assert await messages(alice) == []
    assert len(await messages(bob)) == 1


async def test_answers_join_the_thread(mail: MailNode) -> None:
    account = await mail.account()
    for octets in (
        letter(Message_ID="<1@x>"),
        letter(Message_ID="<3@x>", References="<1@x> <2@x>"),
        letter(Message_ID="<2@x>", In_Reply_To="<1@x>"),
        letter(Message_ID="<4@x>"),
    ):
        await mail.deliver(octets, "alice@example.org")
    threads = [message.thread_id for message in await messages(account)]
    assert threads[0] == threads[1] == threads[2] != threads[3]


def _incoming(octets: bytes):  # type: ignore[no-untyped-def]
    from mailserver.mail.delivery import Incoming

    return Incoming(Plaintext(octets), None, RECEIVED)


async def test_nothing_of_a_forgotten_account_is_at_hand(mail: MailNode) -> None:
    alice, bob = await mail.account(), await mail.account("bob@example.org")
    await mail.deliver(letter(), "alice@example.org", "bob@example.org")
    assert mail.delivery.accounts() == {alice.account_id, bob.account_id}
    mail.delivery.forget(alice.account_id)
    assert mail.delivery.accounts() == mail.deposits.accounts() == {bob.account_id}
    assert await mail.deliver(letter(), "alice@example.org") == [None]
    assert len(await messages(alice)) == 2
