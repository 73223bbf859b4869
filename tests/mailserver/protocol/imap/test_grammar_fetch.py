"""FETCH (RFC 9051 §6.4.5, RFC 7162 §3.1.4, RFC 8474 §5)."""

import pytest

from mailserver.protocol.imap.command import Attribute, BodySection, Fetch, FetchItem
from mailserver.protocol.imap.grammar_fetch import CACHED_OCTETS, PATH_PARTS
from mailserver.protocol.imap.numset import STAR, SequenceSet, UidSet
from mailserver.protocol.mime.section import Section, What
from tests.support.imap import fault, parse

A = Attribute
FAST = (A.FLAGS, A.INTERNALDATE, A.RFC822_SIZE)


def items(text: bytes) -> tuple[FetchItem, ...]:
    command = parse(b"FETCH 1 " + text)
    assert isinstance(command, Fetch)
    return command.items


def body(
    label: bytes,
    path: tuple[int, ...] = (),
    what: What = "",
    fields: tuple[bytes, ...] = (),
    *,
    peek: bool = False,
    partial: tuple[int, int] | None = None,
) -> BodySection:
    return BodySection(Section(path, what, fields), peek, partial, label)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"ALL", (*FAST, A.ENVELOPE)),
        (b"fast", FAST),
        (b"Full", (*FAST, A.ENVELOPE, A.BODY)),
        (b"FLAGS", (A.FLAGS,)),
        (b"(FLAGS)", (A.FLAGS,)),
        (b"( uid  flags )", (A.UID, A.FLAGS)),
        (b"(FLAGS UID FLAGS)", (A.FLAGS, A.UID)),
        (b"(RFC822.SIZE BODYSTRUCTURE BODY)", (A.RFC822_SIZE, A.BODYSTRUCTURE, A.BODY)),
        (b"(ENVELOPE INTERNALDATE MODSEQ)", (A.ENVELOPE, A.INTERNALDATE, A.MODSEQ)),
        (b"(EMAILID THREADID SAVEDATE)", (A.EMAILID, A.THREADID, A.SAVEDATE)),
        (b"(PREVIEW FLAGS)", (A.PREVIEW, A.FLAGS)),
        (b"(PREVIEW (LAZY) FLAGS)", (A.PREVIEW, A.FLAGS)),
        (b"PREVIEW (lazy)", (A.PREVIEW,)),
    ],
)
def test_items_without_arguments(text: bytes, expected: tuple[FetchItem, ...]) -> None:
    assert items(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"BODY[]", body(b"BODY[]")),
        (b"body.peek[]", body(b"BODY[]", peek=True)),
        (b"BODY[TEXT]", body(b"BODY[TEXT]", what="TEXT")),
        (b"BODY[header]", body(b"BODY[HEADER]", what="HEADER")),
        (b"BODY[1]", body(b"BODY[1]", (1,))),
        (b"BODY[4.2.10]", body(b"BODY[4.2.10]", (4, 2, 10))),
        (b"BODY.PEEK[1.2.mime]", body(b"BODY[1.2.MIME]", (1, 2), "MIME", peek=True)),
        (b"BODY[3.TEXT]", body(b"BODY[3.TEXT]", (3,), "TEXT")),
        (b"BODY[]<0.2048>", body(b"BODY[]<0>", partial=(0, 2048))),
        (b"BODY[1]<100.1>", body(b"BODY[1]<100>", (1,), partial=(100, 1))),
        (
            b"BODY.PEEK[HEADER.FIELDS (Subject from)]",
            body(
                b"BODY[HEADER.FIELDS (Subject from)]",
                what="HEADER.FIELDS",
                fields=(b"Subject", b"from"),
                peek=True,
            ),
        ),
        (
            b'BODY[2.header.fields.not ( "X-Foo" {2}\r\nTo )]<0.5>',
            body(
                b"BODY[2.HEADER.FIELDS.NOT (X-Foo To)]<0>",
                (2,),
                "HEADER.FIELDS.NOT",
                (b"X-Foo", b"To"),
                partial=(0, 5),
            ),
        ),
        (
            rb'BODY[HEADER.FIELDS ("a(b\"c\\")]',
            body(
                rb'BODY[HEADER.FIELDS ("a(b\"c\\")]',
                what="HEADER.FIELDS",
                fields=(rb'a(b"c' + b"\\",),
            ),
        ),
        (b"RFC822", body(b"RFC822")),
        (b"RFC822.HEADER", body(b"RFC822.HEADER", what="HEADER", peek=True)),
        (b"RFC822.TEXT", body(b"RFC822.TEXT", what="TEXT")),
    ],
)
def test_sections(text: bytes, expected: BodySection) -> None:
    assert items(text) == (expected,)
    assert items(b"(" + text + b")") == (expected,)


def test_what_thunderbird_asks() -> None:
    fields = b"From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups"
    asked = b"(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (" + fields + b")])"
    found = parse(b"UID FETCH 1:* " + asked)
    assert isinstance(found, Fetch)
    assert found.numbers == UidSet(((1, STAR),))
    assert found.items[:3] == (A.UID, A.RFC822_SIZE, A.FLAGS)
    assert isinstance(found.items[3], BodySection)
    assert found.items[3].section.fields == tuple(fields.split(b" "))


def test_uid_fetch_always_tells_the_uid() -> None:
    assert parse(b"UID FETCH 7 FLAGS") == Fetch(UidSet(((7, 7),)), (A.UID, A.FLAGS))
    assert parse(b"UID FETCH 7 (FLAGS UID)") == Fetch(UidSet(((7, 7),)), (A.UID, A.FLAGS))
    assert parse(b"FETCH 7 FLAGS") == Fetch(SequenceSet(((7, 7),)), (A.FLAGS,))


def test_changed_since_tells_the_modseq() -> None:
    expected = Fetch(SequenceSet(((1, 2),)), (A.FLAGS, A.MODSEQ), 12345)
    assert parse(b"FETCH 1:2 FLAGS (CHANGEDSINCE 12345)") == expected
    assert parse(b"FETCH 1:2 (FLAGS) (changedsince 12345)") == expected
    assert parse(b"FETCH 1:2 (FLAGS MODSEQ) (CHANGEDSINCE 12345) ") == expected
    assert parse(b"FETCH 1 FAST (CHANGEDSINCE 1)") == Fetch(
        SequenceSet(((1, 1),)), (*FAST, A.MODSEQ), 1
    )


def test_a_list_too_long_to_remember_is_read_all_the_same() -> None:
    fields = tuple(b"X-%d" % number for number in range(CACHED_OCTETS))
    (found,) = items(b"BODY[HEADER.FIELDS (" + b" ".join(fields) + b")]")
    assert isinstance(found, BodySection)
    assert found.section.fields == fields


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", b"expected a word"),
        (b"()", b"expected a word"),
        (b"X", b"there is no such item of FETCH"),
        (b"(ALL)", b"there is no such item of FETCH"),
        (b"(FLAGS", b"expected a space or )"),
        (b"(FLAGS)x", b"expected a space"),
        (b"FLAGS UID", b"expected ("),
        (b"(FLAGS BODY[)", b"there is no such section"),
        (b"BODY[X]", b"there is no such section"),
        (b"BODY[MIME]", b"there is no such section"),
        (b"BODY[1.]", b"there is no such section"),
        (b"BODY[0]", b"there is no such section"),
        (b"BODY[1.0]", b"there is no such section"),
        (b"BODY[" + b".".join([b"1"] * (PATH_PARTS + 1)) + b"]", b"the part number is too deep"),
        (b"BODY[1", b"expected ]"),
        (b"BODY[TEXT", b"expected ]"),
        (b"BODY[HEADER.FIELDS]", b"expected a space"),
        (b"BODY[HEADER.FIELDS ()]", b"expected a string"),
        (b'BODY[HEADER.FIELDS ("a b")]', b"this is not the name of a header field"),
        (b'BODY[HEADER.FIELDS ("a:b")]', b"this is not the name of a header field"),
        (b'BODY[HEADER.FIELDS ("")]', b"this is not the name of a header field"),
        (b"BODY[HEADER.FIELDS ({3}\r\na\r\n)]", b"this is not the name of a header field"),
        (b"BODY[]<0>", b"expected <octet.count>"),
        (b"BODY[]<0.0>", b"expected <octet.count>"),
        (b"BODY[]<-1.5>", b"expected <octet.count>"),
        (b"BINARY[1]", b"there is no such item of FETCH"),
        (b"FLAGS (X 1)", b"CHANGEDSINCE is the only modifier of FETCH here"),
        (b"FLAGS (CHANGEDSINCE)", b"expected a space"),
        (b"FLAGS (CHANGEDSINCE 1 VANISHED)", b"expected )"),
        (b"FLAGS (CHANGEDSINCE 1) x", b"expected the end of the line"),
        (b"FLAGS\xe9", b"expected a space"),
    ],
)
def test_no_items(text: bytes, says: bytes) -> None:
    assert fault(b"FETCH 1 " + text) == says


def test_the_same_fault_twice_is_a_fault_twice() -> None:
    assert fault(b"FETCH 1 X") == fault(b"FETCH 1 X")
