"""Every condition has its response; none says more than its code."""

import pytest

from mailserver.imap.status import NoDestination, status, status_of, words
from mailserver.model.errors import Absent, Condition, MailError, Refused


@pytest.mark.parametrize("condition", list(Condition))
def test_every_condition_has_a_response(condition: Condition) -> None:
    said = status(condition)
    assert said.kind in (b"NO", b"BAD", b"BYE")
    assert said.code is None or said.code.replace(b"-", b"").isalpha()
    assert (said.code is None) == (said.kind == b"BAD")


def test_a_missing_destination_is_worth_creating() -> None:
    assert status_of(NoDestination()).code == b"TRYCREATE"
    assert status_of(Absent(Condition.NO_SUCH_MAILBOX)).code == b"NONEXISTENT"


def test_both_wrong_passwords_have_one_code_and_different_words() -> None:
    wrong = Refused(Condition.AUTHENTICATION_FAILED, "wrong")
    account = Refused(Condition.ACCOUNT_PASSWORD_ON_MAIL, "anything")
    assert status_of(wrong) == status_of(account)
    assert words(wrong) == "wrong"
    assert "app password" in words(account)
    assert words(account, "https://mail.example.org/app").endswith("https://mail.example.org/app")


def test_words_are_one_line() -> None:
    assert words(MailError(Condition.BUSY, "two\r\nlines")) == "two lines"
