"""The machine: literals, exchanges, pauses and limits (RFC 9051 §2.2, §4.3, RFC 7888, RFC 3502)."""

from datetime import UTC, datetime

import pytest

from mailserver.model.message import Flag
from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.command import AppendMessage
from mailserver.protocol.imap.event import (
    Bad,
    Command,
    Done,
    LiteralBegin,
    LiteralEnd,
    NeedContinuation,
    TooLong,
)
from mailserver.protocol.imap.limits import Limits
from mailserver.protocol.imap.machine import Machine
from tests.support.imap import Dialogue, replay, value

SMALL = Limits(
    line_octets=100,
    literal_octets=60,
    early_literal_octets=20,
    message_octets=1_000,
    discard_octets=2_000,
)
GO = NeedContinuation(b"go ahead")
NOOP = Command(b"z", c.Noop())


def user(limits: Limits = SMALL) -> Machine:
    machine = Machine(limits)
    machine.log_in()
    return machine


def stranger(limits: Limits = SMALL) -> Machine:
    return Machine(limits)


def alive(machine: Machine) -> bool:
    """Whether it goes on with the next command as if nothing had happened."""
    return machine.feed(b"z NOOP\r\n") == [NOOP]


# Lines


def test_commands_come_in_their_order() -> None:
    assert user().feed(b"a NOOP\r\nb CHECK\r\nc CLO") == [
        Command(b"a", c.Noop()),
        Command(b"b", c.Check()),
    ]


def test_a_bare_lf_ends_a_line_too() -> None:
    assert user().feed(b"a NOOP\nb CHECK\n") == [Command(b"a", c.Noop()), Command(b"b", c.Check())]


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"", None),
        (b" NOOP", None),
        (b"* NOOP", None),
        (b"+ NOOP", None),
        (b"\xff\xfe NOOP", None),
        (b"\x16\x03\x01\x02\x00\x01", None),
        (b"a", b"a"),
        (b"a\tNOOP", None),
        (b"a NO\x00OP", b"a"),
        (b"GET / HTTP/1.1", b"GET"),
    ],
)
def test_a_tag_that_was_read_stands_in_the_answer(line: bytes, tag: bytes | None) -> None:
    machine = user()
    (event,) = machine.feed(line + b"\r\n")
    assert isinstance(event, Bad)
    assert (event.tag, event.fatal) == (tag, False)
    assert alive(machine)


def test_faults_in_a_row_are_counted() -> None:
    machine = user()
    machine.feed(b"a X\r\n\r\nb Y\r\n")
    assert machine.bad_commands == 3
    assert alive(machine)
    assert machine.bad_commands == 0


@pytest.mark.parametrize("ending", [b"\r\n", b"xx"])
def test_a_user_may_say_a_line_that_is_too_long(ending: bytes) -> None:
    machine = user()
    line = b"a SEARCH " + b"x" * (SMALL.line_octets - len(b"a SEARCH ") - 2)
    (event,) = machine.feed(line + b"\r\n")
    assert event == Bad(b"a", b"expected a space"), "as long as it may be"
    assert machine.feed(line + b"x" + ending) == [Bad(b"a", b"the line is too long")]
    if ending == b"xx":
        assert machine.feed(b"x" * 500) == []
        assert machine.feed(b"y NOOP\r\n") == [], "still the same line"
    assert alive(machine)


def test_a_stranger_may_not() -> None:
    machine = stranger()
    assert machine.feed(b"a " + b"x" * 99) == [Bad(b"a", b"the line is too long", fatal=True)]
    assert not alive(machine)
    assert machine.waiting_octets == 0


def test_a_line_without_end_is_dropped_up_to_a_bound() -> None:
    machine = user()
    assert machine.feed(b"x" * 101) == [Bad(None, b"the line is too long")]
    assert machine.feed(b"x" * (2_000 - 101)) == []
    assert machine.feed(b"x") == [Bad(None, b"too much to discard", fatal=True)]
    assert not alive(machine)


def test_all_lines_of_one_command_count_together() -> None:
    machine = user()
    assert machine.feed(b"a LOGIN {1}\r\n") == [GO]
    (event,) = machine.feed(b"j " + b"x" * 90 + b"\r\n")
    assert event == Bad(b"a", b"the line is too long")
    assert alive(machine)


# Literals of arguments


def test_a_small_literal_is_asked_for() -> None:
    machine = user()
    assert machine.feed(b"a SELECT {5}\r\n") == [GO]
    assert machine.feed(b"in") == []
    assert machine.waiting_octets == len(b"a SELECT {5}\r\nin")
    assert machine.feed(b"box\r\n") == [Command(b"a", c.Select("INBOX"))]
    assert machine.waiting_octets == 0


def test_an_empty_literal_is_a_literal() -> None:
    assert user().feed(b'a LIST {0+}\r\n "*"\r\n') == [Command(b"a", c.List("", ("*",)))]


def test_a_client_may_send_what_it_should_wait_for() -> None:
    assert user().feed(b"a SELECT {5}\r\ninbox\r\nz NOOP\r\n") == [
        GO,
        Command(b"a", c.Select("INBOX")),
        NOOP,
    ]


@pytest.mark.parametrize("size", [b"61", b"4294967296", b"99999999999999999999"])
def test_a_literal_that_is_too_long_is_not_asked_for(size: bytes) -> None:
    machine = user()
    assert machine.feed(b"a SELECT {" + size + b"}\r\n") == [Bad(b"a", b"the literal is too long")]
    assert alive(machine)


def test_all_literals_of_one_command_count_together() -> None:
    machine = user()
    machine.feed(b"a LOGIN {31+}\r\n" + b"j" * 31)
    assert machine.feed(b" {30}\r\n") == [Bad(b"a", b"the literal is too long")]
    assert alive(machine)


def test_a_stranger_has_smaller_literals() -> None:
    machine = stranger()
    assert machine.feed(b"a LOGIN {21}\r\n") == [Bad(b"a", b"the literal is too long")]
    assert alive(machine)
    assert machine.feed(b"b LOGIN {20}\r\n") == [GO]


def test_a_literal_on_its_way_is_dropped_with_its_command() -> None:
    machine = user()
    said = b"a LOGIN {70+}\r\n" + b"z NOOP\r\n" * 8 + b"123456 {8+}\r\nz NOOP\r\n joe\r\n"
    assert machine.feed(said) == [Bad(b"a", b"the literal is too long")]
    assert alive(machine)


def test_a_dropped_command_ends_where_its_client_waits() -> None:
    machine = user()
    assert machine.feed(b"a LOGIN {70+}\r\n" + b"x" * 70 + b" {5}\r\n") == [
        Bad(b"a", b"the literal is too long")
    ]
    assert alive(machine)


@pytest.mark.parametrize("size", [1_985, 2_001, 10**19])
def test_more_than_the_bound_is_not_dropped(size: int) -> None:
    machine = user()
    events = machine.feed(b"a LOGIN {%d+}\r\n" % size + b"x" * 2_001)
    assert events[-1] == (
        Bad(b"a", b"the literal is too long", fatal=True)
        if size > SMALL.discard_octets
        else Bad(None, b"too much to discard", fatal=True)
    )
    assert not alive(machine)


def test_a_second_literal_counts_for_the_bound_before_it_is_dropped() -> None:
    machine = user()
    machine.feed(b"a LOGIN {1000+}\r\n" + b"x" * 1_000)
    assert machine.feed(b" {1000+}\r\n") == [Bad(None, b"too much to discard", fatal=True)]


def test_a_stranger_on_whose_way_too_much_is_has_to_go() -> None:
    machine = stranger()
    assert machine.feed(b"a LOGIN {21+}\r\n" + b"x" * 21) == [
        Bad(b"a", b"the literal is too long", fatal=True)
    ]
    assert not alive(machine)


@pytest.mark.parametrize("line", [b"{5}", b"* {5}", b"\x00 SELECT {5}"])
def test_no_literal_without_a_tag(line: bytes) -> None:
    machine = user()
    assert machine.feed(line + b"\r\n") == [Bad(None, b"expected a tag")]
    assert alive(machine)


def test_no_literal_in_the_middle_of_a_quoted_string() -> None:
    machine = user()
    assert machine.feed(b'a SELECT "x{3+}\r\nabc"\r\n') == [Bad(b"a", b"expected a string")]
    assert alive(machine)


# APPEND


def test_a_message_streams() -> None:
    machine = user()
    (begin,) = machine.feed(
        b'a APPEND "Sent" (\\Seen $X) "17-Jul-1996 02:44:25 -0700" {10}\r\nz NOOP\r\n'
    )
    at = datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)
    message = AppendMessage(10, Flag.SEEN, frozenset({"$X"}), at)
    assert begin == LiteralBegin(b"a", "Sent", message, synchronising=True)
    assert machine.paused
    assert machine.feed(b"12") == []
    machine = user()
    machine.feed(b'a APPEND "Sent" (\\Seen $X) "17-Jul-1996 02:44:25 -0700" {10}\r\n')
    assert machine.accept_literal() == []
    assert not machine.paused
    assert [value(event) for event in machine.feed(b"0123")] == [("LiteralChunk", b"0123")]
    assert machine.feed(b"") == []
    assert [value(event) for event in machine.feed(b"456789\r\nz NOOP\r\n")] == [
        ("LiteralChunk", b"456789"),
        ("LiteralEnd",),
        value(Command(b"a", c.Append("Sent", (message,)))),
        value(NOOP),
    ]


def appended(octets: bytes, limits: Limits = SMALL) -> list[object]:
    return replay([octets], limits, logged_in=True)


def test_the_mailbox_may_be_a_literal() -> None:
    message = AppendMessage(3)
    begin = LiteralBegin(b"a", "INBOX", message, synchronising=False)
    assert appended(b"a append {5}\r\ninbox {3+}\r\nabc\r\n") == [
        value(GO),
        value(begin),
        b"abc",
        ("LiteralEnd",),
        value(Command(b"a", c.Append("INBOX", (message,)))),
    ]


def test_an_empty_message_is_a_message() -> None:
    message = AppendMessage(0)
    assert appended(b"a APPEND x {0}\r\n\r\n") == [
        value(LiteralBegin(b"a", "x", message, synchronising=True)),
        ("LiteralEnd",),
        value(Command(b"a", c.Append("x", (message,)))),
    ]


def test_several_messages_in_one_append() -> None:
    one, two = AppendMessage(1), AppendMessage(2, Flag.SEEN)
    assert appended(b"a APPEND x {1+}\r\n1 (\\Seen) {2}\r\n22 \r\n") == [
        value(LiteralBegin(b"a", "x", one, synchronising=False)),
        b"1",
        ("LiteralEnd",),
        value(LiteralBegin(b"a", "x", two, synchronising=True)),
        b"22",
        ("LiteralEnd",),
        value(Command(b"a", c.Append("x", (one, two)))),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"a APPEND x (\\Seen {5%b}", b"expected an atom"),
        (b"a APPEND x (\\Nonsense) {5%b}", b"there is no such system flag"),
        (b'a APPEND x "yesterday" {5%b}', b"expected a date and time"),
        (b'a APPEND x "17-Jul-1996 02:44:25 -0700"{5%b}', b"expected a space"),
        (b"a APPEND x y {5%b}", b"expected flags, a date and time, or a literal"),
        (b"a APPEND x ~{5%b}", b"expected flags, a date and time, or a literal"),
        (b"a APPEND x UTF8 (~{5%b}", b"expected flags, a date and time, or a literal"),
        (b"a APPEND x{5%b}", b"expected a space"),
        (b'a APPEND "" {5%b}', b"the mailbox has no name"),
        (b"a APPEND R&D {5%b}", b"the mailbox name is not modified UTF-7"),
    ],
)
def test_no_append(line: bytes, says: bytes) -> None:
    machine = user()
    assert machine.feed(line % b"" + b"\r\n") == [Bad(b"a", says)]
    assert alive(machine)
    assert machine.feed(line % b"+" + b"\r\nabcde {3+}\r\nabc\r\n") == [Bad(b"a", says)]
    assert alive(machine)


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (b"x", b"expected another message or the end of the line"),
        (b" (\\Seen)", b"expected another message or the end of the line"),
        (b"{3+}\r\nabc", b"expected a space"),
        (b" x {3+}\r\nabc", b"expected flags, a date and time, or a literal"),
        (b" " * 90, b"the line is too long"),
    ],
)
def test_nothing_else_stands_behind_a_message(rest: bytes, says: bytes) -> None:
    dialogue = Dialogue(SMALL, logged_in=True)
    dialogue.say(b"a APPEND x {1+}\r\n1" + rest + b"\r\n")
    assert dialogue.events[-1] == Bad(b"a", says)
    assert alive(dialogue.machine)


def test_a_message_over_the_limit_is_refused_unread() -> None:
    machine = user()
    refusal = TooLong(b"a", b"the message is too long")
    assert machine.feed(b"a APPEND x {1001}\r\n") == [refusal]
    assert alive(machine)
    assert machine.feed(b"a APPEND x {1001+}\r\n" + b"x" * 1_001 + b"\r\n") == [refusal]
    assert alive(machine)
    assert machine.feed(b"a APPEND x {2001+}\r\n") == [
        TooLong(b"a", b"the message is too long", fatal=True)
    ]
    assert not alive(machine)


def test_a_further_message_over_the_limit_ends_the_append() -> None:
    dialogue = Dialogue(SMALL, logged_in=True)
    dialogue.say(b"a APPEND x {1+}\r\n1 {1001}\r\n")
    assert dialogue.events[-1] == TooLong(b"a", b"the message is too long")
    assert alive(dialogue.machine)


@pytest.mark.parametrize("plus", [b"", b"+"])
def test_a_stranger_appends_nothing(plus: bytes) -> None:
    machine = stranger()
    assert machine.feed(b"a APPEND x {5" + plus + b"}\r\n") == [Bad(b"a", b"log in first")]
    if plus:
        assert machine.feed(b"12345\r\n") == []
    assert alive(machine)


def test_the_edge_may_refuse_a_message_that_waits() -> None:
    machine = user()
    machine.feed(b"a APPEND x {5}\r\n")
    assert machine.refuse_literal() == []
    assert alive(machine)


def test_the_edge_may_refuse_a_message_on_its_way() -> None:
    machine = user()
    machine.feed(b"a APPEND x {8+}\r\nz NOOP\r\n {8+}\r\nz NOOP\r\n\r\nz NOOP\r\n")
    assert machine.refuse_literal() == [NOOP]
    assert alive(machine)


def test_the_edge_may_refuse_a_further_message() -> None:
    dialogue = Dialogue(SMALL, logged_in=True)
    machine = dialogue.machine
    machine.feed(b"a APPEND x {1+}\r\n1")
    assert machine.accept_literal()[-1] == LiteralEnd()
    (begin,) = machine.feed(b" {8+}\r\nz NOOP\r\n\r\n")
    assert isinstance(begin, LiteralBegin)
    assert machine.refuse_literal() == []
    assert alive(machine)


def test_a_refused_message_that_hangs_over_the_bound() -> None:
    limits = Limits(message_octets=1_000, discard_octets=500)
    machine = user(limits)
    machine.feed(b"a APPEND x {501+}\r\n")
    assert machine.refuse_literal() == [Bad(None, b"too much to discard", fatal=True)]
    assert not alive(machine)


# LOGIN, AUTHENTICATE, STARTTLS, IDLE, LOGOUT


@pytest.mark.parametrize(
    "line", [b"LOGIN a b", b"AUTHENTICATE PLAIN", b"STARTTLS", b"IDLE", b"LOGOUT"]
)
def test_the_machine_pauses_where_the_edge_decides(line: bytes) -> None:
    machine = stranger()
    (event,) = machine.feed(b"a " + line + b"\r\nz NOOP\r\n")
    assert isinstance(event, Command)
    assert machine.paused
    assert machine.feed(b"z NOOP\r\n") == []
    assert machine.waiting_octets == 16
    assert machine.resume() == [NOOP, NOOP]
    assert not machine.paused


def test_what_is_piped_behind_login_has_the_limits_of_a_user() -> None:
    machine = stranger()
    machine.feed(b"a LOGIN joe secret\r\nb SELECT {21+}\r\n" + b"x" * 21 + b"\r\n")
    machine.log_in()
    assert machine.resume() == [Command(b"b", c.Select("x" * 21))]


def test_authenticate_in_two_steps() -> None:
    machine = stranger()
    assert machine.feed(b"a AUTHENTICATE LOGIN\r\nam9l\r\nc2VjcmV0\r\nz NOOP\r\n") == [
        Command(b"a", c.Authenticate("LOGIN", None))
    ]
    assert [value(event) for event in machine.expect_line()] == [("SaslLine", b"joe")]
    assert machine.paused
    assert [value(event) for event in machine.expect_line()] == [("SaslLine", b"secret")]
    assert machine.resume() == [NOOP]


@pytest.mark.parametrize(("line", "answer"), [(b"*", None), (b"", b"")])
def test_a_client_may_cancel_or_say_nothing(line: bytes, answer: bytes | None) -> None:
    machine = stranger()
    machine.feed(b"a AUTHENTICATE PLAIN\r\n")
    assert machine.expect_line() == []
    assert [value(event) for event in machine.feed(line + b"\r\n")] == [("SaslLine", answer)]
    assert machine.paused


def test_what_is_not_base64_ends_the_exchange() -> None:
    machine = stranger()
    machine.feed(b"a AUTHENTICATE PLAIN\r\n!\r\nz NOOP\r\n")
    assert machine.expect_line() == [Bad(b"a", b"this is not base64"), NOOP]


def test_an_answer_that_is_too_long_ends_the_connection() -> None:
    machine = user()
    machine.feed(b"a AUTHENTICATE PLAIN\r\n" + b"A" * 101)
    assert machine.expect_line() == [Bad(b"a", b"the line is too long", fatal=True)]
    assert not alive(machine)


@pytest.mark.parametrize("done", [b"DONE\r\n", b"done\r\n", b"DONE \r\n", b"Done\n"])
def test_idle_ends_with_done(done: bytes) -> None:
    machine = user()
    machine.feed(b"a IDLE\r\n")
    assert machine.expect_done() == []
    assert machine.feed(done + b"z NOOP\r\n") == [Done(), NOOP]


def test_idle_ends_with_anything_else_too() -> None:
    machine = user()
    machine.feed(b"a IDLE\r\n")
    machine.expect_done()
    assert machine.feed(b"b NOOP\r\nz NOOP\r\n") == [Bad(b"a", b"expected DONE"), NOOP]


def test_starttls_forgets_what_came_in_the_clear() -> None:
    machine = stranger()
    machine.feed(b"a STARTTLS\r\nb LOGIN mallory x\r\nc NO")
    assert machine.start_tls() == len(b"b LOGIN mallory x\r\nc NO")
    assert machine.waiting_octets == 0
    assert alive(machine)


def test_nothing_comes_out_of_a_closed_machine() -> None:
    machine = user()
    machine.feed(b"a SEL")
    machine.close()
    assert machine.feed(b"a NOOP\r\n") == []
    assert machine.waiting_octets == 0


# Memory


def test_what_is_kept_of_one_command_is_bounded() -> None:
    machine = user()
    machine.feed(b"a ")
    kept = []
    for _ in range(50):
        events = machine.feed(b"x {5+}\r\nzzzzz")
        kept.append(machine.waiting_octets)
        if events:
            break
    assert events == [Bad(b"a", b"the line is too long")]
    assert max(kept) <= SMALL.line_octets + SMALL.literal_octets


def test_the_middle_of_a_message_is_passed_on_without_a_copy() -> None:
    machine = user()
    machine.feed(b"a APPEND x {1000}\r\n")
    machine.accept_literal()
    octets = b"x" * 500
    (chunk,) = machine.feed(octets)
    assert value(chunk) == ("LiteralChunk", octets)
    assert chunk.octets.reveal() is octets  # type: ignore[union-attr]  # it is a LiteralChunk
