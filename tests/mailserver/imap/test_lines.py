"""Lists from list blocks say, octet for octet, what the messages one by one say."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest

from mailserver.imap.fetch import Writer, plan
from mailserver.imap.lines import LineWriter, in_blocks
from mailserver.imap.view import View
from mailserver.mail.account import Account
from mailserver.mail.lines import FLAG_ROWS, Listed
from mailserver.mail.regrouping import BLOCK_MESSAGES
from mailserver.model.ids import Uid
from mailserver.model.message import Flag, Message, NewMessage, StoreMode
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.command import Fetch, FetchItem
from mailserver.protocol.imap.grammar import parse
from mailserver.protocol.imap.numset import merge
from mailserver.store.driver import Sql, fetch, run
from tests.support.mail import EVERYTHING, MailNode, append, letter

FULL = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
LISTS = [
    FULL,
    "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)",
    "(RFC822.SIZE ENVELOPE)",
    "(FLAGS INTERNALDATE ENVELOPE)",
    "(UID BODYSTRUCTURE)",
]
KEYWORDS = [frozenset[str](), frozenset({"$Work"}), frozenset({"$Work", "Later"})]


def items(text: str) -> tuple[FetchItem, ...]:
    command = parse(b"a FETCH 1 " + text.encode(), 2)
    assert isinstance(command, Fetch)
    return command.items


async def viewed(account: Account, name: str = "INBOX") -> View:
    place = await account.mailboxes.named(name)
    return View(await account.mailboxes.open(place.id, writable=False), writable=False)


async def one_by_one(
    account: Account, view: View, text: str, ranges: Sequence[tuple[int, int]]
) -> bytes:
    writer, rows = Writer(plan(items(text)), view), list[Message]()
    async for batch in account.messages.fetch(view.mailbox_id, ranges, summary=True):
        rows += batch
    return b"".join(b"".join(run) for run in writer.write(rows, 1 << 30))


async def listed(
    account: Account, view: View, text: str, ranges: Sequence[tuple[int, int]]
) -> tuple[bytes, int]:
    """Answer as FETCH does; return the octets, and how many messages came out of blocks."""
    said, in_block = list[bytes](), 0
    wanted = plan(items(text))
    assert in_blocks(wanted)
    uid_validity = view.opened.mailbox.uid_validity
    async for part in account.lines.read(view.mailbox_id, uid_validity, ranges):
        if isinstance(part, Listed):
            said.append(LineWriter(wanted, view).write(part))
            in_block += len(part.states)
        else:
            said.append(await one_by_one(account, view, text, part))
    return b"".join(said), in_block


async def agreed(account: Account, view: View, text: str = FULL) -> int:
    """Check that both ways say the same; return how many messages came out of blocks."""
    octets, in_block = await listed(account, view, text, EVERYTHING)
    assert octets == await one_by_one(account, view, text, EVERYTHING)
    return in_block


async def blocks(mail: MailNode) -> int:
    """Count the blocks; some may be made in the background meanwhile, none twice."""
    count = Sql("SELECT COUNT(*) FROM list_blocks")
    [(found,)] = await mail.node.store.database.read(lambda c: fetch(c, count))
    return int(found)


async def fill(account: Account, count: int, name: str = "INBOX", seed: int = 1) -> None:
    chosen = random.Random(seed)
    place = await account.mailboxes.named(name)
    new = [
        NewMessage(
            Plaintext(letter(f"100 % of {number}", "x" * chosen.randint(0, 40))),
            chosen.choice([Flag.NONE, Flag.SEEN, Flag.SEEN | Flag.ANSWERED]),
            chosen.choice(KEYWORDS),
        )
        for number in range(count)
    ]
    await account.messages.append(place.id, new)


def test_what_is_not_in_blocks_is_not_looked_for_there() -> None:
    for text in (*LISTS, "ALL", "FAST"):
        assert in_blocks(plan(items(text))), text
    for text in ("(UID FLAGS)", "(ENVELOPE PREVIEW)", "(UID BODY)", "(ENVELOPE EMAILID)", "FULL"):
        assert not in_blocks(plan(items(text))), text
    assert not in_blocks(plan(items("(ENVELOPE BODY.PEEK[HEADER.FIELDS (DATE)])")))


@pytest.mark.parametrize("text", LISTS)
async def test_blocks_say_what_messages_say(mail: MailNode, text: str) -> None:
    account = await mail.account()
    await fill(account, BLOCK_MESSAGES * 2)
    await mail.deliver(letter("Later"), "alice@example.org")
    await account.regrouping.regroup()
    assert await blocks(mail) == 2
    assert await account.regrouping.regroup() == 0
    view = await viewed(account)
    assert await agreed(account, view, text) == BLOCK_MESSAGES * 2
    partly = [(5, 9), (20, BLOCK_MESSAGES * 2 - 1), (BLOCK_MESSAGES * 2 + 1, 9_999)]
    octets, in_block = await listed(account, view, text, partly)
    assert octets == await one_by_one(account, view, text, partly)
    assert in_block == 0
    view.opened.recent_from = Uid(view.opened.uids[BLOCK_MESSAGES // 2])
    assert await agreed(account, view, text) == BLOCK_MESSAGES * 2
    for uid in (1, 100, BLOCK_MESSAGES + 7):  # as a session that has not heard of them
        view.opened.uids.remove(uid)
    assert await agreed(account, view, text) == BLOCK_MESSAGES * 2


@pytest.mark.parametrize("text", ["(FLAGS)", "(UID FLAGS MODSEQ)", "(MODSEQ FLAGS UID)"])
async def test_flags_by_columns_are_what_they_are_one_by_one(mail: MailNode, text: str) -> None:
    account = await mail.account()
    await fill(account, FLAG_ROWS + 5)
    view = await viewed(account)
    view.opened.recent_from = Uid(view.opened.uids[-9])
    for unheard in (7, 8, FLAG_ROWS + 2):
        view.opened.uids.remove(unheard)
    for ranges in (EVERYTHING, [(3, 8), (100, FLAG_ROWS + 1)], [(7, 8)], [(9_000, 9_001)]):
        lines, wanted = LineWriter(plan(items(text)), view), Writer(plan(items(text)), view)
        said = [lines.write(each) async for each in account.lines.flags(view.mailbox_id, ranges)]
        rows = await account.messages.flags(view.mailbox_id, ranges)
        assert b"".join(said) == b"".join(b"".join(run) for run in wanted.write(rows, 1 << 30))


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_both_say_the_same(mail: MailNode, seed: int) -> None:
    account = await mail.account()
    other = await mail.sign_in()
    boxes = [(await account.mailboxes.named(name)).id for name in ("INBOX", "Archive")]
    chosen = random.Random(seed)
    await fill(account, BLOCK_MESSAGES + 90, seed=seed)

    def some(uids: Sequence[int], most: int = 40) -> list[tuple[int, int]]:
        picked = chosen.sample(uids, min(len(uids), chosen.randint(1, most)))
        return list(merge((uid, uid) for uid in picked))

    async def grow(uids: Sequence[int]) -> None:
        await fill(account, chosen.randint(1, 60), seed=chosen.randint(0, 99))

    async def flag(uids: Sequence[int]) -> None:
        await account.messages.store(
            boxes[0], some(uids), StoreMode.ADD, Flag.FLAGGED, chosen.choice(KEYWORDS)
        )

    async def expunge(uids: Sequence[int]) -> None:
        keywords = frozenset[str]()
        await account.messages.store(boxes[0], some(uids), StoreMode.ADD, Flag.DELETED, keywords)
        await account.messages.expunge(boxes[0])

    async def move(uids: Sequence[int]) -> None:
        await account.messages.move(boxes[0], some(uids, 150), boxes[1])

    async def copy(uids: Sequence[int]) -> None:
        await account.messages.copy(boxes[0], some(uids, 150), boxes[1])

    async def regroup(uids: Sequence[int]) -> None:
        await asyncio.gather(account.regrouping.regroup(), other.regrouping.regroup())

    operations: list[Callable[[Sequence[int]], Awaitable[None]]] = [
        *(grow, flag, expunge, move, copy, regroup, regroup)
    ]
    from_blocks = 0
    for _ in range(16):
        await chosen.choice(operations)((await viewed(account)).uids)
        for name in ("INBOX", "Archive"):
            view = await viewed(other, name)
            from_blocks += await agreed(other, view, chosen.choice(LISTS))
        assert await mail.node.store.check() == []
    assert from_blocks > 0


async def test_nothing_of_an_expunged_message_stays_and_the_gap_is_closed(mail: MailNode) -> None:
    account = await mail.account()
    await fill(account, BLOCK_MESSAGES * 2)
    await account.regrouping.regroup()
    inbox = (await account.mailboxes.named("INBOX")).id
    await account.messages.store(inbox, [(3, 3)], StoreMode.ADD, Flag.DELETED, frozenset())
    assert await account.messages.expunge(inbox) == [3]
    view = await viewed(account)
    assert await agreed(account, view) == BLOCK_MESSAGES
    await account.regrouping.regroup()
    assert await agreed(account, view) == BLOCK_MESSAGES * 2 - 1
    assert await blocks(mail) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE list_blocks SET object_id = (SELECT object_id FROM list_blocks o"
        " WHERE o.first_uid > 1) WHERE first_uid = 1",
        "UPDATE list_blocks SET data = (SELECT data FROM list_blocks o WHERE o.first_uid > 1),"
        " object_id = (SELECT object_id FROM list_blocks o WHERE o.first_uid > 1),"
        " epoch = (SELECT epoch FROM list_blocks o WHERE o.first_uid > 1) WHERE first_uid = 1",
        "UPDATE list_blocks SET epoch = (SELECT MIN(epoch) FROM epochs) WHERE first_uid = 1",
        "UPDATE list_blocks SET last_uid = last_uid - 1 WHERE first_uid = 1",
        "UPDATE entries SET uid = 90001 WHERE uid = 5",
    ],
    ids=["another name", "another block", "a deposit's key", "another range", "another UID"],
)
async def test_a_block_that_is_not_right_is_dropped_and_hides_nothing(
    mail: MailNode, change: str
) -> None:
    account = await mail.account()
    await mail.deliver(letter("First"), "alice@example.org")  # the lowest epoch is a deposit
    await fill(account, BLOCK_MESSAGES * 2 - 1)
    await account.regrouping.regroup()
    assert await blocks(mail) == 2
    await mail.node.store.database.write(lambda c: run(c, Sql(change)))
    view = await viewed(account)
    assert await agreed(account, view) == BLOCK_MESSAGES
    await account.regrouping.regroup()
    assert await agreed(account, view) >= BLOCK_MESSAGES * 2 - 1


async def test_a_flipped_bit_costs_a_block_and_no_message(mail: MailNode) -> None:
    account = await mail.account()
    await fill(account, BLOCK_MESSAGES)
    await account.regrouping.regroup()
    database = mail.node.store.database
    [(data,)] = await database.read(lambda c: fetch(c, Sql("SELECT data FROM list_blocks")))
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    await database.write(lambda c: run(c, Sql("UPDATE list_blocks SET data = ?"), (flipped,)))
    view = await viewed(account)
    assert await agreed(account, view) == 0
    await account.regrouping.regroup()
    assert await agreed(account, view) == BLOCK_MESSAGES


async def test_a_damaged_message_stays_in_no_block(mail: MailNode) -> None:
    account = await mail.account()
    await fill(account, BLOCK_MESSAGES - 1)
    spoil = Sql("UPDATE emails SET summary = substr(summary, 1, 40) WHERE email_id = 7")
    await mail.node.store.database.write(lambda c: run(c, spoil))
    await fill(account, 1)
    assert await account.regrouping.regroup() == 0
    assert await agreed(account, await viewed(account)) == 0


async def test_long_subjects_make_small_blocks(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *[letter("long " * 3_000)] * BLOCK_MESSAGES)
    await account.regrouping.regroup()
    assert await blocks(mail) == 4
    assert await agreed(account, await viewed(account)) == BLOCK_MESSAGES


async def test_what_came_is_regrouped_without_being_asked(mail: MailNode) -> None:
    account = await mail.account()
    await fill(account, BLOCK_MESSAGES)
    view = await viewed(account)
    async with asyncio.timeout(20):
        while not await agreed(account, view):  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.05)
