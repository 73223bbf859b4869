"""ENVELOPE (RFC 3501 §7.4.2) and strings (RFC 3501 §4.3)."""

import pytest

from mailserver.protocol.mime.envelope import address_list, envelope, nstring, string
from mailserver.protocol.mime.headers import header_fields


def of(header: bytes) -> bytes:
    return envelope(header_fields(header))


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (b"", b'""'),
        (b"plain\ttext\x7f", b'"plain\ttext\x7f"'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"a\nb", b"{3}\r\na\nb"),
        (b"\xc3\xa9", b"{2}\r\n\xc3\xa9"),
        (b"a\0b", b'"ab"'),
        (b'\0"', b'"\\""'),
        (b"\0\xff\0", b"{1}\r\n\xff"),
    ],
)
def test_strings(value: bytes, octets: bytes) -> None:
    assert string(value) == octets
    assert nstring(value) == octets


def test_no_string_is_nil() -> None:
    assert nstring(None) == b"NIL"


def test_an_empty_header() -> None:
    assert of(b"\r\n") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_all_of_it() -> None:
    assert of(
        b"Date: Sat, 01 Feb 2007 01:02:03 +0200\r\nSubject: =?utf-8?q?=C3=A9?=\r\n folded\r\n"
        b'From: "A B" <a@x>\r\nSender: s@x\r\nReply-To: r@x\r\nTo: t@x, u@x\r\nCc: c@x\r\n'
        b"Bcc: b@x\r\nIn-Reply-To: <i@x>\r\nMessage-ID: <m@x>\r\n\r\n"
    ) == (
        b'("Sat, 01 Feb 2007 01:02:03 +0200" "=?utf-8?q?=C3=A9?= folded" (("A B" NIL "a" "x")) '
        b'((NIL NIL "s" "x")) ((NIL NIL "r" "x")) ((NIL NIL "t" "x")(NIL NIL "u" "x")) '
        b'((NIL NIL "c" "x")) ((NIL NIL "b" "x")) "<i@x>" "<m@x>")'
    )


@pytest.mark.parametrize("more", [b"", b"Sender: \r\nReply-To: \r\n"])
def test_sender_and_reply_to_default_to_from(more: bytes) -> None:
    who = b'((NIL NIL "a" "x"))'
    assert of(b"From: a@x\r\n" + more) == (
        b"(NIL NIL " + b" ".join([who] * 3) + b" NIL NIL NIL NIL NIL)"
    )


def test_the_first_of_repeated_fields_counts() -> None:
    assert of(b"Subject: one\r\nSubject: two\r\n").startswith(b'(NIL "one" ')


def test_an_empty_field_is_an_empty_string() -> None:
    # RFC 3501 §7.4.2: NIL says that the field is absent, the empty string that it is empty
    assert of(b"Subject:\r\n").startswith(b'(NIL "" ')


def test_groups_begin_and_end_with_markers() -> None:
    assert address_list(b"g: a@x;") == (b'((NIL NIL "g" NIL)(NIL NIL "a" "x")(NIL NIL NIL NIL))')


def test_a_missing_domain_is_not_nil() -> None:
    # NIL would begin a group
    assert address_list(b"root") == b'((NIL NIL "root" ""))'


def test_long_lists_and_missing_ones() -> None:
    many = b",".join(b"a%d@x" % number for number in range(100))
    assert address_list(many).count(b"(NIL NIL") == 100
    assert address_list(None) == b"NIL"


def test_8_bit_names_are_literals() -> None:
    assert address_list(b"\xc3\xa9 <a@x>") == b'(({2}\r\n\xc3\xa9 NIL "a" "x"))'
