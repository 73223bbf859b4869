"""Keystore rows: canonical, bound to their place, refused when touched."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.crypto.secret import SecretKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import AccountId, new_account_id
from mailserver.model.sealed import Guarded
from mailserver.vault import records
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import (
    UNSEALED_KID,
    AccountRecord,
    Generation,
    KeyMode,
    RowName,
    Scope,
    Table,
    WrapKind,
    WrapRecord,
)
from tests.support.vault import NOW, a_master

ACCOUNT = new_account_id()
ROW = RowName(Table.WRAP, ACCOUNT, b"row id", b"selector")

ACCOUNT_RECORD = AccountRecord(
    addresses=("ada@example.org", "ada+lovelace@example.org"),
    generations=(
        Generation(1, Suite.HYBRID, b"public one"),
        Generation(2, Suite.HYBRID, b"public two", link=b"link"),
    ),
    guard_key=bytes(range(32)),
    key_mode=KeyMode.SERVER,
    factors=("totp",),
    totp_seed=b"seed",
    policy=frozenset({"frozen", "second-factor"}),
)
WRAP_RECORD = WrapRecord(
    kind=WrapKind.APP_PASSWORD,
    generation=2,
    suite=Suite.HYBRID,
    kdf=0,
    salt=b"salt",
    commit=b"commit",
    sealed_key=b"sealed",
    made_at=NOW,
    scopes=frozenset({Scope.IMAP, Scope.SMTP}),
    cidrs=("192.0.2.0/24",),
    expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    label="phone",
    member=(AccountId(bytes(16)), 3),
)

octets = st.binary(max_size=40)


@given(
    st.builds(
        AccountRecord,
        addresses=st.lists(st.text(), max_size=3).map(tuple),
        generations=st.lists(
            st.builds(Generation, st.integers(1, 9), st.sampled_from(Suite), octets, octets),
            min_size=1,
            max_size=3,
        ).map(tuple),
        guard_key=octets,
        key_mode=st.sampled_from(KeyMode),
        factors=st.lists(st.text(), max_size=3).map(tuple),
        totp_seed=octets,
        policy=st.frozensets(st.text(), max_size=3),
    )
)
def test_an_account_record_comes_back(record: AccountRecord) -> None:
    assert records.decode_account(records.encode_account(record)) == record


@given(
    st.builds(
        WrapRecord,
        kind=st.sampled_from(WrapKind),
        generation=st.integers(1, 9),
        suite=st.sampled_from(Suite),
        kdf=st.integers(0, 9),
        salt=octets,
        commit=octets,
        sealed_key=octets,
        made_at=st.datetimes(timezones=st.just(UTC)),
        scopes=st.frozensets(st.sampled_from(Scope)),
        cidrs=st.lists(st.text(), max_size=2).map(tuple),
        expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        label=st.text(),
        member=st.none() | st.tuples(octets.map(AccountId), st.integers(1, 9)),
    )
)
def test_a_wrap_record_comes_back(record: WrapRecord) -> None:
    assert records.decode_wrap(records.encode_wrap(record)) == record


def test_encoding_is_canonical() -> None:
    encoded = records.encode_account(ACCOUNT_RECORD)
    assert (
        encoded == json.dumps(json.loads(encoded), sort_keys=True, separators=(",", ":")).encode()
    )
    assert json.loads(encoded)["v"] == 1


def changed(encode: Callable[[], bytes], **members: object) -> bytes:
    row = json.loads(encode())
    row.update(members)
    return json.dumps({key: value for key, value in row.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"[]",
        b'"v"',
        changed(lambda: records.encode_account(ACCOUNT_RECORD), v=2),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), generations=[]),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), generations=[[1, 3, "", ""]]),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), guard="not base64"),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), guard=None),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), mode="anybody"),
        changed(lambda: records.encode_account(ACCOUNT_RECORD), policy=...),
    ],
)
def test_what_is_no_account_record_is_not_authentic(encoded: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        records.decode_account(encoded)
    assert caught.value.condition is Condition.KEY_MISMATCH


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        changed(lambda: records.encode_wrap(WRAP_RECORD), v=0),
        changed(lambda: records.encode_wrap(WRAP_RECORD), kind=99),
        changed(lambda: records.encode_wrap(WRAP_RECORD), scopes=["everything"]),
        changed(lambda: records.encode_wrap(WRAP_RECORD), made="yesterday"),
        changed(lambda: records.encode_wrap(WRAP_RECORD), member=[]) + b"}",
        changed(lambda: records.encode_wrap(WRAP_RECORD), salt=...),
    ],
)
def test_what_is_no_wrap_record_is_not_authentic(encoded: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        records.decode_wrap(encoded)
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_rows_come_back() -> None:
    master = a_master()
    account = records.seal_account(master, ACCOUNT, ACCOUNT_RECORD)
    wrap = records.seal_wrap(master, ROW, WRAP_RECORD)
    assert account.kid == wrap.kid == records.kid_of(wrap.sealed) == 1
    assert records.open_account(master, ACCOUNT, account.sealed) == ACCOUNT_RECORD
    assert records.open_wrap(master, ROW, wrap.sealed) == WRAP_RECORD
    for clear in (b"ada@example.org", base64.b64encode(bytes(range(32))), b"phone"):
        assert clear not in account.sealed + wrap.sealed


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(ROW, table=Table.SESSION),
        replace(ROW, account=AccountId(bytes(16))),
        replace(ROW, row_id=b"row ie"),
        replace(ROW, selector=b""),
        replace(ROW, row_id=b"row i", selector=b"dselector"),
        replace(ROW, row_id=b"row idselector", selector=b""),
    ],
)
def test_a_row_in_another_place_is_not_authentic(elsewhere: RowName) -> None:
    master = a_master()
    sealed = records.seal_wrap(master, ROW, WRAP_RECORD).sealed
    with pytest.raises(Corrupt) as caught:
        records.open_wrap(master, elsewhere, sealed)
    assert caught.value.condition is Condition.KEY_MISMATCH


def test_a_row_with_any_octet_changed_is_not_authentic() -> None:
    master = MasterKeys({1: SecretKey.random(), 2: SecretKey.random()}, 1)
    sealed = records.seal_row(master, ROW, b"record").sealed
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 3
        with pytest.raises(Corrupt) as caught:
            records.open_row(master, ROW, Guarded(bytes(altered)))
        assert caught.value.condition is Condition.KEY_MISMATCH
    for kept in (0, 3, 4, 10):
        with pytest.raises(Corrupt):
            records.open_row(master, ROW, Guarded(sealed[:kept]))


def test_the_recovery_row_is_readable_without_the_master_key() -> None:
    recovery = replace(WRAP_RECORD, kind=WrapKind.RECOVERY)
    row = records.seal_wrap(a_master(), ROW, recovery)
    assert row.kid == UNSEALED_KID
    assert records.open_wrap(a_master(), ROW, row.sealed) == recovery


def test_no_other_row_may_go_without_the_master_key() -> None:
    """Whoever writes the keystore could else put in a wrap of his own."""
    unsealed = Guarded(bytes(4) + records.encode_wrap(WRAP_RECORD))
    with pytest.raises(Corrupt) as caught:
        records.open_wrap(a_master(), ROW, unsealed)
    assert caught.value.condition is Condition.KEY_MISMATCH
    with pytest.raises(Corrupt):
        records.open_account(
            a_master(), ACCOUNT, Guarded(bytes(4) + records.encode_account(ACCOUNT_RECORD))
        )


def test_a_recovery_row_under_the_master_key_is_not_ours() -> None:
    master = a_master()
    encoded = records.encode_wrap(replace(WRAP_RECORD, kind=WrapKind.RECOVERY))
    with pytest.raises(Corrupt):
        records.open_wrap(master, ROW, records.seal_row(master, ROW, encoded).sealed)


def test_a_classical_key_is_refused_unless_allowed() -> None:
    master = a_master()
    record = replace(ACCOUNT_RECORD, generations=(Generation(1, Suite.CLASSICAL, b"public"),))
    sealed = records.seal_account(master, ACCOUNT, record).sealed
    with pytest.raises(Corrupt) as caught:
        records.open_account(master, ACCOUNT, sealed)
    assert caught.value.condition is Condition.KEY_MISMATCH
    assert records.open_account(master, ACCOUNT, sealed, allow_classical=True) == record


def test_deliveries_go_to_the_newest_generation() -> None:
    identity = ACCOUNT_RECORD.identity(ACCOUNT)
    assert (identity.account, identity.generation, identity.public) == (ACCOUNT, 2, b"public two")


def test_records_do_not_print_what_they_hold() -> None:
    assert repr(ACCOUNT_RECORD) == "<account record, 2 addresses, 2 generations>"
    assert repr(WRAP_RECORD) == "<app_password wrap, generation 2>"
