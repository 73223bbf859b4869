"""Vacation and forwarding without a script, and beside one."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from mailserver.mail.sieve import KEPT
from mailserver.mail.vacation import Forwarding, Vacation, as_sieve
from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol import sieve
from tests.support.filters import Filtered, filtered
from tests.support.mail import MailNode, letter

CAROL = Address.parse("carol@elsewhere.test")
AWAY = Vacation(enabled=True, subject='"Away" ünd weg', text='Back on "Monday".\n\\o/')


@pytest.fixture
async def alice(mail: MailNode) -> Filtered:
    return await filtered(mail)


async def test_settings_come_back_as_they_were_made(alice: Filtered) -> None:
    assert await alice.vacations.vacation() == Vacation()
    assert await alice.vacations.forwarding() == Forwarding()
    begins = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    vacation = Vacation(True, begins, begins + timedelta(days=1), "s", "t", "<b>h</b>", 3)
    await alice.vacations.set_vacation(vacation)
    await alice.vacations.set_forwarding(Forwarding((CAROL,), keeps_copy=False))
    assert await alice.vacations.vacation() == vacation
    assert await alice.vacations.forwarding() == Forwarding((CAROL,), keeps_copy=False)


async def test_a_vacation_answers_while_its_owner_is_away(alice: Filtered) -> None:
    await alice.vacations.set_vacation(AWAY)
    await alice.account.close()
    (answer,) = await alice.answered(letter(Message_ID="<1@x>"))
    message = message_from_bytes(answer.message.reveal())
    assert message["To"] == "bob@elsewhere.test"
    assert message["From"] == "alice@example.org"
    assert message["In-Reply-To"] == "<1@x>"
    assert b"=?utf-8?B?" in answer.message.reveal()
    assert str(message.get_payload()).splitlines() == ['Back on "Monday".', "\\o/"]


async def test_a_vacation_lasts_from_its_begin_to_its_end(alice: Filtered) -> None:
    now, day = alice.mail.node.clock.now(), timedelta(days=1)
    await alice.vacations.set_vacation(
        Vacation(True, now + day, now + 2 * day, text="Away.", days=1)
    )
    assert await alice.answered() == []
    alice.advance(day)
    assert len(await alice.answered()) == 1
    alice.advance(day)
    assert await alice.answered() == []


async def test_text_and_html_are_alternatives(alice: Filtered) -> None:
    await alice.vacations.set_vacation(Vacation(True, text="Weg.", html="<p>Wég.</p>"))
    (answer,) = await alice.answered()
    message = message_from_bytes(answer.message.reveal())
    assert message.get_content_type() == "multipart/alternative"
    plain, html = (
        part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()
    )
    assert plain == b"Weg."
    assert html == "<p>Wég.</p>".encode()


@pytest.mark.parametrize("keeps_copy", [True, False])
async def test_forwarding_sends_on_and_keeps_as_told(alice: Filtered, *, keeps_copy: bool) -> None:
    alice.approved.add(str(CAROL))
    await alice.vacations.set_forwarding(Forwarding((CAROL,), keeps_copy))
    decision = await alice.decide()
    assert [one.target for one in decision.redirects] == [CAROL]
    assert decision.keeps == (KEPT.keeps if keeps_copy else ())


async def test_forwarding_that_is_no_longer_approved_keeps(alice: Filtered) -> None:
    await alice.vacations.set_forwarding(Forwarding((CAROL,), keeps_copy=False))
    decision = await alice.decide()
    assert (decision.redirects, decision.keeps) == ((), KEPT.keeps)


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("keep;", 1),
        ("stop;", 1),
        ('require "fileinto"; fileinto "Trash";', 1),
        ("discard;", 0),
        ('require "reject"; reject "no";', 0),
        ('require "vacation"; vacation "The script says so.";', 1),
    ],
)
async def test_the_settings_come_after_the_script(
    alice: Filtered, script: str, answers: int
) -> None:
    await alice.vacations.set_vacation(AWAY)
    await alice.script(script)
    decision = await alice.decide()
    assert decision.failure is None
    sent = await alice.settle(decision)
    assert len(sent) == answers
    if "vacation" in script:
        assert b"The script says so." in sent[0].message.reveal()


@pytest.mark.parametrize(
    ("wrong", "condition"),
    [
        (Vacation(enabled=True), Condition.BAD_SYNTAX),
        (Vacation(days=0), Condition.BAD_SYNTAX),
        (Vacation(text="x" * 20_000), Condition.TOO_LARGE),
        (
            Vacation(
                begins_at=datetime(2026, 2, 1, tzinfo=UTC), ends_at=datetime(2026, 1, 1, tzinfo=UTC)
            ),
            Condition.BAD_SYNTAX,
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(
    alice: Filtered, wrong: Vacation, condition: Condition
) -> None:
    with pytest.raises(PeerFault) as refused:
        await alice.vacations.set_vacation(wrong)
    assert refused.value.condition is condition


def test_every_setting_is_a_script() -> None:
    nasty = 'a"b\\c\r\n.\r\n*/ ${1} {8}'
    vacation = Vacation(True, datetime(2026, 1, 1, tzinfo=UTC), None, nasty, nasty, nasty)
    assert as_sieve(Vacation(), Forwarding()) == ""
    for setting in (vacation, Vacation(True, text=nasty)):
        script = sieve.compile(as_sieve(setting, Forwarding((CAROL,))))
        assert [target.address for target in script.targets] == [str(CAROL)]
