"""App passwords as their owner sees them."""

from datetime import timedelta

import pytest

from mailserver.accounts.app_passwords import AT_MOST
from mailserver.model.errors import Absent, Condition, Locked, PeerFault, Refused
from mailserver.model.sealed import Plaintext
from mailserver.vault.records import Scope
from tests.support.accounts import PASSWORD, PEER, Node


async def test_they_are_listed_without_their_secret(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user, Scope.IMAP, cidrs=("192.0.2.1/24",))
    (shown,) = await node.app_passwords.listing(user.account_id)
    assert shown == made.shown
    assert shown.label == "telephone"
    assert shown.cidrs == ("192.0.2.0/24",)
    assert made.secret.reveal().decode() not in repr(made) + repr(shown)


async def test_there_are_ten_at_most(node: Node) -> None:
    user = await node.user()
    owner = await node.logins.password(str(user.address), PASSWORD, peer=PEER)
    for _ in range(AT_MOST):
        await node.app_passwords.add(owner, [Scope.IMAP])
    with pytest.raises(Refused) as raised:
        await node.app_passwords.add(owner, [Scope.IMAP])
    assert raised.value.condition is Condition.LIMIT
    (first, *_) = await node.app_passwords.listing(user.account_id)
    await node.app_passwords.revoke(user.account_id, first.id)
    await node.app_passwords.add(owner, [Scope.IMAP])


async def test_none_is_made_for_nothing_or_nowhere(node: Node) -> None:
    user = await node.user()
    owner = await node.logins.password(str(user.address), PASSWORD, peer=PEER)
    with pytest.raises(Refused):
        await node.app_passwords.add(owner, [])
    with pytest.raises(PeerFault):
        await node.app_passwords.add(owner, [Scope.IMAP], cidrs=["everywhere"])
    with pytest.raises(PeerFault):
        await node.app_passwords.add(owner, [Scope.IMAP], label="x" * 101)
    await owner.close()
    with pytest.raises(Locked):
        await node.app_passwords.add(owner, [Scope.IMAP])
    assert await node.app_passwords.listing(user.account_id) == []


async def test_only_ones_own_is_revoked(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    made = await node.app_password(alice)
    with pytest.raises(Absent):
        await node.app_passwords.revoke(bob.account_id, made.shown.id)
    await node.app_passwords.revoke(alice.account_id, made.shown.id)
    with pytest.raises(Absent):
        await node.app_passwords.revoke(alice.account_id, made.shown.id)


async def test_a_throw_away_server_may_choose_its_own(node: Node) -> None:
    user = await node.user()
    owner = await node.logins.password(str(user.address), PASSWORD, peer=PEER)
    chosen = Plaintext(b"bench-0-abcd-efgh-ijkl-mnop")
    await node.app_passwords.add(
        owner, [Scope.IMAP], secret=chosen, expires_at=node.clock.now() + timedelta(days=1)
    )
    lease = await node.logins.app_password(str(user.address), chosen, scope=Scope.IMAP, peer=PEER)
    assert lease.account is owner.account
