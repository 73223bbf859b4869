"""Files that hold a secret: for their owner only, whole or not there at all, never overwritten.

What they hold is never in an error; where they lie is.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from mailserver.model.errors import Condition, Conflict, Misconfigured

MODE = 0o400
_OTHERS = 0o077


def read(path: Path, what: str) -> bytearray:
    """Return what the file of `what` ("master key") holds; the caller overwrites it.

    Raises:
        Misconfigured: it is missing, no plain file, or open to others than its owner.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & _OTHERS:
                raise Misconfigured(f"the {what} must be a plain file of mode 0400: {path}")
            return bytearray(file.read())
    except OSError as error:
        raise Misconfigured(f"the {what} cannot be read: {path}: {error.strerror}") from None


def create(path: Path, content: bytes | bytearray, what: str) -> None:
    """Write a new file, durable when this returns.

    Raises:
        Conflict: ALREADY_EXISTS, there is one; it is never overwritten.
        Misconfigured: it cannot be written.
    """
    _write(path, content, what, replacing=False)


def replace(path: Path, content: bytes | bytearray, what: str) -> None:
    """Put a file in the place of the one that is there, durable when this returns.

    Raises:
        Misconfigured: it cannot be written; the old one stands.
    """
    _write(path, content, what, replacing=True)


def _write(path: Path, content: bytes | bytearray, what: str, *, replacing: bool) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(draft, flags, MODE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, MODE)  # whatever the umask says
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if replacing:
            draft.replace(path)
        else:
            path.hardlink_to(draft)  # unlike a rename, refuses to overwrite
        _sync(path.parent)
    except FileExistsError:
        raise Conflict(Condition.ALREADY_EXISTS, f"there is a {what} already: {path}") from None
    except OSError as error:
        raise Misconfigured(f"the {what} cannot be written: {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):  # renamed away, or never made
            draft.unlink()


def _sync(directory: Path) -> None:
    """Make the directory's entries durable, too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
