"""Octets become commands, however they are cut; nothing is kept that is over the limit."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailserver.model.sealed import Plaintext
from mailserver.protocol.managesieve.command import (
    Authenticate,
    CheckScript,
    HaveSpace,
    ListScripts,
    Noop,
    PutScript,
    RenameScript,
)
from mailserver.protocol.managesieve.machine import Bad, Limits, Machine, TooLarge
from mailserver.protocol.managesieve.response import line, reply, string

Heard = list[object]


def heard(octets: bytes, *cuts: int, limits: Limits | None = None) -> Heard:
    """Feed octets in pieces and return what came of them."""
    machine = Machine(limits)
    machine.signed_in = True
    found: Heard = []
    places = [0, *sorted(cuts), len(octets)]
    for start, end in itertools.pairwise(places):
        machine.feed(octets[start:end])
        while (event := machine.command()) is not None:
            found.append(event)
    return found


def shown(events: Heard) -> list[str]:
    """Say what came, plaintext too."""
    words = []
    for event in events:
        values = [getattr(event, name) for name in getattr(event, "__slots__", ())]
        opened = [one.reveal() if isinstance(one, Plaintext) else one for one in values]
        words.append(f"{type(event).__name__} {opened}")
    return words


TALK = (
    b'PUTSCRIPT "na\\"me\\\\" {7+}\r\nkeep;\r\n\r\nNOOP\r\n\r\n'
    b'HaveSpace {2+}\r\nab 99\r\nrenamescript "a" "b"\nLISTSCRIPTS\r\n'
    b'AUTHENTICATE "PLAIN" "eA=="\r\nNOOP "tag"\r\nCHECKSCRIPT {0}\r\n\r\n'
)


def test_a_talk_is_understood() -> None:
    assert [type(event) for event in heard(TALK)] == [
        PutScript,
        Noop,
        HaveSpace,
        RenameScript,
        ListScripts,
        Authenticate,
        Noop,
        CheckScript,
    ]
    assert shown(heard(TALK))[0] == "PutScript ['na\"me\\\\', b'keep;\\r\\n']"
    assert heard(TALK)[2] == HaveSpace("ab", 99)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(TALK)), max_size=10))
def test_it_is_understood_however_it_is_cut(cuts: list[int]) -> None:
    assert shown(heard(TALK, *cuts)) == shown(heard(TALK))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"NOOP",
                b"PUTSCRIPT",
                b'"a"',
                b" ",
                b"\r\n",
                b"\n",
                b"{3+}\r\nabc",
                b"{3+}",
                b"{99999+}",
                b'"',
                b"\\",
                b"12",
                b"\x00",
                b"\xff",
                b"{",
                b"}",
            ]
        ),
        max_size=20,
    ).map(b"".join),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_any_octets_are_commands_or_refused(octets: bytes, cuts: list[int]) -> None:
    cuts = [cut for cut in cuts if cut <= len(octets)]
    limits = Limits(literal_octets=10, discard_octets=100)
    assert shown(heard(octets, *cuts, limits=limits)) == shown(heard(octets, limits=limits))


def test_a_literal_that_is_too_large_is_dropped() -> None:
    limits = Limits(literal_octets=5, discard_octets=50)
    said = heard(b'PUTSCRIPT "a" {6+}\r\nkeep;;\r\nNOOP\r\n', 25, limits=limits)
    assert said == [TooLarge(), Noop(None)]
    said = heard(b"PUTSCRIPT {3+}\r\nabc {3+}\r\nabc\r\nNOOP\r\n", limits=limits)
    assert said == [TooLarge(), Noop(None)]
    assert heard(b'PUTSCRIPT "a" {99+}\r\n', limits=limits) == [TooLarge(fatal=True)]
    assert heard(b'PUTSCRIPT "a" {99+}\r\n' + b"x" * 99, limits=limits) == [TooLarge(fatal=True)]


def test_before_sign_in_little_is_held() -> None:
    machine = Machine()
    machine.feed(b"CHECKSCRIPT {1025+}\r\n" + b"#" * 1_025 + b"\r\n")
    assert machine.command() == TooLarge()
    machine.feed(b"CHECKSCRIPT {10+}\r\nabc")
    assert machine.command() is None
    assert machine.waiting_octets == 13
    machine.clear()
    assert machine.waiting_octets == 0


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b'GETSCRIPT "a" "b"\r\n', "this command has another number of arguments"),
        (b"GETSCRIPT \xff\r\n", "this is no string, number or name"),
        (b'GETSCRIPT "\xff"\r\n', "a name is written in UTF-8"),
        (b"GETSCRIPT name\r\n", "a string was expected"),
        (b'HAVESPACE "a" "b"\r\n', "a number was expected"),
        (b'HAVESPACE "a" 4294967296\r\n', "this number is too large"),
        (b'"NOOP"\r\n', "there is no such command"),
        (b"NOOP a b c d\r\n", "this command has too many arguments"),
        (
            b'GETSCRIPT "' + b"x" * 1_025 + b'"\r\n',
            "this quoted string is too long; send a literal",
        ),
        (b"GETSCRIPT{1+}\r\nx\r\n", "this command is not understood"),
    ],
)
def test_what_is_no_command_is_said_to_be_so(octets: bytes, text: str) -> None:
    assert heard(octets + b"NOOP\r\n") == [Bad(text), Noop(None)]


def test_a_line_has_so_many_octets() -> None:
    assert heard(b"x" * 9_000) == [Bad("this line is too long", fatal=True)]
    machine = Machine()
    machine.close()
    machine.feed(b"NOOP\r\n")
    assert machine.command() is None


def test_an_exchange_is_strings() -> None:
    machine = Machine()
    machine.feed(b'"eA==" \r\n{4+}\r\neA==\r\nNOOP\r\n"a" "b"\r\n')
    answers = [machine.answer() for _ in range(2)]
    assert [one.reveal() for one in answers if isinstance(one, Plaintext)] == [b"eA==", b"eA=="]
    assert machine.answer() == Bad("a string was expected")
    assert machine.answer() == Bad("a string was expected")
    assert machine.answer() is None


def test_strings_are_quoted_where_they_can_be() -> None:
    assert string(b'a"b\\') == b'"a\\"b\\\\"'
    assert string(b"a\r\nb") == b"{4}\r\na\r\nb"
    assert string(b"x" * 1_025).startswith(b"{1025}\r\n")
    assert line("a", b"b", end=b"ACTIVE") == b'"a" "b" ACTIVE\r\n'
    assert reply(b"NO", "é", b"QUOTA") == 'NO (QUOTA) "é"\r\n'.encode()
    assert reply(b"OK") == b"OK\r\n"
