"""A socket in hand, for what no decent client would send."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 30.0
READ_OCTETS = 1 << 16


class Closed(Exception):
    """The server closed the connection, or reset it."""


class RawWire:
    """One connection, octet by octet."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over `connection`, which `close` closes."""
        self.socket = connection
        self._came = b""

    def send(self, octets: bytes) -> None:
        """Send octets.

        Raises:
            Closed: there is nobody to send them to.
        """
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def line(self) -> bytes:
        """Return the next line without its ending.

        Raises:
            Closed: it ended before.
            TimeoutError: nothing came.
        """
        while b"\n" not in self._came:
            self._read()
        line, _, self._came = self._came.partition(b"\n")
        return line.removesuffix(b"\r")

    def _read(self) -> None:
        try:
            came = self.socket.recv(READ_OCTETS)
        except (ConnectionResetError, ssl.SSLError) as error:
            raise Closed from error
        if not came:
            raise Closed
        self._came += came

    def octets(self, count: int) -> bytes:
        """Return exactly so many octets: a literal."""
        while len(self._came) < count:
            self._read()
        octets, self._came = self._came[:count], self._came[count:]
        return octets

    def until(self, *starts: bytes) -> list[bytes]:
        """Return the lines up to one that begins with one of `starts`."""
        lines = [self.line()]
        while not lines[-1].startswith(starts):
            lines.append(self.line())
        return lines

    def reply(self) -> bytes:
        """Return the next SMTP reply, its last line that is."""
        while (line := self.line())[3:4] == b"-":
            pass
        return line

    def ask(self, command: bytes) -> bytes:
        """Send an SMTP command and return its reply."""
        self.send(command + b"\r\n")
        return self.reply()

    def tagged(self, command: bytes, tag: bytes = b"t") -> bytes:
        """Send an IMAP command and return its tagged response."""
        self.send(tag + b" " + command + b"\r\n")
        return self.until(tag + b" ")[-1]

    def everything(self, seconds: float = PATIENCE_SECONDS) -> bytes:
        """Return all that comes until the server closes.

        Raises:
            TimeoutError: it does not.
        """
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.socket.settimeout(max(end - time.monotonic(), 0.01))
                self._read()
        except Closed:
            return self._came
        raise TimeoutError

    def close(self) -> None:
        """Close it."""
        self.socket.close()


def connect(
    address: tuple[str, int],
    tls: ssl.SSLContext | None = None,
    *,
    seconds: float = PATIENCE_SECONDS,
    receive_octets: int | None = None,
    source: str = "",
) -> RawWire:
    """Connect, the greeting not yet read.

    Args:
        address: host and port.
        tls: begin with a handshake.
        seconds: how long to wait for anything.
        receive_octets: bounds what the system reads ahead.
        source: the loopback address to come from.
    """
    plain = socket.socket()
    try:
        plain.settimeout(seconds)
        if receive_octets is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_octets)
        plain.bind((source, 0))
        plain.connect(address)
        connection = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
    except BaseException:
        plain.close()
        raise
    return RawWire(connection)


@contextmanager
def raw(
    address: tuple[str, int], tls: ssl.SSLContext | None = None, **wanted: float
) -> Iterator[RawWire]:
    """Connect for the length of a block."""
    wire = connect(address, tls, seconds=wanted.get("seconds", PATIENCE_SECONDS))
    try:
        yield wire
    finally:
        wire.close()


def quoted(text: str) -> bytes:
    """Write a quoted string of IMAP."""
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


@contextmanager
def signed_in(
    address: tuple[str, int], user: tuple[str, str], mailbox: str = "INBOX"
) -> Iterator[RawWire]:
    """Connect to IMAP in the clear, sign in and select a mailbox."""
    with raw(address) as wire:
        wire.line()
        answer = wire.tagged(b"LOGIN " + quoted(user[0]) + b" " + quoted(user[1]))
        assert answer.startswith(b"t OK"), answer
        answer = wire.tagged(b"SELECT " + quoted(mailbox))
        assert answer.startswith(b"t OK"), answer
        yield wire
