"""T-LC-5: escrow is off, has no effect before the notice was seen, and never comes by itself."""

import pytest

from mailserver.accounts.escrow_wraps import State
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt, Locked, PeerFault, Refused
from mailserver.model.ids import AccountId
from mailserver.store.keystore import Insert, Replace, Row
from mailserver.store.keystore_tables import Rows
from mailserver.vault.administrators import INSTANCE
from mailserver.vault.custodians import key_of
from mailserver.vault.escrow_rows import SEEN_ROW, SeenRecord, seal_seen
from mailserver.vault.records import WrapKind
from tests.support.accounts import PASSWORD, Node
from tests.support.escrow import NAMES, TERMS, a_pair, organisation


async def wraps(node: Node, account_id: AccountId) -> int:
    rows = await node.keystore.page(Rows.WRAPS)
    opened = [node.keyring.open_wrap(row) for row in rows if row.account_id == account_id]
    return sum(wrap.record.kind is WrapKind.ESCROW for wrap in opened)


async def state(node: Node, account_id: AccountId) -> State:
    return (await node.desk.escrow_wraps.status(account_id)).state


async def test_t_lc_5_no_wrap_is_there_before_the_notice_was_seen(node: Node) -> None:
    alice, bob = await node.user(), await node.user("bob@example.org")
    assert await state(node, alice.account_id) is State.OFF
    org = await organisation(node)
    assert await state(node, alice.account_id) is State.NOTICE
    lease = await node.unlocked(alice)  # signing in makes none
    assert await wraps(node, alice.account_id) == 0
    with pytest.raises(Conflict):
        await node.desk.escrow_wraps.accept(lease, bytes(32))  # of another notice
    assert await wraps(node, alice.account_id) == 0
    await node.desk.escrow_wraps.accept(lease, (await org.standing()).digest)
    assert await state(node, alice.account_id) is State.ON
    assert (await wraps(node, alice.account_id), await wraps(node, bob.account_id)) == (1, 0)
    await node.desk.escrow_wraps.accept(lease, (await org.standing()).digest)
    assert await wraps(node, alice.account_id) == 1
    await lease.close()


async def test_t_lc_5_a_session_that_is_closed_makes_no_wrap(node: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    lease = await node.unlocked(alice)
    await lease.close()
    with pytest.raises(Locked):
        await node.desk.escrow_wraps.accept(lease, (await org.standing()).digest)
    assert await wraps(node, alice.account_id) == 0


async def test_t_lc_5_who_has_the_master_key_cannot_say_that_it_was_seen(node: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    digest = (await org.standing()).digest
    planted = SeenRecord(digest, node.clock.now(), bytes(32))
    sealed = seal_seen(node.master, alice.account_id, planted)
    row = Row(alice.account_id, SEEN_ROW, SEEN_ROW, sealed.kid, sealed.sealed)
    await node.keystore.apply([Insert(Rows.ESCROW, row)])
    lease = await node.unlocked(alice)
    shown = await node.desk.escrow_wraps.status(alice.account_id, lease.account.key)
    assert shown.state is State.NOTICE  # so that no page goes on by itself
    await node.desk.escrow_wraps.accept(lease, digest)
    shown = await node.desk.escrow_wraps.status(alice.account_id, lease.account.key)
    assert shown.state is State.ON
    await lease.close()


async def test_t_lc_5_another_custodian_is_another_notice(node: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    await org.seen(alice)
    before = (await org.standing()).digest
    assert await node.desk.escrow.remove_custodian(NAMES[1]) == 1
    assert await wraps(node, alice.account_id) == 0
    await node.desk.escrow.add_custodian(NAMES[1], key_of(a_pair()))
    assert (await org.standing()).digest != before
    lease = await node.unlocked(alice)
    with pytest.raises(Refused, match="no notice"):
        await node.desk.escrow_wraps.accept(lease, before)
    assert await wraps(node, alice.account_id) == 0
    await lease.close()


async def test_a_custodian_who_leaves_leaves_new_keys_behind(node: Node) -> None:
    alice, bob, org = (
        await node.user(),
        await node.user("bob@example.org"),
        await organisation(node),
    )
    await org.seen(alice)
    await node.desk.escrow.remove_custodian(NAMES[0].upper())
    assert await state(node, alice.account_id) is State.RENEWAL
    assert await state(node, bob.account_id) is State.WAITING
    lease = await node.unlocked(alice)
    key, code = await node.desk.escrow_wraps.renew(lease, PASSWORD)
    assert (key.generation, lease.account.closed) == (2, True)
    key.close()
    record = (await node.keyring.account(alice.account_id, fresh=True)).record
    assert [generation.number for generation in record.generations] == [1, 2]
    assert record.generations[1].link  # what came before stays readable
    assert await state(node, alice.account_id) is State.WAITING
    hold, _ = await node.recovery.open("alice@example.org", code)
    with pytest.raises(Refused, match="no custodian left"):
        await node.desk.escrow_wraps.renew(hold, PASSWORD)
    await hold.close()


async def test_turning_it_off_deletes_every_wrap(node: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    await org.seen(alice)
    with pytest.raises(Conflict):
        await node.desk.escrow.enable(*TERMS)
    assert await node.desk.escrow.disable() == 1
    assert await wraps(node, alice.account_id) == 0
    assert await node.keystore.page(Rows.ESCROW) == ()
    assert await state(node, alice.account_id) is State.OFF
    with pytest.raises(Absent):
        await node.desk.escrow.disable()
    await node.desk.escrow.enable(*TERMS)
    assert await state(node, alice.account_id) is State.NOTICE  # not on again by itself


async def test_a_wrap_is_not_made_while_escrow_is_turned_off(node: Node, other: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    digest = (await org.standing()).digest
    lease = await node.unlocked(alice)
    await node.desk.escrow_wraps.status(alice.account_id)  # this node has it in its cache
    await other.desk.escrow.disable()
    with pytest.raises((Conflict, Refused)):
        await node.desk.escrow_wraps.accept(lease, digest)
    assert await wraps(node, alice.account_id) == 0
    await lease.close()


async def test_what_escrow_needs_before_it_is_on(node: Node) -> None:
    escrow = node.desk.escrow
    with pytest.raises(Refused, match="two custodians"):
        await escrow.enable(*TERMS)
    first = a_pair()
    await escrow.add_custodian("Ruth Vos", key_of(first))
    for name, pair in (("ruth VOS", a_pair()), ("Jan Prins", first)):
        with pytest.raises(Conflict):
            await escrow.add_custodian(name, key_of(pair))
    with pytest.raises(PeerFault):
        await escrow.add_custodian("\x1b[2J", key_of(a_pair()))
    await escrow.add_custodian("Jan Prins", key_of(a_pair()))
    with pytest.raises(Refused) as refusal:
        await escrow.add_custodian("A third", key_of(a_pair()))
    assert refusal.value.condition is Condition.LIMIT
    for missing in range(3):
        with pytest.raises(PeerFault):
            await escrow.enable(*(("" if at == missing else term) for at, term in enumerate(TERMS)))
    await escrow.enable(*TERMS)
    assert escrow.is_on


async def test_t_lc_4_an_edited_custodians_row_is_refused(node: Node) -> None:
    alice, org = await node.user(), await organisation(node)
    digest = (await org.standing()).digest
    row, other_row = await node.keystore.fresh(Rows.CUSTODIANS, INSTANCE)
    for octets in (bytes(row.sealed[:-1]) + bytes([row.sealed[-1] ^ 1]), bytes(other_row.sealed)):
        edited = Row(INSTANCE, row.row_id, b"", row.kid, type(row.sealed)(octets))
        await node.keystore.apply([Replace(Rows.CUSTODIANS, edited, row.sealed)])
        lease = await node.unlocked(alice)
        with pytest.raises(Corrupt):
            await node.desk.escrow_wraps.accept(lease, digest)
        await lease.close()
        await node.keystore.apply([Replace(Rows.CUSTODIANS, row, edited.sealed)])
    assert await wraps(node, alice.account_id) == 0
    await org.seen(alice)
