"""Guarded data opens where it was put and nowhere else; hashes look up and tell nothing."""

import pickle

import pytest

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FieldId, Kind
from mailserver.crypto.secret import SecretKey
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import new_account_id, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.vault.guard import HASH_OCTETS, AccountGuard, InstanceGuard
from mailserver.vault.master import MasterKeys

KEY = bytes(range(32))
ACCOUNT = new_account_id()


@pytest.fixture
def guard() -> AccountGuard:
    return AccountGuard(KEY, ACCOUNT)


def test_guarded_data_comes_back(guard: AccountGuard) -> None:
    name = new_object_id()
    guarded = guard.seal(Kind.SIEVE_SCRIPT, name, b"keep;")
    assert b"keep" not in bytes(guarded)
    assert AccountGuard(bytearray(KEY), ACCOUNT).open(Kind.SIEVE_SCRIPT, name, guarded) == b"keep;"


def test_guarded_data_elsewhere_is_damaged(guard: AccountGuard) -> None:
    name = new_object_id()
    guarded = guard.seal(Kind.SIEVE_SCRIPT, name, b"keep;")
    for other, kind, where, field in (
        (guard, Kind.VACATION, name, FieldId.VALUE),
        (guard, Kind.SIEVE_SCRIPT, new_object_id(), FieldId.VALUE),
        (guard, Kind.SIEVE_SCRIPT, name, FieldId.BODY),
        (AccountGuard(KEY, new_account_id()), Kind.SIEVE_SCRIPT, name, FieldId.VALUE),
        (AccountGuard(bytes(32), ACCOUNT), Kind.SIEVE_SCRIPT, name, FieldId.VALUE),
    ):
        with pytest.raises(Corrupt) as caught:
            other.open(kind, where, guarded, field)
        assert caught.value.condition is Condition.DAMAGED


@pytest.mark.parametrize("octets", [b"", b"\x02" + bytes(40), b"\x01", b"\x01" + bytes(28)])
def test_what_is_not_guarded_is_damaged(guard: AccountGuard, octets: bytes) -> None:
    with pytest.raises(Corrupt):
        guard.open(Kind.VACATION, new_object_id(), Guarded(octets))


def test_a_name_is_bound_to_its_hash(guard: AccountGuard) -> None:
    guarded = guard.seal_name(Kind.MAILBOX_NAME, "Ärzte")
    assert guard.open_name(Kind.MAILBOX_NAME, guard.name_hash("Ärzte"), guarded) == "Ärzte"
    with pytest.raises(Corrupt):
        guard.open_name(Kind.MAILBOX_NAME, guard.name_hash("Other"), guarded)
    with pytest.raises(Corrupt):
        guard.open_name(Kind.KEYWORD_NAME, guard.name_hash("Ärzte"), guarded)


def test_hashes_are_equal_within_an_account_and_purpose_only(guard: AccountGuard) -> None:
    assert guard.name_hash("a") == AccountGuard(KEY, ACCOUNT).name_hash("a")
    assert len(guard.name_hash("a")) == len(guard.thread_hash(b"a")) == HASH_OCTETS
    others = {
        guard.name_hash("a"),
        guard.name_hash("b"),
        guard.thread_hash(b"a"),
        AccountGuard(bytes(32), ACCOUNT).name_hash("a"),
        AccountGuard(bytes(32), ACCOUNT).thread_hash(b"a"),
    }
    assert len(others) == 5


def test_closing_overwrites_the_keys(guard: AccountGuard) -> None:
    key = guard.audit_key
    assert len(key) == 32
    assert any(key)
    guard.close()
    assert key == bytes(32)


def test_a_guard_does_not_print_or_pickle(guard: AccountGuard) -> None:
    assert repr(guard) == f"<guard of account {ACCOUNT.hex()}>"
    for secret in (guard, InstanceGuard({1: Aead(KEY)}, 1, bytearray(KEY))):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    assert repr(InstanceGuard({1: Aead(KEY)}, 1, bytearray(KEY))) == "<guard of the instance>"


def test_instance_data_comes_back_also_after_a_rotation() -> None:
    old, new = SecretKey.random(), SecretKey.random()
    name = new_object_id()
    before = MasterKeys({1: old}, 1).instance_guard
    guarded = before.seal(Kind.DKIM_KEY, name, b"private key")
    both = MasterKeys({1: old, 2: new}, 2).instance_guard
    assert before.open(Kind.DKIM_KEY, name, guarded) == b"private key"
    assert both.open(Kind.DKIM_KEY, name, guarded) == b"private key"
    assert both.kid_of(guarded) == 1
    assert both.kid_of(both.seal(Kind.DKIM_KEY, name, b"private key")) == 2
    with pytest.raises(Corrupt) as caught:
        MasterKeys({2: new}, 2).instance_guard.open(Kind.DKIM_KEY, name, guarded)
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_instance_data_altered_or_elsewhere_is_damaged() -> None:
    guard = MasterKeys({1: SecretKey.random(), 2: SecretKey.random()}, 1).instance_guard
    name = new_object_id()
    guarded = guard.seal(Kind.DKIM_KEY, name, b"private key")
    with pytest.raises(Corrupt):
        guard.open(Kind.CONFIGURATION, name, guarded)
    with pytest.raises(Corrupt):
        guard.open(Kind.DKIM_KEY, new_object_id(), guarded)
    with pytest.raises(Corrupt):  # under another master key, by its number in front
        guard.open(Kind.DKIM_KEY, name, Guarded(guarded[:4] + b"\x02" + guarded[5:]))
    for kept in (0, 1, 3, 4, 20):
        with pytest.raises(Corrupt):
            guard.open(Kind.DKIM_KEY, name, Guarded(guarded[:kept]))
