"""What a reader's filters make of their mail, whether or not they are there."""

from datetime import timedelta

import pytest

from mailserver.mail.sieve import KEPT, Filtering
from mailserver.model.message import Flag
from mailserver.store.sieve import Setting
from tests.support.filters import BOUNDS, Filtered, filtered
from tests.support.mail import MailNode, letter

DAY = timedelta(days=1)


@pytest.fixture
async def alice(mail: MailNode) -> Filtered:
    return await filtered(mail)


async def test_without_filters_mail_is_kept(alice: Filtered) -> None:
    assert await alice.decide() is KEPT


async def test_filters_run_while_their_owner_is_away(alice: Filtered) -> None:
    await alice.account.mailboxes.create("Bills/2026")
    await alice.script(
        'require ["fileinto", "imap4flags"];'
        'if header :contains "subject" "bill" {'
        ' fileinto :flags ["\\\\Flagged", "$Todo"] "Bills/2026"; }'
    )
    await alice.account.close()
    (kept,) = (await alice.decide(letter("A bill"))).keeps
    assert kept.name == "Bills/2026"
    assert kept.mailbox_id is not None
    assert (kept.flags, kept.keywords) == (Flag.FLAGGED, frozenset({"$Todo"}))
    assert (await alice.decide(letter("A poem"))).keeps == KEPT.keeps


async def test_a_missing_mailbox_is_made_or_told_of(alice: Filtered) -> None:
    await alice.script('require ["fileinto", "mailbox"]; fileinto :create "New"; fileinto "Old";')
    decision = await alice.decide()
    new, old = decision.keeps
    assert (new.name, new.create) == ("New", True)
    assert (old.name, old.mailbox_id, old.create) == (None, None, False)
    assert decision.failure == 'there is no mailbox "Old"'


@pytest.mark.parametrize(
    ("option", "found"),
    [(':specialuse "\\\\Junk"', "junk"), (':mailboxid "F1"', "inbox"), (':mailboxid "F99"', "to")],
)
async def test_mailboxes_are_found_by_use_and_by_id(
    alice: Filtered, option: str, found: str
) -> None:
    mailboxes = {mailbox.id: mailbox for mailbox in await alice.account.mailboxes.listing()}
    await alice.script(
        f'require ["fileinto", "special-use", "mailboxid"]; fileinto {option} "Trash";'
    )
    (kept,) = (await alice.decide()).keeps
    assert kept.mailbox_id is not None
    role = mailboxes[kept.mailbox_id].role
    assert role is not None
    assert role.value == {"junk": "junk", "inbox": "inbox", "to": "trash"}[found]


async def test_a_script_asks_whether_mailboxes_are_there(alice: Filtered) -> None:
    await alice.script(
        'require ["fileinto", "mailbox", "special-use"];'
        'if allof(mailboxexists ["INBOX", "Sent"], not mailboxexists "Sent/Deeper",'
        ' specialuse_exists "\\\\Sent", specialuse_exists "Sent" "\\\\Sent",'
        ' not specialuse_exists "Sent" "\\\\Junk") { discard; }'
    )
    assert (await alice.decide()).keeps == ()


async def test_a_script_that_fails_keeps_the_message_and_tells_its_author(alice: Filtered) -> None:
    await alice.script('require ["ihave", "fileinto"]; fileinto "Trash"; error "out of milk";')
    decision = await alice.decide()
    assert decision.keeps == KEPT.keeps
    await alice.settle(decision)
    failure = await alice.vacations.failure()
    assert failure is not None
    assert b"line 1, column 50: out of milk" in failure.text.reveal()
    await alice.vacations.clear_failure()
    assert await alice.vacations.failure() is None


async def test_a_script_damaged_in_storage_keeps_the_message(alice: Filtered) -> None:
    await alice.script("discard;")
    store, account_id = alice.mail.node.store, alice.account.account_id
    (row,) = await store.sieve.plan(account_id)
    await alice.vacations.set_vacation(await alice.vacations.vacation())
    vacation = await store.sieve.setting(account_id, Setting.VACATION)
    assert vacation is not None
    await store.sieve.set(account_id, Setting.FORWARDING, (vacation.object_id, vacation.value))
    decision = await alice.decide()
    assert decision.keeps == KEPT.keeps
    assert decision.failure is not None
    assert row.setting is Setting.SCRIPT


async def test_mail_goes_on_to_approved_addresses_only(alice: Filtered) -> None:
    alice.approved.add("carol@elsewhere.test")
    await alice.script('redirect "carol@elsewhere.test";')
    decision = await alice.decide()
    assert [str(one.target) for one in decision.redirects] == ["carol@elsewhere.test"]
    assert decision.keeps == ()
    alice.approved.clear()
    decision = await alice.decide()
    assert decision.redirects == ()
    assert decision.keeps == KEPT.keeps
    assert decision.failure is not None


async def test_junk_is_neither_sent_on_nor_answered(alice: Filtered) -> None:
    alice.approved.add("carol@elsewhere.test")
    await alice.script(
        'require ["vacation", "enotify"]; redirect "carol@elsewhere.test"; vacation "away";'
        'notify "mailto:carol@elsewhere.test";'
    )
    decision = await alice.decide(junk=True)
    assert (decision.redirects, decision.vacation, decision.notifies) == ((), None, ())
    assert decision.keeps == KEPT.keeps


async def test_a_refusal_is_told_in_the_scripts_words(alice: Filtered) -> None:
    await alice.script('require "reject"; reject "I do not want this.";')
    decision = await alice.decide()
    assert (decision.reject, decision.keeps) == ("I do not want this.", ())


async def test_an_edited_header_is_what_is_stored(alice: Filtered) -> None:
    await alice.script('require "editheader"; addheader "X-Seen-By" "alice";')
    edited = (await alice.decide()).edited
    assert edited is not None
    assert edited.reveal() == b"X-Seen-By: alice\r\n" + letter()


async def test_duplicates_are_told_once_the_first_is_stored(alice: Filtered) -> None:
    await alice.script('require "duplicate"; if duplicate { discard; }')
    message = letter(Message_ID="<1@x>")
    first = await alice.decide(message)
    assert first.keeps == KEPT.keeps
    assert (await alice.decide(message)).keeps == KEPT.keeps  # nothing is stored yet
    await alice.settle(first)
    assert (await alice.decide(message)).keeps == ()
    assert (await alice.decide(letter(Message_ID="<2@x>"))).keeps == KEPT.keeps
    alice.advance(8 * DAY)
    assert (await alice.decide(message)).keeps == KEPT.keeps


async def test_a_vacation_answers_each_sender_once_in_its_days(alice: Filtered) -> None:
    await alice.script('require "vacation"; vacation :days 3 "I am away.";')
    (answer,) = await alice.answered()
    assert str(answer.recipient) == "bob@elsewhere.test"
    assert b"Auto-Submitted: auto-replied\r\n" in answer.message.reveal()
    assert await alice.answered() == []
    assert len(await alice.answered(sender="carol@elsewhere.test")) == 1
    alice.advance(3 * DAY)
    assert len(await alice.answered()) == 1


async def test_a_delivery_that_is_tried_again_still_answers(alice: Filtered) -> None:
    await alice.script('require "vacation"; vacation "I am away.";')
    await alice.decide()  # its message was not stored, so nothing was settled
    assert len(await alice.answered()) == 1


async def test_an_answer_is_not_repeated_sooner_than_the_server_allows(alice: Filtered) -> None:
    await alice.script('require "vacation-seconds"; vacation :seconds 5 "I am away.";')
    await alice.answered()
    alice.advance(timedelta(seconds=BOUNDS.vacation_seconds - 1))
    assert await alice.answered() == []
    alice.advance(timedelta(seconds=1))
    assert len(await alice.answered()) == 1


async def test_mail_to_an_address_with_detail_is_answered(alice: Filtered) -> None:
    await alice.script('require "vacation"; vacation "I am away.";')
    message = letter().replace(b"alice@", b"alice+shop@")
    decision = await alice.decide(message, recipient="alice+shop@example.org")
    assert decision.vacation is not None
    assert b"From: alice@example.org\r\n" in decision.vacation.message.reveal()


async def test_a_notice_goes_to_an_approved_address(alice: Filtered) -> None:
    alice.approved.add("pager@elsewhere.test")
    await alice.script('require "enotify"; notify :message "Mail!" "mailto:pager@elsewhere.test";')
    (notice,) = await alice.answered()
    assert str(notice.recipient) == "pager@elsewhere.test"
    assert b"Subject: Mail!\r\n" in notice.message.reveal()
    alice.approved.clear()
    assert await alice.answered() == []


async def test_scripts_include_scripts(alice: Filtered) -> None:
    await alice.script('require "include"; include :optional "none";', "second")
    await alice.script('require ["include"]; include "second"; include "third";', "first")
    decision = await alice.decide()
    assert decision.failure == ('line 1, column 40: there is no script "third" to include')
    await alice.script('require "include"; return; discard;', "third")
    await alice.scripts.activate("first")
    assert (await alice.decide()).failure is None


async def test_a_changed_script_is_the_one_that_runs(alice: Filtered) -> None:
    await alice.script("discard;")
    assert (await alice.decide()).keeps == ()
    await alice.script("keep;")
    assert (await alice.decide()).keeps == KEPT.keeps
    await alice.script('require "reject"; reject "no";', "other")
    assert (await alice.decide()).reject == "no"
    await alice.scripts.activate(None)
    assert await alice.decide() is KEPT


async def test_a_long_run_leaves_the_event_loop(alice: Filtered) -> None:
    await alice.script('require ["body", "regex"]; if body :regex "(a|b)*c{3}" { discard; }')
    assert (await alice.decide(letter(body="ab" * 20_000 + "ccc"))).keeps == ()


async def test_a_script_of_before_that_is_none_now_keeps_the_message(alice: Filtered) -> None:
    await alice.script("discard; # " + "x" * 5_000)
    node = alice.mail.node
    narrow = BOUNDS.model_copy(update={"script_octets": 4_096})

    async def nobody(*_: object) -> bool:
        return False

    filtering = Filtering(node.store, node.clock, node.offload, narrow, nobody)
    alice.filtering = filtering
    assert (await alice.decide()).keeps == KEPT.keeps


async def test_what_was_compiled_is_forgotten_with_its_account(alice: Filtered) -> None:
    await alice.script("discard;")
    await alice.decide()
    alice.filtering.forget(alice.account.account_id)
    assert (await alice.decide()).keeps == ()
