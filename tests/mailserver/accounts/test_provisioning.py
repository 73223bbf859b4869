"""Accounts and domains begin and end whole."""

from datetime import timedelta

import pytest

from mailserver.accounts.keyring import PROVISIONAL
from mailserver.accounts.provisioning import DEFAULT_MAILBOXES, ORPHANED_AFTER
from mailserver.accounts.receiving import TOMB_LIFE
from mailserver.crypto.context import Kind
from mailserver.crypto.suite import Suite
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, MailError, Refused
from mailserver.model.sealed import Plaintext
from mailserver.store.keystore_tables import Rows
from mailserver.vault.account_key import AccountKey
from mailserver.vault.credentials import open_recovery_wrap
from mailserver.vault.records import AccountRecord, WrapKind
from tests.support.accounts import PASSWORD, QUOTA, Node

ALICE = Address.parse("alice@example.org")


async def test_a_new_account_has_its_mailboxes_under_its_guard(node: Node) -> None:
    user = await node.user()
    account = await node.keyring.account(user.account_id)
    rows = await node.store.mailboxes.listing(user.account_id)
    names = [
        (account.guard.open_name(Kind.MAILBOX_NAME, row.name_hash, row.name), row.role)
        for row in rows
    ]
    assert sorted(names) == sorted(DEFAULT_MAILBOXES)
    assert all(row.subscribed for row in rows)
    assert (await node.store.accounts.get(user.account_id)).active
    assert account.record.addresses == ("alice@example.org",)
    assert PROVISIONAL in account.record.policy


async def test_its_recovery_code_opens_its_key(node: Node) -> None:
    user = await node.user()
    (wrap,) = await node.keyring.wraps(user.account_id, WrapKind.RECOVERY)
    key = open_recovery_wrap(user.account_id, wrap.row_id, wrap.record, user.recovery_code)
    account = await node.keyring.account(user.account_id)
    key.prove(account.record.generations[0].public)


@pytest.mark.parametrize(
    ("address", "condition"),
    [
        ("alice@example.org", Condition.ALREADY_EXISTS),
        ("ALICE@EXAMPLE.ORG", Condition.ALREADY_EXISTS),
        ("alice@elsewhere.example", Condition.NO_SUCH_DOMAIN),
    ],
)
async def test_an_address_must_be_free_and_ours(
    node: Node, address: str, condition: Condition
) -> None:
    await node.user()
    with pytest.raises(MailError) as raised:
        await node.provisioning.add_user(Address.parse(address), PASSWORD, quota_octets=QUOTA)
    assert raised.value.condition is condition
    assert await node.keystore.kids(Rows.ACCOUNTS) == {1: 1}


async def test_a_weak_password_makes_no_account(node: Node) -> None:
    await node.provisioning.add_domain("example.org")
    with pytest.raises(Refused):
        await node.provisioning.add_user(ALICE, Plaintext(b"short"), quota_octets=QUOTA)
    assert await node.keystore.kids(Rows.ACCOUNTS) == {}
    assert await node.store.accounts.by_address(ALICE.key) is None


async def test_domains_are_canonical_and_single(node: Node) -> None:
    assert await node.provisioning.add_domain("Bücher.Example.") == "xn--bcher-kva.example"
    with pytest.raises(Conflict):
        await node.provisioning.add_domain("xn--bcher-kva.example")
    assert await node.directory.is_local("xn--bcher-kva.example")
    await node.provisioning.remove_domain("bücher.example")
    with pytest.raises(Absent):
        await node.provisioning.remove_domain("bücher.example")


async def test_an_erased_account_is_gone_everywhere(node: Node) -> None:
    user = await node.user()
    await node.app_password(user)
    lease = await node.logins.password(str(user.address), PASSWORD, peer="192.0.2.1")
    await node.provisioning.remove_user(user.address)
    assert lease.ended is not None
    for rows in (Rows.ACCOUNTS, Rows.WRAPS, Rows.SESSIONS):
        assert await node.keystore.kids(rows) == {}
    with pytest.raises(Absent):
        await node.store.accounts.get(user.account_id)
    with pytest.raises(Absent):
        await node.provisioning.remove_user(user.address)
    with pytest.raises(Refused):
        await node.logins.password(str(user.address), PASSWORD, peer="192.0.2.1")
    assert await node.keystore.kids(Rows.ADDRESSES) == {}
    with pytest.raises(Refused) as refused:  # mail for the one before would come to another
        await node.user()
    assert refused.value.condition is Condition.NOT_PERMITTED
    node.clock.advance(TOMB_LIFE)
    again = await node.user()
    assert again.account_id != user.account_id


async def test_keys_of_an_account_that_was_never_finished_are_swept(node: Node) -> None:
    finished = await node.user("bob@example.org")
    key = AccountKey.random(Suite.HYBRID)
    record = AccountRecord(("alice@example.org",), (key.public(),), b"g" * 32)
    account_id, code = finished.account_id[::-1], finished.recovery_code
    from mailserver.model.ids import AccountId

    steps = await node.provisioning._first_steps(AccountId(account_id), record, key, PASSWORD, code)
    await node.keyring.apply(steps)  # and then the machine went down
    assert await node.provisioning.sweep() == 0
    node.clock.advance(ORPHANED_AFTER + timedelta(seconds=1))
    assert await node.provisioning.sweep() == 1
    assert await node.keystore.kids(Rows.ACCOUNTS) == {1: 1}
    await node.logins.password("bob@example.org", PASSWORD, peer="192.0.2.1")
