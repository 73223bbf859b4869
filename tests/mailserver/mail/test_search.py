"""Search over sealed mail finds what reading the messages would find."""

from datetime import date

import pytest

from mailserver.mail.account import Account
from mailserver.mail.index import MERGE_TAILS
from mailserver.model import query as q
from mailserver.model.ids import EmailId, ModSeq
from mailserver.model.message import Flag, StoreMode
from mailserver.model.query import Field, Query
from tests.support.mail import EVERYTHING, MailNode, append, letter


async def found(account: Account, query: Query, name: str = "INBOX") -> list[int]:
    mailbox = await account.mailboxes.named(name)
    view = await account.mailboxes.open(mailbox.id, writable=False)
    return [int(uid) for uid in await account.searching.search(mailbox.id, view, query)]


@pytest.fixture
async def account(mail: MailNode) -> Account:
    account = await mail.account()
    await append(
        account,
        letter("Sluis en brug", "De sluis gaat open.", Date="Mon, 2 Mar 2026 23:30:00 -0500"),
        letter("Rekening", "Straßenbahn nach München", From="Kassa <kassa@example.org>"),
    )
    await mail.deliver(
        letter("Third", "Nothing here.", DKIM_Signature="v=1; d=elsewhere.test", X_Tag="Blue"),
        "alice@example.org",
    )
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(2, 2)], StoreMode.ADD, Flag.SEEN, frozenset({"Pay"}))
    return account


@pytest.mark.parametrize(
    ("query", "uids"),
    [
        (q.All(), [1, 2, 3]),
        (q.Text(Field.BODY, "sluis"), [1]),
        (q.Text(Field.SUBJECT, "SLUIS"), [1]),
        (q.Text(Field.BODY, "STRASSEN"), [2]),
        (q.Text(Field.ANY, "münchen"), [2]),
        (q.Text(Field.FROM, "kassa@"), [2]),
        (q.Text(Field.TO, "alice"), [1, 2, 3]),
        (q.Text(Field.BODY, "no such word"), []),
        (q.Header("X-Tag", "blue"), [3]),
        (q.Header("X-Tag", ""), [3]),
        (q.Header("DKIM-Signature", ""), [3]),
        (q.Header("DKIM-Signature", "elsewhere"), [3]),
        (q.Header("DKIM-Signature", "nowhere"), []),
        (q.HasFlag(Flag.SEEN), [2]),
        (q.Not(q.HasFlag(Flag.SEEN)), [1, 3]),
        (q.HasKeyword("pAY"), [2]),
        (q.And((q.HasFlag(Flag.SEEN), q.Text(Field.BODY, "sluis"))), []),
        (q.Or((q.HasFlag(Flag.SEEN), q.Text(Field.BODY, "sluis"))), [1, 2]),
        (q.InUids(((2, 9),)), [2, 3]),
        (q.InSequence(((1, 1), (3, 3))), [1, 3]),
        (q.IsRecent(), [1, 2, 3]),
        (q.Sent(since=date(2026, 3, 2), before=date(2026, 3, 3)), [1]),
        (q.Sent(before=date(2026, 3, 2)), []),
        (q.Size(larger=1), [1, 2, 3]),
        (q.Size(smaller=1), []),
        (q.Received(since=date(2000, 1, 1)), [1, 2, 3]),
        (q.Received(before=date(2000, 1, 1)), []),
        (q.Saved(since=date(2000, 1, 1)), [1, 2, 3]),
        (q.IsEmail(EmailId(2)), [2]),
        (q.IsEmail(None), []),
        (q.InThread(None), []),
        (q.ChangedSince(ModSeq(1)), [1, 2, 3]),
    ],
)
async def test_queries(account: Account, query: Query, uids: list[int]) -> None:
    assert await found(account, query) == uids


async def test_new_mail_is_found_at_once_and_gone_mail_no_more(
    mail: MailNode, account: Account
) -> None:
    sluis = q.Text(Field.BODY, "sluis")
    assert await found(account, sluis) == [1]
    await mail.deliver(letter("New", "Another sluis"), "alice@example.org")
    assert await found(account, sluis) == [1, 4]
    inbox = await account.mailboxes.named("INBOX")
    await account.messages.store(inbox.id, [(1, 1)], StoreMode.ADD, Flag.DELETED, frozenset())
    await account.messages.expunge(inbox.id)
    assert await found(account, sluis) == [4]


async def test_merging_tails_changes_no_answer(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *[letter(f"Nr {n}", f"word{n} common") for n in range(MERGE_TAILS + 10)])
    common, rare = q.Text(Field.BODY, "common"), q.Text(Field.BODY, "word77 ")
    before = await found(account, common), await found(account, rare)
    assert await account.index.merge() == MERGE_TAILS + 10
    assert await mail.node.store.tails.tails(account.account_id) == []
    assert (await found(account, common), await found(account, rare)) == before
    account.rest()
    assert (await found(account, common), await found(account, rare)) == before


async def test_worn_segments_are_rewritten_and_empty_ones_dropped(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *[letter(f"Nr {n}", f"word{n} common") for n in range(MERGE_TAILS)])
    await account.index.merge()
    inbox = await account.mailboxes.named("INBOX")
    for last, left in ((100, MERGE_TAILS - 100), (MERGE_TAILS, None)):
        gone = [(1, last)]
        await account.messages.store(inbox.id, gone, StoreMode.ADD, Flag.DELETED, frozenset())
        await account.messages.expunge(inbox.id, gone)
        await account.index.merge()
        heads = await mail.node.store.tails.segment_heads(account.account_id)
        assert [head.documents for head in heads] == ([left] if left else [])
    assert await found(account, q.Text(Field.BODY, "common")) == []


async def test_t_srv_1_a_locked_account_is_not_searched(mail: MailNode, account: Account) -> None:
    mailbox = await account.mailboxes.named("INBOX")
    view = await account.mailboxes.open(mailbox.id, writable=False)
    await account.close()
    from mailserver.model.errors import Locked

    with pytest.raises(Locked):
        await account.searching.search(mailbox.id, view, q.Text(Field.BODY, "sluis"))


async def test_everything_in_range(account: Account) -> None:
    assert await found(account, q.InUids(tuple(EVERYTHING))) == [1, 2, 3]
