"""APPEND: messages stream through the machine, within limits, and are refused unread."""

from datetime import UTC, datetime

import pytest

from mailserver.model.message import Flag
from mailserver.protocol.imap import command as c
from mailserver.protocol.imap.command import AppendMessage
from mailserver.protocol.imap.event import (
    Bad,
    Command,
    LiteralBegin,
    LiteralEnd,
    TooLong,
)
from mailserver.protocol.imap.limits import Limits
from tests.support.imap import Dialogue, replay, value
from tests.support.imap_machine import GO, NOOP, SMALL, alive, stranger, user

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
