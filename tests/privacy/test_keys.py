"""Keys (PRIVACY §1): T-KEY-1, 2, 5 and 6, and the vault's side of T-KEY-4 and T-KEY-8."""

import base64
import hashlib
import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter

import pytest

from mailserver.crypto.aead import Aead
from mailserver.crypto.context import FORMAT, FieldId, Kind, Origin, context
from mailserver.crypto.hpke import KeyPair, PublicKey, derive_pair
from mailserver.crypto.kdf import ARGON2_CURRENT, hkdf
from mailserver.crypto.secret import SecretKey
from mailserver.crypto.sign import SigningKey
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, MailError, Refused
from mailserver.model.ids import AccountId, EpochId, ObjectId, new_account_id, new_object_id
from mailserver.model.sealed import Guarded, Plaintext, Sealed
from mailserver.vault import credentials, records
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import SessionToken, new_app_password_secret, new_recovery_code
from mailserver.vault.credentials import NewWrap
from mailserver.vault.epochs import Deposits
from mailserver.vault.guard import AccountGuard
from mailserver.vault.master import MasterKeys
from mailserver.vault.opening import OpenEpoch
from mailserver.vault.records import RowName, Scope, Table, WrapKind, WrapRecord
from tests.support.vault import NOW, Email, Person, a_master

PASSWORD = Plaintext("correct horse bättery staple".encode())
APP_PASSWORD = new_app_password_secret()
CODE = new_recovery_code()
TOKEN = SessionToken.random()
MEMBER = Person(a_master())
CHEAP = 1
"""Argon2 parameters that are allowed and quick."""


@dataclass(frozen=True)
class Credential:
    """How one kind of wrap is made, opened, and tried with a wrong secret."""

    make: Callable[[AccountKey, AccountId], NewWrap]
    open: Callable[[AccountId, bytes, WrapRecord], AccountKey | None]
    wrong: Callable[[AccountId, bytes, WrapRecord], AccountKey | None]


CREDENTIALS = {
    "password": Credential(
        lambda key, account: credentials.make_password_wrap(
            key, account, PASSWORD, NOW, parameters=CHEAP
        ),
        lambda account, row, record: credentials.open_password_wrap(account, row, record, PASSWORD),
        lambda account, row, record: credentials.open_password_wrap(
            account, row, record, Plaintext(b"correct horse battery staple")
        ),
    ),
    "app password": Credential(
        lambda key, account: credentials.make_app_password_wrap(
            key, account, APP_PASSWORD, frozenset({Scope.IMAP}), NOW
        ),
        lambda account, row, record: credentials.open_app_password_wrap(
            account, row, record, APP_PASSWORD
        ),
        lambda account, row, record: credentials.open_app_password_wrap(
            account,
            row,
            record,
            Plaintext(APP_PASSWORD.reveal()[:7] + b"22-2222-2222-2222-2222-2222-2222"),
        ),
    ),
    "recovery code": Credential(
        lambda key, account: credentials.make_recovery_wrap(key, account, CODE, NOW),
        lambda account, row, record: credentials.open_recovery_wrap(account, row, record, CODE),
        lambda account, row, record: credentials.open_recovery_wrap(
            account, row, record, new_recovery_code()
        ),
    ),
    "session": Credential(
        lambda key, account: credentials.make_session_wrap(
            key, account, TOKEN, NOW, NOW + timedelta(days=1)
        ),
        lambda account, row, record: credentials.open_session_wrap(account, row, record, TOKEN),
        lambda account, row, record: credentials.open_session_wrap(
            account, row, record, SessionToken(TOKEN.selector, bytes(32))
        ),
    ),
    "member": Credential(
        lambda key, account: credentials.make_member_wrap(key, account, MEMBER.identity, NOW),
        lambda account, row, record: credentials.open_member_wrap(
            account, row, record, MEMBER.account, [MEMBER.key()]
        ),
        lambda account, row, record: credentials.open_member_wrap(
            account, row, record, MEMBER.account, [AccountKey.random(Suite.HYBRID)]
        ),
    ),
}

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


@dataclass(frozen=True)
class Loot:
    """All that one account has left on disks, with what it stands for."""

    person: Person
    account_row: Guarded
    wraps: list[tuple[RowName, Guarded, WrapRecord]]
    emails: list[Email]
    content_key: bytes
    """Of the owner's epoch: in no row, for the control."""
    sealed: list[bytes]
    """Every sealed object and content key."""
    guarded: list[bytes]


async def loot() -> Loot:
    person = Person(a_master())
    deposits = Deposits(person.marks)
    deposit = await person.deliver(deposits, b"canary summary", b"canary body", b"canary tail")
    deposits.close()
    account = person.unlock()
    own = await person.append(account, b"canary summary", b"canary body", b"canary tail")
    key = await account.owner_key(person.epochs.create)
    segment = key.seal_segment(new_object_id(), b"canary segment")
    wraps = []
    for credential in CREDENTIALS.values():
        made = credential.make(person.key(), person.account)
        name = RowName(Table.WRAP, person.account, made.row_id, made.selector)
        wraps.append(
            (name, records.seal_wrap(person.master, name, made.record).sealed, made.record)
        )
    return Loot(
        person,
        records.seal_account(person.master, person.account, person.record).sealed,
        wraps,
        [deposit, own],
        bytes(account._opened[own.epoch].key.octets),
        [
            *(part for email in (deposit, own) for part in (email.summary, email.body, email.tail)),
            segment,
            *(row.sealed for row in person.epochs.rows),
        ],
        [
            account.guard.seal_name(Kind.MAILBOX_NAME, "canary mailbox"),
            person.master.instance_guard.seal(Kind.DKIM_KEY, new_object_id(), b"canary key"),
        ],
    )


async def test_t_key_2_without_the_master_key_nothing_opens() -> None:
    """(a) Database, blobs and keystore, and another server's master key."""
    taken = await loot()
    thief = a_master()
    with pytest.raises(Corrupt):
        records.open_account(thief, taken.person.account, taken.account_row)
    readable = 0
    for name, sealed, record in taken.wraps:
        try:
            readable += records.open_wrap(thief, name, sealed) == record
        except Corrupt:
            continue
    assert readable == 1  # the recovery row, of which 160 random bits are missing
    with pytest.raises(Corrupt):
        thief.instance_guard.open(Kind.DKIM_KEY, new_object_id(), Guarded(taken.guarded[1]))
    thiefs_guard = AccountGuard(os.urandom(32), taken.person.account)
    name_hash = taken.person.unlock().guard.name_hash("canary mailbox")
    with pytest.raises(Corrupt):
        thiefs_guard.open_name(Kind.MAILBOX_NAME, name_hash, Guarded(taken.guarded[0]))
    everything = b"".join(
        [
            taken.account_row,
            *(sealed for _, sealed, _ in taken.wraps),
            *taken.sealed,
            *taken.guarded,
        ]
    )
    for secret in (b"canary", b"ada@example.org", taken.person.amk, taken.person.record.guard_key):
        assert secret not in everything
        assert base64.b64encode(secret)[:-4] not in everything


def keys_within_reach(taken: Loot) -> set[bytes]:
    """Every key that master key and keystore give, and what is stored that might serve as one."""
    master = taken.person.master
    account = records.open_account(master, taken.person.account, taken.account_row)
    material = {
        bytes(master.deposit_key(1)),
        bytes(master.log_key),
        bytes(master.tomb_key),
        account.guard_key,
        account.generations[0].public[:32],
        account.generations[0].public[-32:],
    }
    for name, sealed, _ in taken.wraps:
        record = records.open_wrap(master, name, sealed)
        material |= {record.salt.ljust(32, b"\0"), record.commit.ljust(32, b"\0")}
        material.add(record.sealed_key[-32:])
    labels = (b"seal", b"names", b"threads", b"audit", b"commit", b"link", b"inst", b"row", b"wrap")
    return material | {bytes(hkdf(octets, label)) for octets in material for label in labels}


def break_in(taken: Loot, keys: set[bytes]) -> tuple[int, int, int]:
    """Try each key as account key, content key and root; count epochs, objects and wraps opened."""
    person, epochs, objects, wraps = taken.person, 0, 0, 0
    for key in keys:
        as_account_key = person.unlock(AccountKey(SecretKey(key), 1, person.suite))
        epochs += len(person.epochs.rows) - len(as_account_key.open_epochs(person.epochs.rows))
        for row in person.epochs.rows:
            opened = OpenEpoch(
                SecretKey(key), person.account, row.epoch, Origin(row.origin), row.suite
            )
            for email in (email for email in taken.emails if email.epoch == row.epoch):
                with suppress(Corrupt):
                    opened.open_body(email.object_id, email.body)
                    objects += 1
                with suppress(Corrupt):
                    opened.open(Kind.EMAIL, FieldId.SUMMARY, email.object_id, email.summary)
                    objects += 1
        for name, _, record in taken.wraps:
            row_object = ObjectId(hashlib.sha256(b"zegel wrap" + name.row_id).digest()[:16])
            bound = context(
                Kind.WRAP,
                Origin.CREDENTIAL,
                person.account,
                row_object,
                FieldId.MASTER_KEY,
                FORMAT,
                record.generation,
                record.suite,
            )
            for cipher in (Aead(key), Aead(hkdf(key, b"wrap" + bytes([record.kind])))):
                with suppress(Corrupt):
                    cipher.open(record.sealed_key, bound)
                    wraps += 1
    return epochs, objects, wraps


async def test_t_key_2_with_the_master_key_no_sealed_object_opens() -> None:
    """(b) The server's own keys decide who may receive; none of them reads."""
    taken = await loot()
    keys = keys_within_reach(taken)
    assert len(keys) > 150
    assert break_in(taken, keys) == (0, 0, 0)
    # The same attempts do find what there is to find, given one of a user's secrets.
    session = next(record for _, _, record in taken.wraps if record.kind is WrapKind.SESSION)
    root = bytes(hkdf(TOKEN.secret, b"zegel session", salt=session.salt))
    assert break_in(taken, {taken.person.amk}) == (2, 0, 0)
    assert break_in(taken, {root}) == (0, 0, 1)
    assert break_in(taken, {taken.content_key}) == (0, 2, 0)


def private_of(amk: bytes) -> bytes:
    return bytes(hkdf(amk, b"zegel account pair\x01", 96))


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
