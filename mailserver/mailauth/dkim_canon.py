"""A message as a signature sees it: its fields cut out, its lines and white space made canonical.

Everything here is a few passes of `bytes` methods over the octets, never a loop over lines: a body
of 50 MiB takes tenths of a second, whatever is in it. No pass goes back over what it has read, so
that a hostile body costs what any other of its size does.

Source: RFC 6376 §3.4, §3.7; RFC 8617 §4.1.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

PIECE_OCTETS = 1 << 20
_WHITE = b" \t\r\n"
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_SIGNATURE_TAG = re.compile(rb"((?:\A[^:]*+:|;)[ \t\r\n]*+b[ \t\r\n]*+=)[^;]*+")


class Canon(Enum):
    """A canonicalisation algorithm, as `c=` names it."""

    SIMPLE = "simple"
    RELAXED = "relaxed"


class HeaderField(NamedTuple):
    """One field: its name in lower case, and all its octets but the last CRLF."""

    name: bytes
    octets: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon, folded as it came."""
        return self.octets.partition(b":")[2]


class BodyHash(NamedTuple):
    """What was hashed of a body."""

    digest: bytes
    beyond_octets: int
    """How much of the canonical body was not hashed; negative where so much is missing."""


class Letter:
    """A message cut into fields and body; hashes of the body are kept once they are made."""

    __slots__ = ("_bodies", "_by_name", "_hashes", "body", "fields", "sound")

    fields: list[HeaderField]
    """From the top; a line that is no field is left out."""
    body: bytes
    sound: bool
    """Whether each line of the header ends with CRLF, so that no reader finds other fields."""

    def __init__(self, message: bytes) -> None:
        """Cut `message`, whose lines end with CRLF."""
        header, self.body = _cut(message)
        crlf = header.count(b"\r\n")
        self.sound = crlf == header.count(b"\r") == header.count(b"\n")
        self.fields = []
        self._by_name: dict[bytes, list[HeaderField]] = {}
        for octets in _FIELD_END.split(header):
            name, colon, _ = octets.partition(b":")
            if colon:
                field = HeaderField(name.rstrip(_WHITE).lower(), octets)
                self.fields.append(field)
                self._by_name.setdefault(field.name, []).append(field)
        self._bodies: dict[Canon, bytes] = {}
        self._hashes: dict[tuple[Canon, int | None], BodyHash] = {}

    def named(self, name: bytes) -> list[HeaderField]:
        """Return the fields called `name` (lower case) from the top."""
        return list(self._by_name.get(name, ()))

    def count(self, name: bytes) -> int:
        """Say how many fields are called `name` (lower case)."""
        return len(self._by_name.get(name, ()))

    def body_hash(self, canon: Canon, length: int | None = None) -> BodyHash:
        """Hash the canonical body with SHA-256, or its first `length` octets.

        Large bodies take a while: call it off the loop.
        """
        known = self._hashes.get((canon, length))
        if known is not None:
            return known
        body = self._bodies.get(canon)
        if body is None:
            body = self._bodies[canon] = canonical_body(self.body, canon)
        end = len(body) if length is None else length
        digest = hashlib.sha256(memoryview(body)[:end]).digest()
        made = self._hashes[canon, length] = BodyHash(digest, len(body) - end)
        return made

    def selected(self, names: Sequence[bytes]) -> list[HeaderField]:
        """Return the fields that an `h=` of these names covers, in its order.

        The n-th time a name stands there means the n-th such field from the bottom, and nothing
        where there are not so many. Source: RFC 6376 §5.4.2.
        """
        left = {name: self.named(name) for name in set(names)}
        return [left[name].pop() for name in names if left[name]]

    def covered(self, names: Sequence[bytes]) -> frozenset[str]:
        """Return the names of which an `h=` covers every field there is, and at least one."""
        listed = Counter(names)
        return frozenset(name.decode() for name, n in listed.items() if n >= self.count(name) > 0)


def canonical_field(field: HeaderField, canon: Canon) -> bytes:
    """Make one field canonical, without its last CRLF. Source: RFC 6376 §3.4.1, §3.4.2."""
    if canon is Canon.SIMPLE:
        return field.octets
    value = _collapsed(field.value.replace(b"\r\n", b""))
    return field.name + b":" + value.strip(b" ")


def canonical_body(body: bytes, canon: Canon) -> bytes:
    """Make a body canonical; an empty one is CRLF if simple. Source: RFC 6376 §3.4.3, §3.4.4."""
    if canon is Canon.RELAXED:
        body = b"".join(map(_relaxed, _pieces(body))).removesuffix(b" ")
    end = _end_of_text(body)
    if end == 0:
        return b"" if canon is Canon.RELAXED else b"\r\n"
    if body.startswith(b"\r\n", end):
        return body[: end + 2]
    return body + b"\r\n"  # its last line had no end


def header_digest(
    fields: Sequence[HeaderField], signature: HeaderField, header_canon: Canon
) -> bytes:
    """Hash what a signature signs: `fields` in order, then its own field with `b=` empty.

    Source: RFC 6376 §3.7.
    """
    lines = [canonical_field(field, header_canon) for field in fields]
    lines.append(canonical_field(without_signature(signature), header_canon))
    return hashlib.sha256(b"\r\n".join(lines)).digest()


def without_signature(field: HeaderField) -> HeaderField:
    """Take the value of `b=` out of a field, with the white space around it."""
    return HeaderField(field.name, _SIGNATURE_TAG.sub(rb"\1", field.octets, count=1))


def _cut(message: bytes) -> tuple[bytes, bytes]:
    """Return the header without its last CRLF, and the body behind the empty line."""
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    header, _, body = message.partition(b"\r\n\r\n")
    return header.removesuffix(b"\r\n"), body


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut a large body behind line ends: no thread should hold the interpreter for long."""
    start = 0
    while len(body) - start > PIECE_OCTETS:
        end = body.find(b"\r\n", start + PIECE_OCTETS)
        if end < 0:
            break
        yield body[start : end + 2]
        start = end + 2
    yield body[start:] if start else body


def _relaxed(lines: bytes) -> bytes:
    return _collapsed(lines).replace(b" \r\n", b"\r\n")


def _collapsed(text: bytes) -> bytes:
    """Make every run of white space within a line one space.

    Each pass halves the runs: log2 of the longest of them, and never more than 26.
    """
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


def _end_of_text(body: bytes) -> int:
    """Return where the empty lines at the end begin: behind the text, before its line's CRLF.

    Only whole CRLFs are empty lines; a lone CR or LF is text.
    """
    end = len(body.rstrip(b"\r\n"))
    tail = body[end:]
    if len(tail) % 2 == 0 and tail == b"\r\n" * (len(tail) // 2):
        return end
    if not tail.endswith(b"\r\n"):
        return len(body)
    # Where a lone CR or LF stands last: between two alike, or first in the tail.
    lone = max(tail.rfind(b"\r\r") + 1, tail.rfind(b"\n\n") + 2 if b"\n\n" in tail else 0)
    return end + (lone or 1)
