"""Credentials: what is recorded, bound and refused (round trips: tests/privacy/test_keys.py)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailserver.crypto.kdf import ARGON2_CURRENT
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt, Refused
from mailserver.model.ids import new_account_id
from mailserver.model.sealed import Plaintext
from mailserver.vault import credentials
from mailserver.vault.account_key import AccountKey
from mailserver.vault.codes import (
    SessionToken,
    app_password_selector,
    new_app_password_secret,
    new_recovery_code,
)
from mailserver.vault.records import PublicIdentity, Scope, WrapKind
from tests.support.vault import NOW, Person, a_master

ACCOUNT = new_account_id()
KEY = AccountKey.random(Suite.HYBRID)
SECRET = Plaintext(b"bench-0-app-password")
IMAP = frozenset({Scope.IMAP})
CHEAP = 1  # the least costly parameters on the list


def test_a_password_is_text_however_its_accents_are_composed() -> None:
    composed, decomposed = "pässword of ünusual length", "pässword of ünusual length"
    made = credentials.make_password_wrap(
        KEY, ACCOUNT, Plaintext(composed.encode()), NOW, parameters=CHEAP
    )
    opened = credentials.open_password_wrap(
        ACCOUNT, made.row_id, made.record, Plaintext(decomposed.encode())
    )
    assert opened.amk.octets == KEY.amk.octets


def test_a_password_that_is_no_text_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        credentials.make_password_wrap(KEY, ACCOUNT, Plaintext(b"\xff" * 20), NOW)
    assert caught.value.condition is Condition.WEAK_PASSWORD
    made = credentials.make_password_wrap(KEY, ACCOUNT, Plaintext(b"x"), NOW, parameters=CHEAP)
    with pytest.raises(Refused) as caught:
        credentials.open_password_wrap(ACCOUNT, made.row_id, made.record, Plaintext(b"\xff"))
    assert caught.value.condition is Condition.AUTHENTICATION_FAILED


def test_old_parameters_are_told_so_that_login_renews_them() -> None:
    old = credentials.make_password_wrap(KEY, ACCOUNT, Plaintext(b"pass"), NOW, parameters=CHEAP)
    assert credentials.password_outdated(old.record)
    assert not credentials.password_outdated(replace(old.record, kdf=ARGON2_CURRENT))


def test_parameters_off_the_list_are_never_used() -> None:
    with pytest.raises(Corrupt):
        credentials.make_password_wrap(KEY, ACCOUNT, Plaintext(b"pass"), NOW, parameters=9)
    made = credentials.make_password_wrap(KEY, ACCOUNT, Plaintext(b"pass"), NOW, parameters=CHEAP)
    with pytest.raises(Corrupt):
        credentials.open_password_wrap(
            ACCOUNT, made.row_id, replace(made.record, kdf=0), Plaintext(b"pass")
        )


def test_work_is_spent_for_people_and_passwords_that_do_not_exist() -> None:
    credentials.spend_password(Plaintext(b"pass"))
    credentials.spend_password(Plaintext(b"\xff"))
    credentials.spend_app_password(ACCOUNT, SECRET)


def test_an_app_password_carries_its_bounds() -> None:
    made = credentials.make_app_password_wrap(
        KEY,
        ACCOUNT,
        SECRET,
        IMAP,
        NOW,
        label="phone",
        cidrs=("192.0.2.0/24",),
        expires_at=NOW + timedelta(days=1),
    )
    record = made.record
    assert made.selector == app_password_selector(ACCOUNT, SECRET)
    assert (record.kind, record.scopes, record.label) == (WrapKind.APP_PASSWORD, IMAP, "phone")
    assert (record.cidrs, record.expires_at) == (("192.0.2.0/24",), NOW + timedelta(days=1))
    assert (record.made_at, record.generation, record.kdf) == (NOW, 1, 0)


def test_the_same_secret_never_gives_the_same_record() -> None:
    one, other = (
        credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, IMAP, NOW) for _ in range(2)
    )
    assert one.row_id != other.row_id
    assert one.record.commit != other.record.commit
    assert one.record.sealed_key != other.record.sealed_key


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"nineteen-characters",
        b"- - - - - - - - - - - - - - - - -",
        b"-" * 9 + b"fifteen letters",
    ],
)
def test_a_short_secret_is_refused(secret: bytes) -> None:
    with pytest.raises(ValueError, match="20 characters"):
        credentials.make_app_password_wrap(KEY, ACCOUNT, Plaintext(secret), IMAP, NOW)


def test_an_app_password_without_a_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="scope"):
        credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, frozenset(), NOW)


def test_one_for_sending_only_holds_no_key() -> None:
    """It sits in printers: whoever takes it reads nothing."""
    sending = frozenset({Scope.SMTP})
    made = credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, sending, NOW)
    assert made.record.sealed_key == b""
    assert credentials.open_app_password_wrap(ACCOUNT, made.row_id, made.record, SECRET) is None
    with pytest.raises(Refused):
        credentials.open_app_password_wrap(
            ACCOUNT, made.row_id, made.record, new_app_password_secret()
        )
    both = credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, sending | IMAP, NOW)
    opened = credentials.open_app_password_wrap(ACCOUNT, both.row_id, both.record, SECRET)
    assert opened is not None
    assert opened.amk.octets == KEY.amk.octets


def test_a_wrap_is_bound_to_account_row_and_generation() -> None:
    made = credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, IMAP, NOW)
    for account, row_id, record in (
        (new_account_id(), made.row_id, made.record),
        (ACCOUNT, b"another row", made.record),
        (ACCOUNT, made.row_id, replace(made.record, generation=2)),
        (ACCOUNT, made.row_id, replace(made.record, suite=Suite.CLASSICAL)),
        (ACCOUNT, made.row_id, replace(made.record, sealed_key=b"")),
    ):
        with pytest.raises(Corrupt):
            credentials.open_app_password_wrap(account, row_id, record, SECRET)


def test_a_secret_opens_its_own_kind_only() -> None:
    made = credentials.make_app_password_wrap(KEY, ACCOUNT, SECRET, IMAP, NOW)
    with pytest.raises(Refused):
        credentials.open_app_password_wrap(
            ACCOUNT, made.row_id, replace(made.record, kind=WrapKind.SESSION), SECRET
        )


def test_a_recovery_code_is_checked_before_it_is_used() -> None:
    with pytest.raises(Refused):
        credentials.make_recovery_wrap(KEY, ACCOUNT, Plaintext(b"mistyped"), NOW)
    made = credentials.make_recovery_wrap(KEY, ACCOUNT, code := new_recovery_code(), NOW)
    opened = credentials.open_recovery_wrap(ACCOUNT, made.row_id, made.record, code)
    assert opened.unproven


def test_a_session_is_found_by_its_token() -> None:
    token = SessionToken.random()
    made = credentials.make_session_wrap(KEY, ACCOUNT, token, NOW, NOW + timedelta(hours=24))
    assert made.row_id == token.row_id
    assert made.record.expires_at == NOW + timedelta(hours=24)
    assert credentials.open_session_wrap(ACCOUNT, made.row_id, made.record, token).generation == 1


def test_a_members_wrap_is_for_that_member_and_row() -> None:
    master = a_master()
    ada, eve = Person(master), Person(master)
    made = credentials.make_member_wrap(KEY, ACCOUNT, ada.identity, NOW)
    ada_key = ada.key()
    opened = credentials.open_member_wrap(
        ACCOUNT,
        made.row_id,
        made.record,
        ada.account,
        [AccountKey.random(Suite.HYBRID, 7), ada_key],
    )
    assert opened.amk.octets == KEY.amk.octets
    for account, row_id, record, member, keys in (
        (ACCOUNT, made.row_id, made.record, eve.account, [eve.key()]),
        (
            ACCOUNT,
            made.row_id,
            replace(made.record, member=(eve.account, 1)),
            eve.account,
            [eve.key()],
        ),
        (ACCOUNT, made.row_id, replace(made.record, member=None), ada.account, [ada_key]),
        (ACCOUNT, made.row_id, replace(made.record, kind=WrapKind.SESSION), ada.account, [ada_key]),
        (ACCOUNT, made.row_id, made.record, ada.account, []),
        (ACCOUNT, b"another row", made.record, ada.account, [ada_key]),
        (new_account_id(), made.row_id, made.record, ada.account, [ada_key]),
    ):
        with pytest.raises(Refused) as caught:
            credentials.open_member_wrap(account, row_id, record, member, keys)
        assert caught.value.condition is Condition.AUTHENTICATION_FAILED


def test_nothing_is_wrapped_for_a_member_without_a_key() -> None:
    nobody = PublicIdentity(new_account_id(), 1, Suite.HYBRID, b"no key")
    with pytest.raises(Corrupt):
        credentials.make_member_wrap(KEY, ACCOUNT, nobody, NOW)
