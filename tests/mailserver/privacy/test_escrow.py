"""T-LC-4: two custodians, both within the hour, each once; then one export, and its owner knows."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.accounts.escrow_wraps import State
from mailserver.accounts.provisioning import NewUser
from mailserver.app.registers import Books
from mailserver.audit.entry import decode
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused
from mailserver.model.notice import Notice
from mailserver.privacy.escrow import ANSWERED_WITHIN, EXPORT_LIFE, KEPT
from mailserver.runtime.clock import ManualClock
from mailserver.store.keystore_tables import Rows
from mailserver.vault.custodians import key_of
from mailserver.vault.escrow_request import Answer, Request, answered
from mailserver.vault.records import WrapKind
from tests.support.accounts import Node, open_node
from tests.support.books import books_of
from tests.support.escrow import NAMES, Organisation, a_pair, organisation

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock())
    yield opened
    await opened.close()


@pytest.fixture
def books(node: Node) -> Books:
    return books_of(node)


@pytest.fixture
async def org(node: Node) -> Organisation:
    return await organisation(node)


@pytest.fixture
async def alice(org: Organisation) -> NewUser:
    user = await org.node.user()
    await org.seen(user)
    return user


async def asked(books: Books, alice: NewUser) -> Request:
    return (await books.openings.ask(alice.account_id, "she is  ill"))[1]


async def test_t_lc_5_an_account_whose_owner_saw_nothing_is_not_opened(
    books: Books, org: Organisation
) -> None:
    bob = await org.node.user("bob@example.org")
    with pytest.raises(Absent, match="has not seen"):
        await asked(books, bob)
    await org.node.desk.escrow.disable()
    with pytest.raises(Refused, match="off"):
        await asked(books, bob)


async def test_t_lc_4_two_custodians_open_and_their_owner_is_told(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    node = org.node
    one = await org.opened(books, alice)
    assert one.told_at == node.clock.now()
    assert node.told[-1] == (alice.account_id, Notice.ESCROW_OPENED, "she is ill")
    lease = await books.openings.unlock(one.number)
    assert lease.account.generation == 1
    await lease.close()
    seed, sealer = await books.openings.begin_export(one.number)
    stream = sealer.header + sealer.feed(b"a zip") + sealer.finish()
    await books.openings.end_export(one.number, seed)
    opener = await books.openings.export_opener(one.number)
    assert opener.feed(stream) + opener.finish() == b"a zip"
    with pytest.raises(Refused, match="was made"):
        await books.openings.unlock(one.number)
    # It is renewed in the owner's own session, with halves that nobody opened yet.
    assert (await node.desk.escrow_wraps.status(alice.account_id)).state is State.DUE
    await org.seen(alice)
    (wrap,) = await node.keyring.wraps(alice.account_id, WrapKind.ESCROW)
    assert (await node.desk.escrow_wraps.status(alice.account_id)).state is State.ON
    node.clock.advance(EXPORT_LIFE)
    with pytest.raises(Refused) as late:
        await books.openings.export_opener(one.number)
    assert late.value.condition is Condition.EXPIRED
    await books.openings.tend()
    with pytest.raises(Absent):
        await books.openings.export_opener(one.number)
    (again,) = await node.keyring.wraps(alice.account_id, WrapKind.ESCROW)
    assert again.row_id == wrap.row_id


async def test_t_lc_4_one_custodian_alone_fails(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    number, request = await books.openings.ask(alice.account_id, "she is ill")
    first = org.answer(request, 0)
    assert (await books.openings.take(first)).opened_at is None
    with pytest.raises(Refused, match="both custodians"):
        await books.openings.unlock(number)
    for again in (first, org.answer(request, 0)):  # the same one twice
        with pytest.raises(Conflict, match="has answered"):
            await books.openings.take(again)
    with pytest.raises(Refused, match="both custodians"):
        await books.openings.unlock(number)
    assert org.node.told == []


async def test_t_lc_4_his_half_in_the_others_name_is_none(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    request = await asked(books, alice)
    first, second = org.answer(request, 0), org.answer(request, 1)
    for swapped in (
        replace(first, custodian=second.custodian),
        replace(first, sealed=second.sealed),
        replace(second, sealed=first.sealed),
    ):
        with pytest.raises(Refused, match="no answer to that request"):
            await books.openings.take(swapped)
    stranger = a_pair()
    with pytest.raises(Refused, match="other custodians"):
        answered(request, stranger, org.node.clock.now())
    with pytest.raises(Refused, match="no custodian's"):
        await books.openings.take(replace(first, custodian=key_of(stranger).id))


async def test_t_lc_4_swapped_halves_open_for_nobody(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    request = await asked(books, alice)
    (first, one), (second, two) = request.halves
    for halves in (((first, two), (second, one)), ((second, two), (first, one))):
        swapped = replace(request, halves=halves)
        for pair in org.pairs:
            with pytest.raises(Exception, match="does not open"):
                answered(swapped, pair, org.node.clock.now())


async def test_t_lc_4_a_late_second_answer_opens_nothing(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    request = await asked(books, alice)
    first, second = org.answer(request, 0), org.answer(request, 1)
    await books.openings.take(first)
    org.node.clock.advance(ANSWERED_WITHIN - SECOND)
    with pytest.raises(Conflict):
        await asked(books, alice)  # one at a time
    org.node.clock.advance(SECOND)
    with pytest.raises(Refused) as late:
        await books.openings.take(second)
    assert late.value.condition is Condition.EXPIRED
    with pytest.raises(Absent):
        await books.openings.take(second)
    with pytest.raises(Refused):
        org.answer(request, 1)  # nor does the tool answer any more
    # What was answered then is no answer to the next request, though its halves are the same.
    again = await asked(books, alice)
    assert again.halves == request.halves
    for old in (first, second):
        with pytest.raises(Absent):
            await books.openings.take(old)
        with pytest.raises(Refused, match="no answer to that request"):
            await books.openings.take(replace(old, request=again.id))


async def test_t_lc_4_an_answer_to_an_edited_request_is_none(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    request = await asked(books, alice)
    for edited in (replace(request, reason="harmless"), replace(request, address="x@example.org")):
        lied_to = Request.parse(edited.encode())
        with pytest.raises(Refused, match="no answer to that request"):
            await books.openings.take(org.answer(lied_to, 0))
    travelled = Answer.parse(org.answer(Request.parse(request.encode()), 0).encode())
    await books.openings.take(travelled)


async def test_t_lc_4_a_custodian_who_left_answers_nothing(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    request = await asked(books, alice)
    first, second = org.answer(request, 0), org.answer(request, 1)
    await books.openings.take(first)
    await org.node.desk.escrow.remove_custodian(NAMES[1])
    with pytest.raises(Absent):
        await books.openings.take(second)
    assert await org.node.keystore.page(Rows.WRAPS) != ()
    assert await org.node.keyring.wraps(alice.account_id, WrapKind.ESCROW) == []


async def test_a_hold_delays_the_notice_for_thirty_days_at_most(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    node = org.node
    bob = await node.user("bob@example.org")
    theirs = await books.holds.add("an order", node.clock.now(), account_id=bob.account_id)
    with pytest.raises(Refused, match="hold"):
        await books.openings.ask(alice.account_id, "an order", hold=theirs)
    hold = await books.holds.add("an order", node.clock.now(), account_id=alice.account_id)
    one = await org.opened(books, alice, hold)
    assert (one.opened_at, one.told_at, node.told) == (node.clock.now(), None, [])
    await books.openings.tend()
    assert node.told == []
    named = [decode(row.entry) for row in await node.store.audit.of_account(alice.account_id, 100)]
    assert not [entry for entry in named if entry.event.value == "escrow-opened"]
    node.clock.advance(30 * DAY - SECOND)
    await books.openings.tend()
    assert node.told == []
    node.clock.advance(SECOND)
    await books.openings.tend()
    await books.openings.tend()
    assert node.told == [(alice.account_id, Notice.ESCROW_OPENED, "she is ill")]


async def test_while_a_hold_stands_nothing_that_its_owner_sees_changes(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    node = org.node

    async def seen() -> State:
        return (await node.desk.escrow_wraps.status(alice.account_id)).state

    hold = await books.holds.add("an order", node.clock.now(), account_id=alice.account_id)
    one = await org.opened(books, alice, hold)
    seed, _ = await books.openings.begin_export(one.number)
    await books.openings.end_export(one.number, seed)
    assert await seen() is State.ON  # renewing it would tell
    node.clock.advance(EXPORT_LIFE)
    await books.openings.tend()
    assert (await seen(), node.told) == (State.ON, [])
    assert await books.looks_of(alice.account_id) == []
    await books.holds.lift(hold, node.clock.now())
    await books.openings.tend()
    assert await seen() is State.DUE
    (look,) = await books.looks_of(alice.account_id)
    assert (look.reason, look.exported) == ("she is ill", True)
    await org.seen(alice)
    await books.openings.tend()
    assert await seen() is State.ON


async def test_a_hold_that_is_lifted_delays_nothing_any_more(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    node = org.node
    hold = await books.holds.add("an order", node.clock.now(), account_id=alice.account_id)
    await org.opened(books, alice, hold)
    await books.holds.lift(hold, node.clock.now())
    await books.openings.tend()
    assert [notice for _, notice, _ in node.told] == [Notice.ESCROW_OPENED]


async def test_an_opening_that_nobody_exported_uses_the_wrap_up_all_the_same(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    one = await org.opened(books, alice)
    org.node.clock.advance(EXPORT_LIFE)
    with pytest.raises(Refused):
        await books.openings.unlock(one.number)
    await books.openings.tend()
    assert await org.node.keyring.wraps(alice.account_id, WrapKind.ESCROW) == []
    org.node.clock.advance(KEPT - EXPORT_LIFE)
    await books.openings.tend()
    assert await books.openings.listing() == []


async def test_it_stands_in_the_register_of_processing_while_it_is_on(
    books: Books, org: Organisation
) -> None:
    def names() -> set[str]:
        document = json.loads(json.dumps(books.processing.current()))
        return {each["name"] for each in document["activities"]}

    assert "escrow" in names()
    assert "escrow" in {purpose.name for purpose in books.centre.about().purposes}
    await org.node.desk.escrow.disable()
    assert "escrow" not in names()


async def test_an_opening_needs_a_reason_that_people_can_read(
    books: Books, org: Organisation, alice: NewUser
) -> None:
    for reason in (" \n", "x" * 501):
        with pytest.raises(PeerFault):
            await books.openings.ask(alice.account_id, reason)
    assert await books.openings.listing() == []
