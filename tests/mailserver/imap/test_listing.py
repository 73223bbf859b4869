r"""LIST: patterns, levels that exist only as part of a path, and what each name is told with."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.imap.listing import Pattern, listed, lsub
from mailserver.model.ids import MailboxId, ModSeq, Uid
from mailserver.model.mailbox import Mailbox, Role
from mailserver.protocol.imap.command import List
from mailserver.protocol.imap.grammar import parse


def mailbox(name: str, role: Role | None = None) -> Mailbox:
    return Mailbox(MailboxId(1), name, role, 1, Uid(1), ModSeq(1), 0, 0, 0, 0, subscribed=False)


def told(text: str, names: list[str], subscribed: tuple[str, ...] = ()) -> dict[str, set[bytes]]:
    command = parse(b"a LIST " + text.encode(), 2)
    assert isinstance(command, List)
    boxes = [mailbox(name) for name in names]
    return {found.name: set(found.attributes) for found in listed(command, boxes, subscribed)}


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "a/b/c", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("a/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("a/*", "a/b/c", True),
        ("%/%", "a/b", True),
        ("%/%", "a", False),
        ("*b*", "abc", True),
        ("*b%", "x/b/c", False),
        ("%b*", "ab/c", True),
        ("", "a", False),
        ("inbox", "INBOX", True),
        ("InBox/*", "INBOX/x", True),
        ("inbox/x", "INBOX/X", False),
        ("in%", "INBOX", True),
        ("in%", "INBOX2", False),
        ("a%%*b", "a/x/b", True),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert Pattern(pattern).matches(name) is fits


@given(st.text("ab/%*", max_size=8), st.text("ab/", max_size=8))
def test_patterns_agree_with_a_regular_expression(pattern: str, name: str) -> None:
    expression = "".join({"*": ".*", "%": "[^/]*"}.get(c, re.escape(c)) for c in pattern)
    assert Pattern(pattern).matches(name) is bool(re.fullmatch(expression, name))


def test_a_strangers_stars_cost_no_more_than_their_number() -> None:
    pattern, name = Pattern("*a" * 2_000 + "b"), "a" * 1_000
    began = time.process_time()
    assert not pattern.matches(name)
    assert time.process_time() - began < 2


def test_levels_that_do_not_exist_are_told_of_as_such() -> None:
    found = told('"" %', ["INBOX", "a/b", "c"])
    assert found == {
        "INBOX": {b"\\HasNoChildren"},
        "a": {b"\\NonExistent", b"\\Noselect", b"\\HasChildren"},
        "c": {b"\\HasNoChildren"},
    }
    extended = told('"" (%) RETURN (CHILDREN)', ["a/b"])
    assert extended == {"a": {b"\\NonExistent", b"\\HasChildren"}}


def test_inbox_comes_first_the_rest_by_name() -> None:
    assert list(told('"" *', ["b", "A", "INBOX", "a"])) == ["INBOX", "A", "a", "b"]


def test_the_reference_is_put_before_the_pattern() -> None:
    assert set(told('"a/" %', ["a", "a/b", "b"])) == {"a/b"}


def test_special_uses_are_told_and_asked_for() -> None:
    command = parse(b'a LIST (SPECIAL-USE) "" *', 2)
    assert isinstance(command, List)
    boxes = [mailbox("INBOX", Role.INBOX), mailbox("Gone", Role.TRASH), mailbox("x")]
    (found,) = listed(command, boxes, ())
    assert found.name == "Gone"
    assert b"\\Trash" in found.attributes


def test_subscriptions_are_told_even_of_what_does_not_exist() -> None:
    found = told('(SUBSCRIBED) "" *', ["a", "b"], ("b", "gone"))
    assert found == {
        "b": {b"\\HasNoChildren", b"\\Subscribed"},
        "gone": {b"\\NonExistent", b"\\HasNoChildren", b"\\Subscribed"},
    }
    assert told('"" (a b) RETURN (SUBSCRIBED)', ["a", "b"], ("b",)) == {
        "a": {b"\\HasNoChildren"},
        "b": {b"\\HasNoChildren", b"\\Subscribed"},
    }


def test_recursivematch_tells_of_what_lies_above_a_subscription() -> None:
    command = parse(b'a LIST (SUBSCRIBED RECURSIVEMATCH) "" %', 2)
    assert isinstance(command, List)
    (found,) = listed(command, [mailbox("a"), mailbox("a/b")], ("a/b",))
    assert (found.name, found.child_subscribed) == ("a", True)
    assert b"\\Subscribed" not in found.attributes


def test_lsub_tells_of_missing_levels_where_the_pattern_ends_in_percent() -> None:
    assert [(f.name, f.attributes) for f in lsub("", "%", ("a/b", "c"))] == [
        ("a", (b"\\Noselect",)),
        ("c", ()),
    ]
    assert [f.name for f in lsub("", "*", ("a/b", "c"))] == ["a/b", "c"]
