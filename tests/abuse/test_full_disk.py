"""A disk that fills up: refused for now, nothing lost, and better by itself once there is room.

The server runs in a mount namespace of its own, in which its data directory is a small tmpfs; that
takes root, or a user namespace. The test fills and empties it from outside.
"""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
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
    """A server of which one directory holds 24 MiB: its data's, or another."""

    def __init__(self, directory: Path, *options: str, small: str = "data") -> None:
        self._small = directory / small
        self._small.mkdir(parents=True)
        prefix = (*NAMESPACE, "sh", "-c", MOUNT, str(self._small))
        super().__init__(Server(directory, *options, users=2, prefix=prefix))

    @property
    def inside(self) -> Path:
        """The directory as the server sees it."""
        return Path(f"/proc/{self.server.found['pid']}/root") / self._small.relative_to("/")

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


def test_a_full_disk_under_the_keystore_keeps_nobody_from_their_mail(tmp_path: Path) -> None:
    """What needs no new row there goes on; what does is refused for now, and works again later."""
    if not _can_mount(tmp_path):
        pytest.skip("a mount namespace takes root here")
    disk = SmallDisk(tmp_path, small="data.keys/keystore")
    server = disk.server
    try:
        server.start()
        with doors(server) as (lmtp, mx, imap):
            disk.fill()
            assert disk.send(lmtp, SMALL).startswith(b"250")
            assert disk.send(mx, LARGE).startswith(b"250")
            assert disk.append(imap, SMALL).startswith(b"a OK")
        # An app password's last use is written down when there is room for it.
        disk.assert_the_same()
        begun = sign_in_on_the_web(server)
        assert begun.status_code == 507, begun.text
        assert "room" in begun.json()["detail"]
        disk.filler.unlink()
        assert any(sign_in_on_the_web(server).status_code == 200 for _ in settled())
        assert server.running
    finally:
        server.stop()
    assert "Traceback" not in server.words()
    assert '"level":"error"' not in server.words(), "a full disk is foreseen"


def sign_in_on_the_web(server: Server) -> httpx.Response:
    """Begin a session, whose row is the keystore's."""
    origin = str(server.found["https"]).replace("127.0.0.1", "localhost")
    return httpx.post(
        f"{origin}/api/account/sign-in",
        json={"address": server.user()[0], "password": server.found["account_password"]},
        headers={"origin": origin, "sec-fetch-site": "same-origin"},
        verify=ssl.create_default_context(cafile=server.found["ca_file"]),
        trust_env=False,
    )
