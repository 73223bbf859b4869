"""Canonical records of the keystore: sorted members, no blanks, octets in base64, a format number.

What is sealed under the master key is authentic; a record that does not read is of another format,
and treated like one that was altered.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from mailserver.model.errors import Condition, Corrupt

VERSION: Final = 1


def encode(members: dict[str, object]) -> bytes:
    """Write a record."""
    return json.dumps({"v": VERSION, **members}, sort_keys=True, separators=(",", ":")).encode()


def decode(octets: bytes) -> dict[str, Any]:
    """Read what `encode` wrote; inside `reading`, which turns what it raises into `Corrupt`."""
    row = json.loads(octets)
    if row["v"] != VERSION:
        raise ValueError("a record of another format")
    return dict(row)


@contextmanager
def reading() -> Iterator[None]:
    """Take whatever a record of another format makes of its reader for what it is.

    Raises:
        Corrupt: KEY_MISMATCH: this is no record of a format we know.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise mismatch() from None


def text(octets: bytes) -> str:
    """Write octets."""
    return base64.b64encode(octets).decode()


def octets(written: str) -> bytes:
    """Read octets. Raises ValueError where they are not base64."""
    try:
        return base64.b64decode(written, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def instant(at: datetime | None) -> str | None:
    """Write an instant."""
    return None if at is None else at.isoformat()


def at(written: str | None) -> datetime | None:
    """Read an instant."""
    return None if written is None else datetime.fromisoformat(written)


def mismatch() -> Corrupt:
    """Say that a row is not what its place says."""
    return Corrupt(Condition.KEY_MISMATCH, "a keystore row is not authentic")
