"""Making a set while the server serves: one snapshot of the rows, and what lies beside them.

Nothing is deleted beside the database from before the snapshot until all is copied, so whatever its
rows name is in the copy; what came later is there too, and nobody names it. The octets go through
memory a chunk at a time, sealed as they come.
"""

import hashlib
import os
import shutil
import struct
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from mailserver.audit.head import End, Head, HeadRow
from mailserver.crypto.hpke import PublicKey
from mailserver.crypto.sign import SigningKey
from mailserver.crypto.stream import StreamSealer
from mailserver.model.errors import Condition, Corrupt, MailError, Misconfigured
from mailserver.operations.backup.sets import (
    FORMAT,
    Kind,
    Manifest,
    Part,
    faults,
    new_name,
    prune,
    stream_name,
    unfinished,
    write_manifest,
)
from mailserver.runtime.clock import Clock
from mailserver.runtime.offload import Offload
from mailserver.store.blobs import BlobStore
from mailserver.store.dumping import dump
from mailserver.store.keystore import Keystore
from mailserver.store.store import Store
from mailserver.vault.master import MasterKeys

ROWS, OBJECTS = "rows", "objects"
OBJECT = struct.Struct(">16sQ")
"""Before each object: its name and its length; name and length 0 end them."""
LONGEST = timedelta(days=1)
_COPY_OCTETS = 1024 * 1024

Progress = Callable[[int], None]
"""Told how many octets went by."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is copied, and who signs."""

    store: Store
    keystore: Keystore
    master: MasterKeys
    key: SigningKey
    clock: Clock


class _Writer:
    """Seals a part into its file, and counts."""

    def __init__(self, path: Path, public: PublicKey, name: bytes, progress: Progress) -> None:
        self._sealer = StreamSealer(public, name)
        self._sha256 = hashlib.sha256()
        self._octets = 0
        self._progress = progress
        self._path = path
        self._target = path.parents[2]
        self._file = path.open("xb", buffering=0)

    def __enter__(self) -> Self:
        self._write(self._sealer.header)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._file.close()

    def feed(self, octets: bytes) -> None:
        """Take content."""
        self._progress(len(octets))
        self._write(self._sealer.feed(octets))

    def finish(self) -> Part:
        """Write the end, durable when this returns."""
        self._write(self._sealer.finish())
        os.fsync(self._file.fileno())
        return Part(self._path.name, self._octets, self._sha256.hexdigest())

    def _write(self, octets: bytes) -> None:
        view = memoryview(octets)
        self._sha256.update(view)
        self._octets += len(view)
        with faults(self._target):  # here, for the database would take it for a fault of its own
            while view:
                view = view[self._file.write(view) :]


async def create(
    source: Source,
    kind: Kind,
    targets: Sequence[Path],
    public: PublicKey,
    keep: timedelta,
    progress: Progress,
) -> Manifest:
    """Make a set in every target, then delete what is older than `keep` there.

    The first target that works gets the set, the others a copy; one that fails holds up no other,
    and in none does anything stay for longer than `keep`.

    Raises:
        Misconfigured: there is no target, or one is not there.
        Transient: one is full, busy or away; what could be made stands.
    """
    if not targets:
        raise Misconfigured("the settings name no target for this backup")
    now = source.clock.now()
    name = new_name(now)
    offload = Offload(1, name="backup")
    manifest, made = None, None
    failed: list[MailError] = []
    try:
        for target in targets:
            try:
                if made is None:
                    with unfinished(target, kind, name) as draft:
                        manifest = await _filled(
                            source, kind, name, draft, public, progress, offload
                        )
                    made = target / kind.value / name
                else:
                    await offload.within(LONGEST, partial(_copy, made, target, kind))
            except MailError as error:
                failed.append(error)
        failed += await _ended(targets, kind, keep, now, offload)
    finally:
        offload.close()
    if failed or manifest is None:
        raise failed[0]
    return manifest


async def _ended(
    targets: Sequence[Path], kind: Kind, keep: timedelta, now: datetime, offload: Offload
) -> list[MailError]:
    """Delete in every target what is older than `keep`; return what went wrong."""
    failed: list[MailError] = []
    for target in targets:
        try:
            await offload.within(LONGEST, partial(prune, target, kind, keep, now))
        except MailError as error:
            failed.append(error)
    return failed


async def _filled(
    source: Source,
    kind: Kind,
    name: str,
    draft: Path,
    public: PublicKey,
    progress: Progress,
    offload: Offload,
) -> Manifest:
    begun = source.clock.now()
    head = await _head(source)
    blobs = source.store.blob_store
    mail = kind is Kind.MAIL
    database = source.store.database if mail else source.keystore.database
    parts, objects = [], 0
    writer = partial(_writer, draft, kind, name, public, progress)
    with ExitStack() as stack:
        stack.enter_context(blobs.held() if mail else nullcontext())
        at = await _log_end(source, head)
        with writer(ROWS) as rows:
            schema, counts = await dump(database, kind.which, rows.feed)
            parts.append(rows.finish())
        if mail:
            with writer(OBJECTS) as beside:
                objects = await offload.within(LONGEST, partial(_objects, blobs, beside.feed))
                parts.append(beside.finish())
    manifest = Manifest(
        *(FORMAT, kind, name, begun, schema, head.instance.hex(), at.number, at.hash.hex()),
        *(sum(counts.values()), objects, tuple(parts)),
    )
    write_manifest(draft, manifest, source.key)
    return manifest


def _writer(
    draft: Path, kind: Kind, name: str, public: PublicKey, progress: Progress, part: str
) -> _Writer:
    return _Writer(draft / part, public, stream_name(kind, name, part), progress)


async def _head(source: Source) -> Head:
    head = await HeadRow(source.keystore, source.master).read()
    if head is None:
        raise Corrupt(Condition.DAMAGED, "the keystore knows no audit log")
    return head


async def _log_end(source: Source, head: Head) -> End:
    """Say where the log ends before the snapshot: what is copied reaches at least so far."""
    last = await source.store.audit.last()
    return head.base if last is None else End(last.number, last.hash)


def _objects(blobs: BlobStore, feed: Callable[[bytes], None]) -> int:
    """Feed every object that lies beside the database; return how many."""
    count = 0
    for object_id in blobs.stored():
        octets = blobs.get(object_id)
        feed(OBJECT.pack(object_id, len(octets)))
        feed(octets)
        count += 1
    feed(OBJECT.pack(bytes(16), 0))
    return count


def _copy(made: Path, target: Path, kind: Kind) -> None:
    """Copy a finished set to another target."""
    with unfinished(target, kind, made.name) as draft, faults(target):
        for path in sorted(made.iterdir()):
            with path.open("rb") as source, (draft / path.name).open("xb") as copy:
                shutil.copyfileobj(source, copy, _COPY_OCTETS)
                copy.flush()
                os.fsync(copy.fileno())
