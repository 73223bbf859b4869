"""Epochs: their marks, their bounds, and one running key however many deliveries come at once."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.crypto.context import Origin
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Transient
from mailserver.model.ids import EpochId, new_account_id, new_object_id
from mailserver.runtime.clock import ManualClock
from mailserver.vault.epochs import (
    EPOCH_MESSAGES,
    EPOCH_SECONDS,
    WRAPPED_OCTETS,
    DepositMarks,
    Deposits,
    NewEpochValues,
    owner_epoch,
)
from mailserver.vault.master import MasterKeys
from mailserver.vault.seal import ContentKey
from tests.support.vault import Epochs, Person, a_master


@pytest.fixture
def person() -> Person:
    return Person(a_master())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def seal_one(key: ContentKey) -> None:
    key.seal_email(new_object_id(), b"summary", b"body", b"tail")


def ended(key: ContentKey) -> bool:
    """Ask each time: a type checker believes that a property does not change."""
    return key.closed


class SlowEpochs(Epochs):
    """A store whose commit takes a turn of the loop, or fails."""

    def __init__(self, fault: BaseException | None = None) -> None:
        super().__init__()
        self.fault = fault
        self.go = asyncio.Event()

    async def create(self, make: Callable[[EpochId], NewEpochValues]) -> NewEpochValues:
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return await super().create(make)


async def test_the_row_of_a_deposit_has_the_sizes_of_the_specification(person: Person) -> None:
    deposits = Deposits(person.marks)
    await person.deliver(deposits)
    [row] = person.epochs.rows
    assert (row.epoch, row.origin, row.generation, row.suite) == (
        1,
        Origin.DEPOSIT,
        1,
        Suite.HYBRID,
    )
    assert len(row.sealed) == 1168
    assert (row.dep_kid, len(row.dep_mac)) == (1, 32)
    deposits.close()


def test_the_row_of_an_owner_is_wrapped_in_60_octets(person: Person) -> None:
    row = owner_epoch(person.key(), person.account, SecretKey.random(), EpochId(3))
    assert (row.origin, row.dep_kid, row.dep_mac) == (Origin.OWNER, 0, b"")
    assert len(row.sealed) == WRAPPED_OCTETS == 60


async def test_deliveries_share_a_running_key(person: Person) -> None:
    deposits = Deposits(person.marks)
    epochs = {(await person.deliver(deposits)).epoch for _ in range(20)}
    assert epochs == {1}
    deposits.close()


async def test_many_deliveries_at_once_make_one_epoch(person: Person) -> None:
    person.epochs = slow = SlowEpochs()
    deposits = Deposits(person.marks)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(person.deliver(deposits)) for _ in range(50)]
        await asyncio.sleep(0.01)
        slow.go.set()
    assert {task.result().epoch for task in waiting} == {1}
    assert len(person.epochs.rows) == 1
    deposits.close()


async def test_accounts_do_not_share_a_key() -> None:
    master = a_master()
    ada, eve = Person(master), Person(master)
    deposits = Deposits(ada.marks)
    one = await deposits.key_for(ada.identity, ada.epochs.create)
    other = await deposits.key_for(eve.identity, eve.epochs.create)
    assert one is not other
    assert (one.account, other.account) == (ada.account, eve.account)
    deposits.close()


async def test_a_failed_commit_leaves_no_key_and_the_next_delivery_tries_again(
    person: Person,
) -> None:
    failing = SlowEpochs(Transient(Condition.STORAGE_FULL))
    failing.go.set()
    deposits = Deposits(person.marks)
    with pytest.raises(Transient) as caught:
        await deposits.key_for(person.identity, failing.create)
    assert caught.value.condition is Condition.STORAGE_FULL
    assert (await person.deliver(deposits)).epoch == 1
    deposits.close()


async def test_a_cancelled_delivery_lets_the_next_one_in(person: Person) -> None:
    person.epochs = slow = SlowEpochs()
    deposits = Deposits(person.marks)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(person.deliver(deposits))
        second = tasks.create_task(person.deliver(deposits))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        slow.go.set()
    assert first.cancelled()
    assert second.result().epoch == 1
    deposits.close()


async def test_a_key_is_not_handed_out_in_its_last_minute(
    person: Person, clock: ManualClock
) -> None:
    deposits = Deposits(person.marks, clock=clock)
    first = await deposits.key_for(person.identity, person.epochs.create)
    clock.advance(timedelta(seconds=EPOCH_SECONDS - 61))
    assert await deposits.key_for(person.identity, person.epochs.create) is first
    clock.advance(timedelta(seconds=1))
    second = await deposits.key_for(person.identity, person.epochs.create)
    assert second is not first
    assert not ended(first)  # two deliveries have it
    seal_one(first)
    seal_one(first)
    assert ended(first)
    deposits.close()


async def test_a_new_public_key_ends_the_epoch(person: Person) -> None:
    deposits = Deposits(person.marks)
    first = await deposits.key_for(person.identity, person.epochs.create)
    seal_one(first)
    newer, generation = person.key().successor(person.account, Suite.HYBRID)
    person.record = replace(person.record, generations=(*person.record.generations, generation))
    second = await deposits.key_for(person.identity, person.epochs.create)
    assert ended(first)
    assert person.epochs.rows[-1].generation == 2
    seal_one(second)
    assert person.unlock(newer).open_epochs(person.epochs.rows) == []
    deposits.close()


async def test_a_forgotten_account_has_no_key(person: Person) -> None:
    deposits = Deposits(person.marks)
    first = await deposits.key_for(person.identity, person.epochs.create)
    deposits.forget(new_account_id())
    assert not ended(first)
    deposits.forget(person.account)
    assert ended(first)
    deposits.forget(person.account)
    assert await deposits.key_for(person.identity, person.epochs.create) is not first
    deposits.close()


async def test_no_key_is_made_after_the_end(person: Person) -> None:
    deposits = Deposits(person.marks)
    deposits.close()
    with pytest.raises(Transient) as caught:
        await deposits.key_for(person.identity, person.epochs.create)
    assert caught.value.condition is Condition.SHUTTING_DOWN
    assert person.epochs.rows == []


async def test_a_key_that_is_made_during_the_end_is_overwritten(person: Person) -> None:
    person.epochs = slow = SlowEpochs()
    deposits = Deposits(person.marks)
    delivery = asyncio.ensure_future(deposits.key_for(person.identity, person.epochs.create))
    await asyncio.sleep(0.01)
    deposits.close()
    slow.go.set()
    with pytest.raises(Transient) as caught:
        await delivery
    assert caught.value.condition is Condition.SHUTTING_DOWN


async def test_a_public_key_that_is_none_takes_no_mail(person: Person) -> None:
    deposits = Deposits(person.marks)
    for public in (b"", b"\xff" * 1216):
        with pytest.raises(Corrupt) as caught:
            await deposits.key_for(replace(person.identity, public=public), person.epochs.create)
        assert caught.value.condition is Condition.KEY_MISMATCH
    assert person.epochs.rows == []
    deposits.close()


@pytest.mark.parametrize(("seconds", "messages"), [(3601, 10), (-1, 10), (10, 0), (10, 1001)])
def test_bounds_beyond_the_specification_are_refused(
    person: Person, seconds: float, messages: int
) -> None:
    with pytest.raises(ValueError, match="at most an hour and 1,000 messages"):
        Deposits(person.marks, epoch_seconds=seconds, epoch_messages=messages)
    assert (EPOCH_SECONDS, EPOCH_MESSAGES) == (3600, 1000)


async def test_a_mark_holds_for_its_row_only(person: Person) -> None:
    deposits = Deposits(person.marks)
    await person.deliver(deposits)
    deposits.close()
    [row] = person.epochs.rows
    person.marks.check(person.account, row)
    for forged in (
        replace(row, epoch=EpochId(2)),
        replace(row, epoch=EpochId(-1)),
        replace(row, suite=256),
        replace(row, generation=2),
        replace(row, suite=2),
        replace(row, sealed=os.urandom(1168)),
        replace(row, dep_mac=bytes(32)),
        replace(row, dep_mac=b""),
        replace(row, dep_kid=2),
    ):
        with pytest.raises(Corrupt) as caught:
            person.marks.check(person.account, forged)
        assert caught.value.condition is Condition.KEY_MISMATCH
    with pytest.raises(Corrupt):
        person.marks.check(new_account_id(), row)


async def test_a_rotation_renews_the_marks_that_hold() -> None:
    old = SecretKey.random()
    person = Person(MasterKeys({1: old}, 1))
    deposits = Deposits(person.marks)
    await person.deliver(deposits)
    deposits.close()
    [row] = person.epochs.rows
    both = DepositMarks(MasterKeys({1: SecretKey(bytes(old.octets)), 2: SecretKey.random()}, 2))
    kid, mark = both.renew(person.account, row)
    assert kid == 2
    both.check(person.account, replace(row, dep_kid=kid, dep_mac=mark))
    with pytest.raises(Corrupt):
        both.renew(person.account, replace(row, dep_mac=bytes(32)))
