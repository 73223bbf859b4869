"""Codes that people type: their shape, what is forgiven, what is not."""

import base64
import contextlib
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Condition, Refused
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Plaintext
from mailserver.vault.codes import (
    SessionToken,
    app_password_selector,
    new_app_password_secret,
    new_recovery_code,
    normal_app_password,
    recovery_octets,
)

ACCOUNT = AccountId(b"a" * 16)


def test_an_app_password_is_eight_groups_of_four() -> None:
    secret = new_app_password_secret().reveal()
    assert re.fullmatch(rb"([a-z2-7]{4}-){7}[a-z2-7]{4}", secret)
    assert len(base64.b32decode(secret.replace(b"-", b"").upper())) == 20
    assert secret != new_app_password_secret().reveal()


@pytest.mark.parametrize(
    "typed",
    [
        b"abcd-efgh-ijkl",
        b"ABCD-EFGH-IJKL",
        b"abcdefghijkl",
        b" abcd efgh\tijkl\r\n",
        b"aBcD--eFgH ijkl",
    ],
)
def test_case_blanks_and_dashes_of_an_app_password_do_not_matter(typed: bytes) -> None:
    assert normal_app_password(Plaintext(typed)) == b"abcdefghijkl"


def test_the_first_six_characters_select_within_the_account() -> None:
    selector = app_password_selector(ACCOUNT, Plaintext(b"abcd-efgh"))
    assert len(selector) == 16
    assert selector == app_password_selector(ACCOUNT, Plaintext(b"ABCDEF then anything"))
    assert selector != app_password_selector(ACCOUNT, Plaintext(b"abcd-egfh"))
    assert selector != app_password_selector(AccountId(bytes(16)), Plaintext(b"abcd-efgh"))


def test_a_recovery_code_has_eight_groups_and_two_check_characters() -> None:
    code = new_recovery_code().reveal()
    assert re.fullmatch(rb"([0-9A-HJKMNP-TV-Z]{4}-){8}[0-9A-HJKMNP-TV-Z]{2}", code)
    assert len(recovery_octets(Plaintext(code))) == 20
    assert code != new_recovery_code().reveal()


def test_what_a_person_may_mistake_is_read_as_meant() -> None:
    while not all(one in (code := new_recovery_code().reveal()) for one in (b"0", b"1")):
        pass
    octets = recovery_octets(Plaintext(code))
    for typed in (
        code.lower(),
        code.replace(b"-", b" "),
        code.replace(b"-", b""),
        code.replace(b"0", b"O"),
        code.replace(b"0", b"o"),
        code.replace(b"1", b"I"),
        code.replace(b"1", b"l"),
        b"  " + code + b"\r\n",
    ):
        assert recovery_octets(Plaintext(typed)) == octets


@given(st.integers(0, 33), st.sampled_from("23456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_mistyped_character_is_told(position: int, character: str) -> None:
    code = bytearray(new_recovery_code().reveal().replace(b"-", b""))
    right = bytes(code)
    code[position] = ord(character)
    if bytes(code) == right:
        return
    with contextlib.suppress(Refused):  # one slip in 1,024 passes the check; it then opens nothing
        assert recovery_octets(Plaintext(bytes(code))) != recovery_octets(Plaintext(right))


@pytest.mark.parametrize(
    "typed",
    [b"", b"AAAA", b"U" * 34, b"\xff" * 34, b"!" * 34, "é".encode() * 17, b"0" * 33, b"0" * 35],
)
def test_what_is_no_recovery_code_is_refused(typed: bytes) -> None:
    with pytest.raises(Refused) as caught:
        recovery_octets(Plaintext(typed))
    assert caught.value.condition is Condition.AUTHENTICATION_FAILED


def test_a_session_token_travels_as_a_cookie() -> None:
    token = SessionToken.random()
    cookie = token.cookie()
    assert re.fullmatch(rb"[\w-]{22}\.[\w-]{43}", cookie.reveal())
    assert SessionToken.parse(cookie) == token
    assert (len(token.selector), len(token.secret), len(token.row_id)) == (16, 32, 32)
    assert token.selector not in token.row_id
    assert token.row_id != SessionToken.random().row_id


@pytest.mark.parametrize(
    "cookie",
    [
        b"",
        b".",
        b"a.b.c",
        b"one-part",
        b"!!!!.????",
        b"AAAA.AAAA",
        SessionToken(bytes(16), bytes(31)).cookie().reveal(),
        SessionToken(bytes(15), bytes(32)).cookie().reveal(),
    ],
)
def test_what_is_no_session_token_is_refused(cookie: bytes) -> None:
    with pytest.raises(Refused) as caught:
        SessionToken.parse(Plaintext(cookie))
    assert caught.value.condition is Condition.AUTHENTICATION_FAILED


def test_a_session_token_does_not_print_or_pickle() -> None:
    token = SessionToken.random()
    assert repr(token) == "<session token>"
    with pytest.raises(TypeError):
        pickle.dumps(token)
