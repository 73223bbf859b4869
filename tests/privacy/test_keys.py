"""Keys (PRIVACY §1): T-KEY-1, 2, 5 and 6, and the vault's side of T-KEY-4 and T-KEY-8."""

import base64
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

import pytest

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import Kind
from mailserver.crypto.hpke import KeyPair, PublicKey, derive_pair
from mailserver.crypto.kdf import ARGON2_CURRENT
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.sign import SigningKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, MailError, Refused
from mailserver.model.ids import EpochId, new_account_id, new_object_id
from mailserver.model.sealed import Guarded, Plaintext, Sealed
from mailserver.vault import credentials, records
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import SessionToken
from mailserver.vault.credentials import NewWrap
from mailserver.vault.master import MasterKeys
from mailserver.vault.records import RowName, Scope, Table
from tests.support.key_rows import (
    APP_PASSWORD,
    CHEAP,
    CODE,
    CREDENTIALS,
    PASSWORD,
    TOKEN,
    Credential,
    loot,
    private_of,
)
from tests.support.vault import NOW, Person, a_master

each_kind = pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=list(CREDENTIALS))


@each_kind
def test_t_key_1_every_wrap_opens_the_key_it_was_made_of(credential: Credential) -> None:
    """Through its keystore row and back, by a keystore record that knows nothing of the secret."""
    master, account, key = a_master(), new_account_id(), AccountKey.random(Suite.HYBRID)
    made = credential.make(key, account)
    name = RowName(Table.WRAP, account, made.row_id, made.selector)
    row = records.seal_wrap(master, name, made.record)
    opened = credential.open(account, made.row_id, records.open_wrap(master, name, row.sealed))
    assert opened is not None
    assert opened.amk.octets == key.amk.octets
    assert (opened.generation, opened.suite) == (key.generation, key.suite)


@each_kind
def test_t_key_1_a_wrong_secret_gives_one_and_the_same_error(credential: Credential) -> None:
    account = new_account_id()
    made = credential.make(AccountKey.random(Suite.HYBRID), account)
    with pytest.raises(Refused) as caught:
        credential.wrong(account, made.row_id, made.record)
    assert caught.value.condition is Condition.AUTHENTICATION_FAILED
    assert caught.value.text == "the credential is not right"
    assert caught.value.__cause__ is None


def extremes(*works: Callable[[], object], times: int) -> tuple[float, float]:
    """Return the seconds of the slowest and the fastest of several, each at its best.

    Noise only ever adds, and they take turns, so that it adds to all of them alike.
    """

    def once(work: Callable[[], object]) -> float:
        start = perf_counter()
        with suppress(Refused):
            work()
        return perf_counter() - start

    rounds = [[once(work) for work in works] for _ in range(times)]
    best = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return max(best), min(best)


def test_t_key_1_a_wrong_secret_and_no_user_take_the_time_of_a_right_one() -> None:
    """Timing class: Argon2 or HKDF is paid in every case, and no case is a short cut."""
    account, key = new_account_id(), AccountKey.random(Suite.HYBRID)
    password = credentials.make_password_wrap(key, account, PASSWORD, NOW)
    assert password.record.kdf == ARGON2_CURRENT
    where = (account, password.row_id, password.record)
    slowest, fastest = extremes(
        lambda: credentials.open_password_wrap(*where, PASSWORD),
        lambda: credentials.open_password_wrap(*where, Plaintext(b"wrong")),
        lambda: credentials.spend_password(Plaintext(b"wrong")),
        times=5,
    )
    assert slowest < 3 * fastest
    app = credentials.make_app_password_wrap(
        key, account, APP_PASSWORD, frozenset({Scope.IMAP}), NOW
    )
    there = (account, app.row_id, app.record)
    slowest, fastest = extremes(
        lambda: credentials.open_app_password_wrap(*there, APP_PASSWORD),
        lambda: credentials.open_app_password_wrap(*there, PASSWORD),
        lambda: credentials.spend_app_password(account, APP_PASSWORD),
        times=300,
    )
    assert slowest < 10 * fastest
    assert slowest < 0.01


def test_t_key_5_a_wrong_ml_kem_half_and_a_wrong_x25519_half_both_fail() -> None:
    """The hybrid holds while either half does: knowing one is knowing nothing."""
    right, wrong = private_of(os.urandom(32)), private_of(os.urandom(32))
    public = derive_pair(b"\1" * 32, Suite.HYBRID)
    pair = KeyPair(Suite.HYBRID, right)
    sealed = PublicKey(Suite.HYBRID, pair.public_octets).seal(b"content key", b"context")
    assert pair.open(sealed, b"context") == b"content key"
    assert public.public_octets != pair.public_octets
    for halves in (wrong[:64] + right[64:], right[:64] + wrong[64:], wrong):
        with pytest.raises(Corrupt):
            KeyPair(Suite.HYBRID, halves).open(sealed, b"context")


def test_t_key_5_a_seal_to_a_mixed_public_key_opens_for_neither() -> None:
    one, other = (KeyPair(Suite.HYBRID, private_of(os.urandom(32))) for _ in range(2))
    mixed = one.public_octets[:1184] + other.public_octets[1184:]
    sealed = PublicKey(Suite.HYBRID, mixed).seal(b"content key", b"context")
    for pair in (one, other):
        with pytest.raises(Corrupt):
            pair.open(sealed, b"context")


def shapes(secret: bytes) -> set[str]:
    """How a secret might show in a text: as it is, in hexadecimal, base64 and Python's notation."""
    return {
        secret.decode("latin-1"),
        repr(secret)[2:-1],
        secret.hex(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.b32encode(secret).decode().rstrip("="),
        str(list(secret))[1:-1],
    }


async def test_t_key_6_no_secret_shows_in_a_representation() -> None:
    taken = await loot()
    person = taken.person
    account = person.unlock()
    own = await account.owner_key(person.epochs.create)
    account.open_epochs(person.epochs.rows)
    content_keys = [bytes(opened.key.octets) for opened in account._opened.values()]
    objects: list[object] = [
        account,
        account.key,
        account.key.amk,
        account.key.pair,
        account.key.storage,
        account.guard,
        account._opened,
        own,
        person.master,
        person.master._keys,
        person.master.instance_guard,
        person.marks,
        person.record,
        TOKEN,
        PASSWORD,
        CODE,
        APP_PASSWORD,
        SigningKey(SecretKey(person.amk)),
        *(record for _, _, record in taken.wraps),
    ]
    shown = "\n".join(f"{thing!r} {thing!s} {thing:}" for thing in objects)
    master_key = bytes(person.master._keys[1].octets)
    secrets = [person.amk, master_key, person.record.guard_key, *content_keys, TOKEN.secret]
    for secret in (*secrets, PASSWORD.reveal(), CODE.reveal(), APP_PASSWORD.reveal()):
        for shape in shapes(secret):
            assert shape not in shown


def failures(person: Person, row: NewWrap) -> Iterator[Callable[[], object]]:
    """Calls that fail while they hold a secret."""
    account = person.unlock()
    key = person.key()
    yield lambda: credentials.open_app_password_wrap(
        person.account, row.row_id, row.record, PASSWORD
    )
    yield lambda: credentials.open_recovery_wrap(person.account, row.row_id, row.record, CODE)
    yield lambda: credentials.open_recovery_wrap(person.account, row.row_id, row.record, PASSWORD)
    yield lambda: credentials.open_session_wrap(person.account, row.row_id, row.record, TOKEN)
    yield lambda: credentials.open_password_wrap(
        person.account, row.row_id, replace(row.record, kdf=CHEAP), PASSWORD
    )
    yield lambda: credentials.make_app_password_wrap(
        key, person.account, Plaintext(b"short"), frozenset(), NOW
    )
    yield lambda: SessionToken.parse(PASSWORD)
    yield lambda: key.prove(b"")
    yield lambda: key.predecessor(person.account, person.record.generations[0], key.public())
    yield lambda: person.unlock(AccountKey(SecretKey(person.amk), 9, Suite.HYBRID))
    yield lambda: account.open_summary(EpochId(1), new_object_id(), Sealed(person.amk))
    yield lambda: account.guard.open(Kind.VACATION, new_object_id(), Guarded(person.amk))
    yield lambda: MasterKeys.parse(person.amk)
    yield lambda: MasterKeys({1: SecretKey(person.amk[:31])}, 1)
    yield lambda: records.decode_account(person.record.guard_key)
    yield lambda: records.decode_wrap(b'{"v":1,"salt":"' + base64.b64encode(person.amk) + b'"}')
    yield lambda: Aead(person.amk + b"x")
    yield lambda: KeyPair(Suite.HYBRID, person.amk)


def test_t_key_6_no_secret_shows_in_an_error_its_traceback_or_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = Person(a_master())
    row = credentials.make_app_password_wrap(
        person.key(), person.account, APP_PASSWORD, frozenset({Scope.IMAP}), NOW
    )
    texts = []
    for fail in failures(person, row):
        try:
            fail()
        except (MailError, ValueError) as error:
            logging.getLogger("test").exception("it failed: %s %r", error, error)
            texts.append("".join(traceback.format_exception(error)) + repr(error.args))
    assert len(texts) == 18
    shown = "\n".join(texts) + caplog.text
    guard_key = person.record.guard_key
    for secret in (person.amk, person.amk[:31], guard_key, TOKEN.secret):
        for shape in shapes(secret):
            assert shape not in shown
    for secret in (PASSWORD.reveal(), CODE.reveal(), APP_PASSWORD.reveal()):
        assert secret.decode() not in shown


def test_t_key_4_a_password_with_old_parameters_is_told_at_login_and_made_anew() -> None:
    """The vault's side: the record says so, and the password in hand makes the next one."""
    account, key = new_account_id(), AccountKey.random(Suite.HYBRID)
    old = credentials.make_password_wrap(key, account, PASSWORD, NOW, parameters=CHEAP)
    opened = credentials.open_password_wrap(account, old.row_id, old.record, PASSWORD)
    assert credentials.password_outdated(old.record)
    new = credentials.make_password_wrap(opened, account, PASSWORD, NOW)
    assert not credentials.password_outdated(new.record)
    again = credentials.open_password_wrap(account, new.row_id, new.record, PASSWORD)
    assert again.amk.octets == key.amk.octets


def test_t_key_8_a_row_moved_edited_or_downgraded_is_refused() -> None:
    """The vault's side; `tests/mailserver/vault/test_records.py` goes through every octet."""
    master, person = a_master(), Person(a_master())
    made = CREDENTIALS["session"].make(person.key(), person.account)
    name = RowName(Table.SESSION, person.account, made.row_id)
    sealed = records.seal_wrap(master, name, made.record).sealed
    moved = replace(name, account=new_account_id())
    edited = Guarded(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    downgraded = Guarded(bytes(4) + records.encode_wrap(made.record))
    for place, octets in ((moved, sealed), (name, edited), (name, downgraded)):
        with pytest.raises(Corrupt) as caught:
            records.open_wrap(master, place, octets)
        assert caught.value.condition is Condition.KEY_MISMATCH
