"""The bodies of answers, with the fields that describe them: a text, or an entity a script brings.

Whatever a script says, no line of it becomes a field of ours, none ends at a lone CR or LF, and
none is longer than a server takes (RFC 5322 §2.1.1, §2.3).
"""

import re
from base64 import encodebytes

from mailserver.protocol.mime import fields
from mailserver.protocol.mime.headers import Field, header_fields, unfold

LINE_OCTETS = 998
_DESCRIBES = re.compile(rb"content-[a-z0-9-]{1,60}\Z")
_ENCODING = b"content-transfer-encoding"


def plain(text: str) -> bytes:
    """Write a text as the body of a message, with the header fields that describe it."""
    octets = _lines(text).rstrip(b"\r\n") + b"\r\n"
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    if octets.isascii() and _is_narrow(octets):
        return head + b"Content-Transfer-Encoding: 7bit\r\n\r\n" + octets
    encoded = encodebytes(octets).replace(b"\n", b"\r\n")
    return head + b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded


def entity(text: str) -> bytes:
    """Write a MIME entity that a script brings whole; of its header only what describes it.

    What is no entity, or none that can be sent as it stands, is written as the text it is.

    Source: RFC 5230 §4.1.
    """
    block, empty, body = _lines(text).partition(b"\r\n\r\n")
    described = _described(header_fields(block + b"\r\n"))
    if not empty or b"content-type" not in described or not _is_narrow(body):
        return plain(text)
    if not body.isascii() and described.setdefault(_ENCODING, b"8bit").lower() != b"8bit":
        return plain(text)
    head = b"".join(
        fields.raw(name.decode().title(), value.decode()) for name, value in described.items()
    )
    return b"".join((b"MIME-Version: 1.0\r\n", head, b"\r\n", body.rstrip(), b"\r\n"))


def _described(header: list[Field]) -> dict[bytes, bytes]:
    """Return the first field of each name that describes a body, if it can stand in a header."""
    found: dict[bytes, bytes] = {}
    for name, value, _ in header:
        text = b" ".join(unfold(value).split())
        printable = text.isascii() and text.decode().isprintable()
        if _DESCRIBES.match(name) and printable and max(map(len, text.split(b" "))) < LINE_OCTETS:
            found.setdefault(name, text)
    return found


def _lines(text: str) -> bytes:
    """Write text with the line ends of mail."""
    lone = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return lone.replace("\n", "\r\n").encode("utf-8", "replace")


def _is_narrow(octets: bytes) -> bool:
    return all(len(line) <= LINE_OCTETS for line in octets.split(b"\r\n"))
