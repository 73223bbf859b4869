"""Proving a set without any secret: the manifest's signature, then each part's size and hash."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from mailserver.model.errors import Condition, Corrupt
from mailserver.operations.backup.sets import Manifest, Part, read_manifest

_PIECE_OCTETS = 1024 * 1024


def verify(directory: Path, public: bytes, progress: Callable[[int], None]) -> Manifest:
    """Return what a set holds when every part is what was written. Blocks.

    Args:
        directory: the set.
        public: of the audit key that signed it.
        progress: told how many more octets were read.

    Raises:
        Corrupt: DAMAGED: the manifest is not genuine, or a part, which is named, is missing or not
            what was written.
    """
    manifest = read_manifest(directory, public)
    for part in manifest.parts:
        _verify_part(directory, part, progress)
    return manifest


def _verify_part(directory: Path, part: Part, progress: Callable[[int], None]) -> None:
    sha256 = hashlib.sha256()
    octets = 0
    name = f"{directory.name}/{part.name}"
    try:
        with (directory / part.name).open("rb", buffering=0) as file:
            while piece := file.read(_PIECE_OCTETS):
                sha256.update(piece)
                octets += len(piece)
                progress(len(piece))
    except FileNotFoundError:
        raise Corrupt(Condition.DAMAGED, f"{name} is missing") from None
    except OSError as error:
        raise Corrupt(Condition.DAMAGED, f"{name} cannot be read: {error.strerror}") from None
    if octets != part.octets:
        text = f"{name} has {octets:,} octets, and {part.octets:,} were written"
        raise Corrupt(Condition.DAMAGED, text)
    if sha256.hexdigest() != part.sha256:
        raise Corrupt(Condition.DAMAGED, f"{name} is not what was written")
