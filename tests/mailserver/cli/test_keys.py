"""Master keys: made, counted, exchanged and dropped at the command line."""

import fcntl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailserver.app.serving import LOCK_FILE
from tests.support.command import Zegel, prepared

PASSWORD = "seven tides under the bridge\n"


@pytest.fixture
def zegel(tmp_path: Path) -> Zegel:
    """Settings with one account: an account row, a password and a recovery code."""
    ready = prepared(tmp_path / "run")
    ready.done("domain", "add", "example.test")
    ready.done("user", "add", "noor@example.test", given=PASSWORD)
    return ready


def status(zegel: Zegel) -> dict[str, list[str]]:
    """Return the lines of `keys status` by key: use, rows, deposit marks, signing keys, own."""
    lines = [line.split("  ") for line in zegel.done("keys", "status").splitlines()[1:]]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {cell[0]: cell[1:] for cell in cells}


@contextmanager
def served(zegel: Zegel) -> Iterator[None]:
    """Hold the data directory as a server does that begins now."""
    path = zegel.config.parent / "data" / LOCK_FILE
    path.touch()
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_keys_are_never_overwritten(zegel: Zegel) -> None:
    assert "already" in zegel.refused("keys", "create")


def test_keys_go_where_they_are_told(zegel: Zegel, tmp_path: Path) -> None:
    master, audit = tmp_path / "m.key", tmp_path / "a.key"
    zegel.done("keys", "create", "--master", str(master), "--audit", str(audit), ZEGEL_CONFIG="")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (master, audit)} == {0o400}


def test_a_new_master_key_takes_everything_over_and_the_old_one_goes(zegel: Zegel) -> None:
    before = status(zegel)
    assert before["master key 1"] == [
        "current",
        "4",
        "0",
        "4",
        "0",
    ]  # with the end of the audit log
    assert before["audit key"] == ["signs checkpoints"]
    assert "is the current one" in zegel.refused("keys", "retire", "1")
    file = zegel.config.parent / "secrets" / "master.key"
    old = file.read_bytes()
    rotated = zegel("keys", "rotate")
    assert rotated.status == 0, rotated
    assert "under master key 2" in rotated.out
    assert "7 rows, deposit marks, signing keys and data of our own moved" in rotated.err
    after = status(zegel)
    assert after["master key 2"] == ["current", "4", "0", "4", "0"]
    assert after["master key 1"] == ["for what is older", "0", "0", "0", "0"]
    assert "no master key 3" in zegel.refused("keys", "retire", "3")
    zegel.done("keys", "retire", "1")
    assert "master key 1" not in status(zegel)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    zegel.done("app-password", "add", "noor@example.test", given=PASSWORD)
    assert "consistent" in zegel.done("audit", "verify")
    file.chmod(0o600)
    file.write_bytes(old)
    assert "master key" in zegel.refused("keys", "status")


def test_marks_on_mail_nobody_has_read_hold_a_key_and_move_with_it(zegel: Zegel) -> None:
    demo = zegel("demo")
    assert demo.status == 0, demo
    marks = int(status(zegel)["master key 1"][2])
    assert marks > 0
    zegel.done("keys", "rotate", "--add-only")
    said = zegel.refused("keys", "retire", "1")
    assert f"{marks} deposit marks, 8 signing keys, 0 others still need master key 1" in said
    assert zegel("keys", "rotate", "--reseal-only").status == 0
    assert status(zegel)["master key 2"][2] == str(marks)
    zegel.done("keys", "retire", "1")
    zegel.done("check")


def test_a_running_server_must_read_the_new_key_before_rows_move(zegel: Zegel) -> None:
    assert "two steps" in zegel.refused("keys", "rotate", "--add-only", "--reseal-only")
    with served(zegel):
        assert "a server is running" in zegel.refused("keys", "rotate")
        assert "start every server again" in zegel.done("keys", "rotate", "--add-only").lower()
        for step in (("rotate", "--reseal-only"), ("retire", "1")):
            assert "has not read the newest key" in zegel.refused("keys", *step)
        assert status(zegel)["master key 1"][1] == "4"
    with served(zegel):
        assert zegel("keys", "rotate", "--reseal-only").status == 0
        zegel.done("keys", "retire", "1")
