"""However the octets are cut the events are the same, and no octets at all make the machine fall.

Source: RFC 9051 §2.2 (a stream has no borders but its lines and literals).
"""

import re
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailserver.protocol.imap.event import Bad, TooLong
from mailserver.protocol.imap.limits import Limits
from tests.support.imap import REFUSED, Dialogue, replay

SMALL = Limits(
    line_octets=80,
    literal_octets=40,
    early_literal_octets=12,
    message_octets=64,
    discard_octets=200,
)

WHOLE_SESSION = (
    b"1 CAPABILITY\r\n"
    b"2 LOGIN {3}\r\njoe {6+}\r\nsecret\r\n"
    b'3 ID ("name" "mutt")\r\n'
    b'4 LIST "" "*"\r\n'
    b"5 SELECT inbox (CONDSTORE)\r\n"
    b"6 UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (From)]<0.10>)\r\n"
    b"7 APPEND {5+}\r\ninbox (\\Seen) {11+}\r\nFrom: a\r\n\r\n (\\Draft) {3}\r\nx\r\n\r\n"
    b"8 APPEND refused {4+}\r\n\r\n\r\n\r\n"
    b"9 IDLE\r\nDONE\r\n"
    b"10 IDLE\r\nNOOP\r\n"
    b"11 SEARCH CHARSET x ALL\r\n"
    b"12 AUTHENTICATE PLAIN\r\nAGpvZQBzZWNyZXQ=\r\n"
    b"13 AUTHENTICATE LOGIN\r\n*\r\n"
    b"14 UID STORE 3 +FLAGS (\\Seen)\r\n"
    b"\r\n* x\r\n\xff\x00\r\n"
    b"15 SELECT {999+}\r\n"
)

LINES = st.sampled_from(
    [
        b"a NOOP",
        b"a LOGIN joe secret",
        b"a AUTHENTICATE PLAIN",
        b"a AUTHENTICATE PLAIN =",
        b"a IDLE",
        b"DONE",
        b"*",
        b"AGpvZQBzZWNyZXQ=",
        b"a SELECT {3}",
        b"a SELECT {3+}",
        b"abc",
        b"a LOGIN {13+}",
        b"a APPEND inbox {5}",
        b"a APPEND refused {5+}",
        b"a APPEND refused {5}",
        b"a APPEND {5+}",
        b" (\\Seen) {5+}",
        b"",
        b"a APPEND inbox {65+}",
        b"a APPEND inbox {65}",
        b"a SELECT {41+}",
        b"a SELECT {201+}",
        b"a SEARCH CHARSET x ALL",
        b"a UID FETCH 1:* (FLAGS)",
        b"a " + b"x" * 77,
        b"a " + b"x" * 76,
        b"x" * 90,
        b"y" * 150 + b" {3+}",
        b"\x00\xff",
        b"a \xe9",
        b"12345",
    ]
)
ENDINGS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"", b"\r", b"}\r\n"])
STREAMS = st.lists(st.tuples(LINES, ENDINGS), max_size=12).map(
    lambda pairs: b"".join(line + ending for line, ending in pairs)
)


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:end] for start, end in pairwise(ends)] or [b""]


@given(STREAMS, st.lists(st.integers(0, 2_000), max_size=20), st.booleans())
@example(WHOLE_SESSION, [5, 50, 51, 200], False)
@settings(max_examples=400)
def test_cuts_change_nothing(octets: bytes, places: list[int], logged_in: bool) -> None:
    whole = replay([octets], SMALL, logged_in=logged_in)
    assert replay(cut(octets, places), SMALL, logged_in=logged_in) == whole
    singly = [octets[place : place + 1] for place in range(len(octets))]
    assert replay(singly, SMALL, logged_in=logged_in) == whole


def test_the_whole_session_says_what_it_should() -> None:
    names = [
        part[0] if isinstance(part, tuple) else "octets"
        for part in replay([WHOLE_SESSION], logged_in=False)
    ]
    assert names == (
        ["Command", "NeedContinuation"]
        + ["Command"] * 5
        + ["LiteralBegin", "octets", "LiteralEnd", "LiteralBegin", "octets", "LiteralEnd"]
        + ["Command", "LiteralBegin", "Command", "Done", "Command", "Bad", "BadCharset"]
        + ["Command", "SaslLine", "Command", "SaslLine", "Command"]
        + ["Bad"] * 3
    )


def check_sane(octets: bytes, pieces: list[bytes], *, logged_in: bool) -> None:
    dialogue = Dialogue(SMALL, logged_in=logged_in)
    for piece in pieces:
        dialogue.say(piece)
        bound = SMALL.line_octets + SMALL.literal_octets
        assert dialogue.machine.waiting_octets <= bound
    fatal = [isinstance(event, Bad | TooLong) and event.fatal for event in dialogue.events]
    assert not any(fatal[:-1]), "nothing comes behind a fatal one"
    for event in dialogue.events:
        if isinstance(event, Bad):
            assert event.tag is None or re.fullmatch(rb"[!-~]{1,255}", event.tag)
            assert re.fullmatch(rb"[ -~]+", event.text), "fit for a line"


@given(st.binary(max_size=400), st.booleans())
def test_any_octets_are_answered(octets: bytes, logged_in: bool) -> None:
    check_sane(octets, [octets], logged_in=logged_in)


WORDS = st.sampled_from(
    b"a;UID;FETCH;STORE;SEARCH;LIST;LSUB;STATUS;APPEND;SELECT;CREATE;ID;ENABLE;RETURN;STATUS;"
    b"LOGIN;AUTHENTICATE;COPY;MOVE;RENAME;EXPUNGE;CHARSET;UTF-8;MODSEQ;OR;NOT;HEADER;ON;SENTON;"
    b"1;1:*;*;$;4294967296;1:2,3;FLAGS;+FLAGS.SILENT;BODY[];BODY.PEEK[1.MIME];BODY[HEADER.FIELDS;"
    b"(From);]<0.5>;ALL;FULL;(UNCHANGEDSINCE 1);(CHANGEDSINCE 1);(USE (\\Sent));\\Seen;$X;(;);();"
    b'"";"a b";"&AOk-";"\\"";"\xc3\xa9";"\xff";%;INBOX;{3}\r\nabc;{3+}\r\na\x00c;{0}\r\n;~{1}\r\nx;'
    b'1-Jan-2020;31-Dec-9999;"17-Jul-1996 02:44:25 -0700";(SUBSCRIBED);(STATUS (UIDNEXT));NIL;=;'
    b"AAAA;(MESSAGES UNSEEN);\x00;\xe9;{;};<>;KEYWORD;LARGER;UNSEEN;RFC822.TEXT".split(b";")
)


@given(
    st.lists(st.lists(WORDS, max_size=10), max_size=5),
    st.sampled_from([b" ", b" ", b" ", b"  ", b""]),
    st.booleans(),
)
@settings(max_examples=600)
def test_words_in_any_order_are_answered(
    lines: list[list[bytes]], space: bytes, logged_in: bool
) -> None:
    octets = b"".join(b"t " + space.join(words) + b"\r\n" for words in lines)
    check_sane(octets, [octets], logged_in=logged_in)
    check_sane(octets, cut(octets, [7, 19, 40]), logged_in=logged_in)


def test_a_message_for_nobody_is_not_kept() -> None:
    dialogue = Dialogue(logged_in=True)
    dialogue.say(b"a APPEND " + REFUSED.encode() + b" {1000000+}\r\n")
    for _ in range(100):
        dialogue.say(b"x" * 10_000)
        assert dialogue.machine.waiting_octets == 0
