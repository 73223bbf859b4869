"""An export that lies on disk, sealed in pieces, until its owner fetched it.

    000000, 000001 …   4 MiB of the zip each, the last one less
    lines-0000 …       lines of the manifest, as they were marked
    state              what the last mark said; at the end how long the whole is

Every file is sealed under the export's own key and bound to its name. A mark is kept once all that
came before it is on the disk, so that a process that is killed leaves the mark before: what is
behind that is written anew. Any range of the whole is read by opening the pieces that cover it.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mailserver.model.errors import Condition, Corrupt
from mailserver.transfer.archive import State
from mailserver.transfer.files import make_directory, told
from mailserver.transfer.portable import Marked
from mailserver.vault.exported import ExportKey

PIECE_OCTETS = 4 * 1024 * 1024
_STATE = "state"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """The files of one export; for threads, one at a time."""

    def __init__(self, root: Path, key: ExportKey) -> None:
        """Keep them in the directory `root`, which may be there."""
        self._root = root
        self._key = key
        self._waiting = bytearray()
        self._piece = 0
        self._marks = 0

    @property
    def octets(self) -> int:
        """How much was written so far."""
        return self._piece * PIECE_OCTETS + len(self._waiting)

    def begin(self) -> Marked | None:
        """Make room, and return what was marked, from where to go on; None at the beginning.

        Raises:
            Transient: it cannot be written there.
            Corrupt: DAMAGED, a file of it was altered.
        """
        make_directory(self._root)
        kept = self._state()
        if kept is None:
            return None
        self._marks = kept["marks"]
        self._piece, rest = divmod(kept["octets"], PIECE_OCTETS)
        self._waiting = bytearray(self._open(_piece(self._piece))[:rest] if rest else b"")
        return Marked(kept["state"], [self._open(_lines(n)) for n in range(self._marks)])

    def write(self, octets: bytes) -> int:
        """Add octets. Raises Transient (STORAGE_FULL)."""
        self._waiting += octets
        while len(self._waiting) >= PIECE_OCTETS:
            self._put(_piece(self._piece), bytes(self._waiting[:PIECE_OCTETS]))
            del self._waiting[:PIECE_OCTETS]
            self._piece += 1
        return len(octets)

    def flush(self) -> None:
        """Leave it to the next mark."""

    def mark(self, state: State, lines: bytes) -> None:
        """Keep how far it is, and everything before. Raises Transient (STORAGE_FULL)."""
        self._put(_lines(self._marks), lines)
        self._marks += 1
        self._keep({"state": state, "marks": self._marks, "octets": self._rest()})

    def finish(self) -> int:
        """Keep the end; return how many octets the whole has. Raises Transient (STORAGE_FULL)."""
        octets, marks = self._rest(), self._marks
        self._keep({"whole": octets})
        for number in range(marks):
            self._remove(_lines(number))
        return octets

    def whole(self) -> int:
        """Return how many octets the whole has.

        Raises:
            Corrupt: DAMAGED, it is not whole, not there any more, or was altered.
        """
        kept = self._state()
        if kept is None or "whole" not in kept:
            raise Corrupt(Condition.DAMAGED, "this export is not there any more")
        return int(kept["whole"])

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the octets from `start` to before `end`, a piece at a time.

        Raises:
            Corrupt: DAMAGED, a piece was altered or is missing.
        """
        while start < end:
            number, offset = divmod(start, PIECE_OCTETS)
            part = self._open(_piece(number))[offset : offset + end - start]
            if not part:
                raise Corrupt(Condition.DAMAGED, "this export is damaged")
            yield part
            start += len(part)

    def _rest(self) -> int:
        """Write what waits, though it is no whole piece; it is written again once it is."""
        if self._waiting:
            self._put(_piece(self._piece), bytes(self._waiting))
        return self.octets

    def _state(self) -> dict[str, Any] | None:
        if not (self._root / _STATE).exists():
            return None
        kept: dict[str, Any] = json.loads(self._open(_STATE))
        return kept

    def _keep(self, kept: dict[str, Any]) -> None:
        """Replace the state, once all before it is on the disk."""
        self._put(_STATE + ".new", json.dumps(kept).encode(), name=_STATE)
        try:
            (self._root / (_STATE + ".new")).rename(self._root / _STATE)
            _sync(self._root)
        except OSError as error:
            raise told(error, self._root) from error

    def _put(self, file: str, octets: bytes, *, name: str = "") -> None:
        path = self._root / file
        try:
            with os.fdopen(os.open(path, _FLAGS, 0o600), "wb") as opened:
                opened.write(self._key.seal(name or file, octets))
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            raise told(error, path) from error

    def _open(self, file: str) -> bytes:
        try:
            sealed = (self._root / file).read_bytes()
        except FileNotFoundError:
            raise Corrupt(Condition.DAMAGED, "this export is not there any more") from None
        except OSError as error:
            raise told(error, self._root / file) from error
        return self._key.open(file, sealed)

    def _remove(self, file: str) -> None:
        with suppress(FileNotFoundError):
            (self._root / file).unlink()


def clear(root: Path) -> None:
    """Delete the files of an export, if there are any. Raises Transient, Refused."""
    try:
        shutil.rmtree(root)
    except FileNotFoundError:
        return
    except OSError as error:
        raise told(error, root) from error


def _piece(number: int) -> str:
    return f"{number:06}"


def _lines(number: int) -> str:
    return f"lines-{number:04}"


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
