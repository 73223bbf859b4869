"""BODY[...] (RFC 3501 §6.4.5)."""

import pytest

from mailserver.protocol.mime.scan import scan
from mailserver.protocol.mime.section import (
    Section,
    What,
    find_part,
    omit_fields,
    section,
    select_fields,
)

MESSAGE = (
    b"Subject: outer\r\nFrom: a@x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\nTo: c@x\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
    b"--i\r\nX: y\r\n\r\ntwo-one\r\n--i\r\nContent-Type: text/html\r\n\r\n<p>\r\n--i--\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: single\r\n\r\ntext\r\n"
    b"--b--\r\n"
)
_START = MESSAGE.index(b"Subject: inner")
INNER = MESSAGE[_START : MESSAGE.index(b"\r\n--b\r\n", _START)]
INNER_HEADER, _, INNER_TEXT = INNER.partition(b"\r\n\r\n")
INNER_HEADER += b"\r\n\r\n"


@pytest.mark.parametrize(
    ("path", "what", "octets"),
    [
        ((), "", MESSAGE),
        ((), "HEADER", MESSAGE[: MESSAGE.index(b"--b")]),
        ((), "TEXT", MESSAGE[MESSAGE.index(b"--b") :]),
        ((), "MIME", None),
        ((1,), "", b"one"),
        ((1,), "MIME", b"Content-Type: text/plain\r\n\r\n"),
        ((1,), "HEADER", None),
        ((1,), "TEXT", None),
        ((1, 1), "", None),
        ((2,), "", INNER),
        ((2,), "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ((2,), "HEADER", INNER_HEADER),
        ((2,), "TEXT", INNER_TEXT),
        ((2, 1), "", b"two-one"),
        ((2, 1), "MIME", b"X: y\r\n\r\n"),
        ((2, 2), "", b"<p>"),
        ((2, 3), "", None),
        ((3, 1), "", b"text"),
        ((3, 1), "MIME", b"Subject: single\r\n\r\n"),
        ((3, 2), "", None),
        ((3, 1, 1), "", None),
        ((4,), "", None),
        ((0,), "", None),
    ],
)
def test_sections(path: tuple[int, ...], what: What, octets: bytes | None) -> None:
    assert section(MESSAGE, Section(path, what)) == octets
    assert section(MESSAGE, Section(path, what), scan(MESSAGE)) == octets


def test_part_one_of_a_message_that_is_no_multipart_is_its_text() -> None:
    message = b"Subject: x\r\n\r\nhello"
    assert section(message, Section((1,))) == b"hello"
    assert section(message, Section((1,), "MIME")) == b"Subject: x\r\n\r\n"
    assert section(message, Section((2,))) is None
    assert section(message, Section((1, 1))) is None


def test_a_message_that_is_itself_an_embedded_message() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhello"
    assert section(message, Section((1,))) == b"Subject: in\r\n\r\nhello"
    assert section(message, Section((1,), "TEXT")) == b"hello"
    assert section(message, Section((1, 1))) == b"hello"
    root = scan(message)
    assert find_part(root, (1, 1)) is root.message


def test_header_fields() -> None:
    spec = Section((), "HEADER.FIELDS", (b"FROM", b"x-none", b"subject"))
    assert section(MESSAGE, spec) == b"Subject: outer\r\nFrom: a@x\r\n\r\n"
    spec = Section((2,), "HEADER.FIELDS", (b"to",))
    assert section(MESSAGE, spec) == b"To: c@x\r\n\r\n"
    assert section(MESSAGE, Section((), "HEADER.FIELDS", (b"x-none",))) == b"\r\n"
    assert section(MESSAGE, Section((1,), "HEADER.FIELDS", (b"to",))) is None


def test_header_fields_not() -> None:
    spec = Section((2,), "HEADER.FIELDS.NOT", (b"to", b"CONTENT-TYPE"))
    assert section(MESSAGE, spec) == b"Subject: inner\r\n\r\n"


def test_fields_keep_their_folds_repetitions_and_order() -> None:
    header = b"A: 1\r\n 2\r\nB: 3\r\na : 4\r\n\t5\r\n\r\n"
    assert select_fields(header, [b"A"]) == b"A: 1\r\n 2\r\na : 4\r\n\t5\r\n\r\n"
    assert omit_fields(header, [b"A"]) == b"B: 3\r\n\r\n"


def test_a_name_is_no_pattern_and_no_beginning() -> None:
    header = b"Ab: 1\r\nA.b: 2\r\n a: 3\r\n"
    assert select_fields(header, [b"a"]) == b"\r\n"
    assert select_fields(header, [b"A.b"]) == b"A.b: 2\r\n a: 3\r\n\r\n"
    assert select_fields(header, [b" a", b"a:", b""]) == b"\r\n"
    assert select_fields(header, []) == b"\r\n"


def test_a_message_that_ends_in_its_header() -> None:
    assert select_fields(b"A: 1", [b"a"]) == b"A: 1\r\n\r\n"
    assert omit_fields(b"A: 1", [b"b"]) == b"A: 1\r\n\r\n"
