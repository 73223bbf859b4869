"""Ways back into an account: what each opens, what it leaves closed, and what it ends."""

from datetime import timedelta

import pytest

from mailserver.accounts import totp
from mailserver.accounts.admins import Admin
from mailserver.accounts.factors import Factor, Proof
from mailserver.accounts.sending import FROZEN
from mailserver.accounts.vaults import VAULT_LIFE
from mailserver.accounts.visitor import Visitor
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Locked, Refused
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice
from mailserver.model.sealed import Plaintext
from mailserver.store.keystore import DeleteAll
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import AdminRole
from mailserver.vault.records import Scope
from tests.support.accounts import PASSWORD, PEER, Node
from tests.support.factors import Authenticator, enrolled

ALICE = "alice@example.org"
HERE = Visitor(PEER, "Firefox on Linux")
NEW = Plaintext(b"nine paper lanterns over a canal")
NEWER = Plaintext(b"eleven herons stand in a ditch")


async def generation(node: Node, password: Plaintext, first: Proof | None = None) -> set[int]:
    """Sign in and say which generations of keys that opens."""
    outcome = await node.desk.sign_in.by_password(ALICE, password, HERE, first=first)
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    rows = session.account.record.generations
    return {
        each.number
        for each in rows
        if each.number == session.lease.account.generation
        or each.number in session.lease.account._keys
    }


async def reset(node: Node, proof: Proof | None = None, password: Plaintext = NEW) -> Plaintext:
    """Reset without the code, by an administrator's link, after its day."""
    token = await node.desk.resets.issue(Address.parse(ALICE))
    at = await node.desk.resets.ask(token, HERE, proof)
    node.clock.advance(at - node.clock.now())
    again = None if proof is None else Proof(proof.factor, proof.value)
    code, _ = await node.desk.resets.finish(token, password, HERE, again)
    return code


async def test_an_invitation_makes_an_account_once(node: Node) -> None:
    await node.provisioning.add_domain("example.org")
    token = await node.desk.invitations.invite(Address.parse(ALICE), quota_octets=1 << 20)
    assert str((await node.desk.invitations.look(token)).address) == ALICE
    user = await node.desk.invitations.sign_up(token, NEW)
    assert await generation(node, NEW) == {1}
    with pytest.raises(Absent):
        await node.desk.invitations.sign_up(token, NEWER)
    await node.recovery.reset_with_code(ALICE, user.recovery_code, NEWER)


async def test_an_invitation_is_good_for_seven_days(node: Node) -> None:
    await node.provisioning.add_domain("example.org")
    token = await node.desk.invitations.invite(Address.parse(ALICE), quota_octets=1 << 20)
    node.clock.advance(timedelta(days=7))
    with pytest.raises(Absent):
        await node.desk.invitations.sign_up(token, NEW)


async def test_a_sign_up_that_breaks_off_leaves_the_link_good(node: Node) -> None:
    await node.provisioning.add_domain("example.org")
    token = await node.desk.invitations.invite(Address.parse(ALICE), quota_octets=1 << 20)
    with pytest.raises(Refused):
        await node.desk.invitations.sign_up(token, Plaintext(b"short"))
    await node.desk.invitations.sign_up(token, NEW)


async def test_taking_over_makes_new_keys_and_ends_all_from_before(node: Node) -> None:
    user = await node.user()
    await node.app_password(user, Scope.IMAP)
    outcome = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)
    assert outcome.provisional
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    key, code = await node.desk.first_steps.take_over(session.lease, NEW)
    key.close()
    assert await generation(node, NEW) == {1, 2}  # mail that came meanwhile stays readable
    assert await node.app_passwords.listing(user.account_id) == []
    for old in (outcome.session.cookie,):
        with pytest.raises(Refused):
            await node.desk.web_sessions.open(old)
    with pytest.raises(Refused):
        await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)
    await node.recovery.reset_with_code(ALICE, code, NEWER)


async def test_t_lc_2_a_reset_without_the_code_reads_no_old_mail(node: Node) -> None:
    await node.user()
    await reset(node)
    assert await generation(node, NEW) == {2}
    with pytest.raises(Refused):
        await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)
    await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE)
    assert await generation(node, NEWER) == {1, 3}


async def test_from_a_session_the_mail_in_between_stays_readable_too(node: Node) -> None:
    await node.user()
    await reset(node)
    outcome = await node.desk.sign_in.by_password(ALICE, NEW, HERE)
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE, lease=session.lease)
    assert await generation(node, NEWER) == {1, 2, 3}


async def test_a_reset_waits_a_day_unless_two_administrators_agree(node: Node) -> None:
    await node.user()
    token = await node.desk.resets.issue(Address.parse(ALICE))
    with pytest.raises(Locked):
        await node.desk.resets.finish(token, NEW, HERE, None)
    await node.desk.resets.ask(token, HERE, None)
    node.clock.advance(timedelta(hours=23))
    with pytest.raises(Locked):
        await node.desk.resets.finish(token, NEW, HERE, None)
    second = Admin("second", frozenset({AdminRole.OWNER}), node.clock.now(), True)
    waived = await node.desk.resets.issue(Address.parse(ALICE), second=second)
    await node.desk.resets.finish(waived, NEW, HERE, None)
    assert {Notice.RESET_ASKED, Notice.RESET_DONE} <= {notice for _, notice, _ in node.told}


async def test_t_auth_8_no_reset_skips_the_second_factor(node: Node) -> None:
    device = await enrolled(node)
    token = await node.desk.resets.issue(Address.parse(ALICE))
    with pytest.raises(Refused) as refusal:
        await node.desk.resets.ask(token, HERE, None)
    assert refusal.value.condition is Condition.NOT_PERMITTED
    await node.desk.resets.ask(token, HERE, device.proof())
    node.clock.advance(timedelta(hours=24))
    with pytest.raises(Refused):
        await node.desk.resets.finish(token, NEW, HERE, None)
    await node.desk.resets.finish(token, NEW, HERE, device.proof())
    first = device.proof()
    assert await generation(node, NEW, first) == {2}


async def test_t_auth_8_nor_does_the_recovery_code(node: Node) -> None:
    user = await node.user()
    device = Authenticator(user.account_id, totp.new_seed(), node.clock)
    await node.desk.factors.add_totp(user.account_id, device.seed, device.code())
    with pytest.raises(Refused) as refusal:
        await node.desk.guarded.reset_with_code(
            ALICE, user.recovery_code, NEW, HERE, proof=None, keep_app_passwords=False
        )
    assert refusal.value.condition is Condition.NOT_PERMITTED
    await node.desk.guarded.reset_with_code(
        ALICE, user.recovery_code, NEW, HERE, proof=device.proof(), keep_app_passwords=False
    )


async def test_t_lc_7_whoever_forced_a_reset_gets_no_old_mail(node: Node) -> None:
    device = await enrolled(node)
    old_app = await _app_password(node, PASSWORD, device)
    # Two administrators take the factor off, force a reset, and set up one of their own.
    await _factors_lost(node, device)
    await reset(node)
    shadow_device = Authenticator(device.account_id, totp.new_seed(), node.clock)
    await node.desk.factors.add_totp(device.account_id, shadow_device.seed, shadow_device.code())
    shadow = await _app_password(node, NEW, shadow_device)
    # The owner opens the vault with what he had.
    await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE)
    with pytest.raises(Refused):
        await node.logins.app_password(ALICE, shadow, scope=Scope.IMAP, peer=PEER)
    with pytest.raises(Refused):
        await node.logins.app_password(ALICE, old_app, scope=Scope.IMAP, peer=PEER)
    with pytest.raises(Refused):
        await node.desk.sign_in.by_password(ALICE, NEW, HERE, first=shadow_device.proof())
    assert await generation(node, NEWER) == {1, 3}


async def test_a_vault_asks_for_the_factor_from_before(node: Node) -> None:
    device = await enrolled(node)
    proof = Proof(Factor.BACKUP, device.backup[0])
    token = await node.desk.resets.issue(Address.parse(ALICE))
    await node.desk.resets.ask(token, HERE, proof)
    node.clock.advance(timedelta(hours=24))
    await node.desk.resets.finish(token, NEW, HERE, Proof(Factor.BACKUP, device.backup[1]))
    with pytest.raises(Refused) as refusal:
        await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE)
    assert refusal.value.condition is Condition.NOT_PERMITTED
    with pytest.raises(Refused):
        await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE, proof=proof)  # used before
    await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE, proof=device.proof())
    assert await generation(node, NEWER, device.proof()) == {1, 3}


async def test_opening_the_vault_stops_the_next_reset_as_well(node: Node) -> None:
    await node.user()
    waiting = await node.desk.resets.issue(Address.parse(ALICE))
    await node.desk.resets.ask(waiting, HERE, None)
    await reset(node)
    with pytest.raises(Absent):
        await node.desk.resets.finish(waiting, NEWER, HERE, None)  # one reset ends them all
    later = await node.desk.resets.issue(Address.parse(ALICE))
    await node.desk.resets.ask(later, HERE, None)
    await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE)
    node.clock.advance(timedelta(hours=24))
    with pytest.raises(Absent):
        await node.desk.resets.finish(later, NEW, HERE, None)


async def test_a_vault_ends_after_ninety_days(node: Node) -> None:
    user = await node.user()
    await reset(node)
    node.clock.advance(VAULT_LIFE)
    with pytest.raises(Refused):
        await node.desk.vaults.open(ALICE, PASSWORD, NEWER, HERE)
    assert await node.desk.vaults.sweep() == 1
    assert await node.keystore.fresh(Rows.VAULTS, user.account_id) == ()


async def test_an_old_secret_says_that_nobody_asked(node: Node) -> None:
    user = await node.user()
    await reset(node)
    with pytest.raises(Refused):
        await node.desk.vaults.deny(ALICE, NEWER, HERE)
    await node.desk.vaults.deny(ALICE, user.recovery_code, HERE)
    account = await node.keyring.account(user.account_id, fresh=True)
    assert FROZEN in account.record.policy


async def test_the_owner_stops_a_reset_from_a_session(node: Node) -> None:
    user = await node.user()
    token = await node.desk.resets.issue(Address.parse(ALICE))
    await node.desk.resets.ask(token, HERE, None)
    assert await node.desk.resets.pending(user.account_id) is not None
    await node.desk.resets.stop(user.account_id)
    node.clock.advance(timedelta(hours=24))
    with pytest.raises(Absent):
        await node.desk.resets.finish(token, NEW, HERE, None)


async def test_rescue_by_an_app_password_needs_a_factor_and_loses_nothing(node: Node) -> None:
    device = await enrolled(node)
    app = await _app_password(node, PASSWORD, device)
    wrong = Proof(Factor.TOTP, Plaintext(b"000000"))
    with pytest.raises(Refused):
        await node.desk.rescue.by_app_password(ALICE, app, NEW, wrong, HERE)
    await node.desk.rescue.by_app_password(ALICE, app, NEW, device.proof(), HERE)
    assert await generation(node, NEW, device.proof()) == {1}


async def test_t_srv_4_an_app_password_alone_rescues_nothing(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user, Scope.IMAP)
    wrong = Proof(Factor.TOTP, Plaintext(b"000000"))
    with pytest.raises(Refused):
        await node.desk.rescue.by_app_password(ALICE, made.secret, NEW, wrong, HERE)
    assert await generation(node, PASSWORD) == {1}


async def test_t_lc_1_a_reset_that_breaks_off_leaves_the_old_secret(node: Node) -> None:
    await node.user()
    token = await node.desk.resets.issue(Address.parse(ALICE))
    at = await node.desk.resets.ask(token, HERE, None)
    node.clock.advance(at - node.clock.now())
    account = await node.keyring.account((await _account(node)), fresh=True)
    # Somebody else changes the account's row between the reading and the transaction.
    steps = await node.desk.vaults.closing(account)
    await node.keyring.apply([node.keyring.change_account(account, account.record)])
    with pytest.raises(Conflict):
        await node.keyring.apply([*steps, node.keyring.change_account(account, account.record)])
    assert await node.keystore.fresh(Rows.VAULTS, account.account_id) == ()
    assert await generation(node, PASSWORD) == {1}
    await node.desk.resets.finish(token, NEW, HERE, None)
    assert await generation(node, NEW) == {2}


async def test_all_factors_lost_takes_two_people_and_two_days(node: Node) -> None:
    device = await enrolled(node)
    account = await node.keyring.account(device.account_id)
    one = Admin("one", frozenset({AdminRole.OWNER}), node.clock.now(), True)
    with pytest.raises(Refused):
        await node.desk.lost_factors.ask(account, one, one)
    await _factors_lost(node, device)
    assert await generation(node, PASSWORD) == {1}


async def test_the_owner_keeps_the_factors(node: Node) -> None:
    device = await enrolled(node)
    account = await node.keyring.account(device.account_id)
    admins = [
        Admin(name, frozenset({AdminRole.OWNER}), node.clock.now(), True) for name in ("a", "b")
    ]
    await node.desk.lost_factors.ask(account, *admins)
    await node.desk.lost_factors.refuse(device.account_id)
    node.clock.advance(timedelta(hours=49))
    outcome = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)
    assert outcome.needed


async def test_a_factor_row_that_is_gone_is_no_way_around_it(node: Node) -> None:
    device = await enrolled(node)
    await node.keystore.apply([DeleteAll(Rows.FACTORS, device.account_id)])
    with pytest.raises(Corrupt):
        await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)


async def _account(node: Node) -> AccountId:
    found = await node.directory.holder(Address.parse(ALICE))
    assert found is not None
    return found.account_id


async def _app_password(node: Node, password: Plaintext, device: Authenticator) -> Plaintext:
    outcome = await node.desk.sign_in.by_password(ALICE, password, HERE, first=device.proof())
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    return (await node.app_passwords.add(session.lease, [Scope.IMAP])).secret


async def _factors_lost(node: Node, device: Authenticator) -> None:
    account = await node.keyring.account(device.account_id)
    admins = [
        Admin(name, frozenset({AdminRole.OWNER}), node.clock.now(), True) for name in ("a", "b")
    ]
    at = await node.desk.lost_factors.ask(account, *admins)
    assert at - node.clock.now() == timedelta(hours=48)
    node.clock.advance(timedelta(hours=47))
    assert (await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)).needed
    node.clock.advance(timedelta(hours=1))
    assert not (await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE)).needed
