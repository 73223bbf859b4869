"""What the server says (RFC 9051 §7)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.message import Flag
from mailserver.protocol.imap import response as r
from mailserver.protocol.imap import response_code as code
from mailserver.protocol.imap.command import StatusItem
from mailserver.protocol.imap.grammar_flags import flags

AT = datetime(1996, 7, 17, 2, 44, 25, tzinfo=UTC)
ATOMS = st.text("abcXYZ$-_0", min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (r.tagged(b"a", b"OK", b"done"), b"a OK done"),
        (r.tagged(b"a", b"NO", b"no", b"TRYCREATE"), b"a NO [TRYCREATE] no"),
        (r.untagged(b"BYE", b"bye"), b"* BYE bye"),
        (r.untagged(b"OK", b"x", code.number(b"UIDNEXT", 7)), b"* OK [UIDNEXT 7] x"),
        (r.continuation(), b"+ "),
        (r.continuation(b"VXNlcm5hbWU6"), b"+ VXNlcm5hbWU6"),
        (r.capability([b"IMAP4rev1", b"IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE"),
        (r.enabled([]), b"* ENABLED"),
        (r.enabled([b"CONDSTORE"]), b"* ENABLED CONDSTORE"),
        (r.id_line([]), b"* ID NIL"),
        (r.id_line([("name", "Zegel"), ("x", 'a"b')]), b'* ID ("name" "Zegel" "x" "a\\"b")'),
        (r.namespace(), b'* NAMESPACE (("" "/")) NIL NIL'),
        (r.separator_line(), b'* LIST (\\Noselect) "/" ""'),
        (r.list_line("INBOX"), b'* LIST () "/" INBOX'),
        (
            r.list_line("a/b c", [b"\\HasNoChildren", b"\\Sent"]),
            b'* LIST (\\HasNoChildren \\Sent) "/" "a/b c"',
        ),
        (
            r.list_line("é", subscribed_children=True, old_name="e"),
            b'* LIST () "/" &AOk- ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" (e))',
        ),
        (r.lsub_line("x", [b"\\Noselect"]), b'* LSUB (\\Noselect) "/" x'),
        (
            r.status_line(
                "a b",
                [
                    (StatusItem.MESSAGES, 3),
                    (StatusItem.HIGHESTMODSEQ, 2**62),
                    (StatusItem.MAILBOXID, b"M7"),
                ],
            ),
            b'* STATUS "a b" (MESSAGES 3 HIGHESTMODSEQ 4611686018427387904 MAILBOXID (M7))',
        ),
        (r.exists(3), b"* 3 EXISTS"),
        (r.recent(0), b"* 0 RECENT"),
        (r.expunge(9), b"* 9 EXPUNGE"),
        (
            r.flags_line(["$X", "A"]),
            b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $X A)",
        ),
    ],
)
def test_a_line(line: bytes, written: bytes) -> None:
    assert line == written + b"\r\n"


def test_a_fetch_is_its_items() -> None:
    items = [
        r.uid_item(7),
        r.flags_item(Flag.SEEN | Flag.DELETED, frozenset({"b", "$a"}), recent=True),
        r.size_item(44),
        r.modseq_item(12),
        r.internaldate_item(AT),
        r.savedate_item(AT),
        r.savedate_item(None),
        r.object_item(b"EMAILID", b"E1"),
        r.object_item(b"THREADID", None),
        r.content_item(b"BODY[TEXT]<0>", b"a\r\n"),
        r.content_item(b"BODY[9]", None),
    ]
    assert r.fetch_line(3, items) == (
        b"* 3 FETCH (UID 7 FLAGS (\\Deleted \\Seen \\Recent $a b) RFC822.SIZE 44 MODSEQ (12)"
        b' INTERNALDATE "17-Jul-1996 02:44:25 +0000" SAVEDATE "17-Jul-1996 02:44:25 +0000"'
        b" SAVEDATE NIL EMAILID (E1) THREADID NIL BODY[TEXT]<0> {3}\r\na\r\n BODY[9] NIL)\r\n"
    )


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (r.search_line([]), b"* SEARCH"),
        (r.search_line([2, 84, 882]), b"* SEARCH 2 84 882"),
        (r.search_line([2, 5], 917162500), b"* SEARCH 2 5 (MODSEQ 917162500)"),
        (r.search_line([], 917162500), b"* SEARCH"),
        (r.esearch_line(b"a1", by_uid=False), b'* ESEARCH (TAG "a1")'),
        (
            r.esearch_line(b"a1", by_uid=True, least=1, greatest=9, count=4, found=[1, 2, 3, 9]),
            b'* ESEARCH (TAG "a1") UID MIN 1 MAX 9 COUNT 4 ALL 1:3,9',
        ),
        (
            r.esearch_line(b"a1", by_uid=False, count=0, modseq=7),
            b'* ESEARCH (TAG "a1") COUNT 0 MODSEQ 7',
        ),
    ],
)
def test_what_a_search_found(line: bytes, written: bytes) -> None:
    assert line == written + b"\r\n"


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (code.append_uid(38505, [3955]), b"APPENDUID 38505 3955"),
        (code.append_uid(1, [5, 6, 7]), b"APPENDUID 1 5:7"),
        (code.copy_uid(1, [304, 319, 320], [3956, 3957, 3958]), b"COPYUID 1 304,319:320 3956:3958"),
        (code.copy_uid(1, [9, 3], [1, 2]), b"COPYUID 1 9,3 1:2"),
        (code.modified([7, 9]), b"MODIFIED 7,9"),
        (code.bad_charset(), b"BADCHARSET (UTF-8 US-ASCII ISO-8859-1)"),
        (code.capability([b"IMAP4rev1"]), b"CAPABILITY IMAP4rev1"),
        (code.mailbox_id(b"M1"), b"MAILBOXID (M1)"),
        (
            code.permanent_flags(Flag.SEEN | Flag.DRAFT, ["b", "a"], more=True),
            b"PERMANENTFLAGS (\\Seen \\Draft a b \\*)",
        ),
        (code.permanent_flags(Flag.NONE, [], more=False), b"PERMANENTFLAGS ()"),
    ],
)
def test_a_code(octets: bytes, written: bytes) -> None:
    assert octets == written


@given(st.binary())
def test_text_never_makes_a_second_line(text: bytes) -> None:
    for line in (
        r.tagged(b"a", b"NO", text),
        r.untagged(b"OK", text, b"ALERT"),
        r.continuation(text),
    ):
        assert line.endswith(b"\r\n")
        assert line[:-2].isascii()
        assert b"\r" not in line[:-2]
        assert b"\n" not in line[:-2]


@given(st.sets(st.sampled_from(list(Flag))), st.frozensets(ATOMS))
def test_flags_come_back(system: set[Flag], keywords: frozenset[str]) -> None:
    bits = Flag.NONE
    for flag in system:
        bits |= flag
    assert flags(r.flag_list(bits, keywords)) == (bits, keywords)
    assert flags(r.flag_list(bits, keywords, recent=True)) == (bits, keywords)
