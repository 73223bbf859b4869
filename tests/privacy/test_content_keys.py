"""T-OBJ-5 (PRIVACY §2): how long a content key is there, and that it goes."""

import asyncio
import gc
from datetime import timedelta

from mailserver.crypto.context import Origin
from mailserver.model.ids import new_object_id
from mailserver.runtime.clock import ManualClock
from mailserver.vault.epochs import Deposits
from mailserver.vault.seal import ContentKey
from tests.support.content_keys import key_octets, opened
from tests.support.vault import Person, a_master


async def test_t_obj_5_after_conversion_no_kem_seals_remain() -> None:
    person = Person(a_master())
    account, deposits = await opened(person)
    emails = []
    for _ in range(12):  # sparse mail: an epoch for nearly each message
        emails.append(await person.deliver(deposits, b"text"))
        deposits.forget(person.account)
    await person.append(account)
    assert len([row for row in person.epochs.rows if len(row.sealed) == 1168]) == 12
    person.epochs.rows[:] = person.converted(account)
    assert {len(row.sealed) for row in person.epochs.rows} == {60}
    assert [row.origin for row in person.epochs.rows] == [Origin.DEPOSIT] * 12 + [Origin.OWNER]
    later = person.unlock()
    assert later.open_epochs(person.epochs.rows) == []
    assert all(text and text.reveal() == b"text" for text in later.open_summaries(emails))
    assert later.key._pair is None  # it took no KEM
    deposits.close()


def seal_one(key: ContentKey) -> None:
    key.seal_email(new_object_id(), b"summary", b"body", b"tail")


async def test_t_obj_5_an_epoch_ends_at_an_hour() -> None:
    person, clock = Person(a_master()), ManualClock()
    deposits = Deposits(person.marks, clock=clock)
    first = await deposits.key_for(person.identity, person.epochs.create)
    octets = key_octets(first)
    seal_one(first)
    clock.advance(timedelta(hours=1))
    second = await deposits.key_for(person.identity, person.epochs.create)
    assert (first.epoch, second.epoch) == (1, 2)
    assert octets == bytes(32)
    deposits.close()


async def test_t_obj_5_an_epoch_ends_at_its_time_although_no_mail_comes() -> None:
    """A timer sees to it, here of 0.1 s; also where a delivery has the key and never seals."""
    person = Person(a_master())
    deposits = Deposits(person.marks, epoch_seconds=0.1)
    key = await deposits.key_for(person.identity, person.epochs.create)
    octets = key_octets(key)
    assert any(octets)
    await asyncio.sleep(0.2)
    assert octets == bytes(32)
    assert key.closed
    deposits.close()


async def test_t_obj_5_an_epoch_ends_at_a_thousand_messages() -> None:
    person = Person(a_master())
    deposits = Deposits(person.marks)
    first = await deposits.key_for(person.identity, person.epochs.create)
    octets = key_octets(first)
    seal_one(first)
    for _ in range(999):
        seal_one(await deposits.key_for(person.identity, person.epochs.create))
    assert len(person.epochs.rows) == 1
    assert (await deposits.key_for(person.identity, person.epochs.create)).epoch == 2
    assert octets == bytes(32)
    deposits.close()


async def test_t_obj_5_an_epoch_ends_at_shutdown() -> None:
    people = [Person(a_master()) for _ in range(3)]
    deposits = Deposits(people[0].marks)
    keys = [await deposits.key_for(one.identity, one.epochs.create) for one in people]
    octets = [key_octets(key) for key in keys]
    assert all(map(any, octets))
    deposits.close()
    assert octets == [bytes(32)] * 3


async def test_t_obj_5_with_no_seconds_each_message_has_a_key_that_goes_at_once() -> None:
    person = Person(a_master())
    deposits = Deposits(person.marks, epoch_seconds=0)
    octets = []
    for _ in range(3):
        key = await deposits.key_for(person.identity, person.epochs.create)
        octets.append(key_octets(key))
        assert any(octets[-1])
        seal_one(key)
        assert not any(octets[-1])
    assert len(person.epochs.rows) == 3
    deposits.close()


def buffers_with(octets: bytes) -> int:
    """Count the buffers holding `octets` that the collector can reach."""
    return sum(
        isinstance(value, bytearray) and octets in value
        for thing in gc.get_objects()
        for value in gc.get_referents(thing)
    )


async def test_t_obj_5_the_key_is_in_no_buffer_after_it_ended() -> None:
    """Neither where it sealed nor where it was opened."""
    person = Person(a_master())
    deposits = Deposits(person.marks)
    key = await deposits.key_for(person.identity, person.epochs.create)
    seal_one(key)
    account = person.unlock()
    account.open_epochs(person.epochs.rows)
    octets = bytes(key_octets(key))
    assert buffers_with(octets) == 2
    deposits.close()
    account.close()
    assert buffers_with(octets) == 0
