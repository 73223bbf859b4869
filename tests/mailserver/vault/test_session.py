"""The unlocked account: what it opens, what it refuses, and how it ends."""

import asyncio
import copy
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from mailserver.crypto.context import FieldId, Kind, Origin
from mailserver.crypto.hpke import PublicKey
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Locked, Refused, Transient
from mailserver.model.ids import EpochId, ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Plaintext, Sealed
from mailserver.vault import credentials
from mailserver.vault.account_key import AccountKey
from mailserver.vault.epochs import (
    EPOCH_MESSAGES,
    DepositMarks,
    Deposits,
    NewEpochValues,
    deposit_epoch,
)
from mailserver.vault.session import UnlockedAccount
from tests.support.vault import NOW, Email, Person, a_master


@pytest.fixture
def person() -> Person:
    return Person(a_master())


@pytest.fixture
async def email(person: Person) -> Email:
    deposits = Deposits(person.marks)
    email = await person.deliver(deposits, b"the summary", b"the body", b"the tail")
    deposits.close()
    return email


@pytest.fixture
def account(person: Person, email: Email) -> UnlockedAccount:
    account = person.unlock()
    assert account.open_epochs(person.epochs.rows) == []
    return account


def reveal(opened: list[Plaintext | None]) -> list[bytes | None]:
    return [None if text is None else text.reveal() for text in opened]


def test_the_owner_reads_what_was_deposited(account: UnlockedAccount, email: Email) -> None:
    where = (email.epoch, email.object_id)
    assert account.open_summary(*where, email.summary).reveal() == b"the summary"
    assert account.open_tail(*where, email.tail).reveal() == b"the tail"
    assert account.open_body(*where, email.body).reveal() == b"the body"
    assert account.open_body_range(*where, email.body, 4, 100).reveal() == b"body"
    assert account.origin(email.epoch) is Origin.DEPOSIT


def test_it_says_whose_it_is(person: Person, account: UnlockedAccount) -> None:
    assert account.account_id == person.account
    assert account.addresses == ("ada@example.org",)
    assert account.generation == 1
    assert account.key.generation == 1
    assert repr(account) == f"<unlocked account {person.account.hex()}, open>"
    account.close()
    assert repr(account) == f"<unlocked account {person.account.hex()}, closed>"


def test_it_has_the_accounts_guard(person: Person, account: UnlockedAccount) -> None:
    guarded = account.guard.seal_name(Kind.MAILBOX_NAME, "INBOX")
    name_hash = account.guard.name_hash("INBOX")
    assert person.unlock().guard.open_name(Kind.MAILBOX_NAME, name_hash, guarded) == "INBOX"


async def test_the_owner_reads_what_it_sealed_in_this_session_and_later(person: Person) -> None:
    account = person.unlock()
    email = await person.append(account, b"mine")
    assert account.open_summary(email.epoch, email.object_id, email.summary).reveal() == b"mine"
    assert account.origin(email.epoch) is Origin.OWNER
    later = person.unlock()
    assert later.open_epochs(person.epochs.rows) == []
    assert later.open_summary(email.epoch, email.object_id, email.summary).reveal() == b"mine"


async def test_a_session_makes_one_epoch_however_many_appends(person: Person) -> None:
    account = person.unlock()
    emails = await asyncio.gather(*(person.append(account) for _ in range(20)))
    assert {email.epoch for email in emails} == {1}


async def test_segments_come_back_under_the_owners_key(person: Person) -> None:
    account = person.unlock()
    key = await account.owner_key(person.epochs.create)
    name = new_object_id()
    sealed = key.seal_segment(name, b"segment")
    assert account.open_segment(key.epoch, name, sealed).reveal() == b"segment"


async def test_many_summaries_open_in_order_and_the_damaged_are_none(person: Person) -> None:
    deposits = Deposits(person.marks, epoch_messages=3)
    emails = [await person.deliver(deposits, b"summary %d" % n) for n in range(10)]
    deposits.close()
    account = person.unlock()
    account.open_epochs(person.epochs.rows[:3])  # the fourth epoch stays unopened
    emails[1] = replace(emails[1], summary=Sealed(emails[1].summary[:-1] + b"\0"))
    emails[2] = replace(emails[2], summary=Sealed(b""))
    emails[4] = replace(emails[4], summary=Sealed(b"\x02" + emails[4].summary[1:]))
    emails[5], emails[6] = emails[6], emails[5]
    assert reveal(account.open_summaries(emails)) == [
        b"summary 0",
        None,
        None,
        b"summary 3",
        None,
        b"summary 6",
        b"summary 5",
        b"summary 7",
        b"summary 8",
        None,
    ]
    assert reveal(account.open_tails(emails)) == [b"tail"] * 9 + [None]


@dataclass(frozen=True)
class Listed:
    """A row whose summary was not asked for."""

    epoch: EpochId
    object_id: ObjectId
    summary: Sealed | None = None


def test_a_row_without_a_summary_gives_none(account: UnlockedAccount, email: Email) -> None:
    assert account.open_summaries([Listed(email.epoch, email.object_id)]) == [None]


def test_unknown_epochs_are_named(person: Person, email: Email) -> None:
    account = person.unlock()
    assert account.unknown([email.epoch, EpochId(9), email.epoch]) == {1, 9}
    account.open_epochs(person.epochs.rows)
    assert account.unknown([email.epoch, EpochId(9)]) == {9}
    with pytest.raises(Locked):
        account.open_summary(EpochId(9), email.object_id, email.summary)


def test_an_epoch_is_opened_once(account: UnlockedAccount, person: Person, email: Email) -> None:
    spoilt = [replace(row, sealed=b"") for row in person.epochs.rows]
    assert account.open_epochs(spoilt) == []
    assert account.open_summary(email.epoch, email.object_id, email.summary)


def test_a_refused_epoch_spoils_itself_only_and_may_be_mended(person: Person, email: Email) -> None:
    [row] = person.epochs.rows
    account = person.unlock()
    assert account.open_epochs([replace(row, dep_mac=bytes(32))]) == [row.epoch]
    refusal = account.refusal(row.epoch)
    assert isinstance(refusal, Corrupt)
    assert refusal.condition is Condition.KEY_MISMATCH
    assert account.unknown([row.epoch]) == set()
    with pytest.raises(Corrupt) as caught:
        account.open_summary(email.epoch, email.object_id, email.summary)
    assert caught.value is refusal
    assert account.open_summaries([email]) == [None]
    assert account.open_epochs([row]) == []
    assert account.refusal(row.epoch) is None
    assert account.open_summary(email.epoch, email.object_id, email.summary)


async def test_rows_that_are_no_epochs_of_ours_are_refused(person: Person, email: Email) -> None:
    [deposit] = person.epochs.rows
    await person.append(person.unlock())
    owner = person.epochs.rows[1]
    short = replace(
        owner, sealed=person.key().storage.seal(b"a short key, 32 octets with tag", b"")
    )
    for row in (
        replace(deposit, origin=Origin.OWNER),
        replace(deposit, origin=0),
        replace(deposit, origin=3),
        replace(deposit, suite=Suite.CLASSICAL),
        replace(deposit, suite=77),
        replace(deposit, generation=2),
        replace(deposit, generation=-1),
        replace(deposit, epoch=EpochId(0)),
        replace(deposit, epoch=EpochId(-1)),
        replace(deposit, epoch=EpochId(1 << 32)),
        replace(deposit, sealed=b""),
        replace(owner, origin=Origin.DEPOSIT),
        replace(owner, epoch=EpochId(9)),
        replace(owner, sealed=os.urandom(60)),
        short,
    ):
        assert person.unlock().open_epochs([row]) == [row.epoch], row


def test_a_content_key_of_another_length_is_refused(person: Person) -> None:
    """Right mark and right seal, but no key: made by somebody who has the master key."""
    public = PublicKey(person.suite, person.identity.public)
    short = SecretKey(b"sixteen octets!!")
    row = deposit_epoch(person.marks, person.identity, public, short, EpochId(1))
    assert person.unlock().open_epochs([row]) == [1]


async def test_earlier_generations_are_reached_and_later_ones_are_not(person: Person) -> None:
    deposits = Deposits(person.marks)
    old = await person.deliver(deposits, b"old")
    first = person.key()
    second, generation = first.successor(person.account, Suite.HYBRID)
    person.record = replace(person.record, generations=(*person.record.generations, generation))
    third, generation = second.successor(person.account, Suite.HYBRID)
    person.record = replace(person.record, generations=(*person.record.generations, generation))
    new = await person.deliver(deposits, b"new")
    deposits.close()
    account = person.unlock(third)
    assert account.generation == 3
    assert account.open_epochs(person.epochs.rows) == []
    assert reveal(account.open_summaries([old, new])) == [b"old", b"new"]
    left_behind = person.unlock(person.key())
    assert left_behind.open_epochs(person.epochs.rows) == [new.epoch]
    assert isinstance(left_behind.refusal(new.epoch), Locked)
    assert reveal(left_behind.open_summaries([old, new])) == [b"old", None]


def test_a_key_that_is_not_the_accounts_is_refused(person: Person) -> None:
    for key in (
        AccountKey(SecretKey(person.amk), 2, Suite.HYBRID),
        AccountKey(SecretKey(person.amk), 1, Suite.CLASSICAL),
        AccountKey(SecretKey.random(), 1, Suite.HYBRID, unproven=True),
    ):
        with pytest.raises(Corrupt) as caught:
            person.unlock(key)
        assert caught.value.condition is Condition.KEY_MISMATCH
        assert key.amk.wiped
    assert not person.unlock(
        AccountKey(SecretKey(person.amk), 1, Suite.HYBRID, unproven=True)
    ).key.unproven


def test_a_key_with_another_public_half_opens_no_deposit(person: Person, email: Email) -> None:
    [generation] = person.record.generations
    other = AccountKey.random(Suite.HYBRID).public()
    person.record = replace(person.record, generations=(replace(generation, public=other.public),))
    account = person.unlock()
    assert account.open_epochs(person.epochs.rows) == [email.epoch]


async def test_conversion_wraps_what_is_sealed_and_leaves_the_rest(person: Person) -> None:
    deposits = Deposits(person.marks, epoch_messages=1)
    emails = [await person.deliver(deposits, b"summary %d" % n) for n in range(3)]
    deposits.close()
    account = person.unlock()
    await person.append(account)
    rows = [*person.epochs.rows]
    rows[1] = replace(rows[1], dep_mac=bytes(32))
    wraps = account.rewraps(rows)
    assert [(epoch, len(sealed)) for epoch, sealed in wraps] == [(1, 60), (3, 60)]
    assert isinstance(account.refusal(EpochId(2)), Corrupt)
    person.epochs.rows[:] = person.converted(person.unlock())
    again = person.unlock()
    assert again.rewraps(person.epochs.rows) == []
    assert again.open_epochs(person.epochs.rows) == []
    assert again.origin(EpochId(1)) is Origin.DEPOSIT
    assert reveal(again.open_summaries(emails)) == [b"summary 0", b"summary 1", b"summary 2"]


async def test_content_keys_may_be_dropped_and_opened_again(
    person: Person, account: UnlockedAccount, email: Email
) -> None:
    key = await account.owner_key(person.epochs.create)
    account.drop_content_keys()
    assert key.closed
    assert account.unknown([email.epoch]) == {email.epoch}
    with pytest.raises(Transient):
        key.seal_segment(new_object_id(), b"")
    account.open_epochs(person.epochs.rows)
    assert account.open_summary(email.epoch, email.object_id, email.summary)
    assert await account.owner_key(person.epochs.create) is not key


async def test_everything_is_locked_after_closing(
    person: Person, account: UnlockedAccount, email: Email
) -> None:
    where = (email.epoch, email.object_id)
    key = await account.owner_key(person.epochs.create)
    account_key = account.key
    account.close()
    account.close()
    assert account.closed
    assert key.closed
    assert account_key.amk.wiped
    for use in (
        lambda: account.key,
        lambda: account.generation,
        lambda: account.open_epochs(person.epochs.rows),
        lambda: account.rewraps(person.epochs.rows),
        lambda: account.origin(email.epoch),
        lambda: account.open_summary(*where, email.summary),
        lambda: account.open_summaries([email]),
        lambda: account.open_tails([email]),
        lambda: account.open_tail(*where, email.tail),
        lambda: account.open_body(*where, email.body),
        lambda: account.open_body_range(*where, email.body, 0, 1),
        lambda: account.open_segment(*where, email.tail),
    ):
        with pytest.raises(Locked) as caught:
            use()
        assert caught.value.condition is Condition.LOCKED
    with pytest.raises(Locked):
        await account.owner_key(person.epochs.create)


async def test_an_owners_key_that_is_made_while_the_account_closes_is_not_used(
    person: Person,
) -> None:
    account = person.unlock()

    async def create(make: Callable[[EpochId], NewEpochValues]) -> NewEpochValues:
        row = await person.epochs.create(make)
        account.close()
        return row

    with pytest.raises(Locked):
        await account.owner_key(create)


async def test_a_failed_commit_leaves_no_owners_key(person: Person) -> None:
    account = person.unlock()

    async def create(make: Callable[[EpochId], NewEpochValues]) -> NewEpochValues:
        raise Transient(Condition.STORAGE_FULL)

    with pytest.raises(Transient):
        await account.owner_key(create)
    assert (await person.append(account)).epoch == 1


def test_a_member_opens_the_shared_mailbox(person: Person, account: UnlockedAccount) -> None:
    shared, key = new_account_id(), AccountKey.random(Suite.HYBRID)
    made = credentials.make_member_wrap(key, shared, person.identity, NOW)
    opened = account.open_member_wrap(shared, made.row_id, made.record)
    assert opened.amk.octets == key.amk.octets
    with pytest.raises(Refused):
        Person(person.master).unlock().open_member_wrap(shared, made.row_id, made.record)


def test_an_unlocked_account_is_not_pickled_or_copied(account: UnlockedAccount) -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(account)


def test_a_key_that_goes_while_a_thread_reads_is_no_damage(email: Email, person: Person) -> None:
    account = person.unlock()
    account.open_epochs(person.epochs.rows)
    opened = account._opened[email.epoch]
    with pytest.raises(ValueError, match="range"):
        opened.open_range(email.object_id, email.body, -1, 5)
    account.close()
    with pytest.raises(Locked):
        opened.open_body(email.object_id, email.body)
    with pytest.raises(Locked):
        opened.open_range(email.object_id, email.body, 0, 5)


def test_an_object_of_another_format_is_damaged(account: UnlockedAccount, email: Email) -> None:
    with pytest.raises(Corrupt) as caught:
        account.open(
            Kind.EMAIL,
            FieldId.SUMMARY,
            email.epoch,
            email.object_id,
            Sealed(b"\x02" + email.summary[1:]),
        )
    assert caught.value.condition is Condition.DAMAGED


def test_marks_of_another_server_do_not_hold(person: Person, email: Email) -> None:
    foreign = UnlockedAccount(person.account, person.record, person.key(), DepositMarks(a_master()))
    assert foreign.open_epochs(person.epochs.rows) == [email.epoch]


async def test_an_owners_epoch_ends_after_a_thousand_messages(person: Person) -> None:
    account = person.unlock()
    first = await account.owner_key(person.epochs.create)
    for _ in range(EPOCH_MESSAGES):
        first.seal_email(new_object_id(), b"s", b"b", b"t")
    second = await account.owner_key(person.epochs.create)
    assert second.epoch != first.epoch
    assert await account.owner_key(person.epochs.create) is second
    account.close()
    assert first.closed
    assert second.closed
