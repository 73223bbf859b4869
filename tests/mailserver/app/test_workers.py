"""Several processes of one server: started, kept alive and ended by their parent."""

import imaplib
import os
import signal
import smtplib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mailserver.app.workers import DEATHS, LONGEST_PAUSE, PERIOD, Deaths
from mailserver.model.errors import Transient
from mailserver.runtime.clock import ManualClock
from tests.support.server import Server, databases

pytestmark = pytest.mark.long  # a server takes seconds to start

SOON = 20.0


def comes_true(claim: Callable[[], bool], seconds: float = SOON) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
async def options() -> AsyncIterator[tuple[str, ...]]:
    """Databases of its own on PostgreSQL."""
    async with databases("postgresql") as options:
        yield options


@contextmanager
def several(directory: Path, options: tuple[str, ...], count: int = 2) -> Iterator[Server]:
    server = Server(directory, *options, "--workers", str(count))
    try:
        yield server.start()
    finally:
        server.kill()


def greeted(server: Server) -> bytes:
    with socket.create_connection(server.address("mx"), timeout=5) as client:
        return client.recv(100)


def test_pauses_double_and_too_many_deaths_end_it() -> None:
    clock = ManualClock()
    deaths = Deaths(clock)
    pauses = [deaths.pause() for _ in range(DEATHS - 1)]
    assert pauses[1:] == [min(2 * pause, LONGEST_PAUSE) for pause in pauses[:-1]]
    with pytest.raises(Transient, match="keep dying"):
        deaths.pause()
    clock.advance(PERIOD + timedelta(seconds=1))
    assert deaths.pause() == pauses[0]


def test_sqlite_is_for_one_process(tmp_path: Path) -> None:
    server = Server(tmp_path, "--workers", "2")
    with pytest.raises(AssertionError, match="did not start"):
        server.start()
    said = server.words().splitlines()
    assert len(said) == 1
    assert "workers: several processes need PostgreSQL" in said[0]


def test_every_process_serves_and_sigterm_ends_all(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with several(tmp_path, options, 3) as server:
        assert len(server.children) == 3
        children = server.children
        with smtplib.SMTP(*server.address("mx")) as client:
            client.sendmail("joe@else.test", [server.user()[0]], b"Subject: x\r\n\r\ny\r\n")
        for _ in range(12):  # wherever the kernel sends us
            with imaplib.IMAP4(*server.address("imap")) as reader:
                reader.login(*server.user())
                assert reader.select("INBOX", readonly=True)[1] == [b"1"]
        assert server.stop() == 0
        assert not any(map(runs, children))
    assert "Traceback" not in server.words()


def test_a_killed_worker_is_started_again_on_the_same_ports(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with several(tmp_path, options) as server:
        before = server.children
        os.kill(before[0], signal.SIGKILL)
        comes_true(lambda: "a worker serves again" in server.words())
        after = server.children
        assert len(after) == 2
        assert before[1] in after
        assert before[0] not in after
        for _ in range(12):
            assert greeted(server).startswith(b"220 ")
        assert server.stop() == 0
    assert '"worker":0,"status":-9,"event":"a worker ended and is started again"' in server.words()


def test_workers_end_with_their_parent_however_it_ends(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with several(tmp_path, options) as server:
        children = server.children
        os.kill(int(server.found["pid"]), signal.SIGKILL)
        comes_true(lambda: not any(map(runs, children)))


def test_a_worker_that_cannot_begin_waits_while_the_others_serve(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with several(tmp_path, options) as server:
        key = server.directory / "data.keys" / "secrets" / "audit.key"
        sound = key.read_bytes()
        key.write_bytes(b"no key")  # whoever starts now cannot
        os.kill(server.children[0], signal.SIGKILL)
        comes_true(lambda: server.words().count("a worker waits") >= 2)
        assert greeted(server).startswith(b"220 ")
        key.write_bytes(sound)
        comes_true(lambda: "a worker serves again" in server.words())


def test_a_new_master_key_is_never_known_to_some_workers_alone(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with several(tmp_path, options) as server:
        (server.directory / "data.keys" / "secrets" / "master.key").touch()
        os.kill(server.children[0], signal.SIGKILL)
        comes_true(lambda: not server.running)
    assert "a master key was added: start again" in server.words()
