"""A disk that fills up: refused for now, nothing lost, and better by itself once there is room.

The server runs in a mount namespace of its own, in which its data directory is a small tmpfs; that
takes root, or a user namespace. The test fills and empties it from outside.
"""

import random
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailserver.store.store import Store
from tests.support.server import Server, databases
from tests.support.wire import RawWire, raw, signed_in

MOUNT = 'mount -t tmpfs -o size=24m,mode=700 tmpfs "$0" && exec "$@"'
NAMESPACE = ("unshare", "--mount")
LARGE = 400_000
SMALL = 1_000


def _can_mount(directory: Path) -> bool:
    tried = subprocess.run(
        [*NAMESPACE, "sh", "-c", MOUNT, str(directory), "true"], check=False, capture_output=True
    )
    return tried.returncode == 0


class SmallDisk:
    """A server whose data directory holds 24 MiB."""

    def __init__(self, directory: Path, *options: str) -> None:
        data = directory / "data"
        data.mkdir()
        prefix = (*NAMESPACE, "sh", "-c", MOUNT, str(data))
        self.server = Server(directory, *options, users=2, prefix=prefix)
        self.accepted: list[bytes] = []
        self._sent = 0

    @property
    def inside(self) -> Path:
        """The data directory as the server sees it."""
        return Path(f"/proc/{self.server.found['pid']}/root") / self.server.data.relative_to("/")

    @property
    def filler(self) -> Path:
        return self.inside / "filler"

    def fill(self) -> None:
        """Leave no block free."""
        with self.filler.open("ab", buffering=0) as file:
            for octets in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(bytes(octets)) == octets:
                        pass
                except OSError:
                    continue

    def letter(self, octets: int) -> bytes:
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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SmallDisk]:
    """A small disk under SQLite; or, beside PostgreSQL, under the blobs alone."""
    if not _can_mount(tmp_path):
        pytest.skip("a mount namespace takes root here")
    async with databases(request.param) as options:
        disk = SmallDisk(tmp_path, *options)
        try:
            disk.server.start()
            yield disk
        finally:
            disk.server.kill()


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


async def test_a_full_disk_refuses_for_now_and_recovers_by_itself(
    disk: SmallDisk, tmp_path: Path
) -> None:
    server = disk.server
    on_sqlite = (disk.inside / "zegel.sqlite3").exists()
    with doors(server) as (lmtp, mx, imap):
        assert disk.send(mx, SMALL).startswith(b"250")
        disk.filler.write_bytes(bytes(8 << 20))  # what will be freed
        # It fills by what is delivered, in the middle of whatever write that happens to be.
        replies = {disk.send(lmtp, LARGE)}
        while all(reply.startswith(b"250") for reply in replies):
            replies |= {disk.send(lmtp, LARGE), disk.send(mx, LARGE)}
            assert len(disk.accepted) < 400
        disk.fill()
        refused = [disk.send(wire, LARGE) for wire in (lmtp, mx, lmtp, mx)]
        refused += [reply for reply in replies if not reply.startswith(b"250")]
        if on_sqlite:  # small letters fit while the write-ahead log has room that was freed in it
            while (reply := disk.send(lmtp, SMALL)).startswith(b"250"):
                assert len(disk.accepted) < 5_000
            refused += [reply, disk.send(mx, SMALL)]
        assert {reply[:9] for reply in refused} == {b"452 4.3.1"}
        answer = disk.append(imap, LARGE)
        assert answer.startswith((b"a NO [UNAVAILABLE]", b"a NO [OVERQUOTA]", b"a NO [LIMIT]"))
        assert b"room" in answer
        # Reading goes on as if nothing were.
        assert imap.tagged(b"NOOP").startswith(b"t OK")
        assert len(disk.stored()) == len(disk.accepted)
        _the_same(disk)
        disk.filler.unlink()
        assert any(disk.send(lmtp, LARGE).startswith(b"250") for _ in settled())
        assert disk.send(mx, LARGE).startswith(b"250")
        assert disk.append(imap, LARGE).startswith(b"a OK")
    _the_same(disk)
    assert server.running
    if on_sqlite:  # by a copy: SQLite would look for the file outside of the namespace
        copy = shutil.copytree(disk.inside, tmp_path / "copy")
        store = await Store.open(f"sqlite:///{copy / 'zegel.sqlite3'}", copy / "blobs")
        assert await store.check() == []
        await store.close()
    assert "Traceback" not in server.words()
    assert '"level":"error"' not in server.words(), "a full disk is foreseen"


def _the_same(disk: SmallDisk) -> None:
    """What was accepted is there, once, in its order of acceptance or not, and nothing else is."""
    stored = disk.stored()
    assert len(stored) == len(disk.accepted)
    assert all(sum(each.endswith(letter) for each in stored) == 1 for letter in disk.accepted)
