"""Fields, parameters, encoded words, dates and message ids."""

import pytest

from mailserver.protocol.mime.headers import (
    REFERENCES,
    first,
    header_fields,
    message_ids,
    parameter,
    parameter_text,
    parameterised,
    sent_date,
    text_of,
    thread_ids,
    unfold,
)


def test_fields_keep_their_octets() -> None:
    block = b"Subject: a\r\n b\r\n\tc\r\nFROM :x\nTo:\r\n\r\n"
    assert header_fields(block) == [
        (b"subject", b" a\r\n b\r\n\tc\r\n", b"Subject: a\r\n b\r\n\tc\r\n"),
        (b"from", b"x\n", b"FROM :x\n"),
        (b"to", b"\r\n", b"To:\r\n"),
    ]


def test_a_line_of_white_space_continues_a_field() -> None:
    # RFC 5322 §4.2 (obs-FWS): only an empty line ends the header
    assert header_fields(b"A: b\r\n \r\n c\r\n")[0][2] == b"A: b\r\n \r\n c\r\n"


def test_lines_that_are_no_fields_are_left_out_with_their_continuations() -> None:
    block = b"From x@y Mon\r\n cont: 1\r\n:empty\r\nno colon here: not\r\nA: b"
    assert [whole for _, _, whole in header_fields(block)] == [b"A: b"]


def test_unfold_takes_out_line_ends_only() -> None:
    assert unfold(b" a\r\n b\n\tc \r\n") == b"a b\tc"
    assert first(header_fields(b"A: b\r\nA: c\r\n"), b"a") == b"b"
    assert first([], b"a") is None


@pytest.mark.parametrize(
    ("value", "token", "parameters"),
    [
        (b"text/plain", b"text/plain", ()),
        (b" Text / Plain ; A = B ", b"text/plain", ((b"a", b"B"),)),
        (b"text/plain;", b"text/plain", ()),
        (b"text/plain;;a=b;;c=d;", b"text/plain", ((b"a", b"b"), (b"c", b"d"))),
        (b"x/y; a; b=c", b"x/y", ((b"b", b"c"),)),
        (b'x/y; a="b;c=\\"d\\""; e=f', b"x/y", ((b"a", b'b;c="d"'), (b"e", b"f"))),
        (b'x/y; a="open; b=c', b"x/y", ((b"a", b"open; b=c"),)),
        (b'x/y; a="b" junk; c=d', b"x/y", ((b"a", b"b"), (b"c", b"d"))),
        (b"x/y; a=b c; d=e", b"x/y", ((b"a", b"b c"), (b"d", b"e"))),
        (b'x/y; a=""; b=', b"x/y", ((b"a", b""), (b"b", b""))),
        (b"x/y (a (nested) one); a=b (c)", b"x/y", ((b"a", b"b"),)),
        (b'x/y; a="(no comment)"', b"x/y", ((b"a", b"(no comment)"),)),
        (b'x/y (a \\) " b); a=b', b"x/y", ((b"a", b"b"),)),
        (b'x/y ); a="\\"("', b"x/y", ((b"a", b'"('),)),
        (b"x/y (never closed; a=b", b"x/y", ()),
        (b"x/y charset=z", b"x/y", ()),
        (b"", b"", ()),
        # RFC 2231 §3: continuations in any order; a plain section in an extended value
        (b"x/y; a*1=c; a*0=b", b"x/y", ((b"a", b"bc"),)),
        (b"x/y; a*0*=u''%20; a*1=1%; a*0=no", b"x/y", ((b"a*", b"u''%201%25"),)),
        (b"x/y; a*=u''b; a*x=c", b"x/y", ((b"a*", b"u''b"), (b"a*x", b"c"))),
    ],
)
def test_parameters(
    value: bytes, token: bytes, parameters: tuple[tuple[bytes, bytes], ...]
) -> None:
    assert parameterised(value) == (token, parameters)
    padded = value + b" " * 200  # too long to be remembered
    assert parameterised(padded) == (token, parameters)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"x; name=a", "a"),
        (b"x; name*=utf-8''%C3%A9.txt", "é.txt"),
        (b"x; name*=iso-8859-1'en'%E9.txt", "é.txt"),
        (b"x; name*0*=utf-8''%C3; name*1*=%A9; name*2=!", "é!"),
        (b"x; name*=%C3%A9", "é"),
        (b"x; name*=a'b", "a'b"),
        (b'x; name="=?utf-8?q?=C3=A9?="', "é"),
        (b"x; name=\xc3\xa9", "é"),
        (b"x; name=\xe9", "é"),
        (b"x; other=a", None),
    ],
)
def test_parameters_for_people(value: bytes, text: str | None) -> None:
    assert parameter_text(parameterised(value)[1], b"name") == text


def test_the_first_of_equal_parameters_counts() -> None:
    assert parameter(((b"a", b"1"), (b"a", b"2")), b"a") == b"1"
    assert parameter((), b"a") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        (b"=?iso-8859-1?q?caf=E9?= x", "café x"),
        (b"=?UTF-8?b?w6k=?=", "é"),
        (b"=?utf-8*fr?b?w6k?=", "é"),
        (b"a =?us-ascii?q?b?= =?us-ascii?q?c?= d", "a bc d"),
        (b"=?us-ascii?q?b?=\r\n =?us-ascii?q?c?=", "bc"),
        (b"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        (b"=?utf-8?q?=C3=A9?= =?iso-8859-1?q?=E9?=", "éé"),
        (b"=?utf-8?q?a?=x=?utf-8?q?b?=", "axb"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"=?utf-8?q?a\r\n b?=", "a b"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"=?nonsense?q?a=E9?=", "aé"),
        (b"=?iso-2022-jp?b?GyRCJCIbKEI=?=", "あ"),
        (b"caf\xc3\xa9 =?utf-8?q?=C3=A9?=", "café é"),
        (b"caf\xe9", "café"),
    ],
)
def test_encoded_words(value: bytes, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "seconds", "zone"),
    [
        (b"Thu, 01 Jan 1970 00:00:00 +0000", 0, 0),
        (b"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360),
        (b"21 Nov 97 09:55 GMT", 880106100, 0),
        (b"21 Nov 97 09:55:06 EST", 880124106, -300),
        (b"1 January 2024 01:30:00 +0530 (IST)", 1704052800, 330),
        (b"Tue,  1-Jan-2030 00:00:60 +0000", 1893456059, 0),
        (b"1 Jan 49 00:00:00 Q", 2493072000, 0),
        (b"1 Jan 50 00:00:00", -631152000, 0),
        (b"1 Jan 100 00:00:00", 946684800, 0),  # a program's year 2000 (RFC 5322 §4.3)
    ],
)
def test_dates(value: bytes, seconds: int, zone: int) -> None:
    assert sent_date(value) == (seconds, zone)


@pytest.mark.parametrize(
    "value",
    [b"", b"yesterday", b"31 Feb 2024 00:00:00 +0000", b"1 Foo 2024 00:00:00 +0000",
     b"1 Jan 2024 25:00:00 +0000", b"1 Jan 2024 00:61:00 +0000", b"0 Jan 0000 00:00:00"],
)  # fmt: skip
def test_what_is_no_date_is_none(value: bytes) -> None:
    assert sent_date(value) is None


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b>", [b"<a@b>"]),
        (b"<a@b> (comment) <c@d><e@f>", [b"<a@b>", b"<c@d>", b"<e@f>"]),
        (b"<a@\r\n b>", [b"<a@b>"]),
        (b" a@b ", [b"<a@b>"]),
        (b"a b", []),
        (b"", []),
        (b"<> < >", []),
        (b"<<a@b>", [b"<a@b>"]),
    ],
)
def test_message_ids(value: bytes, ids: list[bytes]) -> None:
    assert message_ids(value) == ids


def test_a_thread_is_the_own_id_the_parent_and_the_references() -> None:
    fields = header_fields(
        b"Message-ID: <own@x>\r\nReferences: <a@x>\r\n <b@x> <own@x> <a@x>\r\n"
        b"In-Reply-To: <b@x>\r\n"
    )
    thread = thread_ids(fields)
    assert thread.own == b"<own@x>"
    assert thread.ancestors == [b"<b@x>", b"<a@x>"]
    assert thread_ids([]) == (None, [])


def test_a_long_thread_keeps_parent_root_and_the_latest() -> None:
    references = b" ".join(b"<%d@x>" % number for number in range(500))
    fields = header_fields(b"In-Reply-To: <p@x>\r\nReferences: " + references + b"\r\n")
    ancestors = thread_ids(fields).ancestors
    assert len(ancestors) == REFERENCES
    assert ancestors[:3] == [b"<p@x>", b"<0@x>", b"<452@x>"]
    assert ancestors[-1] == b"<499@x>"
