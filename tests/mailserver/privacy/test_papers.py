"""Risks, training, measures, assessments and lawful requests: their clocks and what they refuse."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailserver.app.papers import Papers
from mailserver.app.registers import Books
from mailserver.audit.checkpoint import create_key
from mailserver.model.errors import PeerFault, Refused
from mailserver.privacy.activities import ACTIVITIES
from mailserver.privacy.agreement import Signatory
from mailserver.privacy.assessments import Assessments, Occasion, Section, State
from mailserver.privacy.lawful import Count, LawfulRequest
from mailserver.privacy.lawful import State as Lawful
from mailserver.privacy.legal_profile import PROFILES
from mailserver.privacy.matters import PROCESSING_REVIEW, Subject
from mailserver.privacy.processing import Processing
from mailserver.privacy.retention_rows import KEPT_AS
from mailserver.runtime.clock import ManualClock
from mailserver.store.held import READABLE, held
from tests.support.accounts import Node, open_node
from tests.support.books import books_of

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCANNER = {
    "name": "Scanners Ltd",
    "role": "scanner",
    "host": "scan.example.net",
    "country": "IE",
    "basis": "agreement under GDPR Art. 28",
}
RISK = {"likelihood": "low", "impact": "high", "treatment": "Disks are encrypted."}
SAID = {
    Subject.RISK: RISK,
    Subject.TRAINING: {"people": "all six of us", "held": "2026-03-01"},
    Subject.MEASURE: {"evidence": "the drill's report"},
}


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock(MONDAY))
    yield opened
    await opened.close()


@pytest.fixture
def books(node: Node, tmp_path: Path) -> Books:
    create_key(tmp_path / "audit.key")
    return books_of(
        node, keys__audit_file=tmp_path / "audit.key", organisation__contact="privacy@example.org"
    )


async def days(
    node: Node, work: Callable[[], Awaitable[Sequence[object]]], total: int
) -> list[int]:
    """Count on which days `work` reminded of something."""
    found = []
    for day in range(total):
        if await work():
            found.append(day)
        node.clock.advance(DAY)
    return found


@pytest.mark.parametrize("subject", Subject)
async def test_a_matter_is_looked_at_again_and_again(
    node: Node, books: Books, subject: Subject
) -> None:
    matters = books.papers.matters(subject)
    one = await matters.add("A disk is stolen", "Ann", SAID[subject], due=date(2026, 4, 1))
    assert one.said == SAID[subject]
    assert await days(node, matters.remind, 35) == [17, 24, 29, 31]
    assert (await matters.get(1)).is_red(books.profile, node.clock.now())
    looked = await matters.review(1, "Nothing has changed.")
    months = 12 if subject is Subject.TRAINING else 6
    assert looked.due == date(2027 if months == 12 else 2026, 4 if months == 12 else 10, 6)
    assert not looked.is_red(books.profile, node.clock.now())
    assert await matters.remind() == []
    closed = await matters.close(1, "The disk is gone.")
    assert not closed.is_red(books.profile, node.clock.now() + 999 * DAY)
    with pytest.raises(Refused):
        await matters.review(1, "again")
    with pytest.raises(Refused):
        await matters.close(1, "again")


@pytest.mark.parametrize("subject", Subject)
async def test_a_matter_says_everything_its_register_asks(books: Books, subject: Subject) -> None:
    matters = books.papers.matters(subject)
    for missing in SAID[subject]:
        with pytest.raises(PeerFault, match=missing):
            await matters.add("What", "Ann", SAID[subject] | {missing: " "})
    for title, owner in (("", "Ann"), ("What", "")):
        with pytest.raises(PeerFault):
            await matters.add(title, owner, SAID[subject])
    with pytest.raises(PeerFault, match="today or later"):
        await matters.add("What", "Ann", SAID[subject], due=date(2026, 3, 1))
    assert await matters.listing() == []


async def test_a_risk_has_a_level_and_may_change_it(books: Books) -> None:
    with pytest.raises(PeerFault, match="low, medium or high"):
        await books.papers.risks.add("What", "Ann", RISK | {"impact": "huge"})
    await books.papers.risks.add("What", "Ann", RISK)
    looked = await books.papers.risks.review(1, "It grew.", said={"likelihood": "medium"})
    assert looked.said == RISK | {"likelihood": "medium"}


async def test_the_register_of_processing_is_looked_at_every_six_months(
    node: Node, books: Books
) -> None:
    await books.papers.remind()
    await books.papers.remind()
    (one,) = await books.papers.measures.listing()
    assert (one.due, one.owner) == (date(2026, 9, 2), "privacy@example.org")
    measures = books.papers.measures
    assert await measures.known(PROCESSING_REVIEW) == one
    node.clock.advance(timedelta(days=185) - timedelta(hours=9))
    assert [found.number for found in await measures.remind()] == [1]
    await measures.review(1, "It is right.")
    assert (await books.papers.processing_review()).due == date(2027, 3, 3)


def scanning(node: Node) -> Papers:
    remote: dict[str, Any] = {
        "scanners__rspamd": "http://scan.example.net:11333",
        "processors": [SCANNER],
    }
    return books_of(node, **remote).papers


async def test_an_assessment_is_demanded_when_letters_are_scanned_elsewhere(
    node: Node, books: Books
) -> None:
    assert books.papers.assessments.demanded() == []
    here = books_of(node, scanners__clamd="unix:/run/clamav/clamd.ctl").papers.assessments
    assert here.demanded() == []
    assessments = scanning(node).assessments
    assert await assessments.owed() == [Occasion.REMOTE_SCANNING]
    assert await days(node, assessments.remind, 15) == [0, 7, 14]
    (draft,) = await assessments.listing()  # one draft, however often it is looked for
    assert draft.state is State.DRAFT
    assert "Scanners Ltd (scanner, IE)" in draft.sections[Section.DESCRIPTION]
    assert draft.sections[Section.NECESSITY]
    assert "Letters in full" in draft.sections[Section.RISKS]
    assert draft.missing() == (Section.ADVICE,)


@pytest.mark.parametrize("occasion", [Occasion.ESCROW, Occasion.SMS, Occasion.TENANT_MONITORING])
async def test_an_assessment_is_demanded_with_each_activity_that_needs_one(
    node: Node, books: Books, occasion: Occasion
) -> None:
    activity = replace(ACTIVITIES[0], name=occasion.value, enabled_when=lambda _: True)
    categories = books.retention.categories
    processing = Processing(books.papers.processing.settings, [activity], categories, books.ledger)
    assessments = Assessments(
        *(processing, lambda: False, books.papers.risks, books.papers.measures),
        *(books.ledger, node.clock, PROFILES["NL"]),
    )
    assert await assessments.owed() == [occasion]
    (draft,) = await assessments.remind()
    assert activity.title in draft.sections[Section.DESCRIPTION]


async def test_an_assessment_is_prefilled_approved_and_looked_at_after_a_year(
    node: Node, books: Books
) -> None:
    assessments = scanning(node).assessments
    await books.papers.risks.add("A disk is stolen", "Ann", RISK)
    await books.papers.measures.add("Drills", "Ann", {"evidence": "report"})
    draft = await assessments.draft(Occasion.REMOTE_SCANNING)
    assert "A disk is stolen: likelihood low, impact high" in draft.sections[Section.RISKS]
    assert "Drills" in draft.sections[Section.MEASURES]
    with pytest.raises(Refused, match="advice"):
        await assessments.approve(draft.number, "Ann Joris")
    await assessments.fill(draft.number, Section.ADVICE, "The officer agrees.")
    with pytest.raises(Refused, match="who approves"):
        await assessments.approve(draft.number, " ")
    approved = await assessments.approve(draft.number, "Ann Joris")
    assert (approved.state, await assessments.owed()) == (State.APPROVED, [])
    with pytest.raises(Refused, match="approved"):
        await assessments.fill(draft.number, Section.RISKS, "none")
    node.clock.advance(366 * DAY)
    assert await assessments.owed() == [Occasion.REMOTE_SCANNING]
    second = await assessments.draft(Occasion.REMOTE_SCANNING)
    assert (second.version, second.sections[Section.ADVICE]) == (2, "The officer agrees.")
    await assessments.approve(second.number, "Ann Joris")
    states = [one.state for one in await assessments.listing()]
    assert states == [State.REPLACED, State.APPROVED]


async def order(books: Books, deadline: date = date(2026, 3, 16)) -> LawfulRequest:
    scope = "who has ann@example.org, and since when"
    return await books.papers.lawful.receive(
        "Police of Utrecht", "2026/17", "Art. 126na Sv", scope, deadline
    )


async def test_two_different_persons_validate_what_is_asked(books: Books) -> None:
    lawful, number = books.papers.lawful, (await order(books)).number
    await lawful.tell_user(number)
    with pytest.raises(Refused, match="two persons"):
        await lawful.answer(number, "nothing")
    await lawful.validate(number, "ann", "signed by a prosecutor")
    with pytest.raises(Refused, match="different"):
        await lawful.validate(number, "ANN", "signed by a prosecutor")
    with pytest.raises(Refused, match="two persons"):
        await lawful.answer(number, "nothing")
    assert (await lawful.validate(number, "bob", "narrow enough")).state is Lawful.VALIDATED
    answered = await lawful.answer(number, "address and day of making")
    assert (answered.state, answered.validated_by) == (Lawful.ANSWERED, ("ann", "bob"))
    assert answered.over_at is not None
    with pytest.raises(Refused, match="answered"):
        await lawful.refuse(number, "no")


async def test_the_user_is_told_or_the_law_that_bars_it_is_named(node: Node, books: Books) -> None:
    lawful, number = books.papers.lawful, (await order(books)).number
    for by in ("ann", "bob"):
        await lawful.validate(number, by, "it holds")
    with pytest.raises(Refused, match="tell the user"):
        await lawful.answer(number, "an address")
    await lawful.bar(number, "Art. 126bb Sv", date(2026, 6, 1))
    with pytest.raises(Refused, match="126bb"):
        await lawful.tell_user(number)
    answered = await lawful.answer(number, "an address")
    assert answered.over_at is None  # he is owed the notice once the bar ends
    reminded = await days(node, lawful.remind, 95)
    assert reminded == [78, 85, 90, 92]
    told = await lawful.tell_user(number)
    assert told.over_at is not None
    with pytest.raises(Refused, match="before"):
        await lawful.tell_user(number)


async def test_an_order_has_a_last_day_and_who_is_late_says_why(node: Node, books: Books) -> None:
    lawful, number = books.papers.lawful, (await order(books, date(2026, 3, 15))).number
    one = await lawful.get(number)  # a Sunday stays the day: an authority's order is no term
    assert one.ends_at(PROFILES["NL"]) == datetime(2026, 3, 15, 23, tzinfo=UTC)
    assert await days(node, lawful.remind, 16) == [0, 7, 12, 14]
    assert (await lawful.get(number)).is_red(books.profile, node.clock.now())
    with pytest.raises(PeerFault, match="late"):
        await lawful.refuse(number, "The ground does not hold.")
    refused = await lawful.refuse(number, "The ground does not hold.", late="It was misfiled.")
    assert refused.state is Lawful.REFUSED
    assert await lawful.remind() == []


async def test_requests_are_counted_by_year(node: Node, books: Books) -> None:
    lawful = books.papers.lawful
    first = await order(books)
    await lawful.tell_user(first.number)
    await lawful.refuse(first.number, "The ground does not hold.")
    await order(books)
    node.clock.advance(365 * DAY)
    await order(books)
    assert await lawful.counts() == [Count(2026, 2, 0, 1, 1), Count(2027, 1, 0, 0, 0)]


async def test_something_is_asked_of_somebody_by_some_law(books: Books) -> None:
    words = ["Police", "17", "Art. 126na Sv", "who has it"]
    for missing in range(4):
        said = [*words]
        said[missing] = " "
        with pytest.raises(PeerFault):
            await books.papers.lawful.receive(said[0], said[1], said[2], said[3], date(2026, 4, 1))


def test_what_there_is_to_hand_out_is_read_from_the_schema() -> None:
    found = {(one.table, one.column): one.pd for one in held(*READABLE)}
    assert found[("accounts", "created_at")] == "clear"
    assert "sealed" not in set(found.values())
    assert not {column for _, column in found if column in ("summary", "body")}


async def agreed(books: Books) -> None:
    await books.papers.agreements.publish("Artikel 1.", "nl")
    await books.papers.agreements.accept("Bakery", Signatory("Ann", "director", True))
    told = await books.papers.announcements.announce("Scanners", "scanner", "IE", "agreement")
    await books.papers.announcements.object(told.number, "BAKERY", "no")
    await books.papers.agreements.end("Bakery")


async def assessed(books: Books) -> None:
    assessments = books.papers.assessments
    for _ in range(2):
        draft = await assessments.draft(Occasion.REMOTE_SCANNING)
        for section in Section:
            await assessments.fill(draft.number, section, "said")
        await assessments.approve(draft.number, "Ann")


def closed(subject: Subject) -> Callable[[Books], Awaitable[None]]:
    async def done(books: Books) -> None:
        await books.papers.matters(subject).add("What", "Ann", SAID[subject])
        await books.papers.matters(subject).close(1, "over")

    return done


async def refused(books: Books) -> None:
    await books.papers.lawful.refuse((await order(books)).number, "no")


FIVE_YEARS = 1827 * DAY
CASES: dict[str, tuple[Callable[[Books], Awaitable[None]], timedelta]] = {
    # From the end of the year in which the agreement ended, seven years in the Netherlands.
    "agreements": (agreed, datetime(2026, 12, 31, 23, tzinfo=UTC) - MONDAY + 2556.75 * DAY),
    "assessments": (assessed, FIVE_YEARS),
    "risks": (closed(Subject.RISK), FIVE_YEARS),
    "training": (closed(Subject.TRAINING), FIVE_YEARS),
    "measures": (closed(Subject.MEASURE), FIVE_YEARS),
    "lawful": (refused, FIVE_YEARS),
}


def test_t_ret_1_each_register_has_its_case() -> None:
    assert {*CASES, "breaches", "requests", "registers"} == set(KEPT_AS["register"])


@pytest.mark.parametrize("name", CASES)
async def test_t_ret_1_a_register_keeps_what_is_over_for_its_time(
    node: Node, books: Books, tmp_path: Path, name: str
) -> None:
    fill, kept = CASES[name]
    dutch = books_of(node, keys__audit_file=tmp_path / "audit.key", organisation__country="NL")
    await fill(dutch)
    node.clock.advance(kept - SECOND)
    for found in (0, 2 if name == "agreements" else 1):
        outcomes = await dutch.retention.run(dry=True)
        assert [one.found for one in outcomes if one.category.name == name] == [found]
        node.clock.advance(SECOND)
    await dutch.retention.run()
    outcomes = await dutch.retention.run(dry=True)
    assert [one.found for one in outcomes if one.category.name == name] == [0]
