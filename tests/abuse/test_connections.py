"""Who connects and says nothing, or nothing that makes sense: bounded cost, and others served."""

import re
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.support.bystander import MIB, undisturbed
from tests.support.server import LISTENERS, Server
from tests.support.wire import Closed, RawWire, connect, quoted, raw

IDLE = 1_000
PLAIN_KIB = 16
"""What an idle connection may cost the server, in the clear."""
TLS_KIB = 96
HANDSHAKE_SECONDS = 45.0
"""Within which a handshake that was begun must be done: 30 for IMAP, 15 for SMTP, and some air."""

GARBAGE = {
    "zeros": bytes(4_096),
    "ones": b"\xff" * 4_096,
    "noise": secrets.token_bytes(65_536),
    "lines of noise": b"".join(secrets.token_bytes(60) + b"\r\n" for _ in range(1_000)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    "SSH": b"SSH-2.0-OpenSSH_9.0\r\n",
    "TLS ClientHello, cut": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "TLS record of 64 KiB": b"\x16\x03\x01\xff\xff" + bytes(70_000),
}
LINE_OCTETS = 60_000
"""What is longer is longer than any line may be."""
_SMTP = re.compile(rb"500 5\.5\.[12] .+|421 4\.7\.0 .+")
_IMAP = re.compile(rb"\* (?:BAD|BYE) .+|\S+ BAD .+")
SAID = {"mx": _SMTP, "submission": _SMTP, "lmtp": _SMTP, "imap": _IMAP}
"""What listeners without a handshake may say after their greeting."""


@contextmanager
def many(
    count: int, server: Server, listener: str, tls: ssl.SSLContext | None = None
) -> Iterator[list[RawWire]]:
    """Hold connections open, each greeted."""
    with ExitStack() as stack:
        wires = []
        for _ in range(count):
            wire = connect(server.address(listener), tls)
            stack.callback(wire.close)
            wires.append(wire)
        for wire in wires:
            assert wire.line()
        yield wires


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("listener", LISTENERS)
def test_binary_garbage(server: Server, listener: str, name: str) -> None:
    """What has a line end is refused in the protocol's words; to the rest no word is owed."""
    said = thrown_at(server, listener, GARBAGE[name])
    if listener not in SAID:
        assert said == b""  # the handshake failed: nobody is there who could read an answer
        return
    greeting, *answers = said.removesuffix(b"\r\n").split(b"\r\n")
    assert greeting.startswith((b"220 ", b"* OK "))
    assert [line for line in answers if not SAID[listener].fullmatch(line)] == []
    refused = [line for line in answers if line.startswith(b"500 ") or b" BAD " in line]
    too_long = len(GARBAGE[name]) > LINE_OCTETS
    assert bool(refused) == (too_long or b"\n" in GARBAGE[name])
    assert server.running


def thrown_at(server: Server, listener: str, octets: bytes) -> bytes:
    """Send octets and nothing after; return all that was said."""
    with raw(server.address(listener)) as wire:
        with suppress(Closed, OSError):  # it hung up on a part of it
            wire.send(octets)
            wire.socket.shutdown(socket.SHUT_WR)
        return wire.everything(5)


def test_binary_garbage_disturbs_nobody(server: Server) -> None:
    with undisturbed(server, grown_mib=32):
        for listener in LISTENERS:
            for octets in GARBAGE.values():
                with raw(server.address(listener)) as wire, suppress(Closed, OSError):
                    wire.send(octets)


@pytest.mark.parametrize(
    ("listener", "secure", "each_kib"),
    [
        ("imap", False, PLAIN_KIB),
        pytest.param("mx", False, 3 * PLAIN_KIB, marks=pytest.mark.long),
        pytest.param("imaps", True, TLS_KIB, marks=pytest.mark.long),
        pytest.param("submissions", True, TLS_KIB, marks=pytest.mark.long),
    ],
)
def test_a_thousand_idle_connections(
    server: Server, tls: ssl.SSLContext, listener: str, each_kib: int, *, secure: bool
) -> None:
    # The first ones pay for what is allocated once.
    with many(20, server, listener, tls if secure else None):
        pass
    bound = IDLE * each_kib * 1024 // MIB + 8
    with (
        many(IDLE, server, listener, tls if secure else None) as wires,
        undisturbed(server, grown_mib=16),
    ):
        time.sleep(1)
        command = b"t NOOP\r\n" if listener.startswith("imap") else b"NOOP\r\n"
        for wire in wires[::100]:
            wire.send(command)
            while not wire.line().startswith((b"t OK", b"250")):
                pass
    before = server.memory()
    with many(IDLE, server, listener, tls if secure else None):
        assert server.memory() - before < bound * MIB


@pytest.mark.long
def test_a_thousand_signed_in_and_idling(server: Server, tls: ssl.SSLContext) -> None:
    """IDLE on a selected mailbox, over TLS; one letter wakes them all."""
    user = server.user()
    with many(IDLE, server, "imaps", tls) as wires, undisturbed(server, grown_mib=160):
        for wire in wires:
            login = wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
            assert login.startswith(b"t OK")
            assert wire.tagged(b"SELECT INBOX").startswith(b"t OK")
            wire.send(b"t IDLE\r\n")
            wire.until(b"+")
        with raw(server.address("lmtp")) as lmtp:
            lmtp.reply()
            for command in (b"LHLO x", b"MAIL FROM:<>", b"RCPT TO:<%s>" % user[0].encode()):
                lmtp.ask(command)
            lmtp.ask(b"DATA")
            assert lmtp.ask(b"Subject: wake up\r\n\r\nAll of you.\r\n.").startswith(b"250")
        start = time.monotonic()
        for wire in wires:
            wire.until(b"* ")
        assert time.monotonic() - start < 20


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("listener", ["imaps", "submissions"])
@pytest.mark.parametrize("begun", [b"", GARBAGE["TLS ClientHello, cut"]], ids=["silent", "begun"])
def test_a_half_open_handshake_ends(server: Server, listener: str, begun: bytes) -> None:
    """A hundred that never finish their handshake are let go, all of them."""
    with undisturbed(server, grown_mib=24), ExitStack() as stack:
        wires = []
        for _ in range(100):
            wire = connect(server.address(listener))
            stack.callback(wire.close)
            wire.send(begun)
            wires.append(wire)
        start = time.monotonic()
        for wire in wires:
            left = HANDSHAKE_SECONDS - (time.monotonic() - start)
            assert wire.everything(max(left, 1)) == b""


def test_a_flood_of_connections_is_served_in_turn(server: Server) -> None:
    """Two thousand that come and go, each greeted, while others work."""
    with undisturbed(server, grown_mib=32):
        for _ in range(20):
            with many(100, server, "imap") as wires:
                assert len(wires) == 100
