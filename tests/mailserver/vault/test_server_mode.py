"""The server's own copy of an account key, for accounts that are not private from its operator."""

from dataclasses import replace

import pytest

from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import new_account_id
from mailserver.vault.account_key import AccountKey
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import WrapKind, decode_wrap, encode_wrap
from mailserver.vault.server_mode import make_server_wrap, open_server_wrap, under_current
from tests.support.vault import NOW, a_master


def test_t_key_1_the_server_opens_what_was_wrapped_for_it() -> None:
    guard, account = a_master().instance_guard, new_account_id()
    key = AccountKey.random(Suite.HYBRID, 3)
    new = make_server_wrap(guard, key, account, NOW)
    opened = open_server_wrap(guard, account, new.row_id, decode_wrap(encode_wrap(new.record)))
    assert (opened.amk.octets, opened.generation, opened.suite) == (key.amk.octets, 3, key.suite)


def test_t_key_8_a_copy_that_was_moved_or_altered_is_refused() -> None:
    guard, account = a_master().instance_guard, new_account_id()
    new = make_server_wrap(guard, AccountKey.random(Suite.HYBRID), account, NOW)
    record = new.record
    for name, row_id, wrap in (
        (new_account_id(), new.row_id, record),
        (account, bytes(16), record),
        (account, new.row_id, replace(record, kind=WrapKind.PASSWORD)),
        (account, new.row_id, replace(record, sealed_key=record.sealed_key[:-1] + b"\0")),
        (account, new.row_id, replace(record, sealed_key=b"")),
    ):
        with pytest.raises(Corrupt) as refused:
            open_server_wrap(guard, name, row_id, wrap)
        assert refused.value.condition is Condition.KEY_MISMATCH
    with pytest.raises(Corrupt):
        open_server_wrap(a_master().instance_guard, account, new.row_id, record)


def test_a_new_master_key_takes_the_copy_over() -> None:
    old, account = SecretKey.random(), new_account_id()
    key = AccountKey.random(Suite.HYBRID)
    new = make_server_wrap(MasterKeys({1: old}, 1).instance_guard, key, account, NOW)
    both = MasterKeys({1: old, 2: SecretKey.random()}, 2)
    moved = under_current(both.instance_guard, new.row_id, encode_wrap(new.record))
    record = decode_wrap(moved)
    assert both.instance_guard.kid_of(record.sealed_key) == 2  # type: ignore[arg-type]
    opened = open_server_wrap(both.instance_guard, account, new.row_id, record)
    assert opened.amk.octets == key.amk.octets
    other = encode_wrap(replace(new.record, kind=WrapKind.MEMBER))
    assert under_current(both.instance_guard, new.row_id, other) == other
