"""Whom a message says it is from, in every way that people and forgers write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.mime.authors import Author, Authors, authors
from mailserver.protocol.mime.headers import header_fields


def of(header: bytes) -> Authors:
    return authors(header_fields(header))


@pytest.mark.parametrize(
    "value",
    [
        b"anna@example.test",
        b"Anna <anna@example.test>",
        b'"bank@bank.test" <anna@example.test>',
        b"=?utf-8?q?bank=40bank=2Etest?= <anna@example.test>",
        b"anna@example.test (bank@bank.test)",
        b"\r\n Anna\r\n <anna@example.test>",
        b"<@relay.test:anna@example.test>",
        b"Team: anna@example.test;",
    ],
)
def test_one_author_in_many_forms(value: bytes) -> None:
    assert of(b"To: bank@bank.test\r\nFrom: " + value + b"\r\n") == Authors(
        1, (Author("anna", "example.test"),)
    )


def test_every_address_of_every_field_counts_once() -> None:
    said = of(b"From: a@a.test, b@b.test\r\nfrom: c@c.test\r\nFROM: a@a.test\r\n")
    assert said == Authors(3, (Author("a", "a.test"), Author("b", "b.test"), Author("c", "c.test")))


@pytest.mark.parametrize(
    "header", [b"", b"Sender: a@a.test\r\n", b"From:\r\n", b"From: nobody:;\r\n"]
)
def test_nobody(header: bytes) -> None:
    assert of(header).listed == ()


def test_address_without_a_domain_is_an_author_of_none() -> None:
    assert of(b"From: MAILER-DAEMON\r\n").listed == (Author("MAILER-DAEMON", ""),)


def test_unicode_is_read() -> None:
    assert of("From: Päul <päul@bücher.test>\r\n".encode()).listed == (
        Author("päul", "bücher.test"),
    )
    assert str(of("From: päul@bücher.test\r\n".encode()).listed[0]) == "päul@bücher.test"


@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(value: bytes) -> None:
    of(b"From: " + value)
