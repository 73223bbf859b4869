import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.address import Address
from mailserver.model.errors import Condition, MailError, PeerFault
from mailserver.protocol.smtp.command import (
    MailFrom,
    parse_bdat,
    parse_command,
    parse_helo,
    parse_mail,
    parse_rcpt,
)
from mailserver.protocol.smtp.reply import Rejection

BOB = Address("bob", "example.org")


def rcpt(argument: str, *, smtputf8: bool = False) -> Address:
    return parse_rcpt(argument, smtputf8=smtputf8, postmaster_domain="mail.zegel.test").address


def refusal(error: pytest.ExceptionInfo[Rejection]) -> str:
    return error.value.reply.encode().decode()[:9]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"NOOP", ("NOOP", "")),
        (b"mail FROM:<a@b>", ("MAIL", "FROM:<a@b>")),
        (b"Noop   two words  ", ("NOOP", "two words")),
        ("RCPT TO:<jo\u00e9@b>".encode(), ("RCPT", "TO:<jo\u00e9@b>")),
    ],
)
def test_a_line_is_a_verb_and_an_argument(line: bytes, command: tuple[str, str]) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" NOOP",
        b"NO\nOP",
        b"RSET\nMAIL FROM:<a@b>",
        b"RSET\rNOOP",
        b"NOOP \x00",
        b"MAIL\tFROM:<a@b>",
        b"\x80\x81",
        b"NOOP \xff",
        b"A" * 17,
        b"250 OK",
    ],
)
def test_what_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(Rejection) as error:
        parse_command(line)
    assert refusal(error) == "500 5.5.2"


@given(st.binary(max_size=60))
def test_any_line_is_a_command_or_refused(line: bytes) -> None:
    try:
        verb, argument = parse_command(line)
    except Rejection:
        return
    assert verb.isalpha()
    assert "\r" not in argument
    assert "\n" not in argument


@pytest.mark.parametrize("name", ["mail.example.org", "my_pc", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_host_names_that_are_heard(name: str) -> None:
    assert parse_helo(name) == name


@pytest.mark.parametrize(
    "name", ["", "two words", "a(b)", "a@b", "<x>", "caf\u00e9", "x" * 256, "a;b"]
)
def test_host_names_that_are_not(name: str) -> None:
    with pytest.raises(Rejection) as error:
        parse_helo(name)
    assert refusal(error) == "501 5.5.4"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<bob@example.org>", MailFrom(BOB, None, False)),
        ("from: <bob@Example.ORG>", MailFrom(BOB, None, False)),
        ("FROM:<>", MailFrom(None, None, False)),
        ("FROM:<> SIZE=0", MailFrom(None, 0, False)),
        ("FROM:<@a.example,@b.example:bob@example.org>", MailFrom(BOB, None, False)),
        ("FROM:<bob@example.org> SIZE=1234 BODY=8BITMIME", MailFrom(BOB, 1234, False)),
        ("FROM:<bob@example.org> body=7bit AUTH=<> smtputf8", MailFrom(BOB, None, True)),
        ('FROM:<"b o>b"@example.org>', MailFrom(Address("b o>b", "example.org"), None, False)),
        ("FROM:<bob@[192.0.2.1]>", MailFrom(Address("bob", "[192.0.2.1]"), None, False)),
        (
            "FROM:<bob@[IPv6:2001:DB8::1]>",
            MailFrom(Address("bob", "[ipv6:2001:db8::1]"), None, False),
        ),
        (
            "FROM:<jo\u00e9@b\u00fccher.example> SMTPUTF8",
            MailFrom(Address("jo\u00e9", "xn--bcher-kva.example"), None, True),
        ),
    ],
)
def test_mail_is_read(argument: str, expected: MailFrom) -> None:
    assert parse_mail(argument) == expected


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", "501 5.5.4"),
        ("TO:<bob@example.org>", "501 5.5.4"),
        ("FROM:bob@example.org", "501 5.5.4"),
        ("FROM:<bob@example.org", "501 5.5.4"),
        ("FROM:<bob@example.org>SIZE=1", "501 5.5.4"),
        ("FROM:<bob@example.org> SIZE", "501 5.5.4"),
        ("FROM:<bob@example.org> SIZE=x", "501 5.5.4"),
        ("FROM:<bob@example.org> SIZE=-1", "501 5.5.4"),
        ("FROM:<bob@example.org> SIZE=\u0663", "501 5.5.4"),
        ("FROM:<bob@example.org> SIZE=1 size=2", "501 5.5.4"),
        ("FROM:<bob@example.org> BODY=BINARYMIME", "501 5.5.4"),
        ("FROM:<bob@example.org> SMTPUTF8=1", "501 5.5.4"),
        ("FROM:<bob@example.org> =", "501 5.5.4"),
        ("FROM:<bob@example.org> RET=HDRS", "555 5.5.4"),
        ("FROM:<jo\u00e9@example.org>", "550 5.6.7"),
    ],
)
def test_mail_is_refused(argument: str, reply: str) -> None:
    with pytest.raises(Rejection) as error:
        parse_mail(argument)
    assert refusal(error) == reply


@pytest.mark.parametrize(
    "path",
    [
        "bob",
        "@example.org",
        "bob@",
        "bo b@example.org",
        "a@b@c",
        "bob@[192.0.2.999]",
        "bob@[x]",
        "@[192.0.2.1]",
        "x" * 65 + "@example.org",
        "x" * 65 + "@[192.0.2.1]",
        "bob@exa mple.org",
        "a,b@example.org",
        "bob@-.example",
        '"unclosed\\"@example.org',
        "bob@x]",
    ],
)
def test_no_address_is_no_recipient(path: str) -> None:
    with pytest.raises(PeerFault) as error:
        rcpt(f"TO:<{path}>")
    assert error.value.condition in (Condition.BAD_ADDRESS, Condition.BAD_SYNTAX)


def test_recipients_are_read() -> None:
    assert rcpt("TO:<bob@example.org>") == BOB
    assert rcpt("to:<@relay.example:bob@example.org>") == BOB
    assert rcpt("TO:<Postmaster>") == Address("postmaster", "mail.zegel.test")
    assert rcpt("TO:<jo\u00e9@example.org>", smtputf8=True).local == "jo\u00e9"


def test_recipients_are_refused() -> None:
    with pytest.raises(Rejection) as error:
        rcpt("TO:<bob@example.org> NOTIFY=NEVER")
    assert refusal(error) == "555 5.5.4"
    with pytest.raises(Rejection) as error:
        rcpt("TO:<jo\u00e9@example.org>")
    assert refusal(error) == "553 5.6.7"
    with pytest.raises(PeerFault):
        rcpt("TO:<>")


@given(st.text(max_size=60), st.booleans())
def test_any_argument_is_read_or_refused(text: str, smtputf8: bool) -> None:
    for argument in (text, f"FROM:{text}", f"TO:<{text}>", f"FROM:<a@b.example> {text}"):
        with contextlib.suppress(MailError):
            parse_mail(argument)
        try:
            recipient = rcpt(argument, smtputf8=smtputf8)
        except MailError:
            continue
        assert "\r" not in str(recipient)
        assert "\n" not in str(recipient)


def test_a_long_line_of_quotes_is_read_in_no_time() -> None:
    with pytest.raises(PeerFault):
        rcpt("TO:<" + '"\\' * 6_000)
    with pytest.raises(PeerFault):
        rcpt("TO:<" + "@a:" * 4_000 + ">")


def test_bdat() -> None:
    assert parse_bdat("86") == (86, False)
    assert parse_bdat("0 LAST") == (0, True)
    assert parse_bdat("5 last") == (5, True)
    for argument in ("", "x", "-1", "1 FIRST", "1 LAST x", "\u0663", "1" * 21):
        with pytest.raises(Rejection):
            parse_bdat(argument)
