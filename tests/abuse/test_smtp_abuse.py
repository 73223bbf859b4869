"""SMTP and LMTP as nobody should speak them: clear answers, bounded memory, patient neighbours."""

import base64
import re
import ssl
import time
from contextlib import ExitStack

import pytest

from tests.support.bystander import MIB, undisturbed
from tests.support.server import Server
from tests.support.wire import Closed, RawWire, raw, signed_in

MESSAGE_OCTETS = 50 * MIB
RECIPIENTS = 50_000
LISTENERS = ("mx", "lmtp", "submission")

MALFORMED = [
    b"",
    b" ",
    b"\0\0\0\0",
    b"NOSUCHCOMMAND",
    b"MAIL",
    b"MAIL FROM",
    b"MAIL FROM:",
    b"MAIL FROM:<",
    b"MAIL FROM:<<>>",
    b"MAIL FROM:<a@b> SIZE=-1",
    b"MAIL FROM:<a@b> SIZE=99999999999999999999999999",
    b"MAIL FROM:<a@b> NOSUCH=1",
    b"MAIL FROM:<a@b> BODY=9BIT",
    b"MAIL FROM:<" + b"a" * 400 + b"@elsewhere.test>",
    b"MAIL FROM:<a@" + b"b." * 200 + b"test>",
    b"MAIL FROM:<\xff\xfe@elsewhere.test>",
    b"MAIL FROM:<a\rb@elsewhere.test>",
    b"MAIL FROM:<@a,@b:c@elsewhere.test> x",
    b"RCPT TO:<bench0@bench.test>",
    b"DATA",
    b"DATA now",
    b"BDAT",
    b"BDAT 5 FIRST",
    b"HELO",
    b"EHLO \xff",
    b"RSET now",
    b"VRFY " + b"a" * 5_000,
    b"AUTH",
    b"AUTH NOSUCH",
    b"AUTH PLAIN !!!!",
    b"STARTTLS now",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500,
    bytes(range(1, 10)) + bytes(range(14, 256)),
    b"a" * 20_000,
]


def greet(wire: RawWire, listener: str) -> None:
    assert wire.reply().startswith(b"220")
    hello = b"LHLO" if listener == "lmtp" else b"EHLO"
    assert wire.ask(hello + b" abuser.test").startswith(b"250")


@pytest.mark.parametrize("command", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("listener", LISTENERS)
def test_a_malformed_command_is_told_so(server: Server, listener: str, command: bytes) -> None:
    with raw(server.address(listener)) as wire:
        greet(wire, listener)
        answer = wire.ask(command)
        assert re.match(rb"[45]\d\d ([45]\.\d+\.\d+ )?\S", answer), answer
        assert b"incident" not in answer
        # After a chunk of unknown size, or a line without an end, nobody knows what comes next;
        # who did not sign in has no chunk taken at all.
        chunk = command.startswith(b"BDAT") and listener != "submission"
        lost = chunk or len(command) > 16_000
        try:
            assert wire.ask(b"NOOP").startswith(b"421" if lost else b"250")
        except Closed:
            assert lost


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_stream_of_nonsense_ends_the_connection(server: Server, listener: str) -> None:
    with raw(server.address(listener)) as wire:
        wire.send(b"nonsense\r\n" * 1_000)
        said = wire.everything()
    assert said.rstrip().splitlines()[-1].startswith(b"421")
    assert said.count(b"\r\n") < 30


def test_a_browser_is_turned_away(server: Server) -> None:
    with raw(server.address("mx")) as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nMAIL FROM:<a@elsewhere.test>\r\n")
        assert b"421" in wire.everything()


@pytest.mark.parametrize("listener", ["mx", "lmtp", "submissions"])
def test_fifty_thousand_recipients(server: Server, tls: ssl.SSLContext, listener: str) -> None:
    """Taken up to the limit, then 452 for each; who insists is sent away, and nobody notices."""
    known, sender = listener == "submissions", b"a@elsewhere.test"
    line = b"RCPT TO:<%s>\r\n" % server.user()[0].encode()
    replies: list[bytes] = []
    with (
        undisturbed(server, grown_mib=32),
        raw(server.address(listener), tls if known else None) as wire,
    ):
        greet(wire, listener)
        if known:
            login, secret = server.user()
            shown = base64.b64encode(f"\0{login}\0{secret}".encode())
            assert wire.ask(b"AUTH PLAIN " + shown).startswith(b"235")
            sender = login.encode()
        assert wire.ask(b"MAIL FROM:<%s>" % sender).startswith(b"250")
        try:
            for _ in range(RECIPIENTS // 500):
                wire.send(line * 500)
                replies += [wire.reply() for _ in range(500)]
        except Closed:
            pass
    taken = sum(reply.startswith(b"250") for reply in replies)
    assert 100 <= taken <= 10_000
    rest = {reply[:9] for reply in replies[taken:]}
    assert rest <= {b"452 4.5.3", b"421 4.7.0", b"421 4.5.3"}, rest
    assert rest


def test_strangers_addresses_are_not_to_be_harvested(server: Server) -> None:
    with raw(server.address("mx")) as wire:
        greet(wire, "mx")
        wire.ask(b"MAIL FROM:<a@elsewhere.test>")
        for number in range(1_000):
            answer = wire.ask(b"RCPT TO:<nobody%d@bench.test>" % number)
            if answer.startswith(b"421"):
                break
            assert answer.startswith(b"550 5.1.1")
        assert number <= 100


@pytest.mark.parametrize("listener", ["mx", "lmtp"])
def test_a_message_beyond_the_limit(server: Server, listener: str) -> None:
    """Refused at MAIL where it is announced, else at its end, with no more of it held."""
    rcpt = b"RCPT TO:<%s>" % server.user()[0].encode()
    with undisturbed(server, grown_mib=160), raw(server.address(listener)) as wire:
        greet(wire, listener)
        too_large = b"MAIL FROM:<a@elsewhere.test> SIZE=%d" % (MESSAGE_OCTETS + 1)
        assert wire.ask(too_large).startswith(b"552 5.3.4")
        assert wire.ask(b"MAIL FROM:<a@elsewhere.test>").startswith(b"250")
        wire.ask(rcpt)
        assert wire.ask(b"DATA").startswith(b"354")
        line = b"a" * 998 + b"\r\n"
        for _ in range(MESSAGE_OCTETS // MIB + 2):
            wire.send(line * (MIB // 1_000 + 1))
        assert wire.ask(b".").startswith(b"552 5.3.4")
        assert wire.ask(b"NOOP").startswith(b"250")


def deep(levels: int) -> bytes:
    """Write multipart in multipart."""
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level)
        for level in range(levels)
    )
    tail = b"".join(b"\r\n--b%d--\r\n" % level for level in reversed(range(levels)))
    return b"Subject: deep\r\n" + head + b"\r\nwords at the bottom\r\n" + tail


def wide(parts: int) -> bytes:
    head = b'Subject: wide\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return head + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * parts + b"--b--\r\n"


def embedded(levels: int) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: bottom\r\n\r\nx\r\n"


def folded(name: bytes, piece: bytes, octets: int) -> bytes:
    """Write a field of many pieces, a line each."""
    return b"%s: %s\r\n\r\nx\r\n" % (name, b"\r\n ".join([piece] * (octets // len(piece))))


HEADER = 250_000
BOMBS = {
    "100 levels": deep(100),
    "1,000 levels": deep(1_000),
    "10,000 parts": wide(10_000),
    "1,000 messages in each other": embedded(1_000),
    "boundary lines": b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n" * 400_000,
    "comments": folded(b"From", b"(" * 900, HEADER),
    "angles": folded(b"To", b"<" * 900, HEADER),
    "addresses": folded(b"To", b"a@b.test, c <d@e.test>,", HEADER),
    "group": folded(b"Cc", b"g:a@b,;", HEADER),
    "quotes": folded(b"From", b'"\\' * 400, HEADER),
    "encoded words": folded(b"Subject", b"=?utf-8?b?w6k=?=", HEADER),
    "half encoded words": folded(b"Subject", b"=?a?q?", HEADER),
    "references": folded(b"References", b"<a@b.test>", HEADER),
    "parameters": folded(b"Content-Type: text/plain; x", b"y*0*=utf-8''%C3%A9;", HEADER),
    "parameter parts": b"Content-Type: text/plain"
    + b"".join(b";\r\n name*%d*=a" % n for n in range(15_000))
    + b"\r\n\r\nx\r\n",
    "fields": b"".join(b"F%d: x\r\n" % n for n in range(25_000)) + b"\r\nx\r\n",
    "one field often": b"Subject: x\r\n" * 20_000 + b"\r\nx\r\n",
    "HTML": b"Content-Type: text/html\r\n\r\n" + (b"<" * 900 + b"\r\n") * 3_000,
    "HTML comments": b"Content-Type: text/html\r\n\r\n" + b"<!--<script><style>\r\n" * 100_000,
    "soft line breaks": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=\r\n" * 900_000,
    "base64 of nothing": b"Content-Transfer-Encoding: base64\r\n\r\n" + b"====\r\n" * 400_000,
    "charset": b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AAAA-\r\n" * 200_000,
}
BOMB_SECONDS = 20.0
QUICK = {"100 levels", "10,000 parts", "comments", "encoded words", "parameter parts", "HTML"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in BOMBS]
)
def test_a_bomb_is_taken_or_refused_and_hurts_nobody(server: Server, name: str) -> None:
    """Delivered, listed, searched and fetched in bounded time; the octets come back as sent."""
    bomb = re.sub(rb"(?m)^\.", b"..", BOMBS[name])
    with undisturbed(server, grown_mib=128, p99_seconds=2.0):
        start = time.monotonic()
        with raw(server.address("lmtp")) as wire:
            greet(wire, "lmtp")
            wire.ask(b"MAIL FROM:<>")
            wire.ask(b"RCPT TO:<%s>" % server.user()[0].encode())
            wire.ask(b"DATA")
            answer = wire.ask(bomb + (b"" if bomb.endswith(b"\r\n") else b"\r\n") + b".")
        assert answer.startswith((b"250", b"5")), answer
        assert b"incident" not in answer
        if answer.startswith(b"250"):
            with signed_in(server.address("imap"), server.user()) as imap:
                listed = b"FETCH * (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1])"
                assert imap.tagged(listed).startswith(b"t OK")
                assert imap.tagged(b"SEARCH TEXT nothing").startswith(b"t OK")
                imap.send(b"f FETCH * (BODY.PEEK[])\r\n")
                size = int(imap.line().rpartition(b"{")[2].rstrip(b"}"))
                assert imap.octets(size).endswith(BOMBS[name].rstrip(b"\r\n") + b"\r\n")
        assert time.monotonic() - start < BOMB_SECONDS


@pytest.mark.long
def test_slow_writers_hold_nobody_up(server: Server) -> None:
    """Thirty clients that send an octet a second, in commands and in DATA."""
    rcpt = b"RCPT TO:<%s>" % server.user()[0].encode()
    with undisturbed(server, grown_mib=16), ExitStack() as stack:
        wires = [stack.enter_context(raw(server.address("mx"))) for _ in range(30)]
        for number, wire in enumerate(wires):
            greet(wire, "mx")
            if number % 2:
                for command in (b"MAIL FROM:<>", rcpt, b"DATA"):
                    wire.ask(command)
        for octet in b"NOOPS":
            for wire in wires:
                wire.send(bytes((octet,)))
            time.sleep(1)
        for number, wire in enumerate(wires):
            answer = wire.ask(b"\r\n." if number % 2 else b"")
            assert answer.startswith(b"250" if number % 2 else b"500"), answer


def test_starttls_takes_nothing_from_before(server: Server, tls: ssl.SSLContext) -> None:
    """Commands put in the clear behind STARTTLS, however many, are never obeyed."""
    with raw(server.address("mx")) as wire:
        greet(wire, "mx")
        wire.send(b"STARTTLS\r\n" + b"MAIL FROM:<injected@elsewhere.test>\r\n" * 500)
        assert wire.reply().startswith(b"220")
        wire.socket = tls.wrap_socket(wire.socket, server_hostname="localhost")
        assert wire.ask(b"RCPT TO:<%s>" % server.user()[0].encode()).startswith(b"503")
