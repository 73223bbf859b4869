"""What a reader puts into Junk is learned for him alone, while he is there."""

import asyncio
from dataclasses import dataclass

import pytest

from mailserver.mail.account import Account
from mailserver.mail.junk import Junk, likeness, words_of
from mailserver.mail.office import Office
from mailserver.model.address import Address
from mailserver.model.ids import AccountId
from mailserver.model.message import Flag, StoreMode
from mailserver.runtime.background import background
from mailserver.screening.classifier import ENOUGH
from mailserver.vault.guard import AccountGuard
from tests.support.mail import EVERYTHING, MailNode, append, letter, messages

CASINO = [letter("Win", f"casino bonus jackpot winner {n}") for n in range(ENOUGH)]
WORK = [letter("Meeting", f"report project budget tuesday {n}") for n in range(ENOUGH)]


@dataclass
class Teaching:
    """An account whose moves are learned."""

    junk: Junk
    account: Account
    guard: AccountGuard

    @property
    def account_id(self) -> AccountId:
        return self.account.account_id

    async def settled(self) -> None:
        """Wait until what waits is learned."""
        opened = self.account._opened
        async with asyncio.timeout(20):
            while opened.learning:  # noqa: ASYNC110 (nothing tells its end)
                await asyncio.sleep(0.01)

    async def move(self, origin: str, to: str, *, copy: bool = False) -> None:
        source = (await self.account.mailboxes.named(origin)).id
        target = (await self.account.mailboxes.named(to)).id
        moving = self.account.messages.copy if copy else self.account.messages.move
        await moving(source, EVERYTHING, target)
        await self.settled()

    async def mark(self, mode: StoreMode, flags: Flag, *keywords: str) -> None:
        inbox = (await self.account.mailboxes.named("INBOX")).id
        await self.account.messages.store(inbox, EVERYTHING, mode, flags, frozenset(keywords))
        await self.settled()

    async def likeness(self, octets: bytes) -> float | None:
        model = await self.junk.ready(self.account_id, self.guard)
        return None if model is None else likeness(model, self.guard, words_of(octets))


async def teaching(mail: MailNode, office: Office, junk: Junk, name: str) -> Teaching:
    user = await mail.node.user(name)
    account = office.open(await mail.node.unlocked(user))
    holder = (await mail.delivery.recipient(Address.parse(name))).holder
    assert holder is not None
    return Teaching(junk, account, holder.guard)


@pytest.fixture
def junk(mail: MailNode) -> Junk:
    return Junk(mail.node.store.junk_models, mail.node.offload, mail.node.clock)


async def test_moves_to_junk_are_learned_and_do_not_leak(mail: MailNode, junk: Junk) -> None:
    async with background() as tasks:
        office = Office(mail.node.store, mail.node.offload, tasks, junk=junk)
        alice = await teaching(mail, office, junk, "alice@example.org")
        bob = await teaching(mail, office, junk, "bob@example.org")
        await append(alice.account, *CASINO)
        await alice.move("INBOX", "Junk")
        assert await alice.likeness(CASINO[0]) is None  # of what is wanted it knows nothing yet
        await append(alice.account, *WORK)
        await alice.mark(StoreMode.ADD, Flag.SEEN)
        await append(alice.account, letter("Win", "casino jackpot"), name="Archive")
        await alice.move("Archive", "Junk")
        alice.junk.forget(alice.account_id)
        like, unlike = await alice.likeness(CASINO[0]), await alice.likeness(WORK[0])
        assert like is not None
        assert unlike is not None
        assert unlike < 0.1 < 0.9 < like
        assert await bob.likeness(CASINO[0]) is None
        assert await mail.node.store.junk_models.get(bob.account_id) is None
        for one in (alice, bob):
            await one.account.close()


async def test_what_is_rescued_from_junk_is_wanted_again(mail: MailNode, junk: Junk) -> None:
    async with background() as tasks:
        office = Office(mail.node.store, mail.node.offload, tasks, junk=junk)
        alice = await teaching(mail, office, junk, "alice@example.org")
        await append(alice.account, *CASINO)
        await alice.move("INBOX", "Junk")
        await alice.move("Junk", "INBOX")
        model = await junk.load(alice.account_id, alice.guard)
        assert model is not None
        assert (model.junk, model.wanted) == (0, ENOUGH)
        await alice.account.close()


async def test_what_goes_from_junk_to_trash_or_elsewhere_teaches_nothing(
    mail: MailNode, junk: Junk
) -> None:
    async with background() as tasks:
        office = Office(mail.node.store, mail.node.offload, tasks, junk=junk)
        alice = await teaching(mail, office, junk, "alice@example.org")
        await append(alice.account, *CASINO, name="Junk")
        await alice.move("Junk", "Trash")
        await alice.move("Trash", "Archive", copy=True)
        assert await mail.node.store.junk_models.get(alice.account_id) is None
        await alice.account.close()


@pytest.mark.parametrize(("keyword", "counts"), [("$Junk", (1, 0)), ("NonJunk", (0, 1))])
async def test_keywords_teach_too(
    mail: MailNode, junk: Junk, keyword: str, counts: tuple[int, int]
) -> None:
    async with background() as tasks:
        office = Office(mail.node.store, mail.node.offload, tasks, junk=junk)
        alice = await teaching(mail, office, junk, "alice@example.org")
        await append(alice.account, CASINO[0])
        await alice.mark(StoreMode.ADD, Flag.NONE, keyword)
        await alice.mark(StoreMode.REMOVE, Flag.NONE, keyword)
        model = await junk.load(alice.account_id, alice.guard)
        assert model is not None
        assert (model.junk, model.wanted) == counts
        await alice.account.close()


async def test_what_is_stored_tells_no_word_and_opens_for_nobody_else(
    mail: MailNode, junk: Junk
) -> None:
    async with background() as tasks:
        office = Office(mail.node.store, mail.node.offload, tasks, junk=junk)
        alice = await teaching(mail, office, junk, "alice@example.org")
        bob = await teaching(mail, office, junk, "bob@example.org")
        await append(alice.account, *CASINO)
        await alice.move("INBOX", "Junk")
        row = await mail.node.store.junk_models.get(alice.account_id)
        model = await junk.load(alice.account_id, alice.guard)
        assert row is not None
        assert model is not None
        for octets in (bytes(row.model), model.encode()):
            assert b"casino" not in octets
        await mail.node.store.junk_models.put(bob.account_id, row)
        assert await junk.load(bob.account_id, bob.guard) is None
        assert bob.guard.word_hashes(["casino"], 6) != alice.guard.word_hashes(["casino"], 6)
        for one in (alice, bob):
            await one.account.close()


async def test_without_learning_nothing_is_kept(mail: MailNode) -> None:
    account = await mail.account()
    await append(account, *CASINO)
    inbox, to = await account.mailboxes.named("INBOX"), await account.mailboxes.named("Junk")
    await account.messages.move(inbox.id, EVERYTHING, to.id)
    assert await mail.node.store.junk_models.get(account.account_id) is None
    assert len(await messages(account, "Junk")) == len(CASINO)
