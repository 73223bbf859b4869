"""A content key at work: sizes, leases, and its end at any moment."""

import contextlib
import os
import pickle
import threading
import time

import pytest

from mailserver.crypto.context import OWNER_ONLY, FieldId, Kind, Origin
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Transient
from mailserver.model.ids import EpochId, ObjectId, new_account_id, new_object_id
from mailserver.vault.opening import OpenEpoch
from mailserver.vault.seal import ContentKey, SealedEmail

ACCOUNT = new_account_id()
EPOCH = EpochId(7)


def content_key(octets: bytearray, origin: Origin = Origin.DEPOSIT) -> ContentKey:
    return ContentKey(SecretKey(octets), ACCOUNT, EPOCH, origin, Suite.HYBRID)


def test_all_parts_of_an_email_open_under_the_key() -> None:
    octets = os.urandom(32)
    name = new_object_id()
    sealed = content_key(bytearray(octets)).seal_email(name, b"summary", b"body", b"tail")
    opened = OpenEpoch(SecretKey(octets), ACCOUNT, EPOCH, Origin.DEPOSIT, Suite.HYBRID)
    assert sealed.epoch == EPOCH
    assert opened.open(Kind.EMAIL, FieldId.SUMMARY, name, sealed.summary) == b"summary"
    assert opened.open(Kind.EMAIL, FieldId.TAIL, name, sealed.tail) == b"tail"
    assert opened.open_body(name, sealed.body) == b"body"
    assert opened.open_range(name, sealed.body, 1, 2) == b"od"


@pytest.mark.parametrize("kind", sorted(OWNER_ONLY))
def test_a_deposit_key_seals_nothing_of_the_owners(kind: Kind) -> None:
    with pytest.raises(ValueError, match="only the owner"):
        content_key(bytearray(32)).seal(kind, FieldId.VALUE, new_object_id(), b"data")
    content_key(bytearray(32), Origin.OWNER).seal(kind, FieldId.VALUE, new_object_id(), b"data")


def test_a_deposit_key_seals_the_history_that_the_server_writes() -> None:
    key = content_key(bytearray(32))
    assert key.seal(Kind.LOGIN_HISTORY, FieldId.VALUE, new_object_id(), b"data")


def test_a_retired_key_serves_those_who_have_it_and_overwrites_itself() -> None:
    octets = bytearray(os.urandom(32))
    key = content_key(octets)
    for _ in range(3):
        assert key.issue() is key
    assert key.issued == 3
    key.seal_email(new_object_id(), b"", b"", b"")
    key.retire()
    key.seal_email(new_object_id(), b"", b"", b"")
    assert any(octets)
    assert not key.closed
    key.seal_email(new_object_id(), b"", b"", b"")
    assert octets == bytes(32)
    assert key.closed


def test_a_key_that_nobody_has_is_overwritten_at_once() -> None:
    octets = bytearray(os.urandom(32))
    content_key(octets).retire()
    assert octets == bytes(32)


def test_a_failed_delivery_gives_its_lease_back() -> None:
    octets = bytearray(os.urandom(32))
    key = content_key(octets).issue()
    key.retire()
    with pytest.raises(ValueError, match="1 GiB"):
        key.seal_email(new_object_id(), b"", bytes((1 << 30) + 1), b"")
    assert octets == bytes(32)


def test_a_closed_key_seals_nothing() -> None:
    key = content_key(bytearray(os.urandom(32)), Origin.OWNER)
    key.close()
    key.close()
    with pytest.raises(Transient) as caught:
        key.seal_email(new_object_id(), b"summary", b"body", b"tail")
    assert caught.value.condition is Condition.BUSY
    with pytest.raises(Transient):
        key.seal_segment(new_object_id(), b"segment")


def seal_until_closed(key: ContentKey, done: list[tuple[ObjectId, SealedEmail]]) -> None:
    with contextlib.suppress(Transient):
        while True:
            name = new_object_id()
            done.append((name, key.seal_email(name, b"summary", b"body" * 50, b"tail")))


def test_closing_amid_seals_gives_whole_messages_or_none() -> None:
    """Nothing is ever sealed under an overwritten key, whichever thread comes first."""
    octets = os.urandom(32)
    opened = OpenEpoch(SecretKey(octets), ACCOUNT, EPOCH, Origin.DEPOSIT, Suite.HYBRID)
    for _ in range(20):
        key = content_key(bytearray(octets))
        done: list[tuple[ObjectId, SealedEmail]] = []
        thread = threading.Thread(target=seal_until_closed, args=(key, done))
        thread.start()
        while len(done) < 5:
            time.sleep(0)
        key.close()
        thread.join()
        for name, sealed in done:
            assert opened.open_body(name, sealed.body) == b"body" * 50


def test_a_content_key_does_not_print_or_pickle() -> None:
    key = content_key(bytearray(32))
    assert repr(key) == "<content key of epoch 7, deposit>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
