"""Web sessions: opened by their cookie alone, locked when idle, ended everywhere."""

from datetime import timedelta

import pytest

from mailserver.accounts.sessions import Ended
from mailserver.accounts.visitor import Visitor
from mailserver.accounts.web_sessions import IDLE, IDLE_STAYING, LONGEST, UNLOCKED, Begun
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.model.sealed import Plaintext
from mailserver.store.keystore import FRESH, Insert
from mailserver.store.keystore_tables import Rows
from mailserver.vault.codes import SessionToken
from mailserver.vault.web_sessions import Stage
from tests.support.accounts import PEER, Node, locked

HERE = Visitor(PEER, "Firefox on Linux")


async def begun(node: Node, *, stay: bool = False, stage: Stage = Stage.OPEN) -> Begun:
    """Make a session of a new account."""
    found = await node.store.accounts.by_address("alice@example.org")
    user = await node.user() if found is None else None
    if user is None:
        raise AssertionError("one session a test")
    lease = await node.unlocked(user)
    account = await node.keyring.account(user.account_id)
    made = await node.desk.web_sessions.begin(
        account, lease.account.key, HERE, stay=stay, stage=stage
    )
    await lease.close()
    return made


async def opened(node: Node, cookie: Plaintext) -> bool:
    """Say whether a cookie opens something."""
    try:
        await node.desk.web_sessions.open(cookie)
    except Refused as refusal:
        return refusal.condition is not Condition.AUTHENTICATION_FAILED
    return True


async def test_t_auth_4_a_row_without_its_cookie_opens_nothing(node: Node) -> None:
    made = await begun(node)
    token = SessionToken.parse(made.cookie)
    (row,) = await node.keystore.anywhere(Rows.SESSIONS, token.row_id)
    forged = SessionToken(token.selector, bytes(32))
    assert not await opened(node, forged.cookie())
    await node.desk.web_sessions.open(made.cookie)  # live now: the secret is still looked at
    assert not await opened(node, forged.cookie())
    assert token.secret not in bytes(row.sealed)
    assert token.selector not in bytes(row.row_id + row.selector + row.sealed)


async def test_a_cookie_without_the_keystore_opens_nothing(node: Node) -> None:
    made = await begun(node)
    account_id = (await node.desk.web_sessions.open(made.cookie)).account_id
    await node.desk.web_sessions.end_all(account_id)
    assert not await opened(node, made.cookie)


async def test_a_row_put_under_another_account_is_refused(node: Node) -> None:
    made = await begun(node)
    token = SessionToken.parse(made.cookie)
    (row,) = await node.keystore.anywhere(Rows.SESSIONS, token.row_id)
    bob = await node.user("bob@example.org")
    moved = type(row)(bob.account_id, row.row_id, row.selector, row.kid, row.sealed)
    await node.desk.web_sessions.end(row.account_id, row.row_id)
    await node.keystore.apply([Insert(Rows.SESSIONS, moved)])
    with pytest.raises(Corrupt):
        await node.desk.web_sessions.open(made.cookie)


async def test_it_locks_five_minutes_after_the_last_request_and_opens_again(node: Node) -> None:
    made = await begun(node)
    session = await node.desk.web_sessions.open(made.cookie)
    told: list[Ended] = []
    session.lease.on_end(told.append)
    node.clock.advance(UNLOCKED - timedelta(seconds=1))
    await node.desk.web_sessions.lock_idle()
    assert not locked(session.lease)
    node.clock.advance(timedelta(seconds=1))
    await node.desk.web_sessions.lock_idle()
    assert locked(session.lease)
    assert told == [Ended.LOCKED]
    again = await node.desk.web_sessions.open(made.cookie)
    assert not locked(again.lease)


async def test_it_ends_after_an_hour_without_a_request_in_every_process(
    node: Node, other: Node
) -> None:
    made = await begun(node)
    await node.desk.web_sessions.open(made.cookie)
    for _ in range(3):
        node.clock.advance(timedelta(minutes=40))
        await node.desk.web_sessions.lock_idle()
        await node.desk.web_sessions.open(made.cookie)
    node.clock.advance(UNLOCKED)
    await node.desk.web_sessions.lock_idle()
    node.clock.advance(IDLE - UNLOCKED - timedelta(seconds=1))
    assert await opened(other, made.cookie)
    await other.desk.web_sessions.lock_idle()
    node.clock.advance(UNLOCKED)
    await other.desk.web_sessions.lock_idle()
    node.clock.advance(IDLE)
    assert not await opened(node, made.cookie)
    assert not await opened(other, made.cookie)


@pytest.mark.parametrize(("stay", "longest"), [(False, LONGEST), (True, timedelta(days=30))])
async def test_it_ends_in_the_end_however_often_it_is_used(
    node: Node, stay: bool, longest: timedelta
) -> None:
    made = await begun(node, stay=stay)
    step = IDLE_STAYING / 2 if stay else IDLE / 2
    ends_at = node.clock.now() + longest
    while node.clock.now() + step < ends_at:
        node.clock.advance(step)
        assert await opened(node, made.cookie)
        await node.sessions.check()
    node.clock.advance(step)
    assert not await opened(node, made.cookie)
    assert await node.desk.web_sessions.sweep() == 1
    assert await node.keystore.page(Rows.SEEN) == ()


async def test_revoking_ends_it_on_another_node_within_five_seconds(
    node: Node, other: Node
) -> None:
    made = await begun(node)
    session = await node.desk.web_sessions.open(made.cookie)
    await node.sessions.check()
    (shown,) = await other.desk.web_sessions.listing(session.account_id)
    assert (shown.agent, shown.peer) == (HERE.agent, PEER)
    await other.desk.web_sessions.end(session.account_id, shown.id)
    node.clock.advance(FRESH)
    await node.sessions.check()
    assert locked(session.lease)
    assert not await opened(node, made.cookie)


async def test_a_session_in_want_of_a_factor_is_short_and_opens_nothing(node: Node) -> None:
    made = await begun(node, stage=Stage.FACTOR)
    assert not await opened(node, made.cookie)
    assert made.expires_at - node.clock.now() == timedelta(minutes=10)


async def test_a_known_device_is_its_own_accounts_for_thirty_days(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    cookie = await node.desk.devices.trust(alice.account_id, HERE)
    assert await node.desk.devices.holder(cookie) == alice.account_id
    assert await node.desk.devices.holder(Plaintext(b"no.cookie")) is None
    assert await node.desk.devices.count(bob.account_id) == 0
    node.clock.advance(timedelta(days=30))
    assert await node.desk.devices.holder(cookie) is None
