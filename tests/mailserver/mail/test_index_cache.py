"""Search text in memory is bounded over all accounts, and goes when its account is locked."""

from mailserver.index.document import Framer, SearchText
from mailserver.index.query import Block
from mailserver.mail.index_cache import IndexBudget, IndexCache
from mailserver.model.ids import EmailId
from mailserver.model.query import Field, Text
from tests.support.mail import MailNode, append, letter


def block(email_id: int, octets: int) -> Block:
    framer = Framer()
    document = framer.open_all([framer.frame(SearchText(body="x" * octets))])[0]
    return Block([(EmailId(email_id), document)])


def test_who_searched_longest_ago_is_cleared_first() -> None:
    budget = IndexBudget(25_000)
    caches = [IndexCache(budget) for _ in range(3)]
    for cache in caches:
        cache.tails.append(block(1, 10_000))
        cache.searched()
    assert [cache.tail_count for cache in caches] == [0, 1, 1]
    caches[1].searched()
    caches[0].tails.append(block(1, 10_000))
    caches[0].searched()
    assert [cache.tail_count for cache in caches] == [1, 1, 0]


def test_one_account_is_always_searched() -> None:
    cache = IndexCache(IndexBudget(10))
    cache.tails.append(block(1, 10_000))
    cache.searched()
    assert cache.tail_count == 1


def test_merged_tails_are_dropped_and_later_ones_kept() -> None:
    cache = IndexCache(IndexBudget())
    cache.tails += [block(1, 10), block(2, 10), block(9, 10)]
    cache.drop_merged(EmailId(2))
    assert ([list(b.email_ids) for b in cache.tails], cache.read_to) == ([[9]], 2)


async def test_what_was_opened_goes_with_the_last_connection(mail: MailNode) -> None:
    one = await mail.account()
    await append(one, letter(body="word"))
    two = await mail.sign_in()
    inbox = await one.mailboxes.named("INBOX")
    view = await one.mailboxes.open(inbox.id, writable=False)
    assert await one.searching.search(inbox.id, view, Text(Field.BODY, "word")) == [1]
    assert mail.office.opened_accounts == 1
    await one.close()
    assert mail.office.opened_accounts == 1
    await two.close()
    assert mail.office.opened_accounts == 0
