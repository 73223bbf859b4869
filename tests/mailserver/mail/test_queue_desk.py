"""The operator's desk: what it shows, what it stops, and what the audit log has of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from mailserver.audit.entry import Event, decode
from mailserver.mail.outgoing import Outgoing
from mailserver.mail.queue_desk import Entry, QueueDesk
from mailserver.model.address import Address
from mailserver.model.errors import Absent, PeerFault
from mailserver.model.ids import AccountId, QueueId
from mailserver.runtime.clock import ManualClock
from mailserver.store.queue_rows import QueueState
from mailserver.vault.guard import AccountGuard
from tests.support.accounts import Node
from tests.support.mail import MailNode, open_mail
from tests.support.outgoing import GONE, Guards, over, parcel


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as opened:
        yield opened


def desk_of(node: Node) -> QueueDesk:
    async def guard_of(account_id: AccountId) -> AccountGuard:
        return (await node.keyring.account(account_id)).guard

    return QueueDesk(
        node.store, over(node), guard_of, node.master.instance_guard, node.chain, node.clock
    )


async def listed(desk: QueueDesk, domain: str | None = None) -> list[Entry]:
    return [entry async for entry in desk.listing(domain=domain)]


async def account_of(mail: MailNode, name: str) -> AccountId:
    """Make a user."""
    await mail.account(f"{name}@example.org")
    return (await mail.node.directory.find(Address(name, "example.org"))).account_id


async def enqueue(mail: MailNode, outgoing: Outgoing, owner: AccountId, *to: str) -> list[QueueId]:
    guards = Guards()
    guards.instance = mail.node.master.instance_guard
    given = replace(parcel(guards, None, to), origin=await outgoing.origin(owner))
    return await outgoing.enqueue(given)


async def test_a_frozen_accounts_mail_is_stopped_and_no_others(mail: MailNode) -> None:
    outgoing, desk = over(mail.node), desk_of(mail.node)
    alice, bob = await account_of(mail, "alice"), await account_of(mail, "bob")
    for owner in (alice, bob):
        await enqueue(mail, outgoing, owner, "x@there.test", "y@else.test")
    assert await desk.hold_account(alice) == 2
    states = {(entry.account_id, entry.state) for entry in await listed(desk)}
    assert states == {(alice, QueueState.HELD), (bob, QueueState.WAITING)}
    assert {entry.domain for entry in await listed(desk, "there.test")} == {"there.test"}


async def test_what_it_shows_names_nobody(mail: MailNode) -> None:
    outgoing, desk = over(mail.node), desk_of(mail.node)
    alice = await account_of(mail, "alice")
    (queue_id,) = await enqueue(mail, outgoing, alice, "bob@there.test")
    (due,) = await outgoing.due(1)
    await outgoing.deferred(due, GONE)
    entry, destination = await desk.explain(queue_id)
    assert (entry.code, entry.status, entry.host) == (550, "5.1.1", "mx.there.test")
    assert entry.text == "<…@there.test>: no such user"
    assert "bob" not in repr(entry)
    assert destination is not None
    assert (destination.domain, destination.paused) == ("there.test", False)
    with pytest.raises(Absent):
        await desk.explain(QueueId(bytes(16)))


async def test_what_is_done_is_in_the_audit_log_first(mail: MailNode) -> None:
    outgoing, desk = over(mail.node), desk_of(mail.node)
    alice = await account_of(mail, "alice")
    ids = await enqueue(mail, outgoing, alice, "bob@there.test")
    before = await mail.node.store.audit.last()
    assert before is not None
    assert await desk.hold(ids) == 1
    assert await desk.release(ids) == 1
    assert await desk.retry(ids) == 1
    await desk.pause("THERE.test")
    await desk.resume("there.test")
    assert await desk.cancel(ids) == 1
    last = await mail.node.store.audit.last()
    assert last is not None
    assert last.number - before.number == 6
    told = decode(last.entry)
    assert (told.event, told.facts) == (Event.QUEUE_STEERED, {"act": "cancel", "rows": 1})
    with pytest.raises(PeerFault):
        await desk.pause("no domain")
    with pytest.raises(Absent):
        await desk.hold(ids)
