"""No word of a script, or of a letter it quotes, becomes a header field of its own."""

from email import message_from_bytes
from email.policy import default
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.address import Address
from mailserver.protocol.mime import fields
from mailserver.protocol.sieve.actions import Notify, Vacation
from mailserver.protocol.sieve.answering import Reader, Stamp, notice, vacation_answer
from mailserver.protocol.sieve.errors import SieveError
from mailserver.protocol.sieve.message import Message
from tests.support.sieve import NOW, did, run

ALICE, BOB = Address.parse("alice@example.com"), Address.parse("bob@example.org")
READER = Reader(ALICE, frozenset({ALICE.key}))
STAMP = Stamp(NOW, "token@example.com")
BREAKS = ["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0"]
EVIL = "Bcc: eve@evil.test"
LINE_OCTETS = 998

wild = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from('\r\n\0\t :;,<>@"\\=?()\x0b\x0c\x1c\x85')
    ),
    max_size=200,
)


def names(octets: bytes) -> list[str]:
    """Return the header's field names, having looked at each line as the strictest reader would."""
    head = octets.partition(b"\r\n\r\n")[0]
    for line in octets.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert b"\0" not in line
        assert len(line) <= LINE_OCTETS
    assert head.isascii()
    assert not any(octet < 0x20 and octet not in b"\t\r\n" for octet in head)
    fields = [line for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    return [field.partition(b":")[0].decode() for field in fields]


ANSWER = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]
NOTICE = [
    *("From", "To", "Subject", "Date", "Message-ID", "Importance", "Auto-Submitted"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
]


@pytest.mark.parametrize("break_", BREAKS)
def test_line_breaks_in_a_vacation_add_no_field(break_: str) -> None:
    came = Message(b"To: alice@example.com\r\nSubject: Hi\r\n\r\nHi.\r\n")
    evil = f"x{break_}{EVIL}"
    action = Vacation(evil, 1, subject=evil, sender=f"{evil} <alice@example.com>")
    octets = vacation_answer(action, came, BOB, READER, STAMP)
    assert names(octets) == ANSWER
    parsed = message_from_bytes(octets, policy=default)
    assert parsed["Bcc"] is None
    assert [address for _, address in getaddresses([parsed["From"]])] == ["alice@example.com"]


@pytest.mark.parametrize("break_", BREAKS)
def test_line_breaks_in_a_letter_add_no_field_to_what_speaks_of_it(break_: str) -> None:
    word = f"=?utf-8?q?{''.join(f'={octet:02X}' for octet in f'x{break_}{EVIL}'.encode())}?="
    came = Message(
        f"From: {word} <bob@example.org>\r\nTo: alice@example.com\r\nSubject: {word}\r\n"
        f"Message-ID: <1{break_.strip()}@x.test>\r\nReferences: {word} <a{EVIL}@x>\r\n\r\n".encode()
    )
    answer = vacation_answer(Vacation("Away.", 1), came, BOB, READER, STAMP)
    assert set(names(answer)) <= {*ANSWER, "In-Reply-To", "References"}
    octets = notice(Notify("pager@example.com", ""), came, READER, STAMP)
    assert octets is not None
    assert names(octets) == NOTICE


@given(said=wild, subject=wild, name=wild, theirs=wild)
def test_whatever_is_said_the_fields_are_ours(
    said: str, subject: str, name: str, theirs: str
) -> None:
    octets = fields.text("Subject", theirs) + b"To: alice@example.com\r\n\r\nHi.\r\n"
    assert names(octets) == ["Subject", "To"]
    came = Message(octets)
    action = Vacation(said, 1, subject, f"{name} <alice@example.com>")
    assert names(vacation_answer(action, came, BOB, READER, STAMP)) == ANSWER
    told = Notify("pager@example.com", subject, (("body", said), ("subject", theirs)), name)
    octets = notice(told, came, READER, STAMP) or b""
    assert names(octets) == NOTICE


@given(title=wild)
def test_a_display_name_holds_no_address(title: str) -> None:
    came = Message(b"To: alice@example.com\r\n\r\nHi.\r\n")
    for sender in (f"{title} <alice@example.com>", f"=?{title} <alice@example.com>"):
        octets = vacation_answer(Vacation("Away.", 1, sender=sender), came, BOB, READER, STAMP)
        parsed = message_from_bytes(octets, policy=default)
        assert [one.addr_spec for one in parsed["From"].addresses] == ["alice@example.com"]


@pytest.mark.parametrize(
    "sender",
    [
        "=?a?q?b?= <boss@bank.test>, me <alice@example.com>",
        "boss@bank.test, alice <alice@example.com>",
        '" <boss@bank.test>, " <alice@example.com>',
        "boss@bank.test",
        "alice@example.com (boss@bank.test)",
    ],
)
def test_a_script_answers_in_no_other_name(sender: str) -> None:
    came = Message(b"To: alice@example.com\r\n\r\nHi.\r\n")
    octets = vacation_answer(Vacation("Away.", 1, sender=sender), came, BOB, READER, STAMP)
    parsed = message_from_bytes(octets, policy=default)
    assert [one.addr_spec for one in parsed["From"].addresses] == ["alice@example.com"]


@pytest.mark.parametrize(
    "entity",
    [
        "Content-Type: text/html\r\n\r\n<p>" + "x" * 2_000,  # a line that no server takes
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\ncafé",
        "Content-Type: text/plain; name=café\r\n\r\nx",
        "Content-Transfer-Encoding: 8bit\r\n\r\nx",  # of nothing
        "Subject: mine\r\n\r\nx",
        f"Content-Type: text/plain\r\n{EVIL}",
        "",
    ],
)
def test_what_is_no_entity_to_be_sent_is_a_text(entity: str) -> None:
    came = Message(b"To: alice@example.com\r\n\r\nHi.\r\n")
    octets = vacation_answer(Vacation(entity, 1, mime=True), came, BOB, READER, STAMP)
    assert names(octets) == ANSWER
    parsed = message_from_bytes(octets, policy=default)
    assert parsed.get_content_type() == "text/plain"
    assert parsed.get_content().split() == entity.split()


def test_of_an_entity_only_what_describes_it_is_taken_once() -> None:
    came = Message(b"To: alice@example.com\r\n\r\nHi.\r\n")
    entity = (
        f"{EVIL}\nContent-Type: text/html;\n charset=utf-8\nFrom: eve@evil.test\n"
        "Content-Type: text/plain\nContent-Language: nl\rDKIM-Signature: v=1\n\n<p>Wég.</p>\rDag."
    )
    octets = vacation_answer(Vacation(entity, 1, mime=True), came, BOB, READER, STAMP)
    parsed = message_from_bytes(octets, policy=default)
    assert sorted(parsed.keys()) == sorted([*ANSWER, "Content-Language"])
    assert parsed.get_content_type() == "text/html"
    assert octets.endswith("<p>Wég.</p>\r\nDag.\r\n".encode())


@given(entity=wild)
def test_whatever_an_entity_is_its_lines_are_lines(entity: str) -> None:
    came = Message(b"To: alice@example.com\r\n\r\nHi.\r\n")
    for text in (entity, f"Content-Type: text/plain\r\n{entity}", f"Content-{entity}"):
        octets = vacation_answer(Vacation(text, 1, mime=True), came, BOB, READER, STAMP)
        ours = [name for name in names(octets) if not name.lower().startswith("content-")]
        assert ours == [name for name in ANSWER if not name.startswith("Content-")]


# --- editheader and variables


def edited(script: str, octets: bytes) -> bytes:
    outcome = run(f'require ["editheader", "variables"]; {script}', octets)
    assert outcome.error is None, outcome.error
    (action,) = outcome.actions
    octets = getattr(action, "octets", None) or b""
    return octets


LETTER = b"From: bob@example.org\r\nSubject: Hi\r\n\r\nHi.\r\n"


@pytest.mark.parametrize("break_", [one for one in BREAKS if one != "\0"])
@pytest.mark.parametrize("how", ["", ":last "])
def test_a_field_that_a_script_adds_is_one_field(break_: str, how: str) -> None:
    octets = edited(f'addheader {how}"X-Mark" "x{break_}{EVIL}";', LETTER)
    assert sorted(names(octets)) == ["From", "Subject", "X-Mark"]
    assert octets.endswith(b"\r\n\r\nHi.\r\n")


def test_what_a_letter_says_is_one_field_wherever_a_script_puts_it() -> None:
    word = "=?utf-8?q?x=0D=0ABcc:_eve@evil.test=0D=0A=0D=0A?="
    letter = f"From: bob@example.org\r\nSubject: {word}\r\n\r\nHi.\r\n".encode()
    script = 'if header :matches "subject" "*" { addheader "X-Was" "${1}"; }'
    assert sorted(names(edited(script, letter))) == ["From", "Subject", "X-Was"]
    name = 'if header :matches "subject" "*" { set "n" "X-${1}"; addheader "${n}" "x"; }'
    outcome = run(f'require ["editheader", "variables"]; {name}', letter)
    assert "no name of a header field" in did(outcome)


@pytest.mark.parametrize("name", ["X:", "X Y", "X\r\nBcc", "", "X\0", "Bcc:x", "Café", "x" * 71])
def test_a_name_is_a_name(name: str) -> None:
    with pytest.raises(SieveError):
        run(f'require "editheader"; addheader "{name}" "x";', LETTER)


def test_a_word_that_cannot_be_folded_is_encoded() -> None:
    octets = edited(f'addheader "X-Long" "{"a" * 5_000}";', LETTER)
    assert sorted(names(octets)) == ["From", "Subject", "X-Long"]
    assert str(message_from_bytes(octets, policy=default)["X-Long"]) == "a" * 5_000


@pytest.mark.parametrize("name", ["X-Zegel-Junk-Reason", "X-Zegel-Notice", "Received", "Arc-Seal"])
def test_what_the_server_says_a_script_does_not(name: str) -> None:
    letter = f"{name}: true\r\n".encode() + LETTER
    script = f'addheader "{name}" "forged"; deleteheader "{name}"; addheader "X-A" "b";'
    octets = edited(script, letter)
    assert octets.count(f"{name}: true".encode()) == 1
    assert b"forged" not in octets


@pytest.mark.parametrize(
    ("script", "octets"),
    [
        ('redirect "${1}";', b"eve@evil.test\r\nBcc: x"),
        ('redirect "${1}";', b"eve@evil.test> SIZE=1"),
        ('redirect "${1}";', b"eve@evil.test, bob@example.org"),
        ('notify "mailto:${1}";', b"eve@evil.test?to=bob@example.org"),
        ('notify "mailto:${1}";', b"eve@evil.test,bob@example.org"),
        ('notify "mailto:${1}";', b"eve@evil.test%0D%0ABcc:x"),
    ],
)
def test_an_address_is_one_address(script: str, octets: bytes) -> None:
    word = "".join(f"={octet:02X}" for octet in octets)
    letter = f"From: bob@example.org\r\nSubject: =?utf-8?q?{word}?=\r\n\r\n".encode()
    required = 'require ["variables", "enotify"]; if header :matches "subject" "*" {'
    assert did(run(f"{required} {script} }}", letter)).startswith("error ")
