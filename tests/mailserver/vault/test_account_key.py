"""Account keys: derived, proven, linked backwards only, overwritten."""

import os
import pickle
from dataclasses import replace

import pytest

from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Locked
from mailserver.model.ids import AccountId, new_account_id
from mailserver.vault.account_key import AccountKey

ACCOUNT = new_account_id()


def test_a_new_key_is_of_the_first_generation_and_random() -> None:
    one, other = AccountKey.random(Suite.HYBRID), AccountKey.random(Suite.HYBRID)
    assert one.generation == 1
    assert one.amk.octets != other.amk.octets
    assert not one.unproven


def test_what_is_derived_is_derived_once() -> None:
    key = AccountKey.random(Suite.CLASSICAL)
    assert key.pair is key.pair
    assert key.storage is key.storage


def test_the_suite_is_part_of_the_derivation() -> None:
    amk = os.urandom(32)
    hybrid, classical = (AccountKey(SecretKey(amk), 1, suite) for suite in Suite)
    with pytest.raises(Corrupt):
        classical.storage.open(hybrid.storage.seal(b"", b""), b"")


def test_a_key_proves_itself_by_its_public_half() -> None:
    key = AccountKey(SecretKey.random(), 1, Suite.HYBRID, unproven=True)
    key.prove(key.public().public)
    assert not key.unproven
    with pytest.raises(Corrupt) as caught:
        key.prove(AccountKey.random(Suite.HYBRID).public().public)
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_the_next_generation_opens_the_one_before() -> None:
    first = AccountKey.random(Suite.HYBRID)
    second, record = first.successor(ACCOUNT, Suite.HYBRID)
    assert (second.generation, record.number) == (2, 2)
    assert record.public == second.public().public
    assert second.amk.octets != first.amk.octets
    back = second.predecessor(ACCOUNT, record, first.public())
    assert back.amk.octets == first.amk.octets
    assert back.generation == 1


def test_the_one_before_does_not_open_the_next() -> None:
    first = AccountKey.random(Suite.HYBRID)
    _, record = first.successor(ACCOUNT, Suite.HYBRID)
    with pytest.raises(Corrupt):
        first.predecessor(ACCOUNT, record, first.public())


def test_a_link_altered_or_of_another_account_does_not_open() -> None:
    first = AccountKey.random(Suite.HYBRID)
    second, record = first.successor(ACCOUNT, Suite.HYBRID)
    with pytest.raises(Corrupt):
        second.predecessor(AccountId(bytes(16)), record, first.public())
    with pytest.raises(Corrupt):
        second.predecessor(ACCOUNT, replace(record, link=b""), first.public())
    with pytest.raises(Corrupt):
        second.predecessor(
            ACCOUNT, replace(record, link=record.link[:-1] + b"\0\0"), first.public()
        )


def test_a_link_opens_the_generation_it_was_made_for_only() -> None:
    first, second = AccountKey.random(Suite.HYBRID), AccountKey.random(Suite.HYBRID, 2)
    third, record = second.successor(ACCOUNT, Suite.HYBRID, older=(first,))
    assert third.predecessor(ACCOUNT, record, first.public()).amk.octets == first.amk.octets
    swapped = replace(record, link=record.older[0][1], older=((1, record.link),))
    for before in (first, second):
        with pytest.raises(Corrupt):
            third.predecessor(ACCOUNT, swapped, before.public())


def test_closing_overwrites_the_key() -> None:
    octets = bytearray(os.urandom(32))
    key = AccountKey(SecretKey(octets), 1, Suite.CLASSICAL)
    _ = key.pair, key.storage
    key.close()
    assert octets == bytes(32)
    for use in (lambda: key.pair, lambda: key.storage):
        with pytest.raises(Locked):
            use()


def test_a_key_does_not_print_or_pickle() -> None:
    key = AccountKey.random(Suite.HYBRID)
    assert repr(key) == "<account key, generation 1>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
