"""Content-Transfer-Encoding undone, tolerantly (RFC 2045 §6)."""

import re
from binascii import Error, a2b_base64, a2b_qp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailserver.protocol.mime.scan import Part

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def base64_octets(octets: bytes) -> bytes:
    """Decode base64 whatever its padding, line lengths and foreign octets; never fails."""
    try:
        return a2b_base64(octets, strict_mode=False)
    except Error:
        clean = _NOT_BASE64.sub(b"", octets)
        extra = len(clean) % 4
        # one character alone is six bits: no octet comes of it
        return a2b_base64(clean[:-1] if extra == 1 else clean + b"=" * (-extra % 4))


def transfer_decoded(octets: bytes, encoding: bytes) -> bytes:
    """Undo `encoding` (lower case); octets in an unknown encoding come back as they are."""
    if encoding == b"base64":
        return base64_octets(octets)
    if encoding == b"quoted-printable":
        return a2b_qp(octets)
    return octets


def is_known(encoding: bytes) -> bool:
    """Say whether `encoding` (lower case) is one of RFC 2045 §6.1."""
    return encoding in (b"7bit", b"8bit", b"binary", b"base64", b"quoted-printable")


def decoded(part: "Part", message: bytes) -> bytes:
    """Return the content of a leaf part of `message`, with its transfer encoding undone."""
    return transfer_decoded(message[part.body_start : part.body_end], part.encoding)
