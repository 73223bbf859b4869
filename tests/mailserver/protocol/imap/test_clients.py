"""Lines as the clients people use send them; each must be understood.

A client that is answered BAD mostly tells its user that the server is broken, so these stay.
"""

import pytest

from mailserver.model import query as q
from mailserver.model.message import Flag
from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.command import Attribute, BodySection
from mailserver.protocol.imap.event import Bad, BadCharset, TooLong
from tests.support.imap import Dialogue, parse

THUNDERBIRD = [
    b'1 ID ("name" "Thunderbird" "version" "128.0")',
    b"2 authenticate PLAIN AGpvZQBzZWNyZXQ=",
    b"3 capability",
    b"4 namespace",
    b"5 ENABLE UTF8=ACCEPT",
    b'6 list (subscribed) "" "*" return (special-use)',
    b'7 list "" "INBOX"',
    b'8 lsub "" "*"',
    b'9 select "INBOX" (CONDSTORE)',
    b"10 noop",
    b"11 UID fetch 1:* (FLAGS)",
    b"12 UID fetch 1:* (FLAGS) (CHANGEDSINCE 4711)",
    b"13 UID fetch 5:9,12 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject "
    b"Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Reply-To)])",
    b"14 UID fetch 12 (UID RFC822.SIZE BODY[]<0.65536>)",
    b"15 UID fetch 12 (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (Content-Type "
    b"Content-Transfer-Encoding)] BODY.PEEK[TEXT]<0.2048>)",
    b"16 UID fetch 12 (UID BODY.PEEK[1.MIME] BODY.PEEK[2.MIME] BODY.PEEK[1])",
    b'17 UID SEARCH UNDELETED HEADER Message-ID "<1@example.org>"',
    b"18 uid store 12 +Flags (\\Seen)",
    b"19 uid store 12 -FLAGS.SILENT ($label1 NonJunk)",
    b'20 uid move 12:13 "Archives/2024"',
    b'21 create "Sent" (USE (\\Sent))',
    b'22 append "Drafts" (\\Draft \\Seen) "17-Jul-2024 02:44:25 +0200" {5+}\r\nabcde',
    b"23 IDLE\r\nDONE",
    b'24 STATUS "Sent Items" (UIDNEXT MESSAGES UNSEEN RECENT)',
    b"25 close",
    b"26 logout",
]
MUTT = [
    b"a0000 CAPABILITY",
    b'a0001 LOGIN "joe" "se\\"cret"',
    b'a0002 ID ("name" "NeoMutt")',
    b"a0003 ENABLE UTF8=ACCEPT CONDSTORE",
    b'a0004 LIST "" ""',
    b'a0005 SELECT "INBOX" (CONDSTORE)',
    b"a0006 FETCH 1:50 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM "
    b"SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE CONTENT-DESCRIPTION IN-REPLY-TO "
    b"REPLY-TO LINES LIST-POST LIST-SUBSCRIBE LIST-UNSUBSCRIBE X-LABEL X-ORIGINAL-TO)])",
    b"a0007 UID FETCH 12 BODY.PEEK[]",
    b"a0008 UID STORE 3,5:6 -FLAGS.SILENT (\\Seen $Label old)",
    b'a0009 UID SEARCH TEXT "x"',
    b'a0010 UID COPY 3 "=Arch &- ive"',
    b'a0011 APPEND "Sent" (\\Seen) " 7-Jul-2024 02:44:25 +0000" {3+}\r\nabc',
    b"a0012 IDLE\r\nDONE",
    b'a0013 STATUS "Lists" (UIDNEXT UIDVALIDITY UNSEEN RECENT MESSAGES)',
]
MBSYNC = [
    b"1 CAPABILITY",
    b"2 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=",
    b'3 LIST "" "*"',
    b'4 SELECT "INBOX"',
    b"5 UID FETCH 1:1000 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-TUID)])",
    b"6 UID FETCH 4711 (BODY.PEEK[])",
    b"7 UID STORE 4711 +FLAGS.SILENT (\\Answered)",
    b'8 APPEND "INBOX" (\\Seen) {3+}\r\nabc',
    b'9 APPEND "INBOX" "17-Jul-2024 02:44:25 +0000" {3+}\r\nabc',
    b"10 UID EXPUNGE 4711",
    b"11 UID SEARCH HEADER X-TUID abcdefghijkl",
    b"12 UID FETCH * (UID)",
]
IMAPLIB = [  # offlineimap is built on it
    b"ABCD0 CAPABILITY",
    b'ABCD1 LOGIN joe "secret"',
    b'ABCD2 LIST "" *',
    b"ABCD3 SELECT INBOX",
    b"ABCD4 EXAMINE {5}\r\nINBOX",
    b"ABCD5 SEARCH ALL",
    b"ABCD6 SEARCH CHARSET UTF-8 SUBJECT {4}\r\nGr\xc3\xbc",
    b"ABCD7 UID SEARCH (UNSEEN SINCE 1-Jan-2024)",
    b"ABCD8 FETCH 1 (RFC822)",
    b"ABCD9 FETCH 1:3 RFC822.HEADER",
    b"ABCD10 UID FETCH 7 (BODY.PEEK[] FLAGS)",
    b"ABCD11 STORE 1 +FLAGS \\Deleted",
    b"ABCD12 STORE 1 FLAGS (\\Seen)",
    b'ABCD13 APPEND INBOX (\\Seen) "17-Jul-2024 02:44:25 +0200" {3+}\r\nabc',
    b"ABCD14 STATUS INBOX (MESSAGES)",
    b'ABCD15 COPY 1 "Trash"',
    b"ABCD16 UID FETCH 1:* (FLAGS INTERNALDATE)",
    b"ABCD17 NOOP",
    b"ABCD18 CHECK",
    b"ABCD19 EXPUNGE",
]
AIOIMAPLIB = [
    b"KHJM1 CAPABILITY",
    b'KHJM2 LOGIN joe "secret"',
    b'KHJM3 ID ("name" "aioimaplib")',
    b'KHJM4 LIST "" "*"',
    b"KHJM5 SELECT INBOX",
    b"KHJM6 UID SEARCH ALL",
    b"KHJM7 UID SEARCH CHARSET utf-8 ALL",
    b"KHJM8 FETCH 1:2 (UID FLAGS BODY.PEEK[HEADER])",
    b"KHJM9 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)",
    b"KHJM10 UID STORE 1 +FLAGS (\\Deleted \\Seen)",
    b"KHJM11 UID MOVE 1:2 AAA",
    b"KHJM12 APPEND INBOX {3+}\r\nabc",
    b"KHJM13 IDLE\r\nDONE",
    b"KHJM14 ENABLE X-GOOD-IDEA",
    b"KHJM15 NAMESPACE",
]
APPLE_MAIL = [
    b"1.1 CAPABILITY",
    b'2.1 ID ("name" "Mac OS X Mail" "version" "16.0 (3774)" "os" "Mac OS X")',
    b"3.1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=",
    b"4.1 ENABLE CONDSTORE",
    b'5.1 LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT UIDVALIDITY '
    b"HIGHESTMODSEQ))",
    b"6.1 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)",
    b"7.1 SELECT INBOX (CONDSTORE)",
    b"8.1 FETCH 1:* (FLAGS UID MODSEQ)",
    b"9.1 UID FETCH 1:500 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date "
    b"from to cc message-id in-reply-to references content-type x-priority "
    b'x-universally-unique-identifier list-id list-unsubscribe bimi-indicator "x-a")])',
    b"10.1 UID FETCH 500 (BODYSTRUCTURE BODY.PEEK[])",
    b"11.1 UID SEARCH 1:* NOT DELETED",
    b"12.1 UID SEARCH RETURN (ALL) UID 1:* NOT DELETED",
    b"13.1 UID STORE 500 FLAGS.SILENT (\\Seen $NotJunk JunkRecorded)",
    b'14.1 UID COPY 500 "Deleted Messages"',
    b"15.1 IDLE\r\nDONE",
    b"16.1 LOGOUT",
]
OUTLOOK = [
    b"7vnk CAPABILITY",
    b'xnov LOGIN "joe@example.org" "secret"',
    b'j7n9 ID ("name" "Microsoft.Outlook" "version" NIL)',
    b'xcx4 LIST "" ""',
    b'pe0l LIST "" "%"',
    b'r3tx LSUB "" "*"',
    b'z6yf SELECT "INBOX"',
    b"bqqf UID FETCH 1:* (UID FLAGS)",
    b"04l1 UID FETCH 9 (UID RFC822.SIZE BODY.PEEK[] INTERNALDATE)",
    b"kklq UID FETCH 9 (BODY.PEEK[HEADER] FLAGS ENVELOPE BODYSTRUCTURE)",
    b"d61z UID STORE 9 +FLAGS.SILENT (\\Seen \\Deleted)",
    b'1ug8 UID MOVE 9 "Deleted Items"',
    b'o7ub APPEND "Sent Items" (\\Seen) {3}\r\nabc',
    b"kx5q IDLE\r\nDONE",
    b"0hf7 NOOP",
]
CLIENTS = {
    "Thunderbird": THUNDERBIRD,
    "mutt": MUTT,
    "mbsync": MBSYNC,
    "imaplib": IMAPLIB,
    "aioimaplib": AIOIMAPLIB,
    "Apple Mail": APPLE_MAIL,
    "Outlook": OUTLOOK,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_line_is_understood(client: str) -> None:
    dialogue = Dialogue()
    for line in CLIENTS[client]:
        before = len(dialogue.events)
        dialogue.say(line + b"\r\n")
        said = dialogue.events[before:]
        assert said, line
        assert not [event for event in said if isinstance(event, Bad | BadCharset | TooLong)], line


def test_lower_case_and_no_parentheses() -> None:
    command = parse(b"uid fetch 4 body.peek[header]")
    assert isinstance(command, c.Fetch)
    uid, header = command.items
    assert uid is Attribute.UID
    assert isinstance(header, BodySection)
    assert (header.peek, header.label, header.section.what) == (True, b"BODY[HEADER]", "HEADER")


def test_a_search_in_parentheses_is_one_key() -> None:
    assert parse(b"UID SEARCH (UNSEEN FLAGGED)") == c.Search(
        q.And((q.Not(q.HasFlag(Flag.SEEN)), q.HasFlag(Flag.FLAGGED))), by_uid=True
    )
