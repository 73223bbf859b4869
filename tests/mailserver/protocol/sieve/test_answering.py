"""Who gets an answer from nobody, and what it looks like (RFC 5230 §4.5 to §5, RFC 5436)."""

from email import message_from_bytes
from email.policy import default

import pytest

from mailserver.model.address import Address
from mailserver.protocol.sieve.actions import Notify, Vacation
from mailserver.protocol.sieve.answering import Reader, Stamp, notice, silence, vacation_answer
from mailserver.protocol.sieve.message import Message
from tests.support.sieve import NOW

ALICE = Address.parse("alice@example.com")
BOB = Address.parse("bob@example.org")
READER = Reader(ALICE, frozenset({ALICE.key, "al@example.com"}))
STAMP = Stamp(NOW, "token@example.com")


def letter(*fields: str, to: str = "alice@example.com") -> Message:
    head = "".join(f"{field}\r\n" for field in (f"To: {to}", "Subject: Hello", *fields))
    return Message(head.encode() + b"\r\nHi.\r\n")


def test_a_letter_from_a_person_is_answered() -> None:
    assert silence(letter(), BOB, READER) == ""
    assert silence(letter("Auto-Submitted: no"), BOB, READER) == ""


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner-email=x",
        "Precedence: bulk",
        "Precedence: LIST",
        "List-Id: <a.b>",
        "List-Unsubscribe: <mailto:x@y.test>",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Loop: yes",
    ],
)
def test_what_is_automatic_or_for_many_is_not(field: str) -> None:
    assert silence(letter(field), BOB, READER)


@pytest.mark.parametrize(
    "local",
    [
        *("MAILER-DAEMON", "owner-list", "list-request", "noreply", "no-reply", "do-not-reply"),
        *("listserv", "majordomo", "bounce", "bounces+123", "list-bounces", "postmaster"),
        *("prvs-bounce=x", "news-bounces+alice=example.com"),
    ],
)
def test_programs_are_not(local: str) -> None:
    assert silence(letter(), Address(local, "example.org"), READER)


def test_nobody_and_oneself_are_not() -> None:
    assert silence(letter(), None, READER)
    assert silence(letter(), ALICE, READER)
    assert silence(letter(), Address("al+x", "example.com"), READER)


@pytest.mark.parametrize(
    ("to", "also", "answered"),
    [
        ("al@example.com", (), True),
        ("alice+shop@example.com", (), True),
        ("list@example.net", (), False),
        ("list@example.net", ("list@example.net",), True),
        ("list@example.net", ("The list <list@example.net>", "nonsense"), True),
    ],
)
def test_a_letter_must_name_its_reader(to: str, also: tuple[str, ...], *, answered: bool) -> None:
    assert (silence(letter(to=to), BOB, READER, also) == "") is answered
    for name in ("Cc", "Bcc", "Resent-To", "Resent-Cc"):
        assert silence(letter(f"{name}: alice@example.com", to="x@y.test"), BOB, READER) == ""


def test_an_answer_is_a_letter_in_the_thread() -> None:
    came = letter("Message-ID: <2@x>", "References: <0@x>\r\n <1@x>")
    octets = vacation_answer(Vacation("Away.\nBack soon.", 1), came, BOB, READER, STAMP)
    message = message_from_bytes(octets, policy=default)
    assert message["From"] == "alice@example.com"
    assert message["To"] == "bob@example.org"
    assert message["Subject"] == "Auto: Hello"
    assert message["Date"] == "Mon, 02 Mar 2026 09:05:07 +0000"
    assert message["Message-ID"] == "<token@example.com>"
    assert message["In-Reply-To"] == "<2@x>"
    assert message["References"] == "<0@x> <1@x> <2@x>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content() == "Away.\r\nBack soon.\r\n"
    assert not message.defects


def test_an_answer_to_little_says_little() -> None:
    came = Message(b"To: alice@example.com\r\n\r\n")
    message = message_from_bytes(vacation_answer(Vacation("x", 1), came, BOB, READER, STAMP))
    assert message["Subject"] == "Automated reply"
    assert message["In-Reply-To"] is None
    odd = letter("Message-ID: <" + "x" * 600 + ">")
    assert b"In-Reply-To" not in vacation_answer(Vacation("x", 1), odd, BOB, READER, STAMP)


@pytest.mark.parametrize(
    ("wanted", "name", "address"),
    [
        ("Älice <al@example.com>", "Älice", "al@example.com"),
        ('"Alice, at work" <alice@example.com>', "Alice, at work", "alice@example.com"),
        ("al@example.com", "", "al@example.com"),
        ("<al@example.com>", "", "al@example.com"),
        ("Eve <eve@example.net>", "", "alice@example.com"),
        ("nonsense", "", "alice@example.com"),
    ],
)
def test_an_answer_comes_from_an_address_of_ones_own(wanted: str, name: str, address: str) -> None:
    action = Vacation("x", 1, sender=wanted)
    octets = vacation_answer(action, letter(), BOB, READER, STAMP)
    (sender,) = message_from_bytes(octets, policy=default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, address)


def test_no_line_of_a_script_gets_into_the_header() -> None:
    action = Vacation("x", 1, "a\r\nBcc: eve@example.net", '"x\r\nBcc: e" <al@example.com>')
    came = letter("Message-ID: <1@x\r\n y>")
    message = message_from_bytes(vacation_answer(action, came, BOB, READER, STAMP))
    assert message["Bcc"] is None
    assert "Bcc: eve" in message["Subject"]


def test_words_beyond_ascii_and_long_lines_are_encoded() -> None:
    for reason in ("Grüße", "x" * 2_000):
        octets = vacation_answer(Vacation(reason, 1), letter(), BOB, READER, STAMP)
        assert octets.isascii()
        assert max(map(len, octets.split(b"\r\n"))) <= 998
        assert message_from_bytes(octets, policy=default).get_content() == reason + "\r\n"


def test_an_entity_of_the_scripts_own_keeps_what_describes_it() -> None:
    entity = "Content-Type: text/html;\n charset=utf-8\nBcc: eve@example.net\n\n<p>Weg.</p>\n"
    octets = vacation_answer(Vacation(entity, 1, mime=True), letter(), BOB, READER, STAMP)
    message = message_from_bytes(octets, policy=default)
    assert message["Bcc"] is None
    assert message.get_content_type() == "text/html"
    assert message.get_content() == "<p>Weg.</p>\r\n"
    plain = vacation_answer(Vacation("no header", 1, mime=True), letter(), BOB, READER, STAMP)
    assert message_from_bytes(plain, policy=default).get_content() == "no header\r\n"


def test_a_notice_tells_of_a_message() -> None:
    action = Notify("pager@example.net", "", (("subject", "S"), ("body", "B")), None, 1)
    octets = notice(action, letter("From: Bob <bob@example.org>"), READER, STAMP)
    assert octets is not None
    message = message_from_bytes(octets, policy=default)
    assert (message["To"], message["Subject"], message["Importance"]) == (
        "pager@example.net",
        "S",
        "High",
    )
    assert message["Auto-Submitted"] == "auto-notified"
    assert message.get_content() == "B\r\n"
    bare = notice(Notify("p@example.net", ""), letter("From: bob@x.test"), READER, STAMP)
    assert bare is not None
    assert b"Subject: New message: Hello\r\n" in bare
    assert bare.endswith(b"\r\n\r\nFrom: bob@x.test\r\nSubject: Hello\r\n")
    assert notice(action, letter("Auto-Submitted: auto-notified"), READER, STAMP) is None
