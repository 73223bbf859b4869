"""Each test of the language, on one message."""

import pytest

from mailserver.protocol.sieve.actions import (
    MailboxExists,
    MailboxIdExists,
    Question,
    SpecialUseExists,
)
from tests.support.sieve import did, holds, run

HOLDS = [
    'header "subject" "café au lait"',
    'header :contains ["x-none", "SUBJECT"] ["tea", "CAF"]',
    'header :matches "subject" "caf?? au*"',  # a character is an octet: RFC 5228 §2.7.1
    'header :comparator "i;octet" :contains "subject" "Café"',
    'not header :comparator "i;octet" :contains "subject" "CAFÉ"',
    'header :is "x-empty" ""',
    'not header :is "x-none" ""',
    'header :contains "x-empty" ""',
    'address "from" "bob@EXAMPLE.org"',
    'address :localpart ["to", "cc"] "carol"',
    'address :domain "cc" "sub.example.net"',
    'address :all :contains "to" "alice+shop@"',
    'not address :is "from" "Bob Bauer"',
    'exists ["from", "x-empty"]',
    'not exists ["from", "x-none"]',
    "size :over 100",
    "size :under 1M",
    "not size :over 1K",
    "allof (true, not false)",
    "anyof (false, true)",
    "not anyof (false, false)",
    "not allof (true, false)",
]


@pytest.mark.parametrize("test", HOLDS)
def test_of_the_base_language(test: str) -> None:
    assert holds(test)


EXTENSIONS = [
    ("envelope", 'envelope "from" "bob@example.org"'),
    ("envelope", 'envelope :domain ["from", "to"] "example.com"'),
    ("envelope", 'not envelope :localpart "to" "alice"'),
    ("envelope subaddress", 'envelope :user "to" "alice"'),
    ("envelope subaddress", 'envelope :detail "to" "shop"'),
    ("subaddress", 'address :detail "to" "shop"'),
    ("subaddress", 'not address :detail :matches "from" "*"'),
    ("subaddress", 'address :user :is "to" ["carol"]'),
    ("index", 'header :index 1 :contains "received" "from a.test"'),
    ("index", 'header :index 1 :last :contains "received" "from c.test"'),
    ("index", 'not header :index 3 :contains "received" ""'),
    ("index", 'address :index 1 :localpart "to" "alice+shop"'),
    ("relational", 'header :count "eq" "received" "2"'),
    (
        "relational comparator-i;ascii-numeric",
        'header :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] "2"',
    ),
    (
        "relational comparator-i;ascii-numeric",
        'address :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] "3"',
    ),
    (
        "relational comparator-i;ascii-numeric",
        'header :value "gt" :comparator "i;ascii-numeric" "x-number" "7"',
    ),
    (
        "relational comparator-i;ascii-numeric",
        'header :value "lt" :comparator "i;ascii-numeric" "x-number" "text"',
    ),
    (
        "relational comparator-i;ascii-numeric",
        'header :value "eq" :comparator "i;ascii-numeric" "x-number" "0042"',
    ),
    ("relational", 'header :value "le" "x-number" "42"'),
    ("relational", 'header :value "ne" "x-number" "43"'),
    ("comparator-i;ascii-numeric", 'header :comparator "i;ascii-numeric" "x-number" "42nd"'),
    (
        "comparator-i;unicode-casemap",
        'header :comparator "i;unicode-casemap" "subject" "CAFÉ au LAIT"',
    ),
    (
        "comparator-i;unicode-casemap",
        'header :comparator "i;unicode-casemap" :matches "subject" "*É*"',
    ),
    ("regex", 'header :regex "subject" "^caf. (au|du) l[a-z]+t$"'),
    ("regex", 'not header :comparator "i;octet" :regex "subject" "^caf"'),
    ("date", 'date "date" "year" "1997"'),
    ("date", 'date :originalzone "date" "hour" "09"'),
    ("date", 'date :zone "+0100" "date" "iso8601" "1997-04-01T18:06:31+01:00"'),
    ("date", 'date "date" "std11" "Tue, 01 Apr 1997 17:06:31 +0000"'),
    ("date", 'date :originalzone "date" "zone" "-0800"'),
    ("date", 'date "date" "weekday" "2"'),
    ("date", 'date "date" "julian" "50539"'),
    ("date", 'date "date" "time" "17:06:31"'),
    ("date", 'date "date" "minute" "06"'),
    ("date", 'date "date" "second" "31"'),
    ("date", 'date "received" "date" "2026-03-02"'),
    ("date index", 'date :index 1 :last "received" "day" "01"'),
    ("date", 'not date :matches "subject" "year" "*"'),
    ("date relational", 'currentdate :value "ge" "date" "2026-03-02"'),
    ("date", 'currentdate "month" "03"'),
    ("date", 'currentdate :zone "-1000" "date" "2026-03-01"'),
    ("date", 'allof (currentdate "hour" "09", currentdate "minute" "05")'),
    ("body", 'body :contains "hello"'),
    ("body", 'body :raw :matches "*there.*"'),
    ("body", 'body :content "text" :contains "hello"'),
    ("body", 'body :content "" :contains "hello"'),
    ("body", 'not body :content "image" :contains ""'),
    ("variables", 'string :is ["a", "b"] ["c", "b"]'),
    ("variables relational", 'string :count "eq" ["a", "", "b"] "2"'),
    ("enotify", 'valid_notify_method ["mailto:a@b.test", "mailto:a%2Bc@b.test?subject=x"]'),
    ("enotify", 'not valid_notify_method "xmpp:a@b.test"'),
    ("enotify", 'not valid_notify_method "mailto:a@b.test?to=c@d.test"'),
    ("enotify", 'not valid_notify_method "mailto:a@b.test?x"'),
    ("enotify", 'notify_method_capability "mailto:a@b.test" "Online" "maybe"'),
    ("enotify", 'not notify_method_capability "mailto:a@b.test" "offline" "maybe"'),
    ("ihave", 'ihave ["fileinto", "vacation"]'),
    ("ihave", 'not ihave ["fileinto", "telepathy"]'),
    ("encoded-character", 'header :contains "subject" "${hex: 43 61}f${unicode:E9}"'),
    ("encoded-character", 'not header :contains "subject" "${hex:zz}"'),
]


@pytest.mark.parametrize(("require", "test"), EXTENSIONS)
def test_of_an_extension(require: str, test: str) -> None:
    assert holds(test, *require.split())


def test_the_null_path_has_empty_parts() -> None:
    assert holds('envelope "from" ""', "envelope", sender="")
    assert holds('envelope :domain "from" ""', "envelope", sender="")
    assert not holds('envelope :detail :matches "from" "*"', "envelope", "subaddress", sender="")


def test_a_path_that_is_no_address_has_only_a_whole() -> None:
    assert holds('envelope "to" "odd"', "envelope", recipient="odd")
    assert not holds('envelope :localpart :matches "to" "*"', "envelope", recipient="odd")


@pytest.mark.parametrize(
    ("percent", "test", "expected"),
    [
        (None, 'spamtest "0"', True),
        (None, 'spamtest :count "eq" "0"', True),
        (0, 'spamtest "1"', True),
        (0, 'spamtest :count "eq" "1"', True),
        (50, 'spamtest :value "ge" :comparator "i;ascii-numeric" "5"', True),
        (100, 'spamtest "10"', True),
        (37, 'spamtest :percent "37"', True),
        (None, 'spamtest :percent :count "eq" "0"', True),
        (10, 'spamtest :percent :value "gt" :comparator "i;ascii-numeric" "9"', True),
        (10, 'spamtest "10"', False),
    ],
)
def test_scores_of_spam(percent: int | None, test: str, *, expected: bool) -> None:
    needs = ("spamtest", "spamtestplus", "relational", "comparator-i;ascii-numeric")
    assert holds(test, *needs, spam_percent=percent) is expected


@pytest.mark.parametrize(("virus", "count"), [(0, 0), (1, 1), (5, 1)])
def test_verdicts_on_viruses(virus: int, count: int) -> None:
    assert holds(f'virustest "{virus}"', "virustest", virus=virus)
    assert holds(f'virustest :count "eq" "{count}"', "virustest", "relational", virus=virus)


def test_the_environment_says_what_it_knows() -> None:
    items = {"name": "Zegel", "remote-ip": "192.0.2.1"}
    assert holds('environment :contains "Name" "zegel"', "environment", items=items)
    assert not holds('environment :contains "domain" ""', "environment", items=items)


def test_mailboxes_are_asked_for_one_by_one() -> None:
    script = (
        'require ["mailbox", "mailboxid", "special-use"];'
        'if allof(mailboxexists ["a", "b"], mailboxidexists "F1", specialuse_exists "\\\\Junk",'
        ' specialuse_exists "a" ["\\\\Sent"]) { discard; }'
    )
    questions: list[Question] = [
        MailboxExists("a"),
        MailboxExists("b"),
        MailboxIdExists("F1"),
        SpecialUseExists("\\junk"),
        SpecialUseExists("\\sent", "a"),
    ]
    answers: dict[Question, bool] = {}
    for question in questions:
        asked = run(script, answers=answers)
        assert asked.question == question
        assert asked.actions == ()
        answers[question] = True
    assert did(run(script, answers=answers)) == "discard"
    assert did(run(script, answers={**answers, MailboxExists("b"): False})) == "keep"


MULTIPART = (
    b"Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"prologue\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"PGI+Qm9sZDwvYj4gd29yZHM=\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text\r\n"
    b"--b\r\nContent-Type: application/pdf\r\n\r\n%PDF words\r\n--b--\r\nepilogue\r\n"
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('body :text :contains "Bold words"', True),
        ('body :text :contains "inner text"', True),
        ('body :text :contains "PDF"', False),
        ('body :raw :contains "PGI+"', True),
        ('body :content "text/html" :contains "<b>bold"', True),
        ('body :content "application" :contains "%PDF"', True),
        ('body :content ["multipart/mixed"] :contains "prologue"', True),
        ('body :content "multipart" :contains "epilogue"', True),
        ('body :content "message/rfc822" :contains "subject: inner"', True),
        ('body :content "text/plain" :contains "prologue"', False),
    ],
)
def test_bodies_are_decoded_part_by_part(test: str, *, expected: bool) -> None:
    assert holds(test, "body", octets=MULTIPART) is expected


def test_what_body_matches_sets_no_variables() -> None:
    script = (
        'require ["body", "variables"]; if allof (header :matches "subject" "*", body :matches "*")'
        ' { redirect "${1}@x.test"; }'
    )
    assert did(run(script, b"Subject: me\r\n\r\nyou")) == "redirect me@x.test"
