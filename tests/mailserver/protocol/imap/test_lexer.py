"""The terminals of the grammar (RFC 9051 §9)."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar

import pytest

from mailserver.protocol.imap.lexer import Lexer, SyntaxFault, head

Read = TypeVar("Read")


def whole(text: bytes, read: Callable[[Lexer], Read]) -> Read:
    lexer = Lexer(text)
    found = read(lexer)
    lexer.end()
    return found


@pytest.mark.parametrize(
    ("line", "tag", "at"),
    [
        (b"a1 NOOP\r\n", b"a1", 3),
        (b"A.B]-_1   NOOP\n", b"A.B]-_1", 10),
        (b"a1\r\n", b"a1", 2),
        (b"a" * 255 + b" NOOP\r\n", b"a" * 255, 256),
        (b"a" * 256 + b" NOOP\r\n", None, 0),
        (b"+a NOOP\r\n", None, 0),
        (b"a+b NOOP\r\n", None, 0),
        (b"* NOOP\r\n", None, 0),
        (b" NOOP\r\n", None, 0),
        (b"a\x00 NOOP\r\n", None, 0),
        (b"\xe9 NOOP\r\n", None, 0),
        (b"\r\n", None, 0),
        (b"", None, 0),
    ],
)
def test_a_line_begins_with_a_tag(line: bytes, tag: bytes | None, at: int) -> None:
    assert head(line) == (tag, at)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (b"joe", b"joe"),
        (b"a]b", b"a]b"),
        (b"+1-2.3", b"+1-2.3"),
        (b'""', b""),
        (b'"a b"', b"a b"),
        (rb'"a \"b\" \\ c"', rb'a "b" \ c'),
        ('"Entwürfe"'.encode(), "Entwürfe".encode()),
        (b"{5}\r\na\r\nb ", b"a\r\nb "),
        (b"{0}\r\n", b""),
        (b"{3+}\r\n\xff{}", b"\xff{}"),
        (b"{3+}\nabc", b"abc"),
    ],
)
def test_an_astring_is_an_atom_or_a_string(text: bytes, octets: bytes) -> None:
    assert whole(text, Lexer.astring) == octets


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"(",
        b"a b",
        b"a{",
        b"a%",
        b"a*",
        b"a\\",
        b'a"',
        b"\xe9",
        b"a\x00",
        b"a\x7f",
        b'"a',
        b'"\\a"',
        b'"a\x00"',
        b'"a\rb"',
        b'"a\nb"',
        b'"a\\"',
        b"{3}\r\nab",
        b"{3}abc",
        b"{1}\r\n\x00",
        b"{-1}\r\n",
        b"{}\r\n",
        b"{3++}\r\nabc",
        b"{3}\rabc",
    ],
)
def test_nothing_else_is_an_astring(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        whole(text, Lexer.astring)


def test_a_pattern_may_have_wildcards() -> None:
    assert whole(b"a/%/b*]", Lexer.pattern) == b"a/%/b*]"
    assert whole(b'"a %"', Lexer.pattern) == b"a %"


@pytest.mark.parametrize(
    ("text", "octets"), [(b"NIL", None), (b"nil", None), (b'"NIL"', b"NIL"), (b'""', b"")]
)
def test_nil_is_no_string(text: bytes, octets: bytes | None) -> None:
    assert whole(text, Lexer.nstring) == octets


def test_numbers_are_bounded() -> None:
    assert whole(b"0", Lexer.number) == 0
    assert whole(b"4294967295", Lexer.number) == 2**32 - 1
    assert whole(b"9223372036854775807", Lexer.number64) == 2**63 - 1
    for text in (b"4294967296", b"-1", b"", b"x", b"9" * 30):
        with pytest.raises(SyntaxFault):
            whole(text, Lexer.number)
    with pytest.raises(SyntaxFault):
        whole(b"9223372036854775808", Lexer.number64)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (b"1-Feb-1994", date(1994, 2, 1)),
        (b'"01-feb-1994"', date(1994, 2, 1)),
        (b"29-FEB-2024", date(2024, 2, 29)),
        (b"31-Dec-9999", date(9999, 12, 31)),
    ],
)
def test_a_date(text: bytes, day: date) -> None:
    assert whole(text, Lexer.date) == day


@pytest.mark.parametrize(
    "text",
    [
        b"29-Feb-2023",
        b"0-Jan-2024",
        b"1-Foo-2024",
        b"1-Jan-24",
        b'"1-Jan-2024',
        b'1-Jan-2024"',
        b"1-Jan-0000",
        b"1 Jan 2024",
        b"2024-01-01",
        b"",
    ],
)
def test_no_date(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        whole(text, Lexer.date)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        (b'"17-Jul-1996 02:44:25 -0700"', datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)),
        (b'" 7-jul-1996 02:44:25 +0530"', datetime(1996, 7, 6, 21, 14, 25, tzinfo=UTC)),
        (b'"7-Jul-1996 02:44:25 +0000"', datetime(1996, 7, 7, 2, 44, 25, tzinfo=UTC)),
    ],
)
def test_an_instant_comes_in_utc(text: bytes, instant: datetime) -> None:
    found = whole(text, Lexer.date_time)
    assert (found, found.tzinfo) == (instant, UTC)


@pytest.mark.parametrize(
    "text",
    [
        b"17-Jul-1996 02:44:25 -0700",
        b'"17-Jul-1996 02:44:25"',
        b'"17-Jul-1996 24:00:00 +0000"',
        b'"17-Jul-1996 23:59:60 +0000"',
        b'"31-Jun-1996 00:00:00 +0000"',
        b'"17-Xyz-1996 00:00:00 +0000"',
        b'"17-Jul-1996 00:00:00 +2400"',
        b'"01-Jan-0001 00:00:00 +0100"',
        b'"31-Dec-9999 23:59:59 -0001"',
        b'"17-Jul-1996 00:00:00 UTC"',
    ],
)
def test_no_instant(text: bytes) -> None:
    with pytest.raises(SyntaxFault):
        whole(text, Lexer.date_time)


def test_lists_take_more_spaces_than_the_grammar_has() -> None:
    lexer = Lexer(b"(  a   b )  ")
    lexer.open()
    assert (lexer.atom(), lexer.close(), lexer.atom(), lexer.close()) == (b"a", False, b"b", True)
    lexer.end()


def test_items_of_a_list_stand_apart() -> None:
    lexer = Lexer(b'(a"b")')
    lexer.open()
    lexer.atom()
    with pytest.raises(SyntaxFault, match="a space or"):
        lexer.close()
