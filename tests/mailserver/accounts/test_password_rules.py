"""T-AUTH-1: the table of passwords that are taken and refused."""

import pytest

from mailserver.accounts.common_passwords import is_common
from mailserver.accounts.passwords import check
from mailserver.model.address import Address
from mailserver.model.errors import Condition, Refused
from mailserver.model.sealed import Plaintext

ALICE = Address.parse("alice.jansen@example.org")


@pytest.mark.parametrize(
    ("password", "with_factor", "taken"),
    [
        ("correct horse battery staple", False, True),
        ("drie natte kastanjes", False, True),
        ("Ünïcode grüßt", False, False),  # 13 characters
        ("Ünïcode grüßt", True, True),
        ("x" * 3 + "Tq9 fire lamp " * 9, False, True),  # 128 and more
        ("qwertyuiopasdfghjkl", False, False),
        ("123456789012345", False, False),
        ("password1234567", False, False),
        ("abcdefghijklmnopqrstuvwxyz", False, False),
        ("wachtwoord12345678", False, False),
        ("Zegel-Zegel-Mail1", False, False),
        ("alice.jansen.2026", False, False),
    ],
)
def test_t_auth_1(password: str, with_factor: bool, taken: bool) -> None:
    if taken:
        check(Plaintext(password.encode()), ALICE, second_factor=with_factor)
        return
    with pytest.raises(Refused) as refusal:
        check(Plaintext(password.encode()), ALICE, second_factor=with_factor)
    assert refusal.value.condition is Condition.WEAK_PASSWORD


def test_accents_typed_either_way_are_one_password() -> None:
    assert not is_common("een onbekend wachtwoord")
    assert is_common("123456789012345")
