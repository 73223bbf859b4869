"""What the mail host shows: its certificate, and TLS at the MX as others meet it.

The conversation blocks, in a thread: it is a question now and then, not a service.
"""

import secrets
import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from mailserver.crypto.certificates import details
from mailserver.model.errors import Corrupt
from mailserver.operations.doctor.finding import Finding, failure, good, note, warning
from mailserver.operations.published import Published
from mailserver.runtime.tls_client import covers

SOON = timedelta(days=21)
"""A certificate that is renewed by a program is never this old."""
PATIENCE_SECONDS = 10.0
REPLY_LINES, LINE_OCTETS = 100, 2_000
_HANDSHAKE, _SERVER_HELLO = b"\x16", b"\x02"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mail host showed."""

    starttls: bool
    version: str = ""
    certificate: bytes = b""
    """DER."""


def certificate(facts: Published, now: datetime, names: Sequence[str]) -> list[Finding]:
    """Look at the certificate in use: dates, names, and who issued it.

    Args:
        facts: what it is.
        now: against which its dates are held.
        names: for which it should be.
    """
    shown = facts.certificate
    if shown is None:
        return [failure("certificate", facts.host, "none", "put one where tls.certificate says")]
    left = shown.valid_until - now
    until = f"valid until {shown.valid_until:%Y-%m-%d}"
    found = []
    if left <= timedelta(0) or shown.valid_from > now:
        found.append(failure("certificate", facts.host, until, "renew it now"))
    elif left < SOON:
        text = f"{until}, {left.days} days"
        found.append(warning("certificate", facts.host, text, "renew it, and see why nobody did"))
    else:
        found.append(good("certificate", facts.host, f"{until}, {left.days} days"))
    if shown.self_signed:
        advice = "get one from an authority: mail programs and MTA-STS refuse this one"
        found.append(failure("certificate", facts.host, "self-signed", advice))
    missing = [name for name in names if not any(covers(one, name) for one in shown.names)]
    if missing:
        say = failure if facts.host in missing else warning
        text = f"not for {', '.join(missing)}"
        advice = "have the next certificate issued for these names, too"
        found.append(say("certificate", facts.host, text, advice, wanted=", ".join(missing)))
    return found


def meet(host: str, address: str, port: int) -> Shown:
    """Speak to a mail host as another server does, and see what TLS it has.

    Raises:
        OSError: it does not answer, or not like a mail server.
    """
    with _offered(host, address, port) as peer:
        if peer is None:
            return Shown(starttls=False)
        with _anything().wrap_socket(peer, server_hostname=host) as connection:
            der = connection.getpeercert(binary_form=True) or b""
            return Shown(True, connection.version() or "", der)


def takes_old_tls(host: str, address: str, port: int) -> bool:
    """Say whether a mail host still speaks TLS 1.0 or 1.1, which nobody should (RFC 8996).

    Raises:
        OSError: it does not answer at all.
    """
    with _offered(host, address, port) as peer:
        return peer is not None and _answers_old(peer, host)


def web_takes_old_tls(host: str, address: str, port: int) -> bool:
    """Say the same of a web host, where TLS comes first.

    Raises:
        OSError: it does not answer at all.
    """
    with socket.create_connection((address, port), timeout=PATIENCE_SECONDS) as peer:
        return _answers_old(peer, host)


def _answers_old(peer: socket.socket, host: str) -> bool:
    try:
        peer.sendall(_old_hello(host))
        said = peer.recv(6)
    except ConnectionError:
        return False
    return said[:1] == _HANDSHAKE and said[5:6] == _SERVER_HELLO


def _old_hello(host: str) -> bytes:
    """Write the first message of a client that knows TLS 1.1 and nothing newer.

    OpenSSL no longer writes one where the machine's own policy forbids it. Source: RFC 4346 §7.4.1.
    """
    name = host.encode("ascii", "replace")
    listed = b"\x00" + struct.pack(">H", len(name)) + name
    extensions = b"".join(
        struct.pack(">HH", number, len(data)) + data
        for number, data in (
            (0, struct.pack(">H", len(listed)) + listed),  # the name, RFC 6066 §3
            (10, bytes.fromhex("0006001d00170018")),  # groups, RFC 8422 §5.1.1
            (11, bytes.fromhex("0100")),
        )
    )
    suites = bytes.fromhex("c014c013c00ac0090035002f000a")
    hello = b"\x03\x02" + secrets.token_bytes(32) + b"\x00"
    hello += struct.pack(">H", len(suites)) + suites + b"\x01\x00"
    hello += struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
    return _HANDSHAKE + b"\x03\x01" + struct.pack(">H", len(message)) + message


@contextmanager
def _offered(host: str, address: str, port: int) -> Iterator[socket.socket | None]:
    """Connect and say STARTTLS; None where it is not offered. Source: RFC 3207."""
    with socket.create_connection((address, port), timeout=PATIENCE_SECONDS) as peer:
        said = peer.makefile("rb")
        _reply(said, b"220")
        peer.sendall(f"EHLO {host}\r\n".encode("ascii", "replace"))
        offers = [line[4:].strip().upper() for line in _reply(said, b"250")]
        if b"STARTTLS" not in offers:
            yield None
            return
        peer.sendall(b"STARTTLS\r\n")
        _reply(said, b"220")
        yield peer


def _reply(said: BinaryIO, code: bytes) -> list[bytes]:
    """Read a reply, which must have this code.

    Raises:
        ConnectionError: it has another, or does not end.
    """
    lines = []
    for _ in range(REPLY_LINES):
        lines.append(said.readline(LINE_OCTETS))
        if lines[-1][:3] != code:
            break
        if lines[-1][3:4] != b"-":
            return lines
    raise ConnectionAbortedError("it does not speak like a mail server")


def at_the_mx(facts: Published, address: str, port: int) -> list[Finding]:
    """Look at TLS as another server meets it at one of the host's addresses; blocks for a while."""
    where = f"{facts.host} [{address}]"
    try:
        shown = meet(facts.host, address, port)
        old = takes_old_tls(facts.host, address, port)
    except OSError:
        advice = f"open port {port} for the internet; or this machine cannot reach its own address"
        return [warning("starttls", where, "does not answer from here", advice)]
    if not shown.starttls:
        return [failure("starttls", where, "not offered", 'set listeners.mx.tls to "starttls"')]
    found = [good("starttls", where, shown.version)]
    if old:
        found.append(
            failure("tls-versions", where, "TLS 1.1 is taken", "see what stands before us")
        )
    elif shown.version != "TLSv1.3":
        found.append(note("tls-versions", where, shown.version, "update OpenSSL: 1.3 is missing"))
    else:
        found.append(good("tls-versions", where, "1.2 and 1.3 only"))
    try:
        key = details(shown.certificate).key_sha256
    except Corrupt:
        return [*found, failure("certificate", where, "unreadable", "put a proper one there")]
    if facts.tls_keys and key != facts.tls_keys[0]:
        text, advice = "shows another key than the settings name", "see what stands before us"
        found.append(failure("certificate", where, text, advice))
    return found


def _anything() -> ssl.SSLContext:
    """Make a context that takes whatever is shown: it is looked at, not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
