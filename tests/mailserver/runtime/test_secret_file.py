"""A secret's file: for its owner only, whole, and never overwritten unseen."""

import stat
from pathlib import Path

import pytest

from mailserver.model.errors import Conflict, Misconfigured
from mailserver.runtime import secret_file

SECRET = b"thirty-two octets of canary-secret"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "the.key"


def test_what_is_written_is_read_by_its_owner_alone(path: Path) -> None:
    secret_file.create(path, SECRET, "key")
    assert secret_file.read(path, "key") == SECRET
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert list(path.parent.iterdir()) == [path]


def test_it_is_never_overwritten(path: Path) -> None:
    secret_file.create(path, SECRET, "key")
    with pytest.raises(Conflict, match=f"there is a key already: {path}"):
        secret_file.create(path, b"another", "key")
    assert secret_file.read(path, "key") == SECRET
    assert list(path.parent.iterdir()) == [path]


def test_it_is_replaced_where_that_is_said(path: Path) -> None:
    secret_file.create(path, SECRET, "key")
    secret_file.replace(path, b"another", "key")
    assert secret_file.read(path, "key") == b"another"
    assert stat.S_IMODE(path.stat().st_mode) == 0o400


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o420, 0o644])
def test_one_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    secret_file.create(path, SECRET, "key")
    path.chmod(mode)
    with pytest.raises(Misconfigured, match=f"mode 0400: {path}"):
        secret_file.read(path, "key")


def test_errors_name_the_file_and_nothing_of_what_is_in_it(path: Path) -> None:
    with pytest.raises(Misconfigured, match=f"the key cannot be read: {path}: No such file"):
        secret_file.read(path, "key")
    with pytest.raises(Misconfigured, match="cannot be written") as failed:
        secret_file.create(path / "nowhere", SECRET, "key")
    assert "canary" not in str(failed.value)
    with pytest.raises(Misconfigured):
        secret_file.read(path.parent, "key")
