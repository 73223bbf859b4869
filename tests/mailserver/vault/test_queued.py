"""Queued messages: opened by their guard at their place, and by nothing else."""

import secrets

import pytest

from mailserver.crypto.aead import Aead
from mailserver.model.errors import Corrupt
from mailserver.model.ids import AccountId, QueueId, new_account_id, new_object_id
from mailserver.model.sealed import Guarded, Plaintext
from mailserver.vault.guard import AccountGuard, InstanceGuard
from mailserver.vault.queued import (
    Guard,
    GuardedMessage,
    open_envelope,
    open_item,
    open_message,
    seal_item,
    seal_message,
)

INSTANCE = AccountId(bytes(16))


def instance_guard() -> InstanceGuard:
    key = secrets.token_bytes(32)
    return InstanceGuard({1: Aead(key)}, 1, bytearray(key))


def owners() -> list[tuple[AccountId, Guard]]:
    account = new_account_id()
    return [
        (account, AccountGuard(secrets.token_bytes(32), account)),
        (INSTANCE, instance_guard()),
    ]


@pytest.mark.parametrize("octets", [0, 10, 70_000, 2_200_000])
def test_a_message_of_any_size_comes_back(octets: int) -> None:
    message = secrets.token_bytes(octets)
    for account, guard in owners():
        name = new_object_id()
        sealed = seal_message(guard, account, name, b"envelope", Plaintext(message))
        assert open_envelope(guard, name, sealed.envelope) == b"envelope"
        assert open_message(guard, account, name, sealed).reveal() == message


def test_neither_envelope_nor_body_opens_elsewhere() -> None:
    (account, guard), (_, other) = owners()
    name, text = new_object_id(), Plaintext(b"text")
    sealed = seal_message(guard, account, name, b"envelope", text)
    another = seal_message(guard, account, new_object_id(), b"envelope", text)
    for wrong_guard, owner, object_id, guarded in (
        (other, account, name, sealed),
        (guard, account, new_object_id(), sealed),
        (guard, new_account_id(), name, sealed),
        (guard, account, name, GuardedMessage(sealed.envelope, another.body)),
        (guard, account, name, GuardedMessage(another.envelope, sealed.body)),
        (guard, account, name, GuardedMessage(sealed.envelope, Guarded(sealed.body[:-1]))),
    ):
        with pytest.raises(Corrupt):
            open_message(wrong_guard, owner, object_id, guarded)


def test_an_envelope_without_a_key_is_damaged() -> None:
    _, (_, guard) = owners()
    name = new_object_id()
    with pytest.raises(Corrupt):
        open_envelope(guard, name, seal_item(guard, QueueId(name), b"short"))


def test_an_item_belongs_to_its_row() -> None:
    for _, guard in owners():
        row = QueueId(secrets.token_bytes(16))
        sealed = seal_item(guard, row, b"who")
        assert open_item(guard, row, sealed) == b"who"
        with pytest.raises(Corrupt):
            open_item(guard, QueueId(secrets.token_bytes(16)), sealed)


def test_the_instance_hashes_names_under_its_own_key() -> None:
    one, other = instance_guard(), instance_guard()
    assert one.name_hash("a.test") == one.name_hash("a.test") != one.name_hash("b.test")
    assert one.name_hash("a.test") != other.name_hash("a.test")
