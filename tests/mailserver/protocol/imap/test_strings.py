"""Strings, names and instants as the server writes them (RFC 9051 §4.3, §9)."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.imap import strings
from mailserver.protocol.imap.grammar_mailbox import mailbox_name
from mailserver.protocol.imap.lexer import Lexer

NO_NUL = st.binary().filter(lambda octets: b"\x00" not in octets)
ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (rb'a"\b', rb'"a\"\\b"'),
        (b"NIL", b'"NIL"'),
        ("é".encode(), b"{2}\r\n\xc3\xa9"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\x00b", b"{3}\r\na\x00b"),
        (b"x" * 1000, b'"' + b"x" * 1000 + b'"'),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_a_string_is_quoted_where_it_can_be(octets: bytes, written: bytes) -> None:
    assert strings.string(octets) == written
    assert strings.nstring(octets) == written


def test_none_is_nil() -> None:
    assert strings.nstring(None) == b"NIL"


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (b"joe", b"joe"),
        (b"a/b.c-d_e&f=", b"a/b.c-d_e&f="),
        (b"nil", b'"nil"'),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b"a%", b'"a%"'),
        (b"a*", b'"a*"'),
        (b"a]", b'"a]"'),
        (b"(", b'"("'),
        (b"{3}", b'"{3}"'),
    ],
)
def test_an_astring_is_an_atom_where_it_can_be(octets: bytes, written: bytes) -> None:
    assert strings.astring(octets) == written


@given(NO_NUL)
def test_the_lexer_reads_what_is_written(octets: bytes) -> None:
    for written in (strings.string(octets), strings.astring(octets), strings.literal(octets)):
        lexer = Lexer(written)
        assert lexer.astring() == octets
        lexer.end()
    assert Lexer(strings.nstring(octets)).nstring() == octets


@given(NAMES.filter(lambda name: name.partition("/")[0].upper() != "INBOX"))
def test_a_mailbox_name_comes_back(name: str) -> None:
    written = strings.mailbox(name)
    assert written.isascii()
    assert mailbox_name(Lexer(written).astring()) == name


def test_mailbox_names_in_modified_utf7() -> None:
    assert strings.mailbox("INBOX") == b"INBOX"
    assert strings.mailbox("Entwürfe & mehr") == b'"Entw&APw-rfe &- mehr"'
    with pytest.raises(ValueError, match="surrogates"):
        strings.mailbox("\udc00")


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(1996, 7, 17, 2, 44, 25, tzinfo=UTC), b'"17-Jul-1996 02:44:25 +0000"'),
        (datetime(26, 1, 2, 3, 4, 5, 999999, tzinfo=UTC), b'"02-Jan-0026 03:04:05 +0000"'),
        (
            datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7))),
            b'"17-Jul-1996 09:44:25 +0000"',
        ),
    ],
)
def test_instants_are_written_in_utc(instant: datetime, written: bytes) -> None:
    assert strings.date_time(instant) == written


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES))  # noqa: DTZ001
def test_an_instant_comes_back(instant: datetime) -> None:
    assert Lexer(strings.date_time(instant)).date_time() == instant.replace(microsecond=0)
