"""T-KEY-3, 4, 7, 8, 9 and T-LC-1, 6: who may open and receive is decided in the keystore alone."""

import base64
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from mailserver.audit.entry import Event
from mailserver.crypto.kdf import ARGON2_CURRENT
from mailserver.crypto.suite import Suite
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Corrupt, MailError, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.smtp.status import reply_to
from mailserver.store.keystore import FRESH
from mailserver.store.migrate import Which, migrate
from mailserver.vault.account_key import AccountKey
from mailserver.vault.records import Scope, WrapKind
from tests.support.accounts import PASSWORD, PEER, Node, open_node

ALICE = Address.parse("alice@example.org")
NEW = Plaintext(b"two herons on a frozen canal")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def node(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, clock)
    yield opened
    await opened.close()


async def keystore_sql(node: Node, statement: str, **values: object) -> None:
    """Do what a writer to the keystore's database could do."""
    await node.keystore._database.write(lambda c: c.execute(text(statement), values))
    await node.keystore._database.write(
        lambda c: c.execute(text("UPDATE revision SET number = number + 1"))
    )
    node.clock.advance(FRESH)


async def mail_sql(node: Node, statement: str, **values: object) -> None:
    """Do what a writer to the main database could do."""
    await node.store.database.write(lambda c: c.execute(text(statement), values))


async def reported(node: Node, account: AccountId) -> set[str]:
    return {row.event for row in await node.store.audit.of_account(account, 100)}


async def mismatch(node: Node) -> None:
    """See that mail for Alice is deferred, and her sign-in as well."""
    with pytest.raises(Corrupt) as raised:
        await node.directory.find(ALICE)
    assert raised.value.condition is Condition.KEY_MISMATCH
    assert reply_to(raised.value).encode().startswith(b"451 4.3.5 ")
    with pytest.raises(Corrupt):
        await node.logins.password(str(ALICE), PASSWORD, peer=PEER)


async def test_t_key_3_a_swapped_public_key_or_account_row_is_refused(node: Node) -> None:
    alice, mallory = await node.user(), await node.user("mallory@example.org")
    await node.directory.find(ALICE)
    await keystore_sql(
        node,
        "UPDATE accounts SET sealed = (SELECT sealed FROM accounts WHERE account_id = :mallory)"
        " WHERE account_id = :alice",
        alice=alice.account_id,
        mallory=mallory.account_id,
    )
    await mismatch(node)
    assert {Event.KEY_MISMATCH.value, Event.BREACH_SUSPECTED.value} <= await reported(
        node, alice.account_id
    )
    await node.directory.find(mallory.address)


async def test_t_key_3_a_suite_that_is_not_allowed_is_refused(node: Node) -> None:
    alice = await node.user()
    account = await node.keyring.account(alice.account_id)
    weak = AccountKey.random(Suite.CLASSICAL).public()
    record = replace(account.record, generations=(weak,))
    await node.keyring.apply([node.keyring.change_account(account, record)])
    await mismatch(node)
    assert Event.KEY_MISMATCH.value in await reported(node, alice.account_id)


async def test_t_key_4_old_parameters_are_renewed_at_the_next_sign_in(node: Node) -> None:
    alice = await node.user()  # whose password was hashed with the smallest ones
    (old,) = await node.keyring.wraps(alice.account_id, WrapKind.PASSWORD)
    assert old.record.kdf != ARGON2_CURRENT
    lease = await node.logins.password(str(ALICE), PASSWORD, peer=PEER)
    (new,) = await node.keyring.wraps(alice.account_id, WrapKind.PASSWORD)
    assert new.record.kdf == ARGON2_CURRENT
    assert lease.credential == new.row_id
    await node.sessions.check()
    assert lease.ended is None
    await (await node.logins.password(str(ALICE), PASSWORD, peer=PEER)).close()
    assert await node.keyring.wraps(alice.account_id, WrapKind.PASSWORD) == [new]


async def test_t_key_7_the_main_database_cannot_confirm_a_password(tmp_path: Path) -> None:
    """Nothing that a guess could be compared with is outside of the keystore."""
    mail, keys = tmp_path / "mail", tmp_path / "keys"
    mail.mkdir()
    keys.mkdir()
    await migrate(f"sqlite:///{keys / 'keystore.db'}", Which.KEYSTORE)
    node = await open_node(
        f"sqlite:///{mail / 'mail.db'}", f"sqlite:///{keys / 'keystore.db'}", keys, ManualClock()
    )
    alice = await node.user()
    await node.app_password(alice)
    await node.logins.password(str(ALICE), PASSWORD, peer=PEER)
    wraps = await node.keyring.wraps(alice.account_id)
    await node.close()
    shutil.move(keys / "blobs", mail / "blobs") if (keys / "blobs").exists() else None
    taken = b"".join(file.read_bytes() for file in mail.rglob("*") if file.is_file())
    assert b"alice@example.org" in taken  # the address is clear: the search below can find
    comparable = [wrap.record.salt for wrap in wraps]
    comparable += [wrap.record.commit for wrap in wraps]
    comparable += [wrap.record.sealed_key for wrap in wraps if wrap.record.sealed_key]
    assert len(comparable) >= 8
    for octets in comparable:
        assert octets not in taken
        assert base64.b64encode(octets) not in taken
        assert octets.hex().encode() not in taken
        assert wraps[0].row.sealed[4:] not in taken


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE accounts SET sealed = :flipped WHERE account_id = :alice",
        "UPDATE accounts SET sealed = :unlayered WHERE account_id = :alice",
        "UPDATE accounts SET sealed = :empty WHERE account_id = :alice",
        "UPDATE accounts SET row_id = :other WHERE account_id = :alice",
    ],
)
async def test_t_key_8_an_account_row_that_was_touched_is_refused(
    node: Node, tampering: str
) -> None:
    alice = await node.user()
    row = (await node.keyring.account(alice.account_id)).row
    values: dict[str, object] = {
        "flipped": row.sealed[:-1] + bytes([row.sealed[-1] ^ 1]),
        "unlayered": bytes(4) + row.sealed[4:],
        "empty": b"",
        "other": b"o" * 16,
    }
    used = {name: value for name, value in values.items() if f":{name}" in tampering}
    await keystore_sql(node, tampering, alice=alice.account_id, **used)
    await mismatch(node)
    assert Event.KEY_MISMATCH.value in await reported(node, alice.account_id)


async def test_t_key_8_a_credential_does_not_move_to_another_account(node: Node) -> None:
    alice, mallory = await node.user(), await node.user("mallory@example.org")
    made = await node.app_password(mallory)
    (hers, *_) = await node.keyring.wraps(mallory.account_id, WrapKind.APP_PASSWORD)
    from mailserver.vault.codes import app_password_selector

    await keystore_sql(
        node,
        "UPDATE wraps SET account_id = :alice, selector = :selector WHERE row_id = :row",
        alice=alice.account_id,
        selector=app_password_selector(alice.account_id, made.secret),
        row=hers.row_id,
    )
    with pytest.raises(Corrupt) as raised:
        await node.logins.app_password(str(ALICE), made.secret, scope=Scope.IMAP, peer=PEER)
    assert raised.value.condition is Condition.KEY_MISMATCH
    assert Event.KEY_MISMATCH.value in await reported(node, alice.account_id)


async def test_t_key_8_a_scope_or_an_expiry_is_not_edited(node: Node) -> None:
    """What limits a credential lies in its sealed row: there is nothing in clear to change."""
    alice = await node.user()
    made = await node.app_password(alice, Scope.SMTP)
    await keystore_sql(node, "UPDATE wraps SET kid = 0 WHERE row_id = :row", row=made.shown.id)
    with pytest.raises(Refused) as raised:
        await node.logins.app_password(str(ALICE), made.secret, scope=Scope.IMAP, peer=PEER)
    assert raised.value.condition is Condition.SCOPE


async def test_t_key_9_an_index_edit_redirects_nothing(node: Node) -> None:
    alice, mallory = await node.user(), await node.user("mallory@example.org")
    made = await node.app_password(mallory)
    await mail_sql(
        node,
        "UPDATE addresses SET account_id = :mallory WHERE address = 'alice@example.org'",
        mallory=mallory.account_id,
    )
    assert (await node.directory.find(ALICE)).account_id == alice.account_id
    with pytest.raises(Refused):  # nor does Mallory sign in as Alice
        await node.logins.submission(str(ALICE), made.secret, peer=PEER)
    lease = await node.logins.password(str(ALICE), PASSWORD, peer=PEER)  # but Alice does
    assert lease.account_id == alice.account_id
    await lease.close()
    await node.provisioning.remove_user(ALICE)  # and only she is erased
    with pytest.raises(Absent):
        await node.keyring.account(alice.account_id, fresh=True)
    await node.keyring.account(mallory.account_id, fresh=True)


async def test_t_key_9_an_added_address_receives_nothing(node: Node) -> None:
    mallory = await node.user("mallory@example.org")
    await node.store.accounts.add_address(mallory.account_id, "director@example.org")
    with pytest.raises(Absent):
        await node.directory.find(Address.parse("director@example.org"))
    signed_in = await node.app_password(mallory)
    submitter = await node.logins.submission(str(mallory.address), signed_in.secret, peer=PEER)
    assert submitter.addresses == (mallory.address,)


async def opens(node: Node, password: Plaintext) -> bool:
    try:
        await (await node.logins.password(str(ALICE), password, peer=PEER)).close()
    except Refused:
        return False
    return True


STEPS = (
    "BEFORE INSERT ON wraps",
    "BEFORE DELETE ON wraps",
    "BEFORE UPDATE ON revision",
)


async def broken_keystore(node: Node, step: str) -> None:
    """Let the keystore fail in the middle of a transaction."""
    trigger = f"CREATE TRIGGER broken {step} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    await node.keystore._database.write(lambda c: c.execute(text(trigger)))


@pytest.fixture
async def on_sqlite(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Node]:
    keystore = f"sqlite:///{tmp_path / 'keystore.db'}"
    opened = await open_node(f"sqlite:///{tmp_path / 'mail.db'}", keystore, tmp_path, clock)
    yield opened
    await opened.close()


@pytest.mark.parametrize("step", STEPS)
async def test_t_lc_1_an_interrupted_change_leaves_the_old_password(
    on_sqlite: Node, step: str
) -> None:
    node = on_sqlite
    alice = await node.user()
    await node.logins.password(str(ALICE), PASSWORD, peer=PEER)  # renews the parameters
    await broken_keystore(node, step)
    with pytest.raises(Exception, match=r"."):
        await node.recovery.change_password(alice.account_id, PASSWORD, NEW)
    assert await opens(node, PASSWORD)
    assert not await opens(node, NEW)
    await keystore_sql(node, "DROP TRIGGER broken")
    await node.recovery.change_password(alice.account_id, PASSWORD, NEW)
    assert await opens(node, NEW)
    assert not await opens(node, PASSWORD)


@pytest.mark.parametrize("step", STEPS)
async def test_t_lc_1_an_interrupted_reset_leaves_the_old_secrets(
    on_sqlite: Node, step: str
) -> None:
    node = on_sqlite
    alice = await node.user()
    await node.logins.password(str(ALICE), PASSWORD, peer=PEER)
    made = await node.app_password(alice)
    await broken_keystore(node, step)
    with pytest.raises(Exception, match=r"."):
        await node.recovery.reset_with_code(str(ALICE), alice.recovery_code, NEW)
    assert await opens(node, PASSWORD)
    await node.logins.submission(str(ALICE), made.secret, peer=PEER)
    await keystore_sql(node, "DROP TRIGGER broken")
    await node.recovery.reset_with_code(str(ALICE), alice.recovery_code, NEW)
    assert await opens(node, NEW)


async def test_t_lc_1_an_interrupted_sign_up_leaves_a_free_address(on_sqlite: Node) -> None:
    node = on_sqlite
    await node.provisioning.add_domain("example.org")
    await broken_keystore(node, STEPS[0])
    with pytest.raises(Exception, match=r"."):
        await node.user()
    assert await node.store.accounts.by_address(ALICE.key) is None
    await keystore_sql(node, "DROP TRIGGER broken")
    await node.user()
    assert await opens(node, PASSWORD)


async def test_t_lc_1_without_its_audit_entry_nothing_changes(on_sqlite: Node) -> None:
    node = on_sqlite
    alice = await node.user()
    await mail_sql(
        node,
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END",
    )
    with pytest.raises(MailError):
        await node.recovery.change_password(alice.account_id, PASSWORD, NEW)
    with pytest.raises(MailError):
        await node.recovery.reset_with_code(str(ALICE), alice.recovery_code, NEW)
    await mail_sql(node, "DROP TRIGGER broken")
    assert await opens(node, PASSWORD)
    assert not await opens(node, NEW)


async def test_t_lc_6_a_revoked_device_stays_revoked_after_a_restore(
    tmp_path: Path, clock: ManualClock
) -> None:
    mail, keystore = f"sqlite:///{tmp_path / 'mail.db'}", f"sqlite:///{tmp_path / 'keystore.db'}"
    node = await open_node(mail, keystore, tmp_path, clock)
    alice = await node.user()
    stolen, kept = await node.app_password(alice), await node.app_password(alice)
    await node.close()
    shutil.copy(tmp_path / "mail.db", tmp_path / "last-week.db")
    node = await open_node(mail, keystore, tmp_path, clock)
    await node.app_passwords.revoke(alice.account_id, stolen.shown.id)
    await node.recovery.change_password(alice.account_id, PASSWORD, NEW)
    await node.close()
    # The mail database alone goes back; the audit log's end is then behind the keystore's.
    restored = tmp_path / "restored.db"
    shutil.copy(tmp_path / "last-week.db", restored)
    with pytest.raises(Corrupt):
        await open_node(f"sqlite:///{restored}", keystore, tmp_path, clock)
    node = await open_node(f"sqlite:///{restored}", keystore, tmp_path, clock, restored=True)
    with pytest.raises(Refused):
        await node.logins.submission(str(ALICE), stolen.secret, peer=PEER)
    await node.logins.submission(str(ALICE), kept.secret, peer=PEER)
    assert await opens(node, NEW)
    assert not await opens(node, PASSWORD)
    await node.close()
