"""The register of requests: its clocks, what it refuses, and what it hands on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.app.registers import Books
from mailserver.model.errors import PeerFault, Refused
from mailserver.privacy.request import Request, Right, Source, State
from mailserver.privacy.request_texts import LANGUAGES, forwarded, refused
from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node, open_node
from tests.support.books import books_of, count

DAY = timedelta(days=1)
CAME = datetime(2026, 1, 31, 11, tzinfo=UTC)
WHO = "noor@example.org"


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock(CAME))
    yield opened
    await opened.close()


@pytest.fixture
def books(node: Node) -> Books:
    return books_of(node, organisation__country="NL")


async def came(books: Books, controller: str = "", source: Source = Source.FORM) -> Request:
    return await books.requests.receive(Right.ACCESS, source, WHO, controller=controller)


async def test_t_dsr_1_a_request_has_its_term_from_when_it_came(node: Node, books: Books) -> None:
    request = await came(books)
    term = request.term(books.profile, node.clock.now())
    assert (term.target, term.due) == (date(2026, 2, 28), date(2026, 3, 2))
    assert not request.is_red(books.profile, term.ends_at - timedelta(seconds=1))
    assert request.is_red(books.profile, term.ends_at)
    with pytest.raises(PeerFault):
        await books.requests.receive(Right.ACCESS, Source.LETTER, WHO, at=CAME + DAY)


async def test_t_dsr_1_doubt_about_who_asks_stops_the_clock(node: Node, books: Books) -> None:
    requests, number = books.requests, (await came(books)).number
    with pytest.raises(Refused, match="reason"):
        await requests.doubt(number, " ")
    doubted = await requests.doubt(number, "Another signature than last time.")
    node.clock.advance(10 * DAY)
    assert doubted.term(books.profile, node.clock.now()).due == date(2026, 3, 10)
    with pytest.raises(Refused, match="identity"):
        await requests.answer(number)
    begun = await requests.begin(number)
    node.clock.advance(5 * DAY)
    assert begun.term(books.profile, node.clock.now()).due == date(2026, 3, 10)


async def test_those_who_write_at_once_do_not_take_one_number(books: Books) -> None:
    made = await asyncio.gather(*(came(books) for _ in range(5)))
    assert sorted(request.number for request in made) == [1, 2, 3, 4, 5]


async def test_who_has_just_signed_in_is_not_doubted(books: Books) -> None:
    request = await came(books, source=Source.ACCOUNT)
    with pytest.raises(Refused, match="signed in"):
        await books.requests.doubt(request.number, "no reason")


async def test_t_dsr_1_an_extension_is_told_before_the_first_term_ends(
    node: Node, books: Books
) -> None:
    requests, number = books.requests, (await came(books)).number
    late = (await came(books)).number
    extended = await requests.extend(number, "Twelve archives are to be read.")
    assert extended.term(books.profile, node.clock.now()).due == date(2026, 4, 30)
    node.clock.advance(40 * DAY)
    with pytest.raises(Refused, match="too late"):
        await requests.extend(late, "We forgot.")
    assert (await requests.answer(number)).state is State.DONE


async def test_what_is_late_needs_a_reason(node: Node, books: Books) -> None:
    requests, number = books.requests, (await came(books)).number
    node.clock.advance(40 * DAY)
    with pytest.raises(Refused, match="reason"):
        await requests.answer(number)
    answered = await requests.answer(number, late="The officer was ill.")
    assert "ill" in answered.reason
    with pytest.raises(Refused, match="done"):
        await requests.refuse(number, "once more")


async def test_the_same_request_again_is_linked_and_keeps_its_own_clock(
    node: Node, books: Books
) -> None:
    first = await came(books)
    node.clock.advance(DAY)
    second = await books.requests.receive(Right.ACCESS, Source.LETTER, WHO.upper())
    third = await came(books)
    other = await books.requests.receive(Right.ERASURE, Source.FORM, WHO)
    assert (first.first, second.first, third.first, other.first) == (None, 1, 1, None)
    now = node.clock.now()
    assert second.term(books.profile, now).target > first.term(books.profile, now).target
    for number in (1, 2, 3):
        await books.requests.answer(number)
    assert (await came(books)).first is None


async def test_t_dsr_5_a_request_to_another_controller_is_handed_on_in_two_working_days(
    node: Node, books: Books
) -> None:
    requests, number = books.requests, (await came(books, "Tides B.V.")).number
    due = (await requests.get(number)).term(books.profile, node.clock.now()).due
    assert due == date(2026, 2, 3)  # it came on a Saturday
    for attempt in (requests.answer(number), requests.extend(number, "a reason")):
        with pytest.raises(Refused, match=r"hand(ed)? "):
            await attempt
    request = await requests.forward(number)
    assert request.state is State.FORWARDED
    for language in LANGUAGES:
        assert "Tides B.V." in forwarded(request, language)
    ours = (await came(books)).number
    with pytest.raises(Refused, match="ours"):
        await requests.forward(ours)


async def test_t_dsr_5_handing_on_late_needs_a_reason(node: Node, books: Books) -> None:
    number = (await came(books, "Tides B.V.")).number
    node.clock.advance(5 * DAY)
    with pytest.raises(Refused, match="reason"):
        await books.requests.forward(number)
    assert (await books.requests.forward(number, late="A power cut.")).state is State.FORWARDED


async def test_a_refusal_says_why_and_where_to_complain(books: Books) -> None:
    number = (await came(books)).number
    with pytest.raises(Refused, match="reason"):
        await books.requests.refuse(number, "")
    request = await books.requests.refuse(number, "These are not your data.")
    for language in LANGUAGES:
        told = refused(request, language, books.profile.authority)
        assert "not your data" in told
        assert books.profile.authority.url in told


async def test_each_time_to_remind_of_it_is_used_once(node: Node, books: Books) -> None:
    number, found = (await came(books)).number, []
    for _ in range(35):
        node.clock.advance(DAY)
        found += [
            (request.number, node.clock.now().date()) for request in await books.requests.remind()
        ]
    days = [day for one, day in found if one == number]
    assert days == [date(2026, 2, 17), date(2026, 2, 24), date(2026, 3, 1), date(2026, 3, 3)]


@pytest.mark.parametrize(("after", "left"), [(-timedelta(seconds=1), 1), (timedelta(), 0)])
async def test_t_ret_1_a_request_ends_two_years_after_its_answer(
    node: Node, books: Books, after: timedelta, left: int
) -> None:
    await books.requests.answer((await came(books)).number)
    node.clock.advance(730 * DAY + after)
    await books.retention.run()
    assert len(await books.requests.listing()) == left
    assert await count(node, "register_entries", "register = 6") == left
