"""Emails change mailboxes and flags whole or not at all, and every count stays right."""

from mailserver.model.errors import Condition
from mailserver.model.ids import EmailId, MailboxId, Uid
from mailserver.model.message import Flag, StoreMode
from mailserver.store.rearranging import Rearrangement, SetChange
from mailserver.store.store import Store
from tests.support.store import House, build, new_mailbox


async def _another(house: House) -> MailboxId:
    made = await house.store.mailboxes.create(house.account, new_mailbox("Other"))
    return made.id


def _order(house: House, uid: int, **changes: object) -> Rearrangement:
    place = (house.inbox, Uid(uid))
    return Rearrangement(EmailId(uid), [place], **changes)  # type: ignore[arg-type]  # few kinds


async def _uids(house: House, mailbox_id: MailboxId) -> list[tuple[int, int]]:
    rows = await house.store.entries.flags(house.account, mailbox_id, [(1, 1000)])
    return [(row.uid, row.flags) for row in rows]


async def test_an_email_moves_with_its_flags_and_keeps_its_blob(store: Store) -> None:
    house = await build(store)
    await house.fill(3)
    other = await _another(house)
    order = _order(
        house,
        2,
        mailboxes=SetChange(only=frozenset({other})),
        flags=SetChange(more=frozenset({int(Flag.SEEN)})),
    )
    assert await store.emails.rearrange(house.account, [order]) == [None]
    assert [uid for uid, _ in await _uids(house, house.inbox)] == [1, 3]
    assert await _uids(house, other) == [(1, int(Flag.SEEN))]
    assert len(await store.emails.blob(house.account, [EmailId(2)])) == 1
    assert await store.check(quiet=True) == []


async def test_one_change_of_many_emails_has_one_modseq(store: Store) -> None:
    house = await build(store)
    await house.fill(4)
    before, _ = await store.changes.state(house.account)
    orders = [_order(house, n, flags=SetChange(more=frozenset({4}))) for n in (1, 2, 3)]
    orders.append(_order(house, 4, destroy=True))
    assert await store.emails.rearrange(house.account, orders) == [None] * 4
    after, _ = await store.changes.state(house.account)
    assert after == before + 1
    assert await _uids(house, house.inbox) == [(1, 4), (2, 4), (3, 4)]
    told = await store.changes.between(house.account, before, after)
    assert told[0].emails_destroyed == [4]
    assert await store.check(quiet=True) == []


async def test_what_cannot_be_is_said_and_the_rest_is_done(store: Store) -> None:
    house = await build(store)
    await house.fill(3)
    nowhere = SetChange(only=frozenset({99}))
    orders = [
        _order(house, 1, mailboxes=nowhere),
        _order(house, 2, mailboxes=SetChange(only=frozenset())),
        _order(house, 7, destroy=True),
        _order(house, 3, flags=SetChange(more=frozenset({1}))),
    ]
    outcomes = await store.emails.rearrange(house.account, orders)
    assert [outcome and outcome.condition for outcome in outcomes] == [
        Condition.NO_SUCH_MAILBOX,
        Condition.BAD_SYNTAX,
        Condition.CHANGED_MEANWHILE,
        None,
    ]
    assert await _uids(house, house.inbox) == [(1, 0), (2, 0), (3, 1)]
    assert await store.check(quiet=True) == []


async def test_an_email_that_moved_meanwhile_is_asked_for_again(store: Store) -> None:
    house = await build(store)
    await house.fill(1)
    await store.entries.move(house.account, house.inbox, [(1, 1)], house.archive)
    outcomes = await store.emails.rearrange(house.account, [_order(house, 1, destroy=True)])
    assert outcomes[0] is not None
    assert outcomes[0].condition is Condition.CHANGED_MEANWHILE


async def test_what_imap_marked_deleted_is_no_email_any_more(store: Store) -> None:
    house = await build(store)
    await house.fill(1)
    await store.entries.store_flags(
        house.account, house.inbox, [(1, 1)], StoreMode.ADD, Flag.DELETED, ()
    )
    outcomes = await store.emails.rearrange(house.account, [_order(house, 1, destroy=True)])
    assert outcomes[0] is not None
    assert outcomes[0].condition is Condition.NO_SUCH_MESSAGE
