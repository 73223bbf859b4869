"""What another process erased leaves this one's memory."""

from collections.abc import AsyncIterator

import pytest

from mailserver.accounts.ending import buried, everything_of
from mailserver.accounts.erasures import Erasures
from mailserver.mail.opened import create_epoch
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId
from mailserver.store.driver import Sql, run
from mailserver.store.keystore import DeleteAll
from mailserver.store.keystore_tables import Rows
from mailserver.vault.epochs import DepositMarks, Deposits
from mailserver.vault.seal import ContentKey
from tests.support.accounts import Node


@pytest.fixture
async def deposits(node: Node) -> AsyncIterator[Deposits]:
    running = Deposits(DepositMarks(node.master), clock=node.clock)
    yield running
    running.close()


async def running_key(node: Node, deposits: Deposits, account_id: AccountId) -> ContentKey:
    """Begin a deposit, as a letter does that arrives."""
    identity = (await node.keyring.account(account_id)).identity
    return await deposits.key_for(identity, create_epoch(node.store, account_id))


async def test_the_running_key_of_an_erased_account_is_overwritten(
    node: Node, other: Node, deposits: Deposits
) -> None:
    erased, stays = await node.user(), await node.user("bob@example.org")
    key = await running_key(node, deposits, erased.account_id)
    spared = await running_key(node, deposits, stays.account_id)
    erasures = Erasures(node.keystore, node.keyring, deposits)
    await erasures.look()
    assert (key.closed, spared.closed) == (False, False)
    await other.provisioning.remove_user(erased.address)
    await erasures.look()
    assert (key.closed, spared.closed) == (True, False)
    assert deposits.accounts() == node.keyring.accounts() == {stays.account_id}


async def test_a_key_begun_after_the_end_was_seen_is_overwritten_too(
    node: Node, other: Node, deposits: Deposits
) -> None:
    user = await node.user()
    identity = (await node.keyring.account(user.account_id)).identity
    erasures = Erasures(node.keystore, deposits)
    await other.keyring.apply([DeleteAll(Rows.ACCOUNTS, user.account_id)])
    await erasures.look()
    # A delivery that found its recipient before; the mail database still has the account.
    key = await deposits.key_for(identity, create_epoch(node.store, user.account_id))
    await erasures.look()
    assert key.closed
    assert deposits.accounts() == set()


async def test_an_erasure_that_was_cut_short_is_done_again(node: Node) -> None:
    """Its keys and addresses are gone, its rows are not: the second time finishes it."""
    user = await node.user()
    addresses = [user.address]
    ending = buried(node.keyring, addresses, user.account_id, node.clock.now())
    await node.keyring.apply([*everything_of(user.account_id), *ending])
    assert await node.store.accounts.by_address(user.address.key) == user.account_id
    await node.provisioning.remove_user(user.address)
    with pytest.raises(Absent):
        await node.store.accounts.get(user.account_id)
    with pytest.raises(Absent, match="no such user"):
        await node.provisioning.remove_user(user.address)


async def test_a_former_address_erases_nobody_who_lives(node: Node) -> None:
    """Whoever can write to the mail database cannot point a tomb at somebody else's account."""
    user, other = await node.user(), await node.user("bob@example.org")
    await node.provisioning.remove_user(user.address)
    point = Sql("INSERT INTO addresses (address, account_id) VALUES (?, ?)")
    await node.store.database.write(lambda c: run(c, point, (user.address.key, other.account_id)))
    with pytest.raises(Absent, match="no such user"):
        await node.provisioning.remove_user(user.address)
    assert (await node.keyring.account(other.account_id)).identity
