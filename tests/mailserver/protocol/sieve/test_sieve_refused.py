"""Scripts that are refused before any mail comes, with the place and the reason."""

import pytest

from mailserver.protocol import sieve
from mailserver.protocol.sieve.script import LANGUAGE

REFUSED = {
    # not in the grammar
    '"keep";': "line 1, column 1: a command was expected here",
    "keep": "line 1, column 5: a semicolon is missing here",
    "keep;\n  @": "line 2, column 3: this character does not belong here",
    "if true { keep;": "line 1, column 16: a command or } was expected here",
    'redirect "a': "line 1, column 10: this string has no end",
    "/* keep;": "line 1, column 1: this comment has no end",
    "redirect text:\na@b.test\n": "line 1, column 10: this text has no end: a line with a single"
    " dot is missing",
    "if size :over 1X { keep; }": "line 1, column 15: this is not a number",
    "if size :over 99999999999999999999 { keep; }": "line 1, column 15: this number is too large",
    "if size :over 9999999999G { keep; }": "line 1, column 15: this number is too large",
    'if header ["a" "b"] "c" { keep; }': "line 1, column 16: a comma or ] was expected here",
    'if header [1] "c" { keep; }': "line 1, column 12: a string was expected here",
    "if allof (true true) { keep; }": "line 1, column 16: true takes no test",
    'if allof ("x") { keep; }': "line 1, column 11: a test was expected here",
    "keep;\0": "line 1, column 6: a script has no NUL characters",
    # require
    'keep; require "fileinto";': "line 1, column 7: require stands at the beginning of a script",
    'if true { require "copy"; }': "line 1, column 11: require stands at the beginning of a script",
    'require "telepathy";': 'line 1, column 9: there is no extension "telepathy" here',
    "require 7;": "line 1, column 9: require takes a string or a list of strings",
    "require;": "line 1, column 1: require takes a string or a list of strings",
    'fileinto "A";': 'line 1, column 1: fileinto needs require "fileinto"',
    'keep :flags "x";': 'line 1, column 6: :flags needs require "imap4flags"',
    'if header :regex "a" "b" { keep; }': 'line 1, column 11: :regex needs require "regex"',
    'if header :comparator "i;ascii-numeric" "a" "b" { keep; }': "line 1, column 23: the comparator"
    ' "i;ascii-numeric" needs require "comparator-i;ascii-numeric"',
    'require "spamtest"; if spamtest :percent "1" { keep; }': "line 1, column 24: :percent needs"
    ' require "spamtestplus"',
    # commands and tests
    "think;": "line 1, column 1: there is no command think",
    "if think { keep; }": "line 1, column 4: there is no test think",
    "header;": "line 1, column 1: there is no command header",
    "else { keep; }": "line 1, column 1: else stands behind if or elsif",
    "if true { } keep; elsif true { }": "line 1, column 19: elsif stands behind if or elsif",
    "if { keep; }": "line 1, column 1: if needs one test",
    'if "x" true { keep; }': "line 1, column 1: if takes no arguments",
    "if true;": "line 1, column 1: if needs a block",
    "if true { } else true { }": "line 1, column 13: else takes no test",
    "keep { }": "line 1, column 1: keep takes no block",
    "keep true;": "line 1, column 6: keep takes no test",
    "if not { keep; }": "line 1, column 4: not takes one test",
    "if allof true { keep; }": "line 1, column 4: allof takes tests in parentheses",
    # arguments
    'keep "x";': "line 1, column 1: keep takes 0 arguments, not 1",
    "redirect;": "line 1, column 1: redirect takes 1 arguments, not 0",
    'redirect ["a@b.test"];': "line 1, column 10: redirect takes a string here",
    'if header 1 "x" { keep; }': "line 1, column 11: header takes a string"
    " or a list of strings here",
    'if header "a" :is "b" { keep; }': "line 1, column 15: tags stand before the other arguments",
    "keep :copy;": "line 1, column 6: keep has no :copy",
    'if header :is :contains "a" "b" { keep; }': "line 1, column 15: :contains cannot stand beside"
    " :is",
    'if header :is :is "a" "b" { keep; }': "line 1, column 15: :is cannot stand beside :is",
    "if header :comparator { keep; }": "line 1, column 11: :comparator needs a string",
    'if header :comparator :is "a" "b" { keep; }': "line 1, column 11: :comparator needs a string",
    'if header :comparator "i;klingon" "a" "b" { keep; }': "line 1, column 23: there is no"
    ' comparator "i;klingon" here',
    "if size 5 { keep; }": "line 1, column 4: size needs :over or :under",
    'if header "a b" "c" { keep; }': "line 1, column 11: this is no name of a header field",
    'if address "subject" "c" { keep; }': "line 1, column 12: subject is no field with addresses",
    'redirect "nobody";': "line 1, column 10: this is not a mail address",
}


@pytest.mark.parametrize(("script", "reason"), REFUSED.items())
def test_a_script_is_refused(script: str, reason: str) -> None:
    with pytest.raises(sieve.SieveError) as refused:
        sieve.compile(script)
    assert str(refused.value) == reason


EXTENSIONS_REFUSED = {
    'if envelope "cc" "x" { }': 'the envelope has "from" and "to", not "cc"',
    'if header :count "many" "a" "1" { }': ":count takes gt, ge, lt, le, eq or ne",
    'if header :comparator "i;ascii-numeric" :contains "a" "1" { }': "this comparator cannot do"
    " :contains",
    'if header :regex "a" "(" { }': "this is no regular expression: a ( has no )",
    'if header :index 0 "a" "b" { }': ":index counts from 1",
    'if header :last "a" "b" { }': ":last stands beside :index",
    'if date "date" "century" "x" { }': "there is no such part of a date",
    'if currentdate :zone "CET" "year" "x" { }': 'a zone is written like "+0100"',
    'if body :raw :text "x" { }': ":text cannot stand beside :raw",
    'set "1a" "x";': "this is not a name of a variable",
    'set "${a}" "x";': "a name takes no variables here",
    'set :lower :upper "a" "x";': ":upper cannot stand beside :lower",
    'set "a" "${other.b}";': "there are no variables other.…",
    'set "a" "${unicode:110000}";': "there is no character 110000",
    'set "a" "${unicode:d800}";': "there is no character d800",
    'fileinto "";': "a mailbox has a name",
    'vacation :from "nobody" "x";': "this is not a mail address",
    'vacation :days 1 :seconds 2 "x";': ":seconds cannot stand beside :days",
    'notify "xmpp:a@b.test";': "notices go to mailto: addresses only",
    'notify "mailto:a@b.test,c@d.test";': "a notice goes to one address",
    'notify "mailto:";': "a notice goes to one address",
    'notify :importance "4" "mailto:a@b.test";': ':importance takes "1", "2" or "3"',
    'addheader "a b" "x";': "this is no name of a header field",
    'deleteheader :last "a";': ":last stands beside :index",
    'deleteheader :index 0 "a";': ":index counts from 1",
    'include "${a}";': "include takes no variables here",
    'global "a.b";': "this is not a name of a variable",
    'if hasflag "f" "$a" "$b" { }': "hasflag takes 1 to 2 arguments, not 3",
    'setflag ["f", "g"] "$a";': "setflag takes a string here",
    'if duplicate :header "a" :uniqueid "b" { }': ":uniqueid cannot stand beside :header",
}


@pytest.mark.parametrize(("script", "reason"), EXTENSIONS_REFUSED.items())
def test_a_script_with_extensions_is_refused(script: str, reason: str) -> None:
    wanted = ", ".join(f'"{name}"' for name in sorted(LANGUAGE.extensions - {"ihave"}))
    with pytest.raises(sieve.SieveError) as refused:
        sieve.compile(f"require [{wanted}];\n{script}")
    assert refused.value.text == reason
    assert refused.value.line == 2


def test_a_script_is_utf_8() -> None:
    with pytest.raises(sieve.SieveError) as refused:
        sieve.compile(b"keep;\n# \xff")
    assert (refused.value.line, refused.value.text) == (2, "a script is written in UTF-8")
    assert sieve.compile(b"\xef\xbb\xbfkeep;").required == frozenset()


def test_a_script_has_so_many_octets() -> None:
    with pytest.raises(sieve.SieveError) as refused:
        sieve.compile("#" * 100, sieve.Limits(script_octets=99))
    assert str(refused.value) == "a script has 99 octets at most"


@pytest.mark.parametrize(
    "script", ["if true {" * 40 + "}" * 40, "if " + "not " * 40 + "true { }", "[" * 5_000]
)
def test_a_script_nests_so_deeply(script: str) -> None:
    with pytest.raises(sieve.SieveError):
        sieve.compile(script)


def test_a_script_says_what_it_will_ask_for() -> None:
    script = sieve.compile(
        'require ["include", "variables", "enotify"];\ninclude "one"; include :global "two";\n'
        'redirect "a@b.test";\nredirect "${x}@b.test"; notify "mailto:c@d.test";'
    )
    assert script.includes == {"one"}
    targets = [(target.address, target.line) for target in script.targets]
    assert targets == [("a@b.test", 3), (None, 4), ("c@d.test", 4)]
    assert script.required == {"include", "variables", "enotify"}
