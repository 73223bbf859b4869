from datetime import UTC, datetime

import pytest

from mailserver.model.address import Address
from mailserver.model.errors import Condition, PeerFault, Refused
from mailserver.protocol.smtp.submission import prepare_submission

ALICE = Address.parse("alice@zegel.test")
AT = datetime(2026, 3, 1, 9, 8, 7, tzinfo=UTC)


def prepared(message: bytes) -> bytes:
    return prepare_submission(message, ALICE, lambda a: a.key == ALICE.key, now=AT, token="r4nd0m")


def test_date_and_message_id_are_added_where_they_are_missing() -> None:
    assert prepared(b"From: alice@zegel.test\r\n\r\nhello\r\n") == (
        b"Date: Sun, 01 Mar 2026 09:08:07 +0000\r\nMessage-ID: <r4nd0m@zegel.test>\r\n"
        b"From: alice@zegel.test\r\n\r\nhello\r\n"
    )


def test_a_complete_message_stays_as_it_is() -> None:
    message = (
        b"Date: Mon, 02 Mar 2026 10:00:00 +0100\r\nMESSAGE-ID: <a@b>\r\n"
        b"From: =?utf-8?q?Al=C3=AFce?=\r\n <Alice@Zegel.Test>\r\nSubject: a\r\n\tb\r\n\r\n"
        b"Bcc: not a header\r\n"
    )
    assert prepared(message) == message


def test_what_tells_where_and_with_what_is_taken_out() -> None:
    message = (
        b"Received: from laptop (192.168.1.5)\r\n\tby relay; today\r\nReturn-Path: <x@y>\r\n"
        b"Date: d\r\nMessage-ID: <m@x>\r\nBcc: carol@zegel.test,\r\n dave@zegel.test\r\n"
        b"X-Originating-IP: [192.0.2.1]\r\nFrom: alice@zegel.test\r\nx-mailer: M 1.0\r\n"
        b"User-Agent: U\r\nResent-Bcc: e@f\r\nTo: bob@zegel.test\r\n\r\nhello\r\n"
    )
    assert prepared(message) == (
        b"Date: d\r\nMessage-ID: <m@x>\r\nFrom: alice@zegel.test\r\n"
        b"To: bob@zegel.test\r\n\r\nhello\r\n"
    )


def test_a_header_alone_gets_its_empty_line() -> None:
    assert prepared(b"Date: d\r\nMessage-ID: <m@x>\r\nFrom: alice@zegel.test\r\n").endswith(
        b"\r\nFrom: alice@zegel.test\r\n\r\n"
    )


@pytest.mark.parametrize(
    "sender",
    [
        b"From: mallory@zegel.test",
        b"From: alice@other.test",
        b"From: alice@zegel.test, mallory@zegel.test",
        b'From: "alice@zegel.test" <mallory@zegel.test>',
        b"From: alice@zegel.test (alice) , <mallory@zegel.test>",
        b"From: alice@zegel.test\r\nSender: mallory@zegel.test",
    ],
)
def test_nobody_elses_name_stands_in_from(sender: bytes) -> None:
    with pytest.raises(Refused) as error:
        prepared(sender + b"\r\n\r\nhello\r\n")
    assert error.value.condition is Condition.SENDER_NOT_YOURS


@pytest.mark.parametrize(
    "header",
    [
        b"To: bob@zegel.test",
        b"From: alice@zegel.test\r\nFrom: alice@zegel.test",
        b"From:",
        b"From: undisclosed:;",
        b"From: alice",
        b"From: <alice@zegel.test> <mallory@zegel.test>",
        b"From: mallory@zegel.test <alice@zegel.test>",
        b"From: alice@zegel.test@other.test",
        b"From: " + b"(" * 20_000 + b"alice@zegel.test" + b")" * 20_000,
        b"From: al\xffice@zegel.test",
        b"From: <@zegel.test>",
        b"From alice Sun Mar 1\r\nFrom: alice@zegel.test",
        b" continued\r\nFrom: alice@zegel.test",
    ],
)
def test_what_two_readers_might_read_differently_is_refused(header: bytes) -> None:
    with pytest.raises(PeerFault) as error:
        prepared(header + b"\r\n\r\nhello\r\n")
    assert error.value.condition is Condition.BAD_MESSAGE


def test_a_message_without_a_header_is_refused() -> None:
    with pytest.raises(PeerFault):
        prepared(b"\r\nhello\r\n")
    with pytest.raises(PeerFault):
        prepared(b"")


def test_quoted_names_and_comments_are_no_addresses() -> None:
    message = (
        b'Date: d\r\nMessage-ID: <m@x>\r\nFrom: "A, B <x@y>" (c@d (e@f)) <alice@zegel.test>\r\n\r\n'
    )
    assert prepared(message) == message


def test_a_quoted_local_part_is_an_address() -> None:
    own = Address('al"ice b', "zegel.test")
    message = b'Date: d\r\nMessage-ID: <m@x>\r\nFrom: <"al\\"ice b"@zegel.test>\r\n\r\n'
    assert prepare_submission(message, own, lambda a: a == own, now=AT, token="t") == message
