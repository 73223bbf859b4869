"""What a mail that carries a report holds: the report's own octets, unpacked within bounds.

A report is a gzip or zip file, or stands plain; what it is, its first octets say, for its name and
media type are wrong too often. A few kilobytes can unpack to gigabytes, so unpacking stops at a
bound whatever the archive announces.

Source: RFC 9990 §3.5.2 ("Email"), RFC 8460 §5.3.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.text import file_name, leaves
from mailserver.protocol.mime.transfer import decoded

PACKED_OCTETS = 8 << 20  # of an attachment; the largest receivers' reports have some 100 KiB
REPORT_OCTETS = 32 << 20  # unpacked
PARTS_TRIED = 10
MEMBERS = 8  # of a zip file, which should have one

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_EXTENSIONS = ("xml", "gz", "zip", "json")
_SUBTYPES = {
    b"gzip",
    b"x-gzip",
    b"zip",
    b"x-zip-compressed",
    b"x-zip",
    b"xml",
    b"json",
    b"tlsrpt+json",
    b"tlsrpt+gzip",
    b"octet-stream",
}


def attachments(message: bytes) -> Iterator[bytes]:
    """Yield what may be a report of a `message`, unpacked, at most `PARTS_TRIED` times.

    Raises:
        PeerFault: TOO_LARGE, something is beyond the bounds.
    """
    tried = 0
    for part in leaves(scan(message)):
        if tried < PARTS_TRIED and _may_be_report(part):
            tried += 1
            if part.body_octets > 2 * PACKED_OCTETS:
                raise _too_large()
            yield from unpacked(decoded(part, message))


def unpacked(octets: bytes) -> Iterator[bytes]:
    """Yield the files in `octets`: those of a zip file, one of a gzip file, else itself.

    What is broken yields nothing.

    Raises:
        PeerFault: TOO_LARGE, it is beyond the bounds.
    """
    if len(octets) > PACKED_OCTETS:
        raise _too_large()
    if octets.startswith(_GZIP):
        whole = _gunzipped(octets)
        if whole is not None:
            yield whole
    elif octets.startswith(_ZIP):
        yield from _unzipped(octets)
    elif octets.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"{"):
        yield octets


def _may_be_report(part: Part) -> bool:
    extension = (file_name(part) or "").rpartition(".")[2].lower()
    return part.subtype in _SUBTYPES or extension in _EXTENSIONS


def _gunzipped(octets: bytes) -> bytes | None:
    packed = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        whole = packed.decompress(octets, REPORT_OCTETS + 1)
    except zlib.error:
        return None
    if len(whole) > REPORT_OCTETS:
        raise _too_large()
    return whole if packed.eof else None


def _unzipped(octets: bytes) -> Iterator[bytes]:
    if octets.count(b"PK\x01\x02") > MEMBERS * 4:
        raise _too_large()  # zipfile would make an object of each entry first
    left = REPORT_OCTETS
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            for member in archive.infolist()[:MEMBERS]:
                if member.is_dir() or member.flag_bits & 1:
                    continue
                with archive.open(member) as file:
                    whole = file.read(left + 1)
                if len(whole) > left:
                    raise _too_large()
                left -= len(whole)
                yield whole
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error):
        return  # broken, or packed in a way that zipfile cannot read


def _too_large() -> PeerFault:
    return PeerFault(Condition.TOO_LARGE, "the report is too large")
