"""Whatever a script says, a run ends soon and holds little."""

import time

import pytest

from mailserver.protocol import sieve
from mailserver.protocol.sieve.actions import Keep, MailboxExists, Question, SeenBefore
from mailserver.protocol.sieve.regex import Regex
from mailserver.protocol.sieve.regex_syntax import RegexFault
from tests.support.sieve import did, run

SECONDS = 5.0  # of a slow machine; unbounded, each of these takes hours


def failed(outcome: sieve.Outcome) -> str:
    assert outcome.actions == (Keep(),)
    assert outcome.error is not None
    return outcome.error.text


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('redirect "a{n}@b.test";', "this script uses more than 4 of one action"),
        ('fileinto "a{n}";', "this script uses more than 32 of one action"),
        ('notify "mailto:a{n}@b.test";', "this script uses more than 4 of one action"),
        ('addheader "X" "{n}";', "this script adds too many header fields"),
        ('set "a{n}" "x";', "this script sets too many variables"),
        ('if mailboxexists "{n}" {{ keep; }}', "this script asks for too many mailboxes or ids"),
        ('if duplicate :uniqueid "{n}" {{ keep; }}', "this script remembers too many ids"),
    ],
)
def test_what_a_script_may_do_is_counted(script: str, words: str) -> None:
    require = (
        'require ["fileinto", "enotify", "editheader", "variables", "mailbox", "duplicate"];\n'
    )
    text = require + "".join(script.format(n=n) for n in range(200))
    answers: dict[Question, bool] = {MailboxExists(str(n)): False for n in range(200)}
    seen: dict[Question, bool] = {SeenBefore("", str(n)): False for n in range(200)}
    assert failed(run(text, answers={**answers, **seen})) == words


def test_variables_are_cut_and_texts_bounded() -> None:
    grow = 'set "a" "${a}${a}";' * 20
    outcome = run(f'require ["variables", "imap4flags"]; set "a" "xy"; {grow} keep;')
    assert did(outcome) == "keep"
    long = run(
        'require ["variables", "fileinto"]; set "a" "0123456789";'
        + 'set "a" "${a}${a}";' * 10
        + f'fileinto "{"${a}" * 20}";'
    )
    assert failed(long) == "a text grew too long"


def test_captures_are_cut() -> None:
    outcome = run(
        'require ["variables", "regex"]; if header :matches "x" "*" { set :length "n" "${0}";'
        ' redirect "${n}@b.test"; }',
        b"X: " + b"a" * 10_000 + b"\r\n\r\n",
    )
    assert did(outcome) == "redirect 4000@b.test"


@pytest.mark.parametrize(
    "test",
    [
        'header :regex "x" "(a|a)*(a*)*b{3}c"',
        'header :regex "x" "(x+x+)+y"',
        'header :regex "x" "(.*a.{12})$"',
        'header :regex "x" "^(([a-z])+.)+[A-Z]([a-z])+$"',
        'header :matches "x" "*a*a*a*a*a*a*a*a*a*a*b"',
        'header :matches "x" "*?????????????????????a??????????????????????????b*"',
        'header :contains "x" "' + "a" * 900 + 'b"',
    ],
)
def test_no_pattern_and_no_subject_runs_away(test: str) -> None:
    octets = b"X: " + b"a" * 200_000 + b"\r\n\r\n"
    began = time.process_time()
    script = f'require ["regex", "variables"]; if not {test} {{ discard; }}'
    outcome = run(script, octets)
    assert time.process_time() - began < SECONDS
    assert did(outcome) == "discard" or isinstance(outcome.error, sieve.TooMuchWork)


def test_work_is_bounded_whatever_it_is() -> None:
    test = 'header :contains "x" ["a1", "b1", "c1", "d1"]'
    began = time.process_time()
    outcome = run(f"if {test} {{ discard; }}\n" * 500, b"X: " + b"y" * 250_000 + b"\r\n\r\n")
    assert time.process_time() - began < SECONDS
    assert isinstance(outcome.error, sieve.TooMuchWork)
    assert 0 < outcome.error.line <= 500


def test_scripts_that_include_each_other_end() -> None:
    loop = 'require "include"; include "a"; include "b";'
    outcome = run(loop, included={"a": loop, "b": loop})
    assert "scripts include each other too often" in failed(outcome)
    once = loop.replace("include ", "include :once ")
    assert did(run(once, included={"a": once, "b": once})) == "keep"


def test_large_bodies_are_looked_at_in_part() -> None:
    script = 'require "body"; if body :raw :contains "needle" { discard; }'
    limits = sieve.Limits(body_octets=1_000)
    assert did(run(script, b"\r\n" + b"x" * 900 + b"needle", limits=limits)) == "discard"
    assert did(run(script, b"\r\n" + b"x" * 999 + b"needle", limits=limits)) == "keep"


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", "a)", "*", "a|+", "[a", "[b-a]", "[[:odd:]]", "a{2,1}", "a{x}", "a{", "\\", "\\1"),
        *(
            "\\q",
            "a{5000}",
            "(a{100}){100}",
            "(" * 40 + ")" * 40,
            "()" * 40,
            "[",
            "[[:alpha",
            "\\<",
        ),
    ],
)
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(RegexFault):
        Regex(pattern, ignore_case=False)


@pytest.mark.parametrize(
    ("pattern", "subject", "spans"),
    [
        ("b", "abc", [(1, 2)]),
        ("a*", "", [(0, 0)]),
        ("(a|b)+", "xaba", [(1, 4), (3, 4)]),
        ("^b", "ab", None),
        ("b$", "ab", [(1, 2)]),
        ("a$b", "ab", None),
        ("^$", "", [(0, 0)]),
        ("[]a]+", "x]a", [(1, 3)]),
        ("[^a]", "ab", [(1, 2)]),
        ("[a-c-]+", "x-b", [(1, 3)]),
        ("[[:digit:]]{2}", "a12", [(1, 3)]),
        ("[[:upper:][:space:]]+", "a B", [(1, 3)]),
        ("a{0}b", "ab", [(1, 2)]),
        ("a{2,}", "aaa", [(0, 3)]),
        ("a{1,2}", "aaa", [(0, 2)]),
        (r"\.\$\w\s\d", "x.$y 1", [(1, 6)]),
        (r"\W\S\D", "a-bc", [(1, 4)]),
        ("(a)|(b)", "b", [(0, 1), (-1, -1), (0, 1)]),
        ("((a)b?)+", "abaa", [(0, 4), (3, 4), (3, 4)]),
        ("(a?)b", "b", [(0, 1), (0, 0)]),
    ],
)
def test_expressions_match_as_they_should(
    pattern: str, subject: str, spans: list[tuple[int, int]] | None
) -> None:
    expression = Regex(pattern, ignore_case=False)
    assert expression.search(subject, lambda _: None) is (spans is not None)
    assert expression.spans(subject, lambda _: None) == spans


def test_case_is_ignored_on_request() -> None:
    assert Regex("[a-c]É", ignore_case=True).search("xBé", lambda _: None)
    assert not Regex("[a-c]É", ignore_case=False).search("xBé", lambda _: None)


def test_a_pattern_has_so_many_characters() -> None:
    outcome = run(f'if header :matches "subject" "{"a" * 4_001}" {{ discard; }}')
    assert failed(outcome) == "this pattern is too long"
    long = run(f'require "regex"; if header :regex "subject" "{"a" * 990}" {{ discard; }}')
    assert did(long) == "keep"
    grown = (
        'require ["regex", "variables"]; set "a" "0123456789";'
        + 'set "a" "${a}${a}";' * 7
        + 'if header :regex "subject" "${a}" { discard; }'
    )
    assert failed(run(grown)) == "this regular expression is too long"
    wrong = 'require ["regex", "variables"]; set "a" "("; if header :regex "x" "${a}" { discard; }'
    assert failed(run(wrong, b"X: y\r\n\r\n")) == ("this is no regular expression: a ( has no )")


def test_many_tests_look_at_one_body_and_one_field_for_the_price_of_one() -> None:
    octets = b"To: " + b"a@b.test, " * 10_000 + b"c@d.test\r\n\r\n" + b"word " * 100_000
    tests = "".join(
        f'if body :contains "needle{n}" {{ discard; }} if address "to" "x{n}@y.test" {{ keep; }}'
        for n in range(8)
    )
    began = time.process_time()
    assert did(run(f'require "body"; {tests}', octets)) == "keep"
    assert time.process_time() - began < SECONDS
