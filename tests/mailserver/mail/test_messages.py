"""Reading, flagging, copying and expunging, and what watchers are told of it."""

import pytest

from mailserver.model.errors import Absent, Refused
from mailserver.model.ids import MailboxId, Uid
from mailserver.model.message import Flag, NewMessage, StoreMode
from mailserver.model.sealed import Plaintext
from mailserver.protocol.mime.summary import Summary
from tests.support.mail import EVERYTHING, MailNode, append, letter, messages

SEEN = Flag.SEEN


async def test_append_keeps_flags_keywords_and_order(mail: MailNode) -> None:
    account = await mail.account()
    inbox = await account.mailboxes.named("INBOX")
    new = [
        NewMessage(Plaintext(letter(str(n))), SEEN, frozenset({"$Work", f"k{n}"})) for n in range(3)
    ]
    appended = await account.messages.append(inbox.id, new)
    assert [each.uid for each in appended] == [1, 2, 3]
    found = await messages(account, summary=True)
    assert [message.keywords for message in found] == [each.keywords for each in new]
    assert all(message.flags == SEEN for message in found)
    subjects = [Summary(m.summary.reveal()).subject for m in found if m.summary]
    assert subjects == ["0", "1", "2"]


async def test_keywords_ignore_case_and_are_bounded(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter())
    inbox = await account.mailboxes.named("INBOX")
    for name in ("Work", "WORK"):
        await account.messages.store(
            inbox.id, EVERYTHING, StoreMode.ADD, Flag.NONE, frozenset({name})
        )
    (entry,) = await account.messages.flags(inbox.id, EVERYTHING)
    assert entry.keywords == {"Work"}
    with pytest.raises(Refused):
        await account.messages.store(
            inbox.id, EVERYTHING, StoreMode.ADD, Flag.NONE, frozenset({"x" * 129})
        )


async def test_store_tells_what_changed_and_what_was_kept_back(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter(), letter())
    inbox = await account.mailboxes.named("INBOX")
    first = await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, SEEN, frozenset())
    assert [entry.uid for entry in first.changed] == [1]
    again = await account.messages.store(
        inbox.id,
        EVERYTHING,
        StoreMode.REPLACE,
        Flag.FLAGGED,
        frozenset(),
        unchanged_since=inbox.highest_modseq,
    )
    assert (again.modified, [entry.uid for entry in again.changed]) == ([1], [2])


async def test_removing_an_unknown_keyword_makes_none(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter())
    inbox = await account.mailboxes.named("INBOX")
    stored = await account.messages.store(
        inbox.id, EVERYTHING, StoreMode.REMOVE, Flag.NONE, frozenset({"never"})
    )
    assert stored.changed == []


async def test_t_obj_4_copy_and_move_keep_content_readable(mail: MailNode) -> None:
    account = await mail.account()
    octets = letter("Copied", "x" * 200_000)
    await mail.deliver(octets, "alice@example.org")
    inbox, trash = [await account.mailboxes.named(name) for name in ("INBOX", "Trash")]
    await account.messages.copy(inbox.id, EVERYTHING, trash.id)
    await account.messages.move(inbox.id, EVERYTHING, trash.id)
    found = await messages(account, "Trash", content=True, summary=True)
    assert len(found) == 2
    assert all(m.octets and m.octets.reveal().endswith(octets) for m in found)
    assert found[0].email_id == found[1].email_id
    assert await messages(account) == []


async def test_expunge_takes_only_what_is_deleted(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *[letter(str(n)) for n in range(4)])
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(2, 3)], StoreMode.ADD, Flag.DELETED, frozenset())
    assert await account.messages.expunge(inbox.id, [(1, 2)]) == [2]
    assert await account.messages.expunge(inbox.id) == [3]
    assert [message.uid for message in await messages(account)] == [1, 4]
    changed, vanished = await account.messages.changed_since(inbox.id, inbox.highest_modseq)
    assert ([entry.uid for entry in changed], vanished) == ([], [2, 3])


async def test_watchers_are_told_in_order_with_names(mail: MailNode) -> None:
    account = await mail.account()
    woken: list[int] = []
    watch = await account.watch(lambda: woken.append(1))
    await append(account, letter())
    await mail.deliver(letter(), "alice@example.org")
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, SEEN, frozenset({"$Junk"}))
    changes = watch.take()
    assert changes is not None
    assert len(woken) == 1
    entries = [entry for change in changes for entry in change.entries]
    assert [entry.appeared for entry in entries] == [[1], [2], []]
    assert entries[2].flagged[0].keywords == {"$Junk"}
    watch.close()
    await append(account, letter())
    assert watch.take() == []


async def test_a_watcher_that_sleeps_too_long_is_told_to_look_afresh(mail: MailNode) -> None:
    account = await mail.account()
    watch = await account.watch(lambda: None)
    await append(account, letter())
    inbox = await account.mailboxes.named("INBOX")
    for number in range(1_001):
        mode = StoreMode.REMOVE if number % 2 else StoreMode.ADD
        await account.messages.store(inbox.id, EVERYTHING, mode, SEEN, frozenset())
    assert watch.take() is None
    assert watch.take() == []


async def test_content_comes_in_bounded_batches(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *[letter(str(n), "y" * 1_500_000) for n in range(4)])
    inbox = await account.mailboxes.named("INBOX")
    sizes = [
        len(batch) async for batch in account.messages.fetch(inbox.id, EVERYTHING, content=True)
    ]
    assert sum(sizes) == 4
    assert max(sizes) == 2


async def test_a_mailbox_that_is_gone(mail: MailNode) -> None:
    account = await mail.account()
    with pytest.raises(Absent):
        await account.messages.append(MailboxId(99), [NewMessage(Plaintext(letter()))])
    assert await account.messages.flags(MailboxId(99), [(Uid(1), Uid(9))]) == []


async def test_t_obj_5_an_epoch_is_opened_by_its_kem_only_once(mail: MailNode) -> None:
    account = await mail.account()
    await mail.deliver(letter(), "alice@example.org")
    (deposit,) = await mail.node.store.epochs.rows(account.account_id)
    await messages(account, summary=True)
    (wrapped,) = await mail.node.store.epochs.rows(account.account_id)
    assert wrapped.origin == deposit.origin
    assert len(wrapped.sealed) < len(deposit.sealed)
    again = await mail.sign_in()
    (message,) = await messages(again, summary=True)
    assert not message.damaged
