"""Whom one may write to."""

from datetime import timedelta

import pytest

from mailserver.model.address import Address
from mailserver.model.errors import Refused
from mailserver.privacy.consent import EVERYTHING, Channel, Reach
from mailserver.store.accounts import AccountState
from tests.support.accounts import Node
from tests.support.consents import OUTSIDE, Asking, asking

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ALICE, CAROL = Address.parse("alice@example.org"), Address.parse("carol@example.org")


async def test_t_con_2_similar_products_go_to_customers_who_did_not_say_no(desk: Asking) -> None:
    """T-CON-2 (a): customers; not who said no, is restricted, or only consented."""
    for name in ("alice", "bob", "carol", "dan"):
        await desk.node.user(f"{name}@example.org")
    await desk.desk.confirm(await desk.ask())
    consents = desk.books.consents
    for address, purpose in ((ALICE, "news"), (CAROL, EVERYTHING)):
        await consents.withdraw(await desk.person(address), purpose, Channel.ACCOUNT)
    dan = await desk.node.store.accounts.by_address("dan@example.org")
    assert dan is not None
    await desk.node.store.accounts.set_state(dan, AccountState.FROZEN)
    reached = await desk.desk.audience("news", Reach.SIMILAR)
    assert [(one.address, one.consents) for one in reached] == [("bob@example.org", False)]
    purpose, token = reached[0].url.split("/")[-2:]
    await desk.desk.withdraw_by_link(purpose, token)  # the link that every letter carries
    assert await desk.desk.audience("news", Reach.SIMILAR) == []
    assert [one.address for one in await desk.desk.audience("offers", Reach.SIMILAR)] == [
        "alice@example.org",
        "bob@example.org",
    ]


async def test_t_con_2_customers_and_who_consented(desk: Asking) -> None:
    """T-CON-2 (b): both, each once."""
    await desk.node.user("alice@example.org")
    await desk.node.user("carol@example.org")
    for address in (OUTSIDE, ALICE):
        await desk.desk.confirm(await desk.ask(address))
    reached = await desk.desk.audience("news", Reach.BOTH)
    assert [(one.address, one.consents) for one in reached] == [
        ("alice@example.org", True),
        (str(OUTSIDE), True),
        ("carol@example.org", False),
    ]


async def test_t_con_2_general_news_goes_to_who_consented_alone(desk: Asking) -> None:
    """T-CON-2 (c): being a customer is not enough, nor is a yes to something else."""
    for address in ("alice@example.org", "carol@example.org"):
        await desk.node.user(address)
    offers = await desk.text("offers")
    await desk.desk.confirm(await desk.ask(CAROL, offers))
    await desk.desk.confirm(await desk.ask(ALICE))
    assert await desk.consenters() == ["alice@example.org"]
    with pytest.raises(Refused):
        await desk.desk.audience("cookies", Reach.CONSENTED)


async def test_t_con_2_customers_must_have_been_offered_to_say_no(consenting: Node) -> None:
    """T-CON-2: at collection. Before the set day, or without one, a customer is none."""
    silent = asking(consenting)
    await silent.text()
    await consenting.user("alice@example.org")
    for reach in (Reach.SIMILAR, Reach.BOTH):
        with pytest.raises(Refused, match="offered_since"):
            await silent.desk.audience("news", reach)
    tomorrow = consenting.clock.now().date() + DAY
    later = asking(consenting, consent__offered_since=tomorrow)
    assert await later.desk.audience("news", Reach.SIMILAR) == []
    consenting.clock.advance(DAY)
    await consenting.user("carol@example.org")
    assert [one.address for one in await later.desk.audience("news", Reach.SIMILAR)] == [
        "carol@example.org"
    ]


async def test_t_con_2_an_objection_stops_everything_until_a_later_yes(desk: Asking) -> None:
    """T-CON-2: GDPR Art. 21(3): at once, for all purposes, also those that come later."""
    await desk.node.user("alice@example.org")
    await desk.desk.confirm(await desk.ask(ALICE))
    alice = await desk.person(ALICE)
    await desk.books.consents.object_to_all(alice, Channel.ACCOUNT)
    for purpose in ("news", "offers"):
        for reach in Reach:
            assert await desk.desk.audience(purpose, reach) == []
    desk.node.clock.advance(HOUR)
    await desk.desk.confirm(await desk.ask(ALICE))
    assert await desk.consenters() == ["alice@example.org"]
    assert await desk.desk.audience("offers", Reach.BOTH) == []
