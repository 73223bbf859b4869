"""What the server writes to owners: once, in their language, past filters and quota."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from string import Formatter

import pytest

from mailserver.mail.notice_texts import TEXTS, words
from mailserver.mail.quota import LOOK_SECONDS
from mailserver.mail.scripts import Scripts
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.notice import LANGUAGES, Notice
from mailserver.model.sealed import Plaintext
from mailserver.runtime.settings import Sieve
from mailserver.vault.receiving import HolderRecord
from tests.support.mail import MailNode, letter, messages
from tests.support.post import Post, post

ALICE = Address("alice", "example.org")
QUOTA = 39_000
LARGE = letter(body="x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 120)


@pytest.fixture
async def office(mail: MailNode) -> Post:
    await mail.account()
    return post(mail)


async def subjects(office: Post) -> list[str]:
    """Return the subjects of all notices in INBOX, in order."""
    account = await office.mail.sign_in()
    found = []
    for message in await messages(account, content=True):
        assert message.octets is not None
        parsed = message_from_bytes(message.octets.reveal(), policy=SMTP)
        if parsed["Auto-Submitted"] == "auto-generated":
            found.append(str(parsed["Subject"]))
    await account.close()
    return found


async def quota(office: Post, octets: int) -> None:
    alice = await office.mail.node.directory.find(ALICE)
    await office.mail.node.store.accounts.set_quota(alice.account_id, octets)


def later(office: Post) -> None:
    """Let what is remembered of the account grow old."""
    office.mail.node.clock.advance(timedelta(seconds=LOOK_SECONDS + 1))


@pytest.mark.parametrize("notice", Notice)
def test_every_notice_has_its_words_in_every_language(notice: Notice) -> None:
    assert set(TEXTS[notice]) == set(LANGUAGES)
    used = set()
    for language in LANGUAGES:
        fields = {
            field for text in words(notice, language) for _, field, _, _ in Formatter().parse(text)
        }
        used.add(frozenset(fields - {None}))
        assert all(len(line) <= 100 for line in words(notice, language)[1].splitlines())
    assert len(used) == 1  # the same facts in each
    assert words(notice, "tlh") == words(notice, "en")


async def test_a_mailbox_that_fills_up_is_told_once_and_again_after_there_was_room(
    office: Post,
) -> None:
    await quota(office, QUOTA)
    for _ in range(4):
        assert await office.arrive("alice@example.org", octets=LARGE) is None
        later(office)
    (told,) = await subjects(office)
    assert told.startswith("Your mailbox is 9")
    await quota(office, 10 * QUOTA)
    assert await office.arrive("alice@example.org", octets=LARGE) is None
    await quota(office, 48_000)
    later(office)
    assert await office.arrive("alice@example.org") is None
    assert len(await subjects(office)) == 2


async def test_a_full_mailbox_is_refused_and_its_owner_told_all_the_same(office: Post) -> None:
    assert await office.arrive("alice@example.org", octets=LARGE) is None
    await quota(office, 5_000)
    for _ in range(2):
        later(office)
        with pytest.raises(Refused) as raised:
            await office.arrive("alice@example.org")
        assert raised.value.condition is Condition.OVER_QUOTA
    assert await subjects(office) == ["Your mailbox is full"]


async def test_a_notice_is_in_its_owners_language_and_past_his_filters(office: Post) -> None:
    node = office.mail.node
    alice = await node.directory.find(ALICE)
    opened = await node.keyring.account(alice.account_id)
    record = replace(opened.record, language="nl")
    await node.keyring.apply([node.keyring.change_account(opened, record)])
    scripts = Scripts(
        node.store,
        alice.account_id,
        alice.guard,
        node.chain,
        office.people.forwards.approved,
        Sieve(),
    )
    await scripts.put("main", Plaintext(b"discard;"))
    await scripts.activate("main")
    await office.people.notices.tell(alice.account_id, Notice.FORWARD_APPROVED, "a@home.test")
    assert await subjects(office) == ["Uw post mag worden doorgestuurd naar a@home.test"]


async def test_who_is_gone_is_not_told(office: Post) -> None:
    alice = await office.mail.node.directory.find(ALICE)
    await office.mail.node.provisioning.remove_user(ALICE)
    await office.people.notices.tell(alice.account_id, Notice.FULL, "100")
    assert not isinstance(await office.mail.node.keyring.receiving.address(ALICE), HolderRecord)
