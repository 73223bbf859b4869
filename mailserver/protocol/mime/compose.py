"""Messages as we write them: a tree of parts becomes octets that every mail program reads.

The encoding of each part is chosen here: text that is short-lined ASCII goes as it is, other text
quoted-printable or base64, whichever is shorter, everything else base64. A boundary is made of
what it separates, so that one tree is always the same octets, and looked for in them, so that it
stands nowhere else.

Source: RFC 2045, RFC 2046, RFC 5322 §2.1.
"""

import hashlib
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass

from mailserver.model.errors import Condition, PeerFault
from mailserver.protocol.mime import fields

PARTS = 1_000
DEPTH = 50
_SHORT = 78
_LINE_OCTETS = 998

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LONG = re.compile(rb"[^\r\n]{%d}" % (_SHORT + 1))
_TOO_LONG = re.compile(rb"[^\r\n]{%d}" % (_LINE_OCTETS + 1))
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_BEYOND = re.compile(rb"[^\t\r\n\x20-\x7e]")


@dataclass(frozen=True, slots=True, repr=False)  # no mail in a log or a traceback
class Outline:
    """A part to be: a leaf with content, or a multipart with parts."""

    type: str
    """`text/plain`, in lower case."""
    content: bytes = b""
    """Of a leaf, not encoded for transfer."""
    parts: Sequence["Outline"] = ()
    charset: str | None = None
    parameters: Sequence[tuple[str, str]] = ()
    """Further parameters of the type."""
    name: str | None = None
    """A file name."""
    disposition: str | None = None
    cid: str | None = None
    language: Sequence[str] = ()
    location: str | None = None
    header: Sequence[bytes] = ()
    """Finished fields of its own, each with its CRLF (`fields`)."""

    @property
    def is_multipart(self) -> bool:
        """Whether it has parts and no content."""
        return self.type.startswith("multipart/")

    def __repr__(self) -> str:
        """Say the type, never the content."""
        return f"<part to be, {self.type}>"


def compose(header: Sequence[bytes], body: Outline) -> bytes:
    """Write a message: `header` has its finished fields, those of the body's type left out.

    Raises:
        PeerFault: BAD_MESSAGE, a field cannot be written so; TOO_MANY parts, or parts too deep.
    """
    if _count(body, 1) > PARTS:
        raise PeerFault(Condition.TOO_MANY, f"a message has {PARTS} parts at most")
    return b"".join(header) + b"MIME-Version: 1.0\r\n" + _part(body)


def _count(part: Outline, depth: int) -> int:
    if depth > DEPTH:
        raise PeerFault(Condition.TOO_MANY, "the parts of this message are too deep")
    return 1 + sum(_count(each, depth + 1) for each in part.parts)


def _part(part: Outline) -> bytes:
    if part.is_multipart:
        return _multipart(part)
    encoding, encoded = _transfer(part)
    typed = [*part.parameters, *([("charset", part.charset)] if part.charset else [])]
    typed += [("name", part.name)] if part.name else []
    lines = [
        fields.parameterised("Content-Type", part.type, typed),
        fields.parameterised("Content-Transfer-Encoding", encoding),
    ]
    return b"".join((*lines, *_described(part), b"\r\n", encoded))


def _multipart(part: Outline) -> bytes:
    inside = [_part(each) for each in part.parts]
    if not inside:  # RFC 2046 §5.1.1: a multipart has one part at least
        inside = [b"Content-Type: text/plain\r\n\r\n"]
    digest = hashlib.sha256()
    for octets in inside:
        digest.update(octets)
    # "=_" stands in no quoted-printable and no base64 (RFC 2045 §6.7); in what goes as it is it may
    boundary = b"=_" + digest.hexdigest()[:32].encode()
    while any(boundary in octets for octets in inside):
        digest.update(boundary)
        boundary = b"=_" + digest.hexdigest()[:32].encode()
    typed = [*part.parameters, ("boundary", boundary.decode())]
    head = fields.parameterised("Content-Type", part.type, typed)
    body = b"".join(b"--" + boundary + b"\r\n" + octets + b"\r\n" for octets in inside)
    return b"".join((head, *_described(part), b"\r\n", body, b"--", boundary, b"--\r\n"))


def _described(part: Outline) -> list[bytes]:
    """Write what a part says of itself beside its type."""
    lines = list(part.header)
    if part.disposition or part.name:
        named = [("filename", part.name)] if part.name else []
        disposition = part.disposition or "attachment"
        lines.append(fields.parameterised("Content-Disposition", disposition.lower(), named))
    if part.cid:
        lines.append(fields.message_ids("Content-ID", [part.cid]))
    if part.language:
        lines.append(fields.raw("Content-Language", ", ".join(part.language)))
    if part.location:
        lines.append(fields.raw("Content-Location", part.location))
    return lines


def _transfer(part: Outline) -> tuple[str, bytes]:
    """Choose a transfer encoding (RFC 2045 §6) and apply it."""
    content = part.content
    if part.type.startswith("message/"):
        # RFC 2046 §5.2.1: nothing but 7bit, 8bit and binary; a reader must find its parts
        content = _BARE.sub(b"\r\n", content)
        beyond = _BEYOND.search(content) is not None
        return ("binary" if _TOO_LONG.search(content) else "8bit") if beyond else "7bit", content
    if part.type.startswith("text/") and b"\0" not in content:
        text = _LINE_END.sub(b"\r\n", content)
        if not _BEYOND.search(text) and not _LONG.search(text):
            return "7bit", text
        printable = _quoted_printable(text)
        if len(printable) <= len(text) * 4 // 3 + len(text) // 38:
            return "quoted-printable", printable
        content = text
    return "base64", encodebytes(content).replace(b"\n", b"\r\n")


def _quoted_printable(text: bytes) -> bytes:
    """Encode text whose lines end in CRLF (RFC 2045 §6.7), spaces at their ends included."""
    encoded = b2a_qp(text.replace(b"\r\n", b"\n"), istext=True)
    return _LINE_END.sub(b"\r\n", encoded)
