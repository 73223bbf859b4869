"""A disk that fills up: refused for now, nothing lost, and better by itself once there is room.

The server runs in a mount namespace of its own, in which its data directory is a small tmpfs; that
takes root, or a user namespace. The test fills and empties it from outside.
"""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.store.store import Store
from tests.support.letters import Letters, doors, fill_up, settled
from tests.support.server import Server, databases

MOUNT = 'mount -t tmpfs -o size=24m,mode=700 tmpfs "$0" && exec "$@"'
NAMESPACE = ("unshare", "--mount")
LARGE = 400_000
SMALL = 1_000


def _can_mount(directory: Path) -> bool:
    tried = subprocess.run(
        [*NAMESPACE, "sh", "-c", MOUNT, str(directory), "true"], check=False, capture_output=True
    )
    return tried.returncode == 0


class SmallDisk(Letters):
    """A server whose data directory holds 24 MiB."""

    def __init__(self, directory: Path, *options: str) -> None:
        data = directory / "data"
        data.mkdir()
        prefix = (*NAMESPACE, "sh", "-c", MOUNT, str(data))
        super().__init__(Server(directory, *options, users=2, prefix=prefix))

    @property
    def inside(self) -> Path:
        """The data directory as the server sees it."""
        return Path(f"/proc/{self.server.found['pid']}/root") / self.server.data.relative_to("/")

    @property
    def filler(self) -> Path:
        return self.inside / "filler"

    def fill(self) -> None:
        """Leave no block free."""
        fill_up(self.filler)


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
        disk.assert_the_same()
        disk.filler.unlink()
        assert any(disk.send(lmtp, LARGE).startswith(b"250") for _ in settled())
        assert disk.send(mx, LARGE).startswith(b"250")
        assert disk.append(imap, LARGE).startswith(b"a OK")
    disk.assert_the_same()
    assert server.running
    if on_sqlite:  # by a copy: SQLite would look for the file outside of the namespace
        copy = shutil.copytree(disk.inside, tmp_path / "copy")
        store = await Store.open(f"sqlite:///{copy / 'zegel.sqlite3'}", copy / "blobs")
        assert await store.check() == []
        await store.close()
    assert "Traceback" not in server.words()
    assert '"level":"error"' not in server.words(), "a full disk is foreseen"
