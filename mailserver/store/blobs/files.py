"""A directory of blobs: `ab/cd/<32 hex digits>`, where a name is never seen without its octets.

Put: a temporary file made exclusively, fsync, rename, fsync of the directory. Names are random
and never used twice, so that looking first is enough to refuse a taken one. Two levels of 256
directories keep each below two thousand names for the first hundred million objects.

While a backup holds the directory, whatever process has it, nothing leaves it: what should have
been deleted is an orphan, and goes with the next sweep.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mailserver.model.errors import Condition, Corrupt, Misconfigured, Transient
from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded, Sealed

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NAME_DIGITS = 32
_TEMPORARY = "tmp-"
_HOLD = "hold.lock"


class FileBlobs:
    """A `BlobStore` below one directory."""

    def __init__(self, root: Path) -> None:
        """Use `root`, made with mode 0700 where it does not exist.

        Raises:
            Misconfigured: it cannot be made.
        """
        self._root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Misconfigured("the blob directory cannot be made") from error

    def put(self, object_id: ObjectId, sealed: Sealed | Guarded) -> None:
        """See `BlobStore.put`."""
        path = self._path(object_id)
        if path.exists():
            raise FileExistsError(errno.EEXIST, "an object of that name is stored already")
        temporary = path.with_name(_TEMPORARY + secrets.token_hex(8))
        with _faults():
            self._make_directory(path.parent)
            try:
                _write_durably(temporary, sealed)
                temporary.rename(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
            _sync_directory(path.parent)

    def get(self, object_id: ObjectId) -> Sealed:
        """See `BlobStore.get`."""
        try:
            return Sealed(self._path(object_id).read_bytes())
        except FileNotFoundError as missing:
            raise Corrupt(Condition.DAMAGED, "a stored message is missing") from missing
        except OSError as error:
            raise Transient(Condition.UNAVAILABLE, "a stored message cannot be read") from error

    def delete(self, object_id: ObjectId) -> None:
        """See `BlobStore.delete`."""
        path = self._path(object_id)
        with _faults(), self._locked(fcntl.LOCK_SH | fcntl.LOCK_NB) as ours:
            if not ours:
                return  # a backup reads; the sweep comes back for it
            try:
                path.unlink()
            except FileNotFoundError:
                return
            _sync_directory(path.parent)

    @contextmanager
    def held(self) -> Iterator[None]:
        """See `BlobStore.held`."""
        with _faults(), self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[bool]:
        """Lock the directory against the other side, deleting or holding; False: it is theirs."""
        descriptor = os.open(self._root / _HOLD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def stored(self, *, before: datetime | None = None) -> Iterator[ObjectId]:
        """See `BlobStore.stored`."""
        for path in self._root.glob("??/??/*"):
            if len(path.name) == _NAME_DIGITS and _older(path, before):
                yield ObjectId(bytes.fromhex(path.name))

    def sweep_temporary(self, before: datetime) -> int:
        """Delete temporary files that a crash left before an instant; return how many."""
        left = [p for p in self._root.glob(f"??/??/{_TEMPORARY}*") if _older(p, before)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, object_id: ObjectId) -> Path:
        name = object_id.hex()
        return self._root / name[:2] / name[2:4] / name

    def _make_directory(self, directory: Path) -> None:
        """Make the two levels of directories durably; most puts find them there."""
        if directory.is_dir():
            return
        for level in (directory.parent, directory):
            level.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(level.parent)


def _older(path: Path, before: datetime | None) -> bool:
    if before is None:
        return True
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC) < before
    except FileNotFoundError:  # deleted since we read the directory
        return False


def _write_durably(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        view = memoryview(octets)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _faults() -> Iterator[None]:
    """Say a failing disk in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Transient(
                Condition.STORAGE_FULL, "there is no room to store this now, try again later"
            ) from error
        raise Transient(Condition.UNAVAILABLE, "the blob store is not available") from error
