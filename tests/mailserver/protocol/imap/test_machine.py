"""The machine: literals, exchanges, pauses and limits (RFC 9051 §2.2, §4.3, RFC 7888, RFC 3502)."""

import pytest

from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.event import (
    Bad,
    Command,
    Done,
)
from tests.support.imap import value
from tests.support.imap_machine import GO, NOOP, SMALL, alive, stranger, user

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
