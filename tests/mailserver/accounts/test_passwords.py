"""What passes as an account password."""

import pytest

from mailserver.accounts.passwords import check
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext

ALICE = Address.parse("alice.jansen@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "een fiets in de herfstregen",
        "пароль на пятнадцать букв",
        "x7#kQ9!mZ2$vB5w",
        "seven grey geese cross a lake while the ferryman sleeps; " * 4,
    ],
)
def test_a_long_password_passes(password: str) -> None:
    check(Plaintext(password.encode()), ALICE)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        (b"", "15 characters"),
        (b"fourteen chars", "15 characters"),
        (b"aaaaaaaaaaaaaaaaaaaaaaa", "repeats"),
        (b"alice.jansen@example", "own name"),
        (b"Alice-Jansen-2026!", "own name"),
        (b"\xff" * 20, "UTF-8"),
        (b"a long one " * 200, "longer"),
    ],
)
def test_a_weak_one_does_not(password: bytes, why: str) -> None:
    with pytest.raises(Refused, match=why) as raised:
        check(Plaintext(password), ALICE)
    assert raised.value.condition is Condition.WEAK_PASSWORD
    assert not password or password.decode("latin-1") not in raised.value.text


def test_a_second_factor_allows_twelve_characters() -> None:
    check(Plaintext(b"t7!fish-lamp"), ALICE, second_factor=True)
    with pytest.raises(Refused):
        check(Plaintext(b"t7!fish-lam"), ALICE, second_factor=True)
