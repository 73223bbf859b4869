"""A zip that is written from its first octet to its last, and goes on where another run stopped.

Between two files of a zip all that is known of it is how long it is and where each file lies:
`Archive.state` says that in JSON, and an archive that is made with it writes the rest. The lines of
a manifest are compressed meanwhile, as deflate blocks that stand by themselves, so that they too
are continued by another run. Source: APPNOTE.TXT §4.3 (PKWARE); RFC 1951 §3.2.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO, Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from mailserver.transfer.manifest import NAME, Line, head, tail

State = Mapping[str, Any]
"""How far an export is; JSON."""

_MODE = 0o600 << 16  # of each file, for whoever unpacks it on Unix
_LEVEL = 1  # higher ones cost more time than they save octets
_RAW = -zlib.MAX_WBITS


class Sink(Protocol):
    """What takes the octets of an export, in order."""

    def write(self, octets: bytes, /) -> int:
        """Take some octets; returns how many."""
        ...

    def flush(self) -> None:
        """Be told that some are whole."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A file in the zip, as the manifest lists it."""

    path: str
    octets: int
    sha256: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file lies in the zip: what the directory at its end says of it."""

    header_offset: int
    compress_size: int
    flag_bits: int
    crc: int
    extract_version: int


class Archive:
    """A zip, one file after the other."""

    def __init__(self, sink: Sink, at: datetime, state: State | None = None) -> None:
        """Write to `sink`, whose octets so far are those of the archive that had `state`."""
        self._forward = _Forward(sink, state["octets"] if state else 0)
        self._zip = ZipFile(self._forward, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._at = at.timetuple()[:6]
        self._file: IO[bytes] | None = None
        self._path, self._octets, self._hash = "", 0, sha256()
        self.files: list[File] = []
        for file, place in state["files"] if state else ():
            self._know(File(**file), _Place(**place))

    def begin(self, path: str) -> None:
        """Begin a file."""
        self._file = self._zip.open(self._named(path), "w", force_zip64=True)
        self._path, self._octets, self._hash = path, 0, sha256()

    def write(self, octets: bytes) -> int:
        """Add to the file that was begun; returns where in it."""
        assert self._file is not None  # noqa: S101 (begun by the caller)
        self._file.write(octets)
        self._hash.update(octets)
        self._octets += len(octets)
        return self._octets - len(octets)

    def end(self) -> None:
        """End the file that was begun."""
        assert self._file is not None  # noqa: S101 (begun by the caller)
        self._file.close()
        self._file = None
        self.files.append(File(self._path, self._octets, self._hash.hexdigest()))

    def add(self, path: str, octets: bytes) -> None:
        """Add a whole file."""
        self.begin(path)
        self.write(octets)
        self.end()

    def state(self) -> dict[str, Any]:
        """Say how far it is, between two files: JSON."""
        places = [
            _Place(
                one.header_offset,
                one.compress_size,
                one.flag_bits,
                one.CRC,
                one.extract_version,
            )
            for one in self._zip.infolist()
        ]
        listed = zip(map(asdict, self.files), map(asdict, places), strict=True)
        return {"octets": self._forward.tell(), "files": list(listed)}

    def close(self) -> None:
        """Write the directory at the end."""
        self._zip.close()

    def abandon(self) -> None:
        """Let go of everything; nothing more goes to the sink, and what it has is no zip."""
        self._forward.stopped = True
        if self._file is not None:
            self._file.close()
        self._zip.close()

    def _named(self, path: str) -> ZipInfo:
        info = ZipInfo(path, self._at)
        info.compress_type, info.external_attr = ZIP_DEFLATED, _MODE
        return info

    def _know(self, file: File, place: _Place) -> None:
        """Take a file that another run wrote into the directory."""
        info = self._named(file.path)
        info.file_size, info.compress_size = file.octets, place.compress_size
        info.header_offset, info.flag_bits = place.header_offset, place.flag_bits
        info.CRC, info.extract_version = place.crc, place.extract_version
        self._zip.filelist.append(info)
        self._zip.NameToInfo[info.filename] = info
        self.files.append(file)


class _Forward:
    """A sink that knows where it is and never goes back: so a zip does not try to."""

    def __init__(self, sink: Sink, octets: int) -> None:
        self._sink = sink
        self._octets = octets
        self.stopped = False

    def write(self, octets: bytes) -> int:
        if not self.stopped:
            self._sink.write(octets)
        self._octets += len(octets)
        return len(octets)

    def tell(self) -> int:
        """Return how many octets there are."""
        return self._octets

    def flush(self) -> None:
        if not self.stopped:
            self._sink.flush()

    def close(self) -> None:
        """Do nothing: the sink is its maker's."""


class Lines:
    """The messages of a manifest, compressed until they are written at its end."""

    def __init__(
        self,
        kind: str,
        mailboxes: list[dict[str, Any]],
        before: Sequence[bytes] = (),
        count: int = 0,
    ) -> None:
        """Begin a manifest; `before` is what `taken` returned of one of `count` messages so far."""
        self._deflate = zlib.compressobj(wbits=_RAW)
        self._parts, self.count = list(before), count
        self._kept = len(self._parts)
        if not before:
            self._put(head(kind, mailboxes))

    def add(self, line: Line) -> None:
        """Add a message."""
        self._put((",\n" if self.count else "\n") + json.dumps(line.to_json()))
        self.count += 1

    def taken(self) -> bytes:
        """Return what was added since this was last asked: another run begins with all of it."""
        self._parts.append(self._deflate.flush(zlib.Z_FULL_FLUSH))
        taken = b"".join(self._parts[self._kept :])
        self._parts[self._kept :] = [taken]
        self._kept = len(self._parts)
        return taken

    def write_to(self, archive: Archive, more: Mapping[str, object]) -> None:
        """Write the manifest."""
        self._put(tail(more))
        self._parts.append(self._deflate.flush())
        inflate = zlib.decompressobj(wbits=_RAW)
        archive.begin(NAME)
        for part in self._parts:
            archive.write(inflate.decompress(part))
        archive.write(inflate.flush())
        archive.end()

    def _put(self, text: str) -> None:
        if part := self._deflate.compress(text.encode()):
            self._parts.append(part)
