"""The breach register: its clock, what it asks for, what it refuses, and who opens entries."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailserver.app.registers import Books
from mailserver.audit.entry import SERVER, Event, decode
from mailserver.model.errors import Conflict, PeerFault, Refused
from mailserver.model.ids import new_account_id
from mailserver.privacy.breach import ASKED, UNKNOWN, Breach, Detector, Field, Risk, State
from mailserver.privacy.breach_drafts import LANGUAGES, Reader, draft
from mailserver.privacy.breaches import OCCURRENCES
from mailserver.privacy.legal_profile import PROFILES
from mailserver.privacy.suspicions import MASS_EXPORT
from mailserver.runtime.clock import ManualClock
from mailserver.store.registers import Register
from tests.support.accounts import Node, open_node
from tests.support.books import books_of

HOUR = timedelta(hours=1)
SUMMER = timezone(2 * HOUR)
AWARE = datetime(2026, 10, 24, 12, tzinfo=SUMMER)
EVERYTHING = {field: f"what is known of {field.value}" for field in Field}


@pytest.fixture
async def node(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    clock = ManualClock(AWARE.astimezone(UTC))
    opened = await open_node(mail_url, keystore_url, tmp_path, clock)
    yield opened
    await opened.close()


@pytest.fixture
def books(node: Node) -> Books:
    return books_of(node, organisation__contact="privacy@example.org")


async def known(books: Books) -> int:
    """Open an entry and become aware of it."""
    number = await books.breaches.open("A laptop was left in a train.")
    await books.breaches.become_aware(number)
    return number


async def test_t_br_1_the_clock_of_an_entry_crosses_a_change_of_the_clocks(
    node: Node, books: Books
) -> None:
    breach = await books.breaches.get(await known(books))
    winter = timezone(HOUR)
    assert breach.deadline == datetime(2026, 10, 27, 11, tzinfo=winter)
    assert not breach.is_red(datetime(2026, 10, 27, 11, tzinfo=winter))
    assert breach.is_red(datetime(2026, 10, 27, 11, 0, 1, tzinfo=winter))


async def test_t_br_1_the_clock_runs_from_when_one_was_aware(node: Node, books: Books) -> None:
    number = await books.breaches.open("A letter went astray.")
    with pytest.raises(PeerFault):
        await books.breaches.become_aware(number, node.clock.now() + HOUR)
    breach = await books.breaches.become_aware(number, node.clock.now() - 5 * HOUR)
    assert breach.deadline == node.clock.now() + 67 * HOUR
    with pytest.raises(Refused):
        await books.breaches.become_aware(number)


async def test_t_br_2_everything_that_the_law_asks_for_is_said_or_marked(books: Books) -> None:
    number = await known(books)
    breach = await books.breaches.get(number)
    assert set(breach.missing()) == set(ASKED) - {Field.NATURE, Field.CONTACT}
    for field in breach.missing():
        with pytest.raises(Refused, match=field.value):
            await books.breaches.tell_authority(number)
        await books.breaches.fill(number, {field: UNKNOWN})
    assert (await books.breaches.tell_authority(number)).state is State.ANSWERED
    later = await books.breaches.fill(number, {Field.PEOPLE_NUMBER: "12"})
    assert Field.PEOPLE_NUMBER not in later.unknown()  # told in phases


async def test_t_br_2_what_is_late_needs_a_reason(node: Node, books: Books) -> None:
    number = await known(books)
    await books.breaches.fill(number, EVERYTHING)
    node.clock.advance(73 * HOUR)
    with pytest.raises(Refused, match="reason"):
        await books.breaches.tell_authority(number)
    told = await books.breaches.tell_authority(number, late="The officer was ill.")
    assert "ill" in told.reason


async def test_an_entry_ends_only_when_nothing_is_open(books: Books) -> None:
    breaches, number = books.breaches, await known(books)
    await breaches.fill(number, EVERYTHING | {Field.CAUSE: UNKNOWN})
    with pytest.raises(Refused, match="aware"):
        await breaches.close(number)
    await breaches.assess(number, Risk.HIGH, "Letters of patients.")
    with pytest.raises(Refused, match="risk"):
        await breaches.spare_authority(number, "no reason")
    await breaches.tell_authority(number)
    with pytest.raises(Refused, match="cause"):
        await breaches.close(number)
    await breaches.fill(number, {Field.CAUSE: "theft"})
    with pytest.raises(Refused, match="people"):
        await breaches.close(number)
    await breaches.answer_people(number)
    assert (await breaches.close(number)).state is State.CLOSED
    with pytest.raises(Refused, match="closed"):
        await breaches.fill(number, {Field.CAUSE: "loss"})


async def test_where_there_is_no_risk_a_reason_is_enough(books: Books) -> None:
    number = await known(books)
    await books.breaches.fill(number, EVERYTHING)
    await books.breaches.assess(number, Risk.NONE, "The disk was encrypted.")
    await books.breaches.spare_authority(number, "Nobody can read it.")
    closed = await books.breaches.close(number)
    assert (closed.state, closed.told_at) == (State.CLOSED, None)
    assert [step.what for step in closed.timeline][-1] == "closed"


async def test_somebody_is_reminded_four_times_until_there_is_an_answer(
    node: Node, books: Books
) -> None:
    await known(books)
    other = await answered(books)
    reminded: list[int] = []
    for hour in range(72):
        found = await books_of(node).breaches.remind()
        reminded += [hour for breach in found if breach.number != other]
        node.clock.advance(HOUR)
    assert reminded == [24, 48, 60, 70]


async def answered(books: Books) -> int:
    """Know another one that has its answer."""
    number = await books.breaches.open("nothing")
    await books.breaches.become_aware(number)
    await books.breaches.fill(number, EVERYTHING)
    await books.breaches.tell_authority(number)
    return number


@pytest.mark.parametrize("language", LANGUAGES)
async def test_t_br_2_a_draft_says_all_that_its_reader_is_owed(books: Books, language: str) -> None:
    number = await known(books)
    await books.breaches.fill(number, EVERYTHING | {Field.PEOPLE_NUMBER: UNKNOWN})
    breach = await books.breaches.assess(number, Risk.HIGH, "Letters of patients.")
    texts = {one: written(breach, one, language) for one in Reader}
    for field in set(ASKED) - {Field.PEOPLE_NUMBER}:
        assert EVERYTHING[field] in texts[Reader.AUTHORITY]
        assert EVERYTHING[field] in texts[Reader.CONTROLLER]
    for field in (Field.NATURE, Field.CONTACT, Field.CONSEQUENCES, Field.MEASURES):
        assert EVERYTHING[field] in texts[Reader.PEOPLE]
    for text in texts.values():
        assert "Ann's bakery" in text
        assert "{" not in text
    assert "2026-10-27 11:00 CET" in texts[Reader.AUTHORITY]
    assert "33" in texts[Reader.AUTHORITY]
    assert "34" in texts[Reader.PEOPLE]
    assert "?" not in texts[Reader.AUTHORITY].split("\n\n", 3)[3]


def written(breach: Breach, reader: Reader, language: str) -> str:
    return draft(breach, reader, language, "Ann's bakery", PROFILES["NL"])


async def test_t_br_2_a_draft_marks_what_nobody_filled_in(books: Books) -> None:
    breach = await books.breaches.get(await known(books))
    assert written(breach, Reader.AUTHORITY, "en").count("[to be filled in]") >= 6
    with pytest.raises(KeyError):
        written(breach, Reader.AUTHORITY, "es")


async def mismatch(node: Node, _books: Books) -> None:
    await node.chain.record(Event.KEY_MISMATCH, actor=SERVER, facts={"store": "keystore"})


async def thief(node: Node, _books: Books) -> None:
    await node.chain.record(Event.SENDING_FROZEN, actor=SERVER, account_id=new_account_id())


async def factors_off(node: Node, _books: Books) -> None:
    facts = {"what": "off", "kind": "all", "by": "ann joris"}
    await node.chain.record(
        Event.FACTOR_CHANGED, actor=SERVER, account_id=new_account_id(), facts=facts
    )


async def exports(node: Node, _books: Books) -> None:
    for _ in range(MASS_EXPORT):
        await node.chain.record(Event.EXPORTED, actor=SERVER, account_id=new_account_id())


async def flipped_bit(_node: Node, books: Books) -> None:
    await books.suspicions.damaged(["account 00: blob 1: it is not what was stored"])


async def broken_log(_node: Node, books: Books) -> None:
    await books.suspicions.audit_broken("deleted", 17)


DETECTORS: dict[Detector, Callable[[Node, Books], Awaitable[None]]] = {
    Detector.KEYS: mismatch,
    Detector.TAKEOVER: thief,
    Detector.EXPORTS: exports,
    Detector.SCRUB: flipped_bit,
    Detector.AUDIT: broken_log,
}


@pytest.mark.parametrize("detector", DETECTORS)
async def test_t_br_3_each_detector_opens_one_entry(
    node: Node, books: Books, detector: Detector
) -> None:
    await DETECTORS[detector](node, books)
    for _ in range(2):
        await books.suspicions.look()
        await books_of(node).suspicions.look()  # after a restart as well
    (found,) = await books.breaches.listing()
    assert (found.detector, found.state) == (detector, State.SUSPECTED)
    assert found.fields[Field.NATURE]
    assert found.fields[Field.CONTACT] == "privacy@example.org"
    events = [decode(row.entry).event for row in await node.store.audit.rows(0, 100)]
    assert events.count(Event.BREACH_SUSPECTED) == 1


async def test_t_br_3_factors_taken_off_are_suspected(node: Node, books: Books) -> None:
    await factors_off(node, books)
    await books.suspicions.look()
    (found,) = await books.breaches.listing()
    assert found.detector is Detector.TAKEOVER


async def test_t_br_3_every_detector_of_ours_is_tried() -> None:
    assert {*DETECTORS, Detector.PERSON} == set(Detector)


async def test_t_br_3_a_suspicion_is_known_by_what_it_is_about(books: Books) -> None:
    suspect = books.breaches.suspect
    assert await suspect(Detector.SCRUB, "", "blob 1", "damage") == 1
    assert await suspect(Detector.SCRUB, "", "blob 1", "damage") is None
    assert await suspect(Detector.SCRUB, "", "blob 2", "damage") is None  # of the same entry
    assert (await books.breaches.get(1)).occurrences == ("blob 1", "blob 2")
    await books.breaches.dismiss(1, "The disk was replaced.")
    assert await suspect(Detector.SCRUB, "", "blob 2", "damage") is None  # looked at
    assert await suspect(Detector.SCRUB, "", "blob 3", "damage") == 2
    for n in range(OCCURRENCES + 5):
        await suspect(Detector.SCRUB, "", f"more {n}", "damage")
    assert len((await books.breaches.get(2)).occurrences) == OCCURRENCES


async def test_a_few_exports_over_days_are_no_breach(node: Node, books: Books) -> None:
    for _ in range(2 * MASS_EXPORT):
        await node.chain.record(Event.EXPORTED, actor=SERVER, account_id=new_account_id())
        node.clock.advance(3 * HOUR)
    await books.suspicions.look()
    assert await books.breaches.listing() == []


async def test_a_lost_update_is_refused(books: Books) -> None:
    number = await known(books)
    entry = await books.ledger.get(Register.BREACH, number)
    await books.breaches.fill(number, {Field.CAUSE: "theft"})
    with pytest.raises(Conflict):
        await books.ledger.change(Register.BREACH, entry, {})


async def test_t_ret_1_an_entry_is_kept_for_five_years_after_its_end(
    node: Node, books: Books
) -> None:
    kept = next(one for one in books.retention.categories if one.name == "breaches").period
    await books.breaches.open("open for ever")
    node.clock.advance(HOUR)
    number = await books.breaches.open("nothing")
    await books.breaches.dismiss(number, "It was nothing.")
    for wait, left in ((kept - timedelta(seconds=1), 2), (timedelta(seconds=2), 1)):
        node.clock.advance(wait)
        await books.retention.run()
        assert len(await books.breaches.listing()) == left
