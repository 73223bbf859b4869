"""A new file for its maker's eyes alone, which has its name only once it is whole."""

import os
from pathlib import Path
from types import TracebackType

from mailserver.model.errors import Condition, Conflict
from mailserver.transfer.files import told

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FileSink:
    """Writes one file; for threads, one at a time.

    Leaving its block ends it: with its name if nothing was raised, else without a trace.
    """

    def __init__(self, path: Path) -> None:
        """Begin a file that will be `path`.

        Raises:
            Conflict: ALREADY_EXISTS, there is something of that name.
            Refused, Transient: it cannot be written there.
        """
        self.path = path
        self._partial = path.with_name(path.name + ".partial")
        if os.path.lexists(path):
            raise Conflict(Condition.ALREADY_EXISTS, f"{path} is there already")
        try:
            self._file = os.fdopen(os.open(self._partial, _FLAGS, 0o600), "wb")
        except OSError as error:
            raise told(error, self._partial) from error

    def write(self, octets: bytes) -> int:
        """Add octets. Raises Transient (STORAGE_FULL)."""
        try:
            return self._file.write(octets)
        except OSError as error:
            raise told(error, self._partial) from error

    def flush(self) -> None:
        """Leave it to the end: a file that is not whole is of no use."""

    def __enter__(self) -> "FileSink":
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it. Raises Transient: STORAGE_FULL."""
        if kind is not None:
            self._discard()
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.rename(self.path)
        except OSError as failed:
            self._discard()
            raise told(failed, self.path) from failed

    def _discard(self) -> None:
        self._partial.unlink(missing_ok=True)
        try:
            self._file.close()
        except OSError as error:  # what was not written yet has no room, and no name any more
            raise told(error, self._partial) from error
