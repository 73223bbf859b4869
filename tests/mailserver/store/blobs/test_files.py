"""The directory of blobs: whole or not there, once, and swept."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.model.errors import Condition, Corrupt, Misconfigured, Transient
from mailserver.model.ids import new_object_id
from mailserver.model.sealed import Sealed
from mailserver.store.blobs.files import FileBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


def test_an_object_comes_back_under_its_name(blobs: FileBlobs, tmp_path: Path) -> None:
    name, octets = new_object_id(), Sealed(os.urandom(300_000))
    blobs.put(name, octets)
    assert blobs.get(name) == octets
    digits = name.hex()
    path = tmp_path / "blobs" / digits[:2] / digits[2:4] / digits
    assert path.read_bytes() == octets
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(blobs.stored()) == [name]


def test_a_name_is_taken_once(blobs: FileBlobs) -> None:
    name = new_object_id()
    blobs.put(name, Sealed(b"first"))
    with pytest.raises(FileExistsError):
        blobs.put(name, Sealed(b"second"))
    assert blobs.get(name) == b"first"


def test_a_missing_object_is_damage(blobs: FileBlobs) -> None:
    with pytest.raises(Corrupt) as missing:
        blobs.get(new_object_id())
    assert missing.value.condition is Condition.DAMAGED


def test_deleting_twice_is_fine(blobs: FileBlobs) -> None:
    name = new_object_id()
    blobs.put(name, Sealed(b"x"))
    blobs.delete(name)
    blobs.delete(name)
    assert list(blobs.stored()) == []


def test_old_objects_and_leftovers_are_found_by_age(blobs: FileBlobs, tmp_path: Path) -> None:
    old, young = new_object_id(), new_object_id()
    for name in (old, young):
        blobs.put(name, Sealed(b"x"))
    directory = tmp_path / "blobs" / old.hex()[:2] / old.hex()[2:4]
    leftover = directory / "tmp-0123"
    leftover.write_bytes(b"half")
    long_ago = time.time() - 100_000
    for path in (directory / old.hex(), leftover):
        os.utime(path, (long_ago, long_ago))
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert list(blobs.stored(before=hour_ago)) == [old]
    assert set(blobs.stored()) == {old, young}
    assert blobs.sweep_temporary(hour_ago) == 1
    assert not leftover.exists()


def test_a_disk_that_fails_is_transient_and_leaves_nothing(tmp_path: Path) -> None:
    blobs, name = FileBlobs(tmp_path / "blobs"), new_object_id()
    (tmp_path / "blobs" / name.hex()[:2]).write_text("in the way")
    with pytest.raises(Transient) as away:
        blobs.put(name, Sealed(b"x"))
    assert away.value.condition is Condition.UNAVAILABLE
    with pytest.raises(Transient):
        blobs.get(name)
    with pytest.raises(Misconfigured):
        FileBlobs(tmp_path / "blobs" / name.hex()[:2] / "below a file")


def test_what_is_held_stays_until_the_next_time(blobs: FileBlobs, tmp_path: Path) -> None:
    name, other = new_object_id(), new_object_id()
    blobs.put(name, Sealed(b"x"))
    with blobs.held():
        FileBlobs(tmp_path / "blobs").delete(name)
        assert blobs.get(name) == b"x"
        blobs.put(other, Sealed(b"y"))
    blobs.delete(name)
    assert list(blobs.stored()) == [other]
