"""The client's half of SMTP: what is read of replies, what is never written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.address import Address
from mailserver.model.envelope import Envelope, Notify, Onward, RemoteReply, Ret
from mailserver.model.errors import PeerFault
from mailserver.protocol.smtp.client import (
    REPLY_LINE_OCTETS,
    Extensions,
    Needs,
    ReplyReader,
    auth_login,
    auth_plain,
    content,
    hello,
    is_permanent,
    is_positive,
    mail_from,
    own_word,
    rcpt_to,
    xtext,
)
from mailserver.protocol.smtp.data import ContentLimits, DataReader

ANN, BOB = Address("ann", "here.test"), Address("bob", "there.test")
EVERYTHING = Extensions.of(
    RemoteReply(
        "mx.There.test. at your service\nPIPELINING\nSIZE 1000\n8bitmime\nDSN\nSMTPUTF8\n"
        "REQUIRETLS\nAUTH PLAIN LOGIN\n",
        250,
    )
)


def needs(
    octets: int = 10, *, eight_bit: bool = False, utf8: bool = False, require_tls: bool = False
) -> Needs:
    return Needs(octets, eight_bit, utf8, require_tls)


@pytest.mark.parametrize("pieces", [1, 3, 1_000])
def test_replies_are_read_whatever_the_pieces(pieces: int) -> None:
    octets = b"250-one\r\n250-5.1.1 not ours\r\n250 two\n550-5.1.1 no\r\n550 5.1.1 such\r\n354\r\n"
    size = max(1, len(octets) // pieces)
    reader = ReplyReader()
    said = []
    for start in range(0, len(octets), size):
        said += reader.feed(octets[start : start + size])
    assert said == [
        RemoteReply("one\n5.1.1 not ours\ntwo", 250),
        RemoteReply("no\nsuch", 550, "5.1.1"),
        RemoteReply("", 354),
    ]
    assert reader.is_empty


def test_an_unfinished_reply_is_no_silence() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250-a\r\n") == []
    assert not reader.is_empty


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"150 1yz is not SMTP\r\n",
        b"250-one\r\n550 two codes\r\n",
        b"250 " + b"x" * REPLY_LINE_OCTETS + b"\r\n",
        b"x" * (REPLY_LINE_OCTETS + 1),
        b"250-line of an endless reply\r\n" * 5_000,
    ],
)
def test_what_is_no_reply_is_a_fault(octets: bytes) -> None:
    with pytest.raises(PeerFault):
        ReplyReader().feed(octets)


def test_what_a_server_says_can_upset_nobody() -> None:
    (said,) = ReplyReader().feed(b"550 5.7.1 \x1b[2J\x00 <\xc3\xa9>\xff\r\n")
    assert said == RemoteReply("?[2J? <?>?", 550, "5.7.1")


def test_a_status_of_another_class_is_not_believed() -> None:
    assert ReplyReader().feed(b"450 5.1.1 odd\r\n") == [RemoteReply("5.1.1 odd", 450)]


def test_the_code_decides_and_else_the_status() -> None:
    assert is_positive(RemoteReply("", 250))
    assert is_positive(RemoteReply("", 354))
    assert not is_positive(RemoteReply("", 450))
    assert not is_positive(own_word("4.4.1", "silence"))
    assert is_permanent(RemoteReply("", 550))
    assert not is_permanent(RemoteReply("", 450))
    assert is_permanent(own_word("5.1.2", "no such domain"))
    assert not is_permanent(own_word("4.4.1", "silence"))


def test_extensions_are_read_in_any_case() -> None:
    assert EVERYTHING.greeted_by == "mx.there.test"
    assert "8BITMIME" in EVERYTHING
    assert "CHUNKING" not in EVERYTHING
    assert EVERYTHING.size_octets == 1_000
    assert EVERYTHING.mechanisms == {"PLAIN", "LOGIN"}
    assert Extensions.of(RemoteReply("", 250)) == Extensions()
    assert Extensions("", {"SIZE": "huge"}).size_octets == 0


def test_every_parameter_the_server_knows_is_said() -> None:
    envelope = Envelope(ANN, Ret.HEADERS, "id=1 é", require_tls=True)
    assert (
        mail_from(envelope, needs(eight_bit=True, utf8=True), EVERYTHING)
        == b"MAIL FROM:<ann@here.test> SIZE=10 BODY=8BITMIME SMTPUTF8 REQUIRETLS"
        b" RET=HDRS ENVID=id+3D1+20+3F\r\n"
    )
    onward = Onward(BOB, Notify.SUCCESS | Notify.FAILURE, "rfc822;Bob+x@there.test")
    assert (
        rcpt_to(onward, EVERYTHING)
        == b"RCPT TO:<bob@there.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob+2Bx@there.test\r\n"
    )
    assert rcpt_to(Onward(BOB, Notify.NEVER), EVERYTHING).endswith(b" NOTIFY=NEVER\r\n")


def test_no_parameter_is_said_that_the_server_does_not_know() -> None:
    plain = Extensions()
    assert mail_from(Envelope(None, Ret.FULL, "x"), needs(), plain) == b"MAIL FROM:<>\r\n"
    onward = Onward(BOB, Notify.SUCCESS, "rfc822;bob@there.test")
    assert rcpt_to(onward, plain) == b"RCPT TO:<bob@there.test>\r\n"
    assert mail_from(Envelope(ANN), needs(), EVERYTHING) == b"MAIL FROM:<ann@here.test> SIZE=10\r\n"


def test_a_local_part_is_quoted_where_it_must_be() -> None:
    assert rcpt_to(Onward(Address('a "b', "there.test")), Extensions()) == (
        b'RCPT TO:<"a \\"b"@there.test>\r\n'
    )


@pytest.mark.parametrize("local", ["a\r\nDATA", "a\nb", "a\0b", "a\udc80b"])
def test_no_address_carries_a_second_command(local: str) -> None:
    with pytest.raises(PeerFault):
        rcpt_to(Onward(Address(local, "there.test")), EVERYTHING)
    with pytest.raises(PeerFault):
        mail_from(Envelope(Address(local, "there.test")), needs(), EVERYTHING)


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        (needs(require_tls=True), "5.7.30"),
        (needs(2_000), "5.3.4"),
        (needs(utf8=True), "5.6.7"),
        (needs(eight_bit=True), "5.6.3"),
    ],
)
def test_what_a_server_cannot_take_is_not_begun(wanted: Needs, status: str) -> None:
    unmet = wanted.unmet(Extensions("", {"SIZE": "1000"}))
    assert unmet is not None
    assert unmet.status == status
    assert needs(1_000, eight_bit=True, utf8=True, require_tls=True).unmet(EVERYTHING) is None


def test_needs_are_seen_in_message_and_envelope() -> None:
    plain = Needs.of(Envelope(ANN), [Onward(BOB)], b"A: b\r\n\r\nc\r\n")
    assert plain == Needs(11, eight_bit=False, utf8=False, require_tls=False)
    assert Needs.of(Envelope(ANN), [Onward(Address("bób", "there.test"))], b"").utf8
    assert Needs.of(Envelope(ANN, smtputf8=True), [Onward(BOB)], b"").utf8
    assert Needs.of(Envelope(ANN, require_tls=True), [Onward(BOB)], b"").require_tls
    assert Needs.of(Envelope(ANN), [Onward(BOB)], b"\r\n\xc3\xa9").eight_bit


def test_signing_in_is_written_as_both_mechanisms_want_it() -> None:
    assert auth_plain("ann", "secret") == b"AUTH PLAIN AGFubgBzZWNyZXQ=\r\n"
    assert auth_login("ann", "secret") == (b"AUTH LOGIN\r\n", b"YW5u\r\n", b"c2VjcmV0\r\n")


def test_a_greeting_is_a_name() -> None:
    assert hello("EHLO", "mail.here.test") == b"EHLO mail.here.test\r\n"
    assert hello("EHLO", "[127.0.0.1]") == b"EHLO [127.0.0.1]\r\n"
    with pytest.raises(ValueError, match="host name"):
        hello("EHLO", "a\r\nDATA")


def test_xtext_is_ascii_without_space_plus_or_equals() -> None:
    assert xtext("a+b=c d\r\n~!é") == "a+2Bb+3Dc+20d+0D+0A~!+3F"


@pytest.mark.parametrize(
    "message",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\n.\nb\r\n",
        b"a\n.\r\nb\r\n",
        b"a\r.\r\nb\r\n",
        b"a\r\n.\rb\r\n",
        b"a\r\r\nb\r\n",
        b"a\r\n\n.\r\nb\r\n",
        b"a\0b\r\n",
        b"a\r",
        b"\n",
    ],
)
def test_t_tls_4_a_message_that_two_servers_may_see_differently_is_not_sent(message: bytes) -> None:
    with pytest.raises(PeerFault):
        content(message)


PIECES = st.lists(st.sampled_from([b".", b"..", b"\r\n", b"a", b"\xc3\xa9", b".\r\n", b"\r\n."]))


@given(PIECES)
def test_t_tls_4_content_has_one_end_and_comes_out_as_it_went_in(pieces: list[bytes]) -> None:
    message = b"".join(pieces)
    sent = content(message)
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
    assert sent.count(b"\n") == sent.count(b"\r") == sent.count(b"\r\n")
    reader = DataReader(ContentLimits())
    whole = message if message.endswith(b"\r\n") else message + b"\r\n"
    assert reader.feed(sent) in (whole, message)
    assert reader.ended
    assert reader.rest == b""
