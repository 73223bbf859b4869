"""What scripts decide, and what they must not."""

import pytest

from mailserver.protocol import sieve
from mailserver.protocol.sieve.actions import (
    FileInto,
    Keep,
    Notify,
    Question,
    Redirect,
    Seen,
    SeenBefore,
    Vacation,
)
from tests.support.sieve import MESSAGE, did, facts, run

DECIDES = [
    ("", "", "keep"),
    ("", "# a comment\r\n/* another */ keep; keep;", "keep"),
    ("", "discard; discard;", "discard"),
    ("", "keep; discard;", "keep; discard"),
    ("", "stop; discard;", "keep"),
    ("", 'redirect "<A@B.test>";', "redirect A@b.test"),
    ("", 'redirect "a@b.test"; redirect "a@B.test";', "redirect a@b.test"),
    ("", "if true { if false { discard; } else { stop; } } discard;", "keep"),
    ("", "if false { keep; } elsif true { discard; } else { keep; }", "discard"),
    ("", "if false { discard; } elsif false { discard; }", "keep"),
    ("copy", 'redirect :copy "a@b.test";', "redirect a@b.test; keep"),
    ("fileinto", 'fileinto "A"; fileinto "A"; fileinto "a";', "fileinto A; fileinto a"),
    ("fileinto", 'keep; fileinto "inbox";', "keep"),
    ("fileinto copy", 'fileinto :copy "A";', "fileinto A; keep"),
    (
        "fileinto imap4flags",
        'fileinto :flags "\\\\seen" "A"; fileinto :flags "$x" "A";',
        "fileinto A \\Seen $x",
    ),
    ("reject", 'reject "no";', "reject no"),
    ("ereject", "ereject text:\r\nNo.\r\n..\r\n.\r\n;", "reject No.\r\n.\r\n"),
    ("reject", 'reject "no"; discard;', "reject no; discard"),
    ("imap4flags", 'addflag "\\\\Seen"; addflag ["\\\\SEEN $a", "$b"];', "keep \\Seen $a $b"),
    ("imap4flags", 'setflag "$a $b"; removeflag "$A"; keep; setflag "$c";', "keep $b"),
    ("imap4flags", 'addflag ["\\\\Recent", "no)flag", "\\\\", ""]; ', "keep"),
    (
        "imap4flags variables",
        'setflag "f" "$a"; addflag "f" "$b"; removeflag "f" "$a"; keep :flags "${f}";',
        "keep $b",
    ),
    ("imap4flags", 'setflag "$a"; if hasflag ["$b", "$A"] { discard; }', "discard"),
    (
        "imap4flags relational",
        'setflag "$a $b"; if hasflag :count "eq" "2" { discard; }',
        "discard",
    ),
    (
        "imap4flags variables",
        'setflag "f" "$a"; if hasflag :contains "f" "A" { discard; }',
        "discard",
    ),
    (
        "variables",
        'set "a" "b"; set "A" "${a}c"; redirect "${a}${none}${0}@x.test";',
        "redirect bc@x.test",
    ),
    ("variables", 'set :upper "a" "straße"; redirect "${a}@x.test";', "redirect STRAßE@x.test"),
    (
        "variables",
        'set :lower :upperfirst "a" "JUAN"; redirect "${a}@x.test";',
        "redirect Juan@x.test",
    ),
    ("variables", 'set :lowerfirst "a" "JUAN"; redirect "${a}@x.test";', "redirect jUAN@x.test"),
    ("variables", 'set :length "a" "äöü"; redirect "${a}@x.test";', "redirect 3@x.test"),
    (
        "variables",
        'set "p" "*"; set :quotewildcard "q" "${p}"; if header :matches "subject" "${q}"'
        " { discard; }",
        "keep",
    ),
    (
        "variables regex",
        'set "p" "c.f"; set :quoteregex "q" "${p}"; if header :regex "subject" "${q}" { discard; }',
        "keep",
    ),
    (
        "variables enotify",
        'set :encodeurl "q" "a b&ä"; redirect "${q}@x.test";',
        "redirect a%20b%26%C3%A4@x.test",
    ),
    (
        "variables",
        'if header :matches "from" "* <*@*>" { redirect "${2}@${3}"; }',
        "redirect bob@example.org",
    ),
    (
        "variables fileinto",
        'if address :matches "to" "*+*@*" { fileinto "${2}/${1}/${0}"; }',
        "fileinto shop/alice/alice+shop@example.com",
    ),
    (
        "variables fileinto regex",
        'if header :regex "subject" "([a-z])f. (au|(du))" { fileinto "${0}.${1}.${2}.${3}.${9}"; }',
        "fileinto afé au.a.au..",
    ),
    ("variables fileinto", 'set "a" "${b"; fileinto "${a}${1}$${}{";', "fileinto ${b$${}{"),
    ("vacation", 'vacation "gone";', "vacation 604800 gone; keep"),
    ("vacation", 'vacation :days 0 "gone";', "vacation 86400 gone; keep"),
    ("vacation", 'vacation :days 9999 "gone"; discard;', "vacation 31536000 gone; discard"),
    ("vacation-seconds", 'vacation :seconds 60 "gone";', "vacation 60 gone; keep"),
    ("enotify", 'notify :message "hi" "mailto:a@b.test";', "notify a@b.test hi; keep"),
    ("ihave", 'if ihave "telepathy" { think :hard "x" { } } else { discard; }', "discard"),
    ("ihave", 'if ihave "fileinto" { fileinto "A"; }', "fileinto A"),
    (
        "ihave",
        'if telepathy "x" { discard; }',
        "error line 1, column 23: there is no test telepathy",
    ),
]


@pytest.mark.parametrize(("require", "script", "expected"), DECIDES)
def test_a_script_decides(require: str, script: str, expected: str) -> None:
    wanted = ", ".join(f'"{name}"' for name in require.split())
    whole = f"require [{wanted}]; {script}" if require else script
    assert did(run(whole)) == expected


CONFLICTS = [
    'fileinto "A"; reject "no";',
    'keep; reject "no";',
    'reject "no"; keep;',
    'reject "no"; fileinto "A";',
    'reject "no"; redirect "a@b.test";',
    'reject "no"; vacation "gone";',
    'reject "no"; reject "no";',
    'vacation "gone"; reject "no";',
    'vacation "gone"; vacation "gone";',
    'fileinto "${none}";',
    'redirect "${none}";',
    'notify "mailto:${none}";',
    'addheader "${none}" "x";',
    'deleteheader "${none}";',
]


@pytest.mark.parametrize("script", CONFLICTS)
def test_what_cannot_be_done_keeps_the_message(script: str) -> None:
    require = 'require ["fileinto", "reject", "vacation", "variables", "enotify", "editheader"];'
    outcome = run(f"{require}\n{script}")
    assert outcome.actions == (Keep(),)
    assert outcome.error is not None
    assert outcome.error.line == 2


def test_arguments_of_actions_are_in_what_they_decide() -> None:
    script = (
        'require ["fileinto", "mailbox", "mailboxid", "special-use", "copy"];'
        'require ["vacation", "enotify"];'
        'fileinto :create :mailboxid "F7" :specialuse "\\\\Junk" "A";'
        'redirect :copy "a@b.test";'
        'vacation :mime :handle "h" :from "Alice <alice@example.com>" :subject " a\r\n b "'
        ' :addresses ["x@y.test"] "Content-Type: text/plain\r\n\r\nhi";'
        'notify :from "alice@example.com" :importance "1" :options ["x=y"]'
        ' "mailto:a@b.test?subject=S&body=B&cc=c@d.test";'
    )
    assert run(script).actions == (
        FileInto("A", (), True, "F7", "\\Junk"),
        Redirect("a@b.test", True),
        Vacation(
            "Content-Type: text/plain\r\n\r\nhi",
            604_800,
            "a b",
            "Alice <alice@example.com>",
            ("x@y.test",),
            True,
            "h",
        ),
        Notify("a@b.test", "", (("subject", "S"), ("body", "B")), "alice@example.com", 1),
    )


def test_the_header_is_edited_for_what_follows() -> None:
    script = (
        'require ["editheader", "fileinto", "copy"]; fileinto :copy "before";'
        'addheader "X-New" "one"; addheader :last "X-Last" "é";'
        'deleteheader :index 1 :last "Received"; deleteheader "X-Empty";'
        'deleteheader :matches "X-Number" ["4?"]; fileinto "after";'
        'if not allof(header "x-new" "one", header "x-last" "é", not exists "x-number")'
        " { discard; }"
    )
    before, after = run(script).actions
    assert isinstance(before, FileInto)
    assert isinstance(after, FileInto)
    assert before.octets is None
    header = MESSAGE.partition(b"\r\n\r\n")[0].replace(b"X-Number: 42\r\nX-Empty:\r\n", b"")
    edited = b"X-New: one\r\n" + header + b"\r\nX-Last: =?utf-8?B?w6k=?=\r\n\r\nHello there.\r\n"
    assert after.octets == edited  # Received is protected


@pytest.mark.parametrize(
    ("script", "gone"),
    [
        ('deleteheader "X-A";', {0, 1, 2}),
        ('deleteheader :index 2 "X-A";', {1}),
        ('deleteheader :index 1 :last "X-A";', {2}),
        ('deleteheader :index 9 "X-A";', set()),
        ('deleteheader :index 9 :last "X-A";', set()),
        ('deleteheader :contains "X-A" ["1", "3"];', {0, 2}),
        ('deleteheader :count "ge" "X-A" "3";', {0, 1, 2}),
        ('deleteheader :count "lt" "X-A" "3";', set()),
        ('deleteheader :value "gt" "X-A" "1";', {1, 2}),
    ],
)
def test_which_fields_are_deleted(script: str, gone: set[int]) -> None:
    fields = [b"X-A: 1\r\n", b"X-A: 2\r\n", b"X-A: 3\r\n"]
    outcome = run(f'require ["editheader", "relational"]; {script}', b"".join(fields) + b"\r\nx")
    (kept,) = outcome.actions
    assert isinstance(kept, Keep)
    left = b"".join(field for at, field in enumerate(fields) if at not in gone)
    assert kept.octets == (left + b"\r\nx" if gone else None)


@pytest.mark.parametrize(
    "octets", [b"", b"A: b", b"A: b\r\n", b"\r\nbody", b"\nbody", b"a: b\n\nc"]
)
def test_any_message_can_be_edited(octets: bytes) -> None:
    (kept,) = run(
        'require "editheader"; addheader "X" "y"; addheader :last "Z" "w";', octets
    ).actions
    assert isinstance(kept, Keep)
    assert kept.octets is not None
    assert kept.octets.startswith(b"X: y\r\n")
    assert b"Z: w\r\n" in kept.octets


def test_long_fields_are_folded_and_encoded() -> None:
    plain, accented = "word " * 60, "çà " * 100
    script = f'require "editheader"; addheader "X" "{plain}"; addheader "Y" "{accented}";'
    (kept,) = run(script).actions
    assert isinstance(kept, Keep)
    assert kept.octets is not None
    header = kept.octets.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 80 for line in header.split(b"\r\n"))
    outcome = run(script + f'if not header "y" "{accented.strip()}" {{ discard; }}')
    assert did(outcome) == "keep"


def test_ids_are_remembered_where_the_script_says() -> None:
    before: dict[Question, bool] = {
        SeenBefore("", "<1@example.org>"): False,
        SeenBefore("h", "Café au lait"): True,
    }
    script = (
        'require ["duplicate", "variables"]; if duplicate { discard; }'
        'if duplicate :handle "h" :header "subject" :seconds 60 :last { keep; }'
        'if duplicate :uniqueid "${none}" { discard; }'
    )
    outcome = run(script, answers=before)
    assert did(outcome) == "keep"
    assert outcome.seen == (
        Seen("", "<1@example.org>", 604_800),
        Seen("h", "Café au lait", 60),
    )
    assert run("keep;").seen == ()


def test_scripts_that_follow_have_their_own_variables_and_one_decision() -> None:
    first = sieve.compile('require ["variables", "imap4flags"]; set "a" "x"; setflag "$a"; stop;')
    second = sieve.compile(
        'require ["variables", "fileinto"]; fileinto "A${a}"; set "b" "c"; keep;'
    )
    outcome = first.run(facts(), sieve.Environment(), [second])
    assert did(outcome) == "fileinto A $a; keep $a"
    for ends in ("discard;", 'require "reject"; reject "no";'):
        over = sieve.compile(ends).run(facts(), sieve.Environment(), [second])
        assert len(over.actions) == 1
    vacation = sieve.compile('require "vacation"; vacation "one";')
    twice = vacation.run(
        facts(), sieve.Environment(), [sieve.compile('require "vacation"; vacation "two";')]
    )
    assert did(twice) == "vacation 604800 one; keep"
