"""Whatever JMAP sets while IMAP and delivery change the same mail, every count stays right."""

import random

import pytest

from mailserver.app.doors import Hall
from mailserver.model.ids import MailboxId, Uid
from mailserver.model.message import Flag, NewMessage, StoreMode
from mailserver.model.sealed import Plaintext
from tests.support.jmap_calls import Client

STEPS = 60
_FLAGS = (Flag.SEEN, Flag.FLAGGED, Flag.DELETED)


async def _by_imap(ann: Client, mailbox: MailboxId, other: MailboxId, dice: random.Random) -> None:
    uid = Uid(dice.randint(1, 12))
    messages = ann.account.messages
    match dice.randint(0, 5):
        case 0:
            letter = Plaintext(b"Subject: %d\r\n\r\nText\r\n" % dice.randint(0, 9))
            await messages.append(mailbox, [NewMessage(letter)])
        case 1:
            await messages.copy(mailbox, [(uid, uid)], other)
        case 2:
            await messages.move(mailbox, [(uid, uid)], other)
        case 3:
            await messages.expunge(mailbox)
        case _:
            mode = dice.choice(list(StoreMode))
            await messages.store(mailbox, [(uid, uid)], mode, dice.choice(_FLAGS), frozenset({"k"}))


async def _by_jmap(ann: Client, boxes: list[str], dice: random.Random) -> None:
    ids = (await ann.call("Email/query", filter=None))["ids"]
    chosen = dice.choice(boxes)
    create = {"n": {"mailboxIds": {box: True for box in dice.sample(boxes, 2)}, "subject": "x"}}
    update = {
        each: dice.choice(
            [
                {"mailboxIds": {chosen: True}},
                {f"mailboxIds/{chosen}": True},
                {f"mailboxIds/{chosen}": None},
                {"keywords": {"$seen": True, "k": True}},
                {"keywords/$flagged": True, "keywords/k": None},
            ]
        )
        for each in dice.sample(ids, min(3, len(ids)))
    }
    destroy = [each for each in ids if each not in update and dice.random() < 0.1]
    answer = await ann.call("Email/set", create=create, update=update, destroy=destroy)
    assert answer["created"] is not None, answer
    assert set(answer["destroyed"] or []) == set(destroy)


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_order_of_changes_leaves_the_store_whole(
    ann: Client, hall: Hall, seed: int
) -> None:
    dice = random.Random(seed)
    listed = (await ann.account.mailboxes.listing())[:4]
    boxes = [f"F{box.id}" for box in listed]
    for _ in range(STEPS):
        if dice.random() < 0.6:
            source, target = dice.sample(listed, 2)
            await _by_imap(ann, source.id, target.id, dice)
        else:
            await _by_jmap(ann, boxes, dice)
    assert await hall.house.store.check(quiet=True) == []
    kept = (await ann.call("Email/query", filter=None))["ids"]
    got = await ann.call("Email/get", ids=kept, properties=["mailboxIds"])
    assert got["notFound"] == []
    assert all(each["mailboxIds"] for each in got["list"])
