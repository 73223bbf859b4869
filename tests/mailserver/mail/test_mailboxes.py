"""Mailboxes by name, as RFC 9051 §6.3 wants them."""

import pytest

from mailserver.mail.mailboxes import canonical_name
from mailserver.model.errors import Absent, Conflict, PeerFault, Refused
from mailserver.model.mailbox import Role
from tests.support.mail import MailNode, append, letter, messages


@pytest.mark.parametrize("name", ["inbox", "InBox", "INBOX"])
def test_inbox_has_one_name(name: str) -> None:
    assert canonical_name(name) == "INBOX"
    assert canonical_name(name + "/Bills") == "INBOX/Bills"


@pytest.mark.parametrize("name", ["", "/", "a//b", "a\x01", "x" * 1001, "/".join("a" * 51)])
def test_no_names(name: str) -> None:
    with pytest.raises(PeerFault):
        canonical_name(name)


async def test_the_levels_above_come_with_it(mail: MailNode) -> None:
    boxes = (await mail.account()).mailboxes
    await boxes.create("Zaken/Gemeente/Sluis", Role.FLAGGED)
    names = [mailbox.name for mailbox in await boxes.listing()]
    assert names[0] == "INBOX"
    assert {"Zaken", "Zaken/Gemeente", "Zaken/Gemeente/Sluis"} <= set(names)
    assert (await boxes.named("Zaken/Gemeente/Sluis")).role is Role.FLAGGED
    with pytest.raises(Conflict):
        await boxes.create("Zaken/Gemeente")
    with pytest.raises(Conflict):
        await boxes.create("Other", Role.FLAGGED)


async def test_a_name_is_compared_in_its_normal_form(mail: MailNode) -> None:
    boxes = (await mail.account()).mailboxes
    made = await boxes.create("Cafe\u0301")
    assert (await boxes.named("Caf\u00e9")).id == made.id


async def test_renaming_moves_what_is_below(mail: MailNode) -> None:
    boxes = (await mail.account()).mailboxes
    await boxes.create("a/b/c")
    await boxes.rename("a", "x/y")
    names = {mailbox.name for mailbox in await boxes.listing()}
    assert {"x", "x/y", "x/y/b", "x/y/b/c"} <= names
    assert "a" not in names
    with pytest.raises(Refused):
        await boxes.rename("x", "x/y/z")
    with pytest.raises(Absent):
        await boxes.rename("a", "b")


async def test_renaming_inbox_moves_its_messages(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter(), letter())
    await account.mailboxes.rename("INBOX", "Old")
    assert await messages(account) == []
    assert len(await messages(account, "Old")) == 2


async def test_deleting(mail: MailNode) -> None:
    account = await mail.account()
    await account.mailboxes.create("a/b")
    await append(account, letter(), name="a")
    await account.mailboxes.delete("a")
    with pytest.raises(Absent):
        await account.mailboxes.named("a")
    assert (await account.mailboxes.named("a/b")).total == 0
    with pytest.raises(Refused):
        await account.mailboxes.delete("inbox")


async def test_a_subscription_outlives_its_mailbox(mail: MailNode) -> None:
    boxes = (await mail.account()).mailboxes
    await boxes.create("List")
    await boxes.subscribe("List")
    await boxes.subscribe("Never/Was")
    await boxes.delete("List")
    assert {"List", "Never/Was"} <= set(await boxes.subscriptions())
    await boxes.unsubscribe("List")
    assert "List" not in await boxes.subscriptions()


async def test_recent_belongs_to_the_first_writable_session(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, letter(), letter())
    inbox = await account.mailboxes.named("INBOX")
    looking = await account.mailboxes.open(inbox.id, writable=False)
    first = await account.mailboxes.open(inbox.id, writable=True)
    second = await account.mailboxes.open(inbox.id, writable=True)
    assert [looking.recent_from, first.recent_from, second.recent_from] == [1, 1, 3]
    assert list(first.uids) == [1, 2]


async def test_a_place_follows_its_mailbox(mail: MailNode) -> None:
    one = await mail.account()
    two = await mail.sign_in()
    made = await one.mailboxes.create("Here")
    assert await two.mailboxes.place("Here") == made.id
    await one.mailboxes.rename("Here", "There")
    assert await two.mailboxes.place("There") == made.id
    with pytest.raises(Absent):
        await two.mailboxes.place("Here")
    await one.mailboxes.delete("There")
    with pytest.raises(Absent):
        await two.mailboxes.place("There")
