"""Signed checkpoints kept on another machine: what proves later that nothing was cut off.

The place is a directory that is not this machine's, mounted here, at best one in which files may be
added and not changed. Each checkpoint is a file of its own, named by its entry, whole or not there
at all; the one with the highest number is the head. They hold numbers, hashes and signatures, and
no personal data, so nothing here ever deletes one.

Reset, escrow, key, factor, role and route events wait for their checkpoint to be here: who takes
this machine over cannot do one of them and then cut the log back to where it had not happened.
"""

import os
import secrets
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from mailserver.audit.checkpoint import read, written
from mailserver.audit.entry import Event
from mailserver.model.errors import Condition, PeerFault, Transient
from mailserver.runtime.offload import Offload
from mailserver.store.audit import CheckpointRow

AWAITED = frozenset(
    {
        *(Event.PASSWORD_CHANGED, Event.PASSWORD_RESET, Event.RESET_ASKED, Event.RESET_DENIED),
        *(Event.CREDENTIAL_ADDED, Event.CREDENTIAL_REMOVED, Event.FACTOR_CHANGED),
        *(Event.IDENTITY_LINKED, Event.ROLE_CHANGED, Event.VAULT_OPENED, Event.TRACED),
        *(Event.ESCROW_CHANGED, Event.ESCROW_OPENED),
        *(Event.ACCOUNT_KEY_MADE, Event.MASTER_KEY_ROTATED, Event.KEY_MISMATCH),
        *(Event.SIGNING_KEY_MADE, Event.SIGNING_KEY_ROTATED, Event.FORWARD_CHANGED),
    }
)
"""What does not happen before it is proved elsewhere (PRIVACY §17)."""
DEADLINE = timedelta(seconds=10)  # a mount that hangs must not hold sign-ins for longer
WAITING = 4
NUMBER_DIGITS = 12
PATTERN = "entry-*.json"
MODE = 0o444


class Copies:
    """The directory on another machine."""

    def __init__(self, directory: Path) -> None:
        """Write into `directory`, which must exist: a mount that is away must not look empty."""
        self._directory = directory
        self._offload = Offload(1, WAITING, name="audit-copies")

    async def keep(self, checkpoint: CheckpointRow) -> None:
        """Write a checkpoint, durable when this returns; one that is there stays as it is.

        Raises:
            Transient: it could not be written in time.
        """
        await self._offload.within(DEADLINE, partial(write, self._directory, checkpoint))

    def close(self) -> None:
        """Let the thread go."""
        self._offload.close()


def write(directory: Path, checkpoint: CheckpointRow) -> None:
    """Write `checkpoint` below `directory`. Blocks.

    Raises:
        Transient: UNAVAILABLE, it cannot be written.
    """
    path = directory / f"entry-{checkpoint.number:0{NUMBER_DIGITS}d}.json"
    draft = directory / f".{path.name}.{secrets.token_hex(8)}"
    try:
        if path.exists():
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, MODE), "w", encoding="ascii") as file:
            file.write(written(checkpoint) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        _sync(directory)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise Transient(
            Condition.UNAVAILABLE, "the place for copies of the audit log cannot be written"
        ) from error


def known(place: Path) -> list[CheckpointRow]:
    """Return the checkpoints of a file or of a whole directory of copies, by their entries.

    Raises:
        PeerFault: BAD_SYNTAX, there is none, or a file is no checkpoint.
        OSError: it cannot be read.
    """
    files = sorted(place.glob(PATTERN)) if place.is_dir() else [place]
    lines = [line for file in files for line in file.read_text("ascii").splitlines() if line]
    if not lines:
        raise PeerFault(Condition.BAD_SYNTAX, "this file holds no audit checkpoint")
    return sorted(map(read, lines), key=lambda checkpoint: checkpoint.number)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
