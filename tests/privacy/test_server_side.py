"""T-SRV-1 and T-SRV-4: what the server does for somebody who is away, and whose words it keeps.

Filters and vacation run while the account is locked, for they are guarded; search does not, for
what it reads is sealed. No filter that an app password stored sends mail away.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.mail.sieve import Answer, Decision
from mailserver.mail.vacation import Forwarding, Vacation
from mailserver.model.address import Address
from mailserver.model.errors import Locked, Refused
from mailserver.model.query import Field, Text
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from tests.support.filters import Filtered, filtered
from tests.support.mail import append, letter, open_mail
from tests.support.scanner import Scanner

WORD = b"zeldzaamwoordje"


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Filtered]:
    """An account on SQLite, whose files are at hand."""
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("mail", "keystore")]
    async with open_mail(urls[0], urls[1], tmp_path, ManualClock()) as mail:
        yield await filtered(mail)


async def test_t_srv_1_filters_and_vacation_work_while_locked_and_search_does_not(
    alice: Filtered,
) -> None:
    account = alice.account
    await append(account, letter("Seal"))
    inbox = await account.mailboxes.named("INBOX")
    view = await account.mailboxes.open(inbox.id, writable=False)
    await alice.script('require "fileinto"; if header "subject" "Bill" { fileinto "Trash"; }')
    await alice.vacations.set_vacation(Vacation(enabled=True, text="Away."))
    await account.close()
    with pytest.raises(Locked):
        await account.searching.search(inbox.id, view, Text(Field.BODY, "words"))
    decision = await alice.decide(letter("Bill"))
    assert [kept.name for kept in decision.keeps] == ["Trash"]
    assert len(await alice.settle(decision)) == 1


async def test_t_srv_1_what_filters_keep_is_on_disk_in_no_readable_form(
    alice: Filtered, tmp_path: Path
) -> None:
    word = WORD.decode()
    alice.approved.add(f"{word}@elsewhere.test")
    await alice.script(
        f'require ["vacation", "duplicate", "ihave"]; redirect "{word}@elsewhere.test";'
        f' if duplicate :uniqueid "{word}" {{ stop; }} vacation :handle "{word}" "{word}";',
        word,
    )
    await alice.vacations.set_vacation(Vacation(enabled=True, subject=word, text=word))
    await alice.vacations.set_forwarding(Forwarding((Address.parse(f"{word}@x.test"),)))
    sender = f"{word}@elsewhere.test"
    assert len(await alice.settle(await alice.decide(sender=sender))) == 1
    await alice.scripts.put("fails", Plaintext(f'require "ihave"; error "{word}";'.encode()))
    await alice.scripts.activate("fails")
    failed = await alice.decide()
    assert word in (failed.failure or "")
    await alice.settle(failed)
    scanner = Scanner(WORD)
    assert scanner.tree(tmp_path) == set()
    (tmp_path / "planted").write_bytes(WORD)
    assert len(scanner.tree(tmp_path)) > 0


def test_t_srv_1_decisions_show_nobody_and_nothing() -> None:
    answer = Answer(Address.parse("bob@x.test"), Plaintext(WORD))
    decision = Decision((), vacation=answer, failure=WORD.decode())
    for shown in (repr(answer), repr(decision), repr(Vacation(text=WORD.decode()))):
        assert "bob" not in shown
        assert WORD.decode() not in shown


async def test_t_srv_4_no_script_makes_mail_leave_without_approval(alice: Filtered) -> None:
    with pytest.raises(Refused):
        await alice.script('redirect "eve@elsewhere.test";')
    await alice.script(
        'require ["variables", "enotify"]; set "to" "eve@elsewhere.test"; redirect "${to}";'
        ' notify "mailto:${to}";'
    )
    decision = await alice.decide()
    assert (decision.redirects, decision.notifies) == ((), ())
    assert len(decision.keeps) == 1
