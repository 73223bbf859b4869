"""FETCH: what a list of items costs, and how its answers are cut."""

from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailserver.imap.fetch import Need, Writer, plan
from mailserver.imap.view import View
from mailserver.model.ids import EmailId, MailboxId, ModSeq, ThreadId, Uid
from mailserver.model.mailbox import Mailbox, MailboxView
from mailserver.model.message import EPOCH, Flag, Message
from mailserver.model.sealed import Plaintext
from mailserver.protocol.imap.command import Fetch, FetchItem
from mailserver.protocol.imap.grammar import parse
from mailserver.protocol.mime.summary import build

LETTER = (
    b"From: Ann <ann@example.org>\r\nSubject: hello\r\nX-Loop: yes\r\n"
    b"Content-Type: text/plain\r\n\r\nHow are you?\r\n"
)


def items(text: str) -> tuple[FetchItem, ...]:
    command = parse(b"a FETCH 1 " + text.encode(), 2)
    assert isinstance(command, Fetch)
    return command.items


def view(*uids: int, recent_from: int = 1_000) -> View:
    mailbox = Mailbox(
        MailboxId(1), "INBOX", None, 1, Uid(1_000), ModSeq(1), len(uids), 0, 0, 0, subscribed=True
    )
    return View(MailboxView(mailbox, array("I", uids), Uid(recent_from), None), writable=True)


def message(
    uid: int,
    *,
    summary: bool = False,
    content: bool = False,
    damaged: bool = False,
    internaldate: datetime = datetime(2024, 5, 1, 9, 8, 7, tzinfo=UTC),
) -> Message:
    return Message(
        uid=Uid(uid),
        email_id=EmailId(uid + 100),
        thread_id=ThreadId(uid + 200),
        flags=Flag.SEEN,
        keywords=frozenset({"$Work"}),
        modseq=ModSeq(9),
        size_octets=len(LETTER),
        internaldate_us=(internaldate - EPOCH) // timedelta(microseconds=1),
        saved_us=(datetime(2024, 5, 2, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1),
        summary=Plaintext(build(LETTER).summary) if summary else None,
        octets=Plaintext(LETTER) if content else None,
        damaged=damaged,
    )


def joined(writer: Writer, rows: Sequence[Message]) -> bytes:
    return b"".join(piece for run in writer.write(rows, 1) for piece in run)


def written(text: str, rows: Sequence[Message], seen: View | None = None) -> bytes:
    writer = Writer(plan(items(text)), seen or view(*[row.uid for row in rows]))
    return joined(writer, rows)


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("UID", Need.VIEW),
        ("FLAGS", Need.FLAGS),
        ("(UID FLAGS MODSEQ)", Need.FLAGS),
        ("FAST", Need.ROW),
        ("(UID EMAILID THREADID)", Need.ROW),
        ("ALL", Need.SUMMARY),
        ("FULL", Need.SUMMARY),
        ("(FLAGS BODYSTRUCTURE)", Need.SUMMARY),
        ("BODY.PEEK[HEADER.FIELDS (FROM)]", Need.SUMMARY),
        ("BODY.PEEK[1.HEADER.FIELDS (FROM)]", Need.CONTENT),
        ("BODY.PEEK[HEADER.FIELDS.NOT (FROM)]", Need.CONTENT),
        ("BODY.PEEK[]", Need.CONTENT),
        ("(ENVELOPE BODY.PEEK[TEXT])", Need.CONTENT),
        ("RFC822.HEADER", Need.CONTENT),
    ],
)
def test_the_dearest_item_decides(text: str, need: Need) -> None:
    assert plan(items(text)).need is need


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("BODY.PEEK[]", False),
        ("RFC822.HEADER", False),
        ("BODY[TEXT]", True),
        ("RFC822", True),
        ("RFC822.TEXT", True),
        ("BODY", False),
        ("(BODY.PEEK[1] BODY[2])", True),
    ],
)
def test_reading_without_peek_marks_seen(text: str, marks: bool) -> None:
    assert plan(items(text)).marks_seen is marks


def test_a_summary_is_read_beside_the_content_only_where_it_is_needed() -> None:
    assert not plan(items("BODY.PEEK[]")).reads_summary
    assert plan(items("(ENVELOPE BODY.PEEK[])")).reads_summary


def test_every_attribute_of_a_row() -> None:
    text = "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ EMAILID THREADID SAVEDATE)"
    assert written(text, [message(5)], view(4, 5, recent_from=5)) == (
        b"* 2 FETCH (UID 5 FLAGS (\\Seen \\Recent $Work)"
        b' INTERNALDATE " 1-May-2024 09:08:07 +0000" RFC822.SIZE %d MODSEQ (9) EMAILID (M105)'
        b' THREADID (T205) SAVEDATE " 2-May-2024 00:00:00 +0000")\r\n' % len(LETTER)
    )


def test_dates_are_said_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    row = message(1, internaldate=datetime(2024, 1, 1, 1, 30, tzinfo=east))
    assert written("INTERNALDATE", [row]) == (
        b'* 1 FETCH (INTERNALDATE "31-Dec-2023 23:30:00 +0000")\r\n'
    )


def test_envelope_and_bodystructure_are_the_summarys_octets() -> None:
    row = message(1, summary=True)
    both = written("(ENVELOPE BODYSTRUCTURE)", [row])
    assert both.startswith(b'* 1 FETCH (ENVELOPE (NIL "hello" (("Ann" NIL "ann" "example.org"))')
    envelope = written("ENVELOPE", [row])[len(b"* 1 FETCH (") : -3]
    structure = written("BODYSTRUCTURE", [row])[len(b"* 1 FETCH (") : -3]
    assert both == b"* 1 FETCH (" + envelope + b" " + structure + b")\r\n"
    assert written("BODY", [row]).startswith(b'* 1 FETCH (BODY ("TEXT" "PLAIN"') or written(
        "BODY", [row]
    ).startswith(b'* 1 FETCH (BODY ("text" "plain"')
    assert written("PREVIEW", [row]) == b'* 1 FETCH (PREVIEW "How are you?")\r\n'


def test_header_fields_come_from_the_summary_or_not_at_all() -> None:
    kept = written("BODY.PEEK[HEADER.FIELDS (SUBJECT)]", [message(1, summary=True)])
    assert kept == (b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: hello\r\n\r\n)\r\n")
    writer = Writer(plan(items("(UID BODY.PEEK[HEADER.FIELDS (X-LOOP)])")), view(1))
    assert not joined(writer, [message(1, summary=True)])
    assert writer.unanswered == [1]
    again = Writer(writer.plan.by_content, view(1))
    assert joined(again, [message(1, content=True)]) == (
        b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X-LOOP)] {15}\r\nX-Loop: yes\r\n\r\n)\r\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("BODY.PEEK[TEXT]", b"BODY[TEXT] {14}\r\nHow are you?\r\n"),
        ("BODY.PEEK[TEXT]<4.3>", b"BODY[TEXT]<4> {3}\r\nare"),
        ("BODY.PEEK[TEXT]<99.3>", b"BODY[TEXT]<99> {0}\r\n"),
        ("BODY.PEEK[2]", b"BODY[2] NIL"),
        ("RFC822", b"RFC822 {%d}\r\n%b" % (len(LETTER), LETTER)),
        (
            "(BODY.PEEK[1] BODY.PEEK[TEXT])",
            b"BODY[1] {14}\r\nHow are you?\r\n BODY[TEXT] {14}\r\nHow are you?\r\n",
        ),
    ],
)
def test_sections_are_literals(text: str, said: bytes) -> None:
    assert written(text, [message(1, content=True)]) == b"* 1 FETCH (" + said + b")\r\n"


def test_messages_the_client_does_not_count_are_passed_over() -> None:
    rows = [message(uid) for uid in (1, 3, 5, 7, 9)]
    assert written("UID", rows, view(3, 4, 7)) == (b"* 1 FETCH (UID 3)\r\n* 3 FETCH (UID 7)\r\n")


def test_batches_go_on_where_the_last_one_ended() -> None:
    writer = Writer(plan(items("UID")), view(1, 2, 3))
    first = joined(writer, [message(1), message(2)])
    second = joined(writer, [message(3)])
    assert first + second == b"".join(b"* %d FETCH (UID %d)\r\n" % (n, n) for n in (1, 2, 3))


def test_a_damaged_message_spoils_no_other() -> None:
    rows = [
        message(1, summary=True),
        message(2, damaged=True),
        message(3),  # its summary is missing
        message(4, summary=True),
    ]
    writer = Writer(plan(items("(UID ENVELOPE)")), view(1, 2, 3, 4))
    said = joined(writer, rows)
    assert [line.split(b" ENV")[0] for line in said.splitlines()] == [
        b"* 1 FETCH (UID 1",
        b"* 4 FETCH (UID 4",
    ]
    assert [row.uid for row in writer.damaged] == [2, 3]


def test_a_damaged_message_still_has_its_flags() -> None:
    assert written("FLAGS", [message(1, damaged=True)]) == b"* 1 FETCH (FLAGS (\\Seen $Work))\r\n"


def test_runs_are_about_as_long_as_asked() -> None:
    rows = [message(uid) for uid in range(1, 101)]
    writer = Writer(plan(items("FAST")), view(*range(1, 101)))
    runs = [b"".join(run) for run in writer.write(rows, 1_000)]
    assert all(1_000 <= len(run) < 1_200 for run in runs[:-1])
    assert b"".join(runs).count(b"\r\n") == 100


def test_a_body_is_a_piece_of_its_own_and_is_not_copied() -> None:
    row = message(1, content=True)
    assert row.octets is not None
    (run,) = Writer(plan(items("BODY.PEEK[]")), view(1)).write([row], 1)
    assert any(piece is row.octets.reveal() for piece in run)
