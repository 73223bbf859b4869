"""Letters sent to a server that may refuse them for now, and the books of what it accepted."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import Server
from tests.support.wire import RawWire, raw, signed_in


class Letters:
    """What was sent to the first user of a server, and accepted."""

    def __init__(self, server: Server) -> None:
        """Send to `server`."""
        self.server = server
        self.accepted: list[bytes] = []
        self._sent = 0

    def letter(self, octets: int) -> bytes:
        """Write the next letter, of about so many octets."""
        self._sent += 1
        head = b"Subject: letter %d of all\r\n\r\n" % self._sent
        noise = random.Random(self._sent).randbytes(octets // 2).hex().encode()
        return head + b"\r\n".join(noise[at : at + 70] for at in range(0, len(noise), 70)) + b"\r\n"

    def send(self, wire: RawWire, octets: int) -> bytes:
        """Deliver a letter to the first user; returns the reply to its content."""
        letter = self.letter(octets)
        address = self.server.user()[0].encode()
        assert wire.ask(b"MAIL FROM:<bob@elsewhere.test>").startswith(b"250")
        reply = wire.ask(b"RCPT TO:<%s>" % address)
        if reply.startswith(b"250"):
            assert wire.ask(b"DATA").startswith(b"354")
            reply = wire.ask(letter + b".")
        else:
            wire.ask(b"RSET")
        if reply.startswith(b"250"):
            self.accepted.append(letter)
        return reply

    def append(self, wire: RawWire, octets: int) -> bytes:
        """Append a letter; returns the tagged response."""
        letter = self.letter(octets)
        wire.send(b"a APPEND INBOX {%d+}\r\n" % len(letter) + letter + b"\r\n")
        answer = wire.until(b"a ")[-1]
        if answer.startswith(b"a OK"):
            self.accepted.append(letter)
        return answer

    def stored(self) -> list[bytes]:
        """Return what is in the first user's INBOX."""
        with signed_in(self.server.address("imap"), self.server.user()) as wire:
            wire.send(b"f FETCH 1:* (BODY.PEEK[])\r\n")
            letters = []
            while not (line := wire.line()).startswith(b"f "):
                letters.append(wire.octets(int(line.rpartition(b"{")[2].rstrip(b"}"))))
                assert wire.line() == b")"
            assert line.startswith(b"f OK")
            return letters

    def assert_the_same(self) -> None:
        """What was accepted is there, once, in whatever order, and nothing else is."""
        self.assert_none_is_lost()
        assert len(self.stored()) == len(self.accepted)

    def assert_none_is_lost(self) -> None:
        """What was accepted is there, once; what was in the air at a crash may be, too."""
        stored = self.stored()
        assert all(sum(each.endswith(letter) for each in stored) == 1 for letter in self.accepted)


def fill_up(filler: Path) -> None:
    """Leave no block free on the disk where `filler` lies."""
    with filler.open("ab", buffering=0) as file:
        for octets in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(octets)) == octets:
                    pass
            except OSError:
                continue


@contextmanager
def doors(server: Server) -> Iterator[tuple[RawWire, RawWire, RawWire]]:
    """Open LMTP, MX, and IMAP with INBOX selected."""
    with (
        raw(server.address("lmtp")) as lmtp,
        raw(server.address("mx")) as mx,
        signed_in(server.address("imap"), server.user()) as imap,
    ):
        for wire, greeting in ((lmtp, b"LHLO x"), (mx, b"EHLO x")):
            wire.reply()
            wire.ask(greeting)
        yield lmtp, mx, imap


def settled(attempt: float = 20) -> Iterator[None]:
    """Try again for a while."""
    end = time.monotonic() + attempt
    while time.monotonic() < end:
        yield
        time.sleep(0.1)
