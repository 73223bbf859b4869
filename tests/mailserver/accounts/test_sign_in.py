"""Signing in on the web: the password, the factor, and what either opens."""

from datetime import timedelta

import pyotp
import pytest

from mailserver.accounts.factors import Factor, Proof
from mailserver.accounts.sign_in import FAILURES_IN_A_SESSION, Outcome
from mailserver.accounts.visitor import Visitor
from mailserver.model.errors import Condition, Refused
from mailserver.model.notice import Notice
from mailserver.model.sealed import Plaintext
from mailserver.store.login_history import FAILURES
from mailserver.vault.records import Scope
from tests.support.accounts import PASSWORD, PEER, Node
from tests.support.factors import Authenticator, enrolled

ALICE = "alice@example.org"
HERE = Visitor(PEER, "Firefox on Linux")


async def signed_in(node: Node, visitor: Visitor = HERE) -> Outcome:
    return await node.desk.sign_in.by_password(ALICE, PASSWORD, visitor)


async def refused(node: Node, login: str, password: bytes, visitor: Visitor = HERE) -> Refused:
    with pytest.raises(Refused) as refusal:
        await node.desk.sign_in.by_password(login, Plaintext(password), visitor)
    return refusal.value


async def test_the_password_opens_a_session_where_there_is_no_factor(node: Node) -> None:
    await node.user()
    outcome = await signed_in(node)
    assert outcome.needed == ()
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    assert session.lease.account.addresses == (ALICE,)
    assert session.is_fresh(node.clock.now())


async def test_the_words_are_the_same_for_whoever_does_not_exist(node: Node) -> None:
    await node.user()
    wrong = await refused(node, ALICE, b"not my password at all")
    nobody = await refused(node, "nobody@example.org", b"not my password at all")
    assert wrong.text == nobody.text
    assert wrong.condition is nobody.condition is Condition.AUTHENTICATION_FAILED


async def test_a_session_in_want_of_a_factor_opens_nothing(node: Node) -> None:
    await enrolled(node)
    outcome = await signed_in(node)
    assert outcome.needed == (Factor.TOTP, Factor.BACKUP)
    with pytest.raises(Refused):
        await node.desk.web_sessions.open(outcome.session.cookie)
    assert node.sessions.leases() == []


async def test_the_factor_opens_it_under_a_new_cookie(node: Node) -> None:
    device = await enrolled(node)
    begun = await signed_in(node)
    opened = await node.desk.sign_in.by_factor(begun.session.cookie, device.proof(), HERE)
    assert opened.session.cookie.reveal() != begun.session.cookie.reveal()
    await node.desk.web_sessions.open(opened.session.cookie)
    with pytest.raises(Refused):
        await node.desk.sign_in.by_factor(begun.session.cookie, device.proof(), HERE)


async def test_t_auth_2_a_code_is_taken_once_in_every_process(node: Node, other: Node) -> None:
    device = await enrolled(node)
    first, second = await signed_in(node), await signed_in(node)
    proof = device.proof()
    await node.desk.sign_in.by_factor(first.session.cookie, proof, HERE)
    with pytest.raises(Refused) as replay:
        await other.desk.sign_in.by_factor(second.session.cookie, proof, HERE)
    assert replay.value.condition is Condition.AUTHENTICATION_FAILED


async def test_a_clock_one_step_off_is_taken_and_two_steps_are_not(node: Node) -> None:
    device = await enrolled(node)
    for steps, taken in ((1, True), (2, False), (-2, False)):
        node.clock.advance(timedelta(minutes=5))
        begun = await signed_in(node)
        proof = device.proof(steps=steps)
        if taken:
            await node.desk.sign_in.by_factor(begun.session.cookie, proof, HERE)
        else:
            with pytest.raises(Refused):
                await node.desk.sign_in.by_factor(begun.session.cookie, proof, HERE)


async def test_a_backup_code_is_good_once(node: Node) -> None:
    device = await enrolled(node)
    proof = Proof(Factor.BACKUP, device.backup[3])
    begun = await signed_in(node)
    await node.desk.sign_in.by_factor(begun.session.cookie, proof, HERE)
    again = await signed_in(node)
    with pytest.raises(Refused):
        await node.desk.sign_in.by_factor(again.session.cookie, proof, HERE)
    shown = await node.desk.factors.shown(device.account_id)
    assert shown.backup_codes_left == 9


async def test_a_few_wrong_codes_end_the_sign_in(node: Node) -> None:
    device = await enrolled(node)
    begun = await signed_in(node)
    for n in range(FAILURES_IN_A_SESSION):
        wrong = Proof(Factor.TOTP, Plaintext(b"%06d" % n))
        with pytest.raises(Refused):
            await node.desk.sign_in.by_factor(begun.session.cookie, wrong, HERE)
    with pytest.raises(Refused, match="no such session"):
        await node.desk.sign_in.by_factor(begun.session.cookie, device.proof(), HERE)


async def test_an_account_with_a_factor_is_not_opened_by_its_password_alone(node: Node) -> None:
    await enrolled(node)
    with pytest.raises(Refused) as refusal:
        await node.logins.password(ALICE, PASSWORD, peer=PEER)
    assert refusal.value.condition is Condition.NOT_PERMITTED


async def test_a_factor_is_taken_with_the_password_too(node: Node) -> None:
    device = await enrolled(node)
    outcome = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE, first=device.proof())
    assert outcome.needed == ()


async def test_a_new_device_is_told_of_and_a_known_one_is_not(node: Node) -> None:
    await node.user()
    await signed_in(node)
    await signed_in(node)
    assert node.told == []
    await signed_in(node, Visitor("203.0.113.9", "Safari"))
    assert [notice for _, notice, _ in node.told] == [Notice.NEW_DEVICE]


async def test_the_history_is_sealed_and_its_owner_reads_it(node: Node) -> None:
    await node.user()
    outcome = await signed_in(node)
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    (entry,) = await node.desk.history.listing(session.lease)
    assert (entry.what, entry.peer, entry.agent) == ("signed-in", PEER, "Firefox on Linux")
    rows = await node.store.login_history.listing(session.account_id, 10)
    assert all(PEER.encode() not in bytes(row.entry) for row in rows)
    node.clock.advance(timedelta(days=91))
    later = await node.desk.web_sessions.open((await signed_in(node)).session.cookie)
    assert len(await node.desk.history.listing(later.lease)) == 1


async def test_proving_it_again_makes_the_session_fresh_under_a_new_cookie(node: Node) -> None:
    device = await enrolled(node)
    begun = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE, first=device.proof())
    node.clock.advance(timedelta(minutes=6))
    session = await node.desk.web_sessions.open(begun.session.cookie)
    assert not session.is_fresh(node.clock.now())
    with pytest.raises(Refused):
        await node.desk.sign_in.again(begun.session.cookie, HERE, password=PASSWORD)
    outcome = await node.desk.sign_in.again(begun.session.cookie, HERE, proof=device.proof())
    assert (await node.desk.web_sessions.open(outcome.session.cookie)).is_fresh(node.clock.now())
    with pytest.raises(Refused):
        await node.desk.web_sessions.open(begun.session.cookie)


async def test_proving_it_again_is_no_way_round_the_factor_step(node: Node) -> None:
    device = await enrolled(node)
    begun = await signed_in(node)
    with pytest.raises(Refused):
        await node.desk.sign_in.again(begun.session.cookie, HERE, password=PASSWORD)
    with pytest.raises(Refused):
        await node.desk.sign_in.again(begun.session.cookie, HERE, proof=device.proof())


async def test_an_app_password_signs_nobody_in(node: Node) -> None:
    user = await node.user()
    made = await node.app_password(user, Scope.IMAP, Scope.JMAP)
    refusal = await refused(node, ALICE, made.secret.reveal())
    assert refusal.condition is Condition.AUTHENTICATION_FAILED


def test_codes_are_those_of_rfc_6238() -> None:
    # RFC 6238 appendix B: at 59 s the SHA-1 code of the ASCII seed is 94287082.
    seed = Authenticator.base32(b"12345678901234567890")
    assert pyotp.TOTP(seed, digits=8).at(59) == "94287082"


async def history(node: Node, outcome: Outcome) -> list[tuple[str, str, int]]:
    """Write what was noted; return what the account's owner reads."""
    await node.desk.history.write()
    session = await node.desk.web_sessions.open(outcome.session.cookie)
    listed = await node.desk.history.listing(session.lease)
    return [(each.what, each.peer, each.times) for each in listed]


async def test_the_history_tells_of_wrong_passwords(node: Node) -> None:
    await node.user()
    stranger = Visitor("203.0.113.9", "curl")
    for _ in range(3):
        await refused(node, ALICE, b"not my password at all", stranger)
    await refused(node, "nobody@example.org", b"not my password at all", stranger)
    await refused(node, "no address", b"not my password at all", stranger)
    node.clock.advance(timedelta(seconds=1))
    assert await history(node, await signed_in(node)) == [
        ("signed-in", PEER, 1),
        ("password-failed", "203.0.113.9", 3),
    ]


async def test_the_history_tells_of_wrong_factors_and_codes(node: Node) -> None:
    device = await enrolled(node)
    begun = await signed_in(node)
    wrong = Proof(Factor.TOTP, Plaintext(b"000000"))
    with pytest.raises(Refused):
        await node.desk.sign_in.by_factor(begun.session.cookie, wrong, HERE)
    with pytest.raises(Refused):
        await node.desk.guarded.reset_with_code(
            ALICE, Plaintext(b"AAAA"), PASSWORD, HERE, proof=None, keep_app_passwords=True
        )
    with pytest.raises(Refused):
        await node.desk.vaults.deny(ALICE, Plaintext(b"not my password at all"), HERE)
    opened = await node.desk.sign_in.by_password(ALICE, PASSWORD, HERE, first=device.proof())
    told = {what for what, _, _ in await history(node, opened)}
    assert told == {"signed-in", "factor-failed", "code-failed", "vault-failed"}


async def test_who_failed_before_is_a_new_device_all_the_same(node: Node) -> None:
    await node.user()
    await signed_in(node)
    stranger = Visitor("203.0.113.9", "Safari")
    await refused(node, ALICE, b"not my password at all", stranger)
    await node.desk.history.write()
    await signed_in(node, stranger)
    assert [notice for _, notice, _ in node.told] == [Notice.NEW_DEVICE]


async def test_guesses_push_no_sign_in_out_of_the_history(node: Node) -> None:
    await node.user()
    outcome = await signed_in(node)
    for n in range(FAILURES + 5):
        node.desk.history.note(ALICE, Visitor(f"203.0.113.{n}"), "password-failed")
        node.clock.advance(timedelta(seconds=1))
    told = await history(node, outcome)
    assert len(told) == FAILURES + 1
    assert told[0][1] == f"203.0.113.{FAILURES + 4}"
    assert told[-1] == ("signed-in", PEER, 1)
