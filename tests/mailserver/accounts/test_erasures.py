"""What another process erased leaves this one's memory."""

from collections.abc import AsyncIterator

import pytest

from mailserver.accounts.erasures import Erasures
from mailserver.mail.opened import create_epoch
from mailserver.model.ids import AccountId
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
