"""The ledger of consents: what is asked, said and taken back."""

import hashlib
from datetime import timedelta

import pytest

from mailserver.audit.entry import Event as Entry
from mailserver.audit.entry import decode
from mailserver.model.address import Address
from mailserver.model.errors import Absent, Condition, Conflict, PeerFault, Refused, Transient
from mailserver.privacy.consent import Channel, Said
from mailserver.privacy.consent_view import Stand
from tests.support.accounts import Node
from tests.support.books import count
from tests.support.consents import NEWS, OUTSIDE, Asking, asking, link_of

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ALICE, CAROL = Address.parse("alice@example.org"), Address.parse("carol@example.org")


async def test_t_con_1_a_yes_counts_once_its_address_is_proven(desk: Asking) -> None:
    """T-CON-1: granted, then confirmed by the link; nothing is sent before, the link works once."""
    token = await desk.ask()
    assert await desk.said() == [Said.GRANTED]
    assert await desk.consenters() == []
    course, text = await desk.desk.confirm(token)
    assert course.settled is Said.CONFIRMED
    assert text.body == NEWS
    assert await desk.said() == [Said.GRANTED, Said.CONFIRMED]
    assert await desk.consenters() == [str(OUTSIDE)]
    for used in (token, "no-such-link", token[:-1]):
        with pytest.raises(Absent):
            await desk.desk.confirm(used)


async def test_t_con_1_the_letter_says_what_is_asked_and_nothing_else(desk: Asking) -> None:
    """T-CON-1: the one letter before the yes is the question, in the text's language."""
    text = await desk.text(language="nl")
    await desk.desk.ask(OUTSIDE, text)
    (letter,) = await desk.letters()
    assert letter["To"] == str(OUTSIDE)
    assert letter["From"] == '"Tides B.V." <postmaster@example.org>'
    assert letter["Auto-Submitted"] == "auto-generated"
    said = " ".join(letter.get_content().split())
    assert NEWS in said
    assert "binnen 48 uur" in said
    link = link_of(letter)
    assert link.startswith("https://mail.example.org/consent/confirm/")
    await desk.desk.confirm(link.rpartition("/")[2])
    (receipt,) = await desk.letters()
    assert receipt["List-Unsubscribe"] == f"<{link_of(receipt)}>"
    assert receipt["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    purpose, token = link_of(receipt).split("/")[-2:]
    await desk.desk.withdraw_by_link(purpose, token)
    assert await desk.consenters() == []
    assert await desk.letters() == []  # nobody is written to about his no


@pytest.mark.parametrize(("late", "counts"), [(-SECOND, True), (timedelta(), False)])
async def test_t_con_1_a_link_is_good_for_48_hours(
    desk: Asking, late: timedelta, counts: bool
) -> None:
    """T-CON-1: at 48 hours the link is dead, and the yes expires."""
    token = await desk.ask()
    desk.node.clock.advance(48 * HOUR + late)
    await desk.books.consent_ending.tend()
    if counts:
        await desk.desk.confirm(token)
        assert await desk.said() == [Said.GRANTED, Said.CONFIRMED]
    else:
        with pytest.raises(Absent):
            await desk.desk.confirm(token)
        assert await desk.said() == [Said.GRANTED, Said.EXPIRED]
        assert await desk.ask() != token  # he may be asked again


async def test_t_con_1_somebody_is_asked_once_and_not_what_he_agreed_to(desk: Asking) -> None:
    """T-CON-1: no second question while one waits, none for the text that is agreed to."""
    token = await desk.ask()
    for _ in range(2):
        with pytest.raises(Conflict, match="waits"):
            await desk.ask()
    await desk.desk.confirm(token)
    with pytest.raises(Conflict, match="agreed"):
        await desk.ask()
    same = await desk.text(language="de")
    with pytest.raises(Conflict, match="agreed"):
        await desk.ask(text=same)


async def test_t_con_1_who_is_asked_anew_still_agrees_to_what_he_agreed_to(desk: Asking) -> None:
    """T-CON-1: a newer text takes nothing from the older yes until it is answered."""
    await desk.desk.confirm(await desk.ask())
    newer = await desk.text(version="2")
    await desk.ask(text=newer)
    assert await desk.consenters() == [str(OUTSIDE)]
    desk.node.clock.advance(7 * DAY + SECOND)
    await desk.books.retention.run()
    assert await desk.said() == [Said.GRANTED, Said.CONFIRMED]
    assert await desk.consenters() == [str(OUTSIDE)]
    await desk.desk.confirm(await desk.ask(text=newer))
    person = await desk.person()
    (told,) = await desk.books.consent_views.told(person)
    assert [one["text"]["version"] for one in told["events"]] == ["1", "1", "2", "2"]


async def test_t_con_1_a_no_is_always_taken_and_counts_at_once(desk: Asking) -> None:
    """T-CON-1: withdrawn from every state; twice is once; a yes afterwards is a new one."""
    consents, person = desk.books.consents, await desk.person()
    await consents.withdraw(person, "news", Channel.OPERATOR)
    await consents.withdraw(person, "news", Channel.OPERATOR)
    assert await desk.said() == [Said.WITHDRAWN]
    token = await desk.ask()
    await consents.withdraw(person, "news", Channel.MAIL)
    with pytest.raises(Absent):
        await desk.desk.confirm(token)  # a no kills the question
    await desk.desk.confirm(await desk.ask())
    await consents.withdraw(person, "news", Channel.MAIL)
    assert await desk.consenters() == []
    assert (await desk.said())[-3:] == [Said.GRANTED, Said.CONFIRMED, Said.WITHDRAWN]


async def test_t_con_1_a_paper_needs_no_letter_and_keeps_its_proof(desk: Asking) -> None:
    """T-CON-1: what the operator records is granted and confirmed, with what proves it."""
    consents, text = desk.books.consents, await desk.current()
    person = await desk.person()
    course = await consents.give(person, text, Channel.OPERATOR, "operator", "folder 3, sheet 12")
    granted, confirmed = await consents.events(course)
    assert (granted.note, confirmed.said) == ("folder 3, sheet 12", Said.CONFIRMED)
    assert await desk.letters() == []
    assert await consents.give(person, text, Channel.OPERATOR, "operator", "again") == course


async def test_t_con_1_of_two_who_use_a_link_one_counts(desk: Asking) -> None:
    """T-CON-1: single use, also where two come in the same moment."""
    token = await desk.ask()
    first, _ = await desk.books.consents.asked(token)
    await desk.desk.confirm(token)
    row = await desk.node.store.consents.course(first.name)
    assert row is not None
    with pytest.raises(Conflict):
        await desk.node.store.consents.write(row._replace(number=9), (), first.number)
    with pytest.raises(Conflict):
        await desk.node.store.consents.write(row, (), 0)


async def test_t_con_1_whom_no_letter_reaches_is_not_asked(consenting: Node, desk: Asking) -> None:
    """T-CON-1: neither groups of ours nor, without a relay, anybody elsewhere."""
    with pytest.raises(Refused, match="no account"):
        await desk.ask(Address.parse("nobody@example.org"))
    alone = asking(consenting, relay__enabled=False)
    with pytest.raises(Refused) as raised:
        await alone.ask()
    assert raised.value.condition is Condition.RELAY_DENIED
    assert await count(consenting, "consent_courses") == 0


async def test_t_con_1_what_was_not_sent_was_not_asked(
    desk: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-CON-1: a queue that takes nothing leaves no address behind."""

    async def busy(*_: object) -> None:
        raise Transient(Condition.BUSY)

    monkeypatch.setattr(desk.outgoing, "enqueue", busy)
    with pytest.raises(Transient):
        await desk.ask()
    assert await count(desk.node, "consent_courses") == 0
    assert await count(desk.node, "consent_events") == 0


async def test_a_text_stays_as_it_is(desk: Asking) -> None:
    texts = desk.books.consents.texts
    (text,) = await texts.listing()
    assert text.sha256 == hashlib.sha256(NEWS.encode()).digest()
    with pytest.raises(Conflict):
        await texts.add("news", "en", "1", "Something else.")
    with pytest.raises(Refused, match="purposes"):
        await texts.add("cookies", "en", "1", NEWS)
    for language, version, body in (("la", "2", NEWS), ("en", " ", NEWS), ("en", "2", "  ")):
        with pytest.raises(PeerFault):
            await texts.add("news", language, version, body)
    assert await texts.listing() == [text]
    newer = await desk.text(version="2")
    assert await texts.current("news", "fr") == newer
    with pytest.raises(Absent):
        await texts.current("offers", "en")


async def test_everything_is_in_the_audit_log_and_names_nobody(desk: Asking) -> None:
    await desk.desk.confirm(await desk.ask())
    await desk.books.consents.withdraw(await desk.person(), "news", Channel.OPERATOR)
    rows = await desk.node.store.audit.rows(0, 100)
    entries = [decode(row.entry) for row in rows]
    told = [one.facts["what"] for one in entries if one.event is Entry.CONSENT_CHANGED]
    assert told == ["text", "granted", "confirmed", "withdrawn"]
    assert all(b"bram" not in bytes(row.entry) for row in rows)


async def test_what_the_log_does_not_take_does_not_happen(
    desk: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await desk.ask()

    async def full(*_: object, **__: object) -> None:
        raise Transient(Condition.BUSY)

    monkeypatch.setattr(desk.node.chain, "record", full)
    with pytest.raises(Transient):
        await desk.desk.confirm(token)
    with pytest.raises(Transient):
        await desk.books.consents.withdraw(await desk.person(), "news", Channel.MAIL)
    assert await desk.said() == [Said.GRANTED]


async def test_an_account_sees_how_its_consents_stand(desk: Asking) -> None:
    user = await desk.node.user("alice@example.org")
    views, consents = desk.books.consent_views, desk.books.consents

    async def stand() -> tuple[Stand, bool]:
        (one,) = await views.standings(user.account_id, "nl")
        return one.stand, one.as_customer

    assert await stand() == (Stand.NOTHING, True)
    token = await desk.ask(ALICE)
    assert (await stand())[0] is Stand.WAITS
    await desk.desk.confirm(token)
    (one,) = await views.standings(user.account_id, "nl")
    assert one.stand is Stand.GIVEN
    assert one.agreed is not None
    assert one.agreed.version == "1"
    await consents.withdraw(await desk.person(ALICE), "news", Channel.ACCOUNT)
    assert await stand() == (Stand.WITHDRAWN, False)


async def test_links_of_others_open_nothing(desk: Asking) -> None:
    person = await desk.person()
    token = desk.desk.withdrawal(person, "news").rpartition("/")[2]
    for purpose, link in (("offers", token), ("news", token[:-4] + "AAAA"), ("news", "")):
        with pytest.raises(Absent):
            await desk.desk.withdraw_by_link(purpose, link)
    with pytest.raises(Absent, match="nothing is kept"):
        await desk.desk.withdraw_by_link("news", token)
