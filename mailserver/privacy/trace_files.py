"""Where traces lie: a file each, a guarded line a step, for a day.

Under the account's own guard key, so that erasing the account covers them; in no backup.
"""

import base64
import binascii
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from mailserver.mail.tracing import Step
from mailserver.model.errors import Condition, Corrupt, Transient
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.vault.guard import AccountGuard, Kind

LINES = 100_000  # of one trace: an hour of a busy mailbox; what comes after is left out
_NAME_OCTETS = 16


def seal(guard: AccountGuard, step: Step) -> bytes:
    """Return a line for a step."""
    fields = {"level": "debug", **asdict(step), "at": step.at.isoformat()}
    name = new_object_id()
    sealed = guard.seal(Kind.TRACE, name, json.dumps(fields, sort_keys=True).encode())
    return base64.b64encode(name + sealed) + b"\n"


def opened(guard: AccountGuard, line: bytes) -> Step:
    """Read what `seal` wrote.

    Raises:
        Corrupt: DAMAGED, it was altered.
    """
    try:
        octets = base64.b64decode(line, validate=True)
        name, sealed = ObjectId(octets[:_NAME_OCTETS]), Guarded(octets[_NAME_OCTETS:])
        fields = json.loads(guard.open(Kind.TRACE, name, sealed))
        del fields["level"]
        return Step(**(fields | {"at": datetime.fromisoformat(fields["at"])}))
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise Corrupt(Condition.DAMAGED, "a line of this trace was altered") from None


class TraceFiles:
    """The files; everything here blocks."""

    def __init__(self, directory: Path) -> None:
        """Keep them in `directory`, which is made when the first is written."""
        self._directory = directory

    def append(self, number: int, lines: Iterable[bytes]) -> None:
        """Add lines to a trace. Raises Transient (STORAGE_FULL)."""
        path = self._path(number)
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
                file.write(b"".join(lines))
        except OSError as error:
            raise Transient(Condition.STORAGE_FULL, f"{path} cannot be written") from error

    def lines(self, number: int) -> list[bytes]:
        """Return a trace's lines; none where it has no file."""
        try:
            with self._path(number).open("rb") as file:
                return [line.rstrip(b"\n") for _, line in zip(range(LINES), file, strict=False)]
        except FileNotFoundError:
            return []

    def drop(self, number: int) -> None:
        """Delete a trace's file, if it has one."""
        self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._directory / f"{number:06}.trace"
