"""Who receives: the index proposes, the keystore decides."""

import pytest

from mailserver.crypto.suite import Suite
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Locked, MailError
from mailserver.store.accounts import AccountState
from tests.support.accounts import Node


async def test_an_addressee_has_all_that_sealing_needs(node: Node) -> None:
    user = await node.user()
    found = await node.directory.find(Address.parse("Alice@EXAMPLE.org"))
    assert found.account_id == user.account_id
    assert found.identity.generation == 1
    assert found.identity.suite is Suite.HYBRID
    assert len(found.identity.public) == 1_216
    assert found.addresses == (user.address,)
    assert found.account.active
    again = await node.directory.find(user.address)
    assert again.identity is found.identity  # opened once, while it stands as it was


async def test_a_detail_is_the_owners(node: Node) -> None:
    user = await node.user()
    found = await node.directory.find(Address.parse("alice+lists@example.org"))
    assert found.account_id == user.account_id
    precise = await node.user("alice+own@example.org")
    found = await node.directory.find(Address.parse("alice+own@example.org"))
    assert found.account_id == precise.account_id


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("bob@example.org", Condition.NO_SUCH_USER),
        ("+alice@example.org", Condition.NO_SUCH_USER),
        ("alice@elsewhere.example", Condition.NO_SUCH_DOMAIN),
    ],
)
async def test_nobody_is_nobody(node: Node, address: str, condition: Condition) -> None:
    await node.user()
    with pytest.raises(Absent) as raised:
        await node.directory.find(Address.parse(address))
    assert raised.value.condition is condition


async def test_an_account_that_is_not_active_takes_no_mail(node: Node) -> None:
    user = await node.user()
    await node.store.accounts.set_state(user.account_id, AccountState.PENDING)
    with pytest.raises(Locked) as raised:
        await node.directory.find(user.address)
    assert raised.value.condition is Condition.NOT_ACTIVE


async def test_an_account_without_keystore_row_is_nobody(node: Node) -> None:
    user = await node.user()
    from mailserver.store.keystore import DeleteAll
    from mailserver.store.keystore_tables import Rows

    await node.keyring.apply([DeleteAll(Rows.ACCOUNTS, user.account_id)])
    with pytest.raises(MailError) as raised:
        await node.directory.find(user.address)
    assert raised.value.condition is Condition.NO_SUCH_USER
