"""IMAP as nobody should speak it: each gets its own clear answer, and nobody else notices."""

import re
import time
from pathlib import Path

import pytest

from tests.support.bystander import MIB, undisturbed
from tests.support.server import Server
from tests.support.wire import Closed, connect, quoted, raw, signed_in

TOO_LARGE = 60 * MIB
"""Beyond the 50 MiB of a message."""

MALFORMED = [
    b"",
    b" ",
    b"\0",
    b"* OK I am a server too",
    b"+ continue",
    b"tag",
    b"tag ",
    b"tag NOSUCHCOMMAND",
    b"tag NOOP garbage",
    b"(tag) NOOP",
    b"tag SELECT",
    b'tag SELECT "unterminated',
    b'tag SELECT "a\\b"',
    b"tag SELECT {-1}",
    b"tag SELECT {18446744073709551616}",
    b"tag SELECT {99999999999999999999999999999999999999999999}",
    b"tag SELECT {1x}",
    b"tag FETCH 0 FLAGS",
    b"tag FETCH 1:*:2 FLAGS",
    b"tag FETCH 99999999999 FLAGS",
    b"tag FETCH 1 (",
    b"tag FETCH 1 BODY[",
    b"tag FETCH 1 BODY[1.0.-1]",
    b"tag FETCH 1 BODY[]<1",
    b"tag FETCH 1 BODY[]<-1.5>",
    b"tag SEARCH",
    b"tag SEARCH (" + b"(" * 5_000,
    b"tag SEARCH " + b"NOT " * 10_000 + b"ALL",
    b"tag SEARCH " + b"OR " * 10_000,
    b"tag SEARCH CHARSET \xff TEXT a",
    b"tag STORE 1 FLAGS",
    b"tag STORE 1 +FLAGS (\\NoSuchFlag \\\\)",
    b"tag LIST " + b"(" * 5_000,
    b"tag ID (" + b'"a" ' * 5_000,
    b"tag APPEND INBOX (\\Seen {3}",
    b"tag AUTHENTICATE PLAIN ====",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1",
    bytes(range(1, 10)) + bytes(range(14, 256)),
]


@pytest.mark.parametrize("command", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("inside", [False, True], ids=["before sign-in", "signed in"])
def test_a_malformed_command_is_told_so(server: Server, command: bytes, *, inside: bool) -> None:
    with raw(server.address("imap")) as wire:
        wire.line()
        if inside:
            user = server.user()
            wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
            assert wire.tagged(b"SELECT INBOX").startswith(b"t OK")
        wire.send(command + b"\r\n")
        answer = wire.until(b"tag ", b"* BAD", b"* BYE", b"GET ")[-1]
        assert re.match(rb"(tag|GET|\*) (BAD|NO|BYE) \S", answer), answer
        assert b"SERVERBUG" not in answer
        if not answer.startswith(b"* BYE"):
            assert wire.tagged(b"NOOP").startswith(b"t OK")


def test_a_stream_of_nonsense_ends_the_connection(server: Server) -> None:
    with raw(server.address("imap")) as wire:
        wire.send(b"nonsense\r\n" * 1_000)
        said = wire.everything()
    assert b"* BYE" in said
    assert said.count(b"BAD") < 20


@pytest.mark.parametrize("mark", [b"", b"+"], ids=["synchronising", "LITERAL+"])
@pytest.mark.parametrize(
    ("command", "octets", "inside"),
    [
        (b"APPEND INBOX", TOO_LARGE, True),
        (b"APPEND INBOX (\\Seen)", 1 << 40, True),
        (b"SELECT", MIB, True),
        (b"LOGIN", 5_000, False),
        (b"LOGIN", TOO_LARGE, False),
        (b"APPEND INBOX", TOO_LARGE, False),
        (b"SELECT", 5_000, False),
    ],
)
def test_a_literal_beyond_the_limit_is_refused_before_it_comes(
    server: Server, mark: bytes, command: bytes, octets: int, *, inside: bool
) -> None:
    with raw(server.address("imap")) as wire:
        wire.line()
        if inside:
            user = server.user()
            wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
        # Not an octet of the literal is sent, yet the answer comes.
        wire.send(b"big %s {%d%s}\r\n" % (command, octets, mark))
        answer = wire.line()
        assert re.match(rb"(big|\*) (NO|BAD|BYE) \S", answer), answer


def test_octets_that_were_refused_are_not_kept(server: Server) -> None:
    """LITERAL+ cannot be stopped from sending; what comes is dropped, or the connection is."""
    piece = bytes(MIB)
    with undisturbed(server, grown_mib=24):
        for inside in (False, True):
            with raw(server.address("imap")) as wire:
                wire.line()
                if inside:
                    user = server.user()
                    wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
                try:
                    wire.send(b"big APPEND INBOX {%d+}\r\n" % TOO_LARGE)
                    for _ in range(TOO_LARGE // MIB):
                        wire.send(piece)
                    wire.send(b"\r\n")
                except Closed:
                    continue
                assert wire.until(b"big ")[-1].startswith((b"big NO", b"big BAD"))
                assert wire.tagged(b"NOOP").startswith(b"t OK")


def test_a_line_without_an_end_is_cut_off(server: Server) -> None:
    with undisturbed(server, grown_mib=16):
        for _ in range(5):
            with raw(server.address("imap")) as wire:
                try:
                    for _ in range(64):
                        wire.send(b"a" * (MIB // 4))
                    said = wire.everything()
                except Closed:
                    continue
                assert b"BAD" in said or b"BYE" in said


def test_many_literals_in_one_command_are_counted_together(server: Server) -> None:
    with signed_in(server.address("imap"), server.user()) as wire:
        wire.send(b"many SEARCH")
        wire.send(b" TEXT {4000+}\r\n" + b"a" * 4_000)
        try:
            wire.send((b" TEXT {4000+}\r\n" + b"a" * 4_000) * 100 + b"\r\n")
        except Closed:
            return
        answer = wire.until(b"many ", b"* BYE")[-1]
        assert re.match(rb"(many|\*) (NO|BAD|BYE) ", answer), answer


def fill(server: Server, letters: int, octets: int) -> None:
    """Append letters to user 0's INBOX until there are so many."""
    body = (b"a line as any other, and then another one\r\n" * (octets // 43 + 1))[:octets]
    with signed_in(server.address("imap"), server.user()) as wire:
        wire.send(b"t STATUS INBOX (MESSAGES)\r\n")
        found = re.search(rb"MESSAGES (\d+)", b"".join(wire.until(b"t ")))
        assert found is not None
        for _ in range(letters - int(found[1])):
            letter = b"Subject: large\r\n\r\n" + body
            wire.send(b"a APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
            assert wire.until(b"a ")[-1].startswith(b"a OK")


def test_a_client_that_never_reads_costs_a_buffer(server: Server) -> None:
    """It asks for 12 GiB and takes none; the answers wait in the store, not in memory."""
    fill(server, 20, MIB)
    user = server.user()
    with undisturbed(server, grown_mib=96):
        wires = []
        for _ in range(6):
            wire = connect(server.address("imap"), receive_octets=4_096)
            wires.append(wire)
            wire.line()
            wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
            wire.tagged(b"SELECT INBOX")
            wire.socket.settimeout(0.2)
            try:
                wire.send(b"f FETCH 1:* (BODY.PEEK[])\r\n" * 100)
            except TimeoutError:
                continue
        time.sleep(2)
        for wire in wires:
            wire.close()


def test_pipelining_without_end_costs_no_more_than_asking(server: Server) -> None:
    with undisturbed(server, grown_mib=48):
        wires = [connect(server.address("imap"), receive_octets=4_096) for _ in range(5)]
        for wire in wires:
            wire.socket.settimeout(0.3)
            try:
                for _ in range(200):
                    wire.send(b"t CAPABILITY\r\n" * 1_000)
            except (TimeoutError, Closed):
                continue
        for wire in wires:
            wire.close()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_who_never_signs_in_is_let_go(server: Server, tmp_path: Path) -> None:
    """An octet a second: some command for ever, but no sign-in within two minutes."""
    with undisturbed(server, grown_mib=16), raw(server.address("imap"), seconds=0.2) as wire:
        end = time.monotonic() + 150
        said = b""
        try:
            while time.monotonic() < end:
                wire.send(b"a")
                time.sleep(1)
                if wire.socket.recv(1, 0x2) == b"":  # MSG_PEEK
                    break
                said += wire.line() + b"\n"
        except (Closed, TimeoutError):
            pass
        while time.monotonic() < end:
            try:
                said += wire.line() + b"\n"
            except TimeoutError:
                try:
                    wire.send(b"a")
                except Closed:
                    break
                time.sleep(1)
            except Closed:
                break
        assert b"* BYE" in said
