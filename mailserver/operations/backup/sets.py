"""What lies in a target: sets, each a directory that is there whole or not at all.

    <target>/mail/20261123T190000Z-1f2e3d4c/      made under another name, then renamed
        manifest.json    what the set holds, in clear: names, sizes, hashes, counts; nothing of mail
        manifest.sig     its signature under the audit key
        rows             a dump of the database, sealed (`crypto/stream`, `store/dumping`)
        objects          what lies beside the database, sealed

A directory without its final name is no set, whatever it holds; the next run removes it.
"""

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

from mailserver.crypto.sign import SigningKey, verify
from mailserver.model.errors import Condition, Corrupt, Misconfigured, Transient
from mailserver.store.migrate import Which

FORMAT = 1
_NAME_TIME = "%Y%m%dT%H%M%SZ"
_UNFINISHED = ".unfinished-"
_MANIFEST, _SIGNATURE = "manifest.json", "manifest.sig"
_SIGNED = b"zegel backup manifest\x00"
_LOCK = ".lock"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Kind(StrEnum):
    """What a set is of; the value names its directory in the target."""

    MAIL = "mail"
    KEYSTORE = "keystore"

    @property
    def which(self) -> Which:
        """Whose schema its rows have."""
        return Which.MAIN if self is Kind.MAIL else Which.KEYSTORE


class Part(msgspec.Struct, frozen=True):
    """A file of a set."""

    name: str
    octets: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a set holds."""

    format: int
    kind: Kind
    name: str
    made_at: datetime
    schema: str
    instance: str
    audit_entry: int
    """The last entry of the audit log when the set was begun, and its hash."""
    audit_hash: str
    rows: int
    objects: int
    parts: tuple[Part, ...]

    @property
    def octets(self) -> int:
        """How large all parts are together."""
        return sum(part.octets for part in self.parts)

    def stream(self, part: str) -> bytes:
        """Return the name that the stream of a part is bound to."""
        return stream_name(self.kind, self.name, part)


def stream_name(kind: Kind, name: str, part: str) -> bytes:
    """Return the name that the stream of a part is bound to."""
    return f"{kind.value}/{name}/{part}".encode()


def new_name(now: datetime) -> str:
    """Name a set that is begun now."""
    return f"{now.astimezone(UTC):{_NAME_TIME}}-{secrets.token_hex(4)}"


def made_at(directory: Path) -> datetime | None:
    """Read out of its name when a set was begun; None: this is no set."""
    try:
        return datetime.strptime(directory.name.split("-")[0], _NAME_TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def listing(target: Path, kind: Kind) -> list[Path]:
    """Return the sets of a kind in a target, oldest first."""
    home = target / kind.value
    if not home.is_dir():
        return []
    return sorted(path for path in home.iterdir() if path.is_dir() and made_at(path) is not None)


@contextmanager
def unfinished(target: Path, kind: Kind, name: str) -> Iterator[Path]:
    """Make a directory that becomes the set `name` when the block ends well.

    What an earlier run left unfinished goes first.

    Raises:
        Misconfigured: the target is not there: a mount that is away must not look empty.
        Transient: BUSY, another backup goes to this target now; STORAGE_FULL; UNAVAILABLE.
    """
    if not target.is_dir():
        raise Misconfigured(f"the backup target {target} is not there")
    with faults(target):
        home = target / kind.value
        home.mkdir(mode=0o700, exist_ok=True)
        with _alone(home):
            _remove_unfinished(home)
            draft = home / f"{_UNFINISHED}{name}"
            draft.mkdir(mode=0o700)
            try:
                yield draft
                sync(draft)
                draft.rename(home / name)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            sync(home)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    descriptor = os.open(home / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Transient(Condition.BUSY, "another backup goes to this target now") from None
    finally:
        os.close(descriptor)


def _remove_unfinished(home: Path) -> None:
    for left in home.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left)


def prune(target: Path, kind: Kind, keep: timedelta, now: datetime) -> list[str]:
    """Delete sets older than `keep`; return their names.

    Raises:
        Transient: they cannot be deleted now.
    """
    gone = []
    with faults(target):
        for path in listing(target, kind):
            begun = made_at(path)
            if begun is not None and now - begun > keep:
                left = path.with_name(f"{_UNFINISHED}{path.name}")
                path.rename(left)  # from here on it is no set, whatever becomes of this run
                shutil.rmtree(left)
                gone.append(path.name)
    return gone


def write_manifest(directory: Path, manifest: Manifest, key: SigningKey) -> None:
    """Write and sign what a set holds."""
    octets = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    write_new(directory / _MANIFEST, octets)
    write_new(directory / _SIGNATURE, key.sign(_SIGNED + octets).hex().encode() + b"\n")


def read_manifest(directory: Path, public: bytes) -> Manifest:
    """Read what a set holds, as the audit key signed it.

    Raises:
        Corrupt: DAMAGED: the manifest or its signature is missing, altered or another server's.
    """
    try:
        octets = (directory / _MANIFEST).read_bytes()
        signature = bytes.fromhex((directory / _SIGNATURE).read_text("ascii").strip())
    except (OSError, ValueError):
        raise _unsigned(directory) from None
    try:
        verify(public, signature, _SIGNED + octets)
        manifest = msgspec.json.decode(octets, type=Manifest)
    except (Corrupt, msgspec.DecodeError):
        raise _unsigned(directory) from None
    if manifest.format != FORMAT or manifest.name != directory.name:
        raise _unsigned(directory)
    return manifest


def _unsigned(directory: Path) -> Corrupt:
    text = f"{directory.name}: its manifest is missing, altered, or not signed by this audit key"
    return Corrupt(Condition.DAMAGED, text)


def write_new(path: Path, octets: bytes) -> None:
    """Write a new file, durable when this returns."""
    with path.open("xb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def sync(directory: Path) -> None:
    """Make a directory's entries durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def faults(target: Path) -> Iterator[None]:
    """Say a failing target in our words.

    Raises:
        Transient: STORAGE_FULL or UNAVAILABLE.
    """
    try:
        yield
    except OSError as error:
        raise Transient(
            Condition.STORAGE_FULL if error.errno in _FULL else Condition.UNAVAILABLE,
            f"the backup target {target} cannot be used: {error.strerror}",
        ) from error
