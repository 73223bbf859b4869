"""The daily upkeep forgets what is old and leaves what is in use."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.model.ids import ModSeq, new_object_id
from mailserver.model.message import Flag, StoreMode
from mailserver.model.sealed import Sealed
from mailserver.operations.upkeep import forget_old
from mailserver.runtime.clock import ManualClock
from tests.support.mail import MailNode, append, letter, messages, open_mail


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node


async def test_old_changes_go_and_mail_stays(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter(), letter())
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, Flag.DELETED, frozenset())
    await account.messages.expunge(inbox.id)
    store, clock = mail.node.store, mail.node.clock
    await forget_old(store, clock.now() + timedelta(days=29))
    before = await store.entries.changed_since(account.account_id, inbox.id, ModSeq(1))
    assert (before.vanished, before.complete) == ([1], True)
    await forget_old(store, clock.now() + timedelta(days=31))
    after = await store.entries.changed_since(account.account_id, inbox.id, ModSeq(1))
    assert not after.complete
    assert [message.uid for message in await messages(account)] == [2]
    assert await store.check() == []


async def test_a_blob_that_no_row_names_goes_after_a_day(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter(body="x" * 300_000))
    store, orphan = mail.node.store, new_object_id()
    store.blob_store.put(orphan, Sealed(b"left over by a crash"))
    await forget_old(store, mail.node.clock.now() + timedelta(days=3_650))
    assert orphan not in set(store.blob_store.stored())
    (message,) = await messages(account, content=True)
    assert message.octets is not None


async def test_ids_that_filters_remembered_go_when_they_expire(mail: MailNode) -> None:
    account = await mail.account()
    store, now, id_ = mail.node.store, mail.node.clock.now(), b"i" * 16
    await store.sieve.remember(account.account_id, [(id_, now + timedelta(days=7))])
    await forget_old(store, now + timedelta(days=6))
    assert await store.sieve.seen(account.account_id, [id_]) == {id_}
    await forget_old(store, now + timedelta(days=7))
    assert await store.sieve.seen(account.account_id, [id_]) == frozenset()
