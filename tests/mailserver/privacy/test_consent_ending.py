"""What ends in the ledger of consents, and when it is erased."""

from datetime import timedelta

import pytest

from mailserver.model.address import Address
from mailserver.privacy.consent import Channel, Reach, Said
from tests.support.books import count
from tests.support.consents import OUTSIDE, Asking

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ALICE, CAROL = Address.parse("alice@example.org"), Address.parse("carol@example.org")


async def test_t_ret_1_an_unconfirmed_opt_in_is_gone_after_seven_days(desk: Asking) -> None:
    """At 7 days ± 1 s: address, events and all."""
    await desk.ask()
    desk.node.clock.advance(7 * DAY - SECOND)
    await desk.books.consent_ending.tend()
    await desk.books.retention.run()
    assert await count(desk.node, "consent_courses") == 1
    desk.node.clock.advance(2 * SECOND)
    dry = {one.category.name: one.found for one in await desk.books.retention.run(dry=True)}
    assert dry["opt-ins"] == 1
    await desk.books.retention.run()
    assert await count(desk.node, "consent_courses") == 0
    assert await count(desk.node, "consent_events") == 0


async def test_t_ret_1_a_proof_is_kept_while_it_counts_and_24_months_longer(desk: Asking) -> None:
    """From its end, ± 1 s; while it stands, for ever."""
    await desk.desk.confirm(await desk.ask())
    desk.node.clock.advance(3_000 * DAY)
    await desk.books.retention.run()
    assert await desk.consenters() == [str(OUTSIDE)]
    await desk.books.consents.withdraw(await desk.person(), "news", Channel.MAIL)
    desk.node.clock.advance(730 * DAY - SECOND)
    await desk.books.retention.run()
    assert await count(desk.node, "consent_events") == 3
    desk.node.clock.advance(2 * SECOND)
    await desk.books.retention.run()
    assert await count(desk.node, "consent_courses") == 0
    assert await count(desk.node, "consent_events") == 0


async def test_the_no_of_a_customer_stays_while_he_is_one(desk: Asking) -> None:
    await desk.node.user("alice@example.org")
    await desk.books.consents.withdraw(await desk.person(ALICE), "news", Channel.ACCOUNT)
    desk.node.clock.advance(3_000 * DAY)
    await desk.books.retention.run()
    assert await desk.desk.audience("news", Reach.SIMILAR) == []


async def test_t_ret_2_a_hold_keeps_the_consents_of_an_account(desk: Asking) -> None:
    user = await desk.node.user("alice@example.org")
    await desk.ask(ALICE)
    now = desk.node.clock.now()
    await desk.books.holds.add("a claim", now, category="opt-ins", account_id=user.account_id)
    desk.node.clock.advance(8 * DAY)
    await desk.books.retention.run()
    assert await count(desk.node, "consent_courses") == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_erased_account_leaves_its_proofs_and_no_more(desk: Asking, at_once: bool) -> None:
    user = await desk.node.user("alice@example.org")
    await desk.desk.confirm(await desk.ask(ALICE))
    await desk.ask(ALICE, await desk.text("offers"))
    assert await count(desk.node, "consent_courses") == 2
    await desk.node.provisioning.remove_user(ALICE)
    ending = desk.books.consent_ending
    if at_once:
        assert await ending.end_account(user.account_id) == 1
    await ending.tend()  # finds those that were erased by another way
    await ending.tend()
    (course,) = await desk.books.consents.all()
    assert [one.said for one in await desk.books.consents.events(course)] == [
        *(Said.GRANTED, Said.CONFIRMED, Said.EXPIRED)
    ]
    assert await desk.consenters() == []
    again = await desk.node.user("carol@example.org")
    assert await desk.books.consent_views.standings(again.account_id, "en")
    desk.node.clock.advance(730 * DAY + SECOND)
    await desk.books.retention.run()
    assert await count(desk.node, "consent_courses") == 0
