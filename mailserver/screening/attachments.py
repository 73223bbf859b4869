"""Attachments that only serve to run something, by their names, also inside zip archives.

No content is looked for: that is a malware scanner's work. What counts is what a reader's machine
would do on a double click. Archives are listed, within bounds, and nothing of them is written down;
what is in an encrypted or broken one cannot be known, and the reader is told so.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

from mailserver.protocol.mime.scan import Part
from mailserver.protocol.mime.text import file_name, leaves
from mailserver.protocol.mime.transfer import decoded
from mailserver.screening.opinion import GOOD, Advice, Opinion, Reason

ARCHIVES = 20  # looked into, of one message
MEMBERS = 1_000  # of one archive
ARCHIVE_OCTETS = 32 * 1024 * 1024
INNER_OCTETS = 8 * 1024 * 1024  # of an archive within an archive, unpacked
DIRECTORY_OCTETS = 512 * 1024  # zipfile makes an object of each entry before anybody can stop it
DEPTH = 3
NAME_CHARACTERS = 1_000

_EXTENSIONS = """
    ade adp appx bat chm cmd com cpl dll exe hta img ins iso isp jar jnlp js jse lib lnk mde msc msi
    msix msp mst pif ps1 reg scr sct shb sys url vb vbe vbs vhd vhdx vxd wsc wsf wsh xll
"""
DANGEROUS = frozenset(_EXTENSIONS.split())
"""Extensions that a common desktop runs, or mounts to run."""


_END = struct.Struct("<4s4H2LH")
_END_MARK, _LARGE_MARK = b"PK\x05\x06", b"PK\x06\x07"
_COMMENT_OCTETS = 0xFFFF
_UNREADABLE = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error)
"""What `zipfile` raises for an archive that is broken, or packed in a way that it cannot read. A
way of packing that it does not know is a RuntimeError, too, by inheritance."""


@dataclass(slots=True)
class _Found:
    """What was seen so far."""

    dangerous: set[str] = field(default_factory=set)
    closed: bool = False
    archives: int = 0


def look(root: Part, message: bytes, *, refuse: bool) -> Opinion:
    """Judge a scanned message by the names of what it carries.

    Args:
        root: the message as `protocol.mime.scan` cut it.
        message: its octets.
        refuse: whether dangerous attachments are refused, or delivered to Junk.
    """
    found = _Found()
    for part in leaves(root):
        name = file_name(part)
        _name(name or "", found)
        if _may_be_archive(part, name or ""):
            octets = part.body_octets
            if octets <= ARCHIVE_OCTETS and found.archives < ARCHIVES:
                _archive(decoded(part, message), found, 1)
    return _opinion(found, refuse=refuse)


def _opinion(found: _Found, *, refuse: bool) -> Opinion:
    reasons = []
    if found.dangerous:
        kinds = ", ".join(sorted(found.dangerous)[:5])
        reasons.append(
            Reason("dangerous-attachment", 6.0, f"it carries a program (.{kinds})", kinds)
        )
    if found.closed:
        reasons.append(
            Reason("closed-archive", 1.0, "it carries an archive that nobody could look into")
        )
    if not reasons:
        return GOOD
    advice = Advice.ACCEPT
    if found.dangerous:
        advice = Advice.REJECT if refuse else Advice.JUNK
    return Opinion(advice, sum(reason.points for reason in reasons), tuple(reasons))


def _name(name: str, found: _Found) -> None:
    # Windows drops dots and blanks at the end of a name; "a.exe. " is a program.
    extension = name[-NAME_CHARACTERS:].rstrip(". \t").rpartition(".")[2].casefold()
    if extension in DANGEROUS and "." in name:
        found.dangerous.add(extension)


def _may_be_archive(part: Part, name: str) -> bool:
    return b"zip" in part.subtype or part.subtype == b"octet-stream" or name.endswith(".zip")


def _archive(octets: bytes, found: _Found, depth: int) -> None:
    """List an archive; those inside it too, while they are small and not too deep."""
    if not octets.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return
    found.archives += 1
    if not _is_short(octets) or not _listed(octets, found, depth):
        found.closed = True


def _listed(octets: bytes, found: _Found, depth: int) -> bool:
    """Look at each member; say whether the archive could be read to its end."""
    try:
        with zipfile.ZipFile(io.BytesIO(octets)) as archive:
            for member in archive.infolist():
                _name(member.filename, found)
                found.closed |= bool(member.flag_bits & 1)
                if _is_inner(member) and depth < DEPTH and found.archives < ARCHIVES:
                    with archive.open(member) as inner:
                        _archive(inner.read(INNER_OCTETS), found, depth + 1)
    except _UNREADABLE:
        return False
    return True


def _is_short(octets: bytes) -> bool:
    """Say whether the list of what an archive holds is short enough to be read."""
    last = octets[-_END.size - _COMMENT_OCTETS - 20 :]
    at = last.rfind(_END_MARK)
    if at < 0 or len(last) - at < _END.size or _LARGE_MARK in last:
        return False
    _, _, _, _, members, directory, _, _ = _END.unpack_from(last, at)
    return bool(members <= MEMBERS and directory <= DIRECTORY_OCTETS)


def _is_inner(member: zipfile.ZipInfo) -> bool:
    small = member.file_size <= INNER_OCTETS
    return small and member.filename.casefold().endswith(".zip") and not member.flag_bits & 1
