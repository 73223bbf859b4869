"""New secrets for old ones."""

from dataclasses import replace

import pytest

from mailserver.model.errors import Condition, Conflict, Refused
from mailserver.model.sealed import Plaintext
from mailserver.vault.records import Scope, WrapKind
from tests.support.accounts import PASSWORD, PEER, Node

NEW = Plaintext(b"two herons on a frozen canal")
THIRD = Plaintext(b"a kettle that whistles in F")


async def opens(node: Node, password: Plaintext) -> bool:
    try:
        await (await node.logins.password("alice@example.org", password, peer=PEER)).close()
    except Refused:
        return False
    return True


async def test_a_changed_password_takes_the_place_of_the_old_one(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user)
    reading = await node.logins.app_password(
        str(user.address), made.secret, scope=Scope.IMAP, peer=PEER
    )
    elsewhere = await node.logins.password(str(user.address), PASSWORD, peer=PEER)
    await node.recovery.change_password(user.account_id, PASSWORD, NEW)
    assert await opens(node, NEW)
    assert not await opens(node, PASSWORD)
    assert reading.ended is None  # app passwords stay
    assert elsewhere.ended is not None


async def test_it_needs_the_old_one_and_a_good_new_one(node: Node) -> None:
    user = await node.user()
    for old, new, condition in (
        (NEW, THIRD, Condition.AUTHENTICATION_FAILED),
        (PASSWORD, Plaintext(b"short"), Condition.WEAK_PASSWORD),
    ):
        with pytest.raises(Refused) as raised:
            await node.recovery.change_password(user.account_id, old, new)
        assert raised.value.condition is condition
    assert await opens(node, PASSWORD)


async def test_of_two_changes_at_once_one_is_refused(node: Node, other: Node) -> None:
    import asyncio

    user = await node.user()
    outcomes = await asyncio.gather(
        node.recovery.change_password(user.account_id, PASSWORD, NEW),
        other.recovery.change_password(user.account_id, PASSWORD, THIRD),
        return_exceptions=True,
    )
    failures = [outcome for outcome in outcomes if outcome is not None]
    assert len(failures) == 1
    assert isinstance(failures[0], Conflict | Refused)
    assert len(await node.keyring.wraps(user.account_id, WrapKind.PASSWORD)) == 1
    assert await opens(node, NEW) != await opens(node, THIRD)


async def test_a_code_brings_back_whoever_forgot(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user)
    lease = await node.logins.app_password(
        str(user.address), made.secret, scope=Scope.IMAP, peer=PEER
    )
    code = await node.recovery.reset_with_code(str(user.address), user.recovery_code, NEW)
    assert await opens(node, NEW)
    assert not await opens(node, PASSWORD)
    assert lease.ended is not None
    assert await node.app_passwords.listing(user.account_id) == []
    with pytest.raises(Refused):  # a code is used once
        await node.recovery.reset_with_code(str(user.address), user.recovery_code, THIRD)
    await node.recovery.reset_with_code(str(user.address), code, THIRD)
    assert await opens(node, THIRD)


async def test_app_passwords_may_be_kept(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user)
    await node.recovery.reset_with_code(
        str(user.address), user.recovery_code, NEW, keep_app_passwords=True
    )
    await node.logins.submission(str(user.address), made.secret, peer=PEER)


async def is_right(node: Node, password: Plaintext) -> bool:
    """Say whether a password is the account's, whose factor this opens nothing without."""
    try:
        _, key = await node.logins.prove_password("alice@example.org", password, peer=PEER)
    except Refused:
        return False
    key.close()
    return True


async def test_t_auth_8_a_reset_never_skips_the_second_factor(node: Node) -> None:
    user = await node.user()
    account = await node.keyring.account(user.account_id)
    record = replace(account.record, factors=("totp",))
    await node.keyring.apply([node.keyring.change_account(account, record)])
    with pytest.raises(Refused) as raised:
        await node.recovery.reset_with_code(str(user.address), user.recovery_code, NEW)
    assert raised.value.condition is Condition.NOT_PERMITTED
    assert await is_right(node, PASSWORD)
    await node.recovery.reset_with_code(
        str(user.address), user.recovery_code, NEW, factor_shown=True
    )
    assert await is_right(node, NEW)


async def test_a_code_is_replaced_by_whoever_has_the_account_open(node: Node) -> None:
    user = await node.user()
    lease = await node.logins.password(str(user.address), PASSWORD, peer=PEER)
    code = await node.recovery.renew_code(lease)
    with pytest.raises(Refused):
        await node.recovery.reset_with_code(str(user.address), user.recovery_code, NEW)
    await node.recovery.reset_with_code(str(user.address), code, NEW)


@pytest.mark.parametrize("login", ["bob@example.org", "nonsense", "alice@elsewhere.example"])
async def test_nobody_has_no_code(node: Node, login: str) -> None:
    user = await node.user()
    with pytest.raises(Refused) as raised:
        await node.recovery.reset_with_code(login, user.recovery_code, NEW)
    assert raised.value.condition is Condition.AUTHENTICATION_FAILED
