"""SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5)."""

from datetime import date

import pytest

from mailserver.model import query as q
from mailserver.model.ids import EmailId, ModSeq, ThreadId
from mailserver.model.message import Flag
from mailserver.model.query import Field, Query
from mailserver.protocol.imap.command import Search, SearchReturn
from mailserver.protocol.imap.event import BadCharset
from mailserver.protocol.imap.grammar_search import DEPTH, KEYS
from mailserver.protocol.imap.machine import Machine
from mailserver.protocol.imap.numset import SAVED, STAR
from tests.support.imap import fault, parse

SEEN = q.HasFlag(Flag.SEEN)


def found(text: bytes) -> Query:
    command = parse(b"SEARCH " + text)
    assert isinstance(command, Search)
    assert (command.by_uid, command.returned) == (False, None)
    return command.query


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"ALL", q.All()),
        (b"all ", q.All()),
        (b"ANSWERED", q.HasFlag(Flag.ANSWERED)),
        (b"DELETED", q.HasFlag(Flag.DELETED)),
        (b"DRAFT", q.HasFlag(Flag.DRAFT)),
        (b"FLAGGED", q.HasFlag(Flag.FLAGGED)),
        (b"SEEN", SEEN),
        (b"UNANSWERED", q.Not(q.HasFlag(Flag.ANSWERED))),
        (b"UNDELETED", q.Not(q.HasFlag(Flag.DELETED))),
        (b"UNDRAFT", q.Not(q.HasFlag(Flag.DRAFT))),
        (b"UNFLAGGED", q.Not(q.HasFlag(Flag.FLAGGED))),
        (b"UNSEEN", q.Not(SEEN)),
        (b"RECENT", q.IsRecent()),
        (b"OLD", q.Not(q.IsRecent())),
        (b"NEW", q.And((q.IsRecent(), q.Not(SEEN)))),
        (b"KEYWORD $Forwarded", q.HasKeyword("$Forwarded")),
        (b"UNKEYWORD Junk", q.Not(q.HasKeyword("Junk"))),
        (b"BCC x", q.Text(Field.BCC, "x")),
        (b"BODY x", q.Text(Field.BODY, "x")),
        (b"CC x", q.Text(Field.CC, "x")),
        (b'FROM "a b"', q.Text(Field.FROM, "a b")),
        (b"SUBJECT {3}\r\na b", q.Text(Field.SUBJECT, "a b")),
        (b'TEXT ""', q.Text(Field.ANY, "")),
        (b"TO x", q.Text(Field.TO, "x")),
        (b"HEADER Message-ID <1@x>", q.Header("Message-ID", "<1@x>")),
        (b'HEADER X-Foo ""', q.Header("X-Foo", "")),
        (b"BEFORE 1-Feb-1994", q.Received(before=date(1994, 2, 1))),
        (b'SINCE "1-Feb-1994"', q.Received(since=date(1994, 2, 1))),
        (b"ON 28-Feb-1994", q.Received(since=date(1994, 2, 28), before=date(1994, 3, 1))),
        (b"ON 31-Dec-9999", q.Received(since=date(9999, 12, 31))),
        (b"SENTBEFORE 1-Feb-1994", q.Sent(before=date(1994, 2, 1))),
        (b"SENTSINCE 1-Feb-1994", q.Sent(since=date(1994, 2, 1))),
        (b"SENTON 1-Feb-1994", q.Sent(since=date(1994, 2, 1), before=date(1994, 2, 2))),
        (b"LARGER 1000", q.Size(larger=1000)),
        (b"SMALLER 1000", q.Size(smaller=1000)),
        (b"2,4:*", q.InSequence(((2, 2), (4, STAR)))),
        (b"*", q.InSequence(((STAR, STAR),))),
        (b"$", q.InSequence(SAVED)),
        (b"UID 5:7", q.InUids(((5, 7),))),
        (b"UID $", q.InUids(SAVED)),
        (b"NOT SEEN", q.Not(SEEN)),
        (b"NOT NOT SEEN", q.Not(q.Not(SEEN))),
        (b"OR SEEN ALL", q.Or((SEEN, q.All()))),
        (b"or or seen all not (1 all)", None),
        (b"(SEEN)", SEEN),
        (b"( SEEN  ALL )", q.And((SEEN, q.All()))),
        (b"SEEN ALL", q.And((SEEN, q.All()))),
        (b"(SEEN ALL) ALL", q.And((q.And((SEEN, q.All())), q.All()))),
    ],
)
def test_a_key(text: bytes, key: Query | None) -> None:
    if key is None:
        sequence = q.And((q.InSequence(((1, 1),)), q.All()))
        key = q.Or((q.Or((SEEN, q.All())), q.Not(sequence)))
    assert found(text) == key


@pytest.mark.parametrize(
    "text",
    [
        b"MODSEQ 620162338",
        b'modseq "/flags/\\\\draft" all 620162338',
        b'MODSEQ "/x" shared 620162338',
    ],
)
def test_modseq_is_remembered_for_the_answer(text: bytes) -> None:
    command = parse(b"SEARCH (NOT (" + text + b"))")
    expected = q.Not(q.ChangedSince(ModSeq(620162338)))
    assert command == Search(expected, by_uid=False, by_modseq=True)


def test_uid_search() -> None:
    assert parse(b"UID SEARCH UID 1:* UNSEEN") == Search(
        q.And((q.InUids(((1, STAR),)), q.Not(SEEN))), by_uid=True
    )


@pytest.mark.parametrize(
    ("text", "text_found"),
    [
        ('SUBJECT "Grüße"'.encode(), "Grüße"),
        ('CHARSET UTF-8 SUBJECT "Grüße"'.encode(), "Grüße"),
        ('charset "utf-8" SUBJECT {7}\r\nGrüße'.encode(), "Grüße"),
        (b'CHARSET US-ASCII SUBJECT "Gruss"', "Gruss"),
        ('CHARSET ISO-8859-1 SUBJECT "Grüße"'.encode("latin-1"), "Grüße"),
    ],
)
def test_charsets(text: bytes, text_found: str) -> None:
    assert found(text) == q.Text(Field.SUBJECT, text_found)


def test_an_unknown_charset_has_an_answer_of_its_own() -> None:
    machine = Machine()
    assert machine.feed(b"a SEARCH CHARSET KOI8-R TEXT x\r\n") == [BadCharset(b"a")]
    assert machine.feed(b"b UID SEARCH CHARSET {6+}\r\nKOI8-R TEXT x\r\n") == [BadCharset(b"b")]
    assert machine.bad_commands == 0


@pytest.mark.parametrize(
    ("text", "returned"),
    [
        (b"RETURN ()", {SearchReturn.ALL}),
        (b"RETURN (MIN MAX)", {SearchReturn.MIN, SearchReturn.MAX}),
        (b"return ( all count save )", {SearchReturn.ALL, SearchReturn.COUNT, SearchReturn.SAVE}),
        (b"RETURN (COUNT) CHARSET UTF-8", {SearchReturn.COUNT}),
    ],
)
def test_return_options(text: bytes, returned: set[SearchReturn]) -> None:
    assert parse(b"SEARCH " + text + b" ALL") == Search(q.All(), False, frozenset(returned))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", b"expected a word"),
        (b"X", b"expected a space"),
        (b"X y", b"there is no such search key"),
        (b"NOT", b"expected a space"),
        (b"NOT ", b"expected a word"),
        (b"OR SEEN", b"expected a space"),
        (b"()", b"expected a word"),
        (b"(SEEN", b"expected a space or )"),
        (b"SEEN)", b"expected a space"),
        (b"FROM", b"expected a space"),
        (b'FROM "\xff"', b"a string is not in the charset of the search"),
        (b"HEADER x", b"expected a space"),
        (b"KEYWORD \\Seen", b"expected an atom"),
        (b"BEFORE yesterday", b"expected a date"),
        (b"LARGER x", b"expected a number"),
        (b"UID x", b"expected a set of message numbers"),
        (b"UID", b"expected a space"),
        (b"0", b"a message number is from 1 to 4294967295"),
        (b"1:2:3", b"this is not a set of message numbers"),
        (b"MODSEQ x", b"expected a number"),
        (b'MODSEQ "/flags/x" mine 1', b"expected priv, shared or all"),
        (b"CHARSET UTF-8", b"expected a space"),
        (b"RETURN (X) ALL", b"there is no such return option of SEARCH"),
        (b"RETURN ALL", b"expected ("),
        (b"RETURN (ALL)", b"expected a space"),
        (b"RETURN", b"expected a space"),
        (b"\x00", b"expected a word"),
        (b"\xe9", b"expected a word"),
        (b"(" * 5000, b"the search is too complex"),
        (b"NOT " * (DEPTH + 1) + b"ALL", b"the search is too complex"),
        (b" ".join([b"ALL"] * (KEYS + 1)), b"the search is too complex"),
    ],
)
def test_no_search(text: bytes, says: bytes) -> None:
    assert fault(b"SEARCH " + text) == says


def test_as_deep_and_as_long_as_it_may_be() -> None:
    assert found(b"NOT " * DEPTH + b"ALL")
    many = found(b" ".join([b"ALL"] * KEYS))
    assert isinstance(many, q.And)
    assert len(many.keys) == KEYS


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (b"EMAILID M7", q.IsEmail(EmailId(7))),
        (b"EMAILID T7", q.IsEmail(None)),
        (b"EMAILID M" + b"9" * 19, q.IsEmail(None)),
        (b"THREADID T12", q.InThread(ThreadId(12))),
        (b"THREADID elsewhere", q.InThread(None)),
        (b"SAVEDON 1-Mar-2026", q.Saved(date(2026, 3, 1), date(2026, 3, 2))),
        (b"SAVEDBEFORE 1-Mar-2026", q.Saved(before=date(2026, 3, 1))),
        (b"SAVEDSINCE 1-Mar-2026", q.Saved(since=date(2026, 3, 1))),
    ],
)
def test_identifiers_and_save_dates(text: bytes, query: Query) -> None:
    assert found(text) == query
