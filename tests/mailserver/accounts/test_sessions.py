"""What is open ends: closed, expired, revoked here or elsewhere, or when nobody could know."""

from datetime import timedelta

import pytest

from mailserver.accounts.keyring import Keyring
from mailserver.accounts.sessions import BLIND, LEASE, Ended, Lease, Sessions
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Refused
from mailserver.store.keystore import FRESH, Keystore
from mailserver.vault.account_key import AccountKey
from mailserver.vault.records import Scope
from tests.support.accounts import PASSWORD, PEER, Node, locked


async def connected(node: Node, *scopes: Scope) -> tuple[Lease, list[Ended]]:
    """Sign in a mail program; return its lease and what it is told at the end."""
    known = await node.store.accounts.by_address("alice@example.org")
    user = await node.user() if known is None else None
    if user is not None:
        made = await node.app_password(user, *(scopes or (Scope.IMAP,)))
    else:
        owner = await node.logins.password("alice@example.org", PASSWORD, peer=PEER)
        made = await node.app_passwords.add(owner, scopes or (Scope.IMAP,))
        await owner.close()
    lease = await node.logins.app_password(
        "alice@example.org", made.secret, scope=Scope.IMAP, peer=PEER
    )
    told: list[Ended] = []
    lease.on_end(told.append)
    return lease, told


async def test_revoking_closes_at_once_what_is_open_here(node: Node) -> None:
    lease, told = await connected(node)
    spared, spared_told = await connected(node)
    await node.app_passwords.revoke(lease.account_id, lease.credential)
    assert told == [Ended.REVOKED]
    assert spared_told == []
    assert not locked(spared)
    await spared.close()
    assert locked(spared)
    assert spared_told == []


async def test_revoking_on_another_node_closes_within_five_seconds(node: Node, other: Node) -> None:
    lease, told = await connected(node)
    await node.sessions.check()
    await other.app_passwords.revoke(lease.account_id, lease.credential)
    node.clock.advance(FRESH)
    await node.sessions.check()
    assert told == [Ended.REVOKED]
    assert locked(lease)


async def test_a_revocation_while_somebody_signs_in_is_not_missed(node: Node, other: Node) -> None:
    lease, told = await connected(node)
    account = await node.keyring.account(lease.account_id)
    await other.app_passwords.revoke(lease.account_id, lease.credential)
    owner = await node.logins.password("alice@example.org", PASSWORD, peer=PEER)
    node.clock.advance(FRESH)
    await node.sessions.check()  # sees the change; what read the old row comes only now
    assert told == [Ended.REVOKED]
    late = node.sessions.lease(account, same_key(owner), lease.credential, expires_at=None)
    await node.sessions.check()
    assert late.ended is Ended.REVOKED
    assert owner.ended is None


def same_key(lease: Lease) -> AccountKey:
    own = lease.account.key
    return AccountKey(SecretKey(bytes(own.amk.octets)), own.generation, own.suite)


async def test_nothing_is_open_longer_than_a_day(node: Node) -> None:
    lease, told = await connected(node)
    node.clock.advance(LEASE - timedelta(seconds=1))
    await node.sessions.check()
    assert told == []
    node.clock.advance(timedelta(seconds=1))
    await node.sessions.check()
    assert told == [Ended.EXPIRED]
    assert locked(lease)


async def test_an_expiring_credential_ends_what_it_opened(node: Node) -> None:
    await node.user()
    owner = await node.logins.password("alice@example.org", PASSWORD, peer=PEER)
    made = await node.app_passwords.add(
        owner, [Scope.IMAP], expires_at=node.clock.now() + timedelta(minutes=5)
    )
    lease = await node.logins.app_password(
        "alice@example.org", made.secret, scope=Scope.IMAP, peer=PEER
    )
    node.clock.advance(timedelta(minutes=5))
    await node.sessions.check()
    assert lease.ended is Ended.EXPIRED
    assert owner.ended is None


async def test_all_is_locked_once_revocations_are_not_seen_for_half_a_minute(
    node: Node, keystore_url: str
) -> None:
    owner, _ = await connected(node)
    keystore = await Keystore.open(keystore_url, clock=node.clock)
    keyring = Keyring(keystore, node.master)
    sessions = Sessions(keyring, node.clock)
    account = await keyring.account(owner.account_id)
    lease = sessions.lease(account, same_key(owner), owner.credential, expires_at=None)
    await sessions.check()
    await keystore.close()
    node.clock.advance(BLIND - timedelta(seconds=1))
    await sessions.check()
    assert lease.ended is None
    node.clock.advance(timedelta(seconds=1))
    await sessions.check()
    assert why(lease) is Ended.BLIND
    assert locked(lease)


def why(lease: Lease) -> Ended | None:
    return lease.ended


async def test_shutting_down_locks_all(node: Node) -> None:
    lease, told = await connected(node)
    node.sessions.close()
    assert told == [Ended.SHUTDOWN]
    assert locked(lease)
    late: list[Ended] = []
    lease.on_end(late.append)
    assert late == [Ended.SHUTDOWN]


async def test_a_revoked_app_password_signs_nobody_in(node: Node, other: Node) -> None:
    user = await node.user()
    made = await node.app_password(user)
    await node.logins.submission(str(user.address), made.secret, peer=PEER)
    await other.logins.submission(str(user.address), made.secret, peer=PEER)
    purged = await node.app_passwords.revoke(user.account_id, made.shown.id)
    assert purged is not None
    other.clock.advance(FRESH)
    for one in (node, other):
        with pytest.raises(Refused) as raised:
            await one.logins.submission(str(user.address), made.secret, peer=PEER)
        assert raised.value.condition is Condition.AUTHENTICATION_FAILED
