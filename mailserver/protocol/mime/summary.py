"""The summary of a message: what lists show, computed once and sealed beside the message.

Layout, version 1. A head of fixed size (`_HEAD`, big-endian), then five runs of octets, one behind
the other, whose sizes the head gives:

1. the line: `ENVELOPE (…) BODYSTRUCTURE (…)` as a FETCH response has it. It is first, so that a
   list of 10,000 messages is 10,000 slices and no parsing (`line`);
2. BODY (`(…)`, the structure without extension data);
3. the header fields of `KEPT`, raw and in their order, for HEADER.FIELDS;
4. the part table, a row a part (`PartRow`);
5. the preview, UTF-8.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from mailserver.model.errors import Condition, Corrupt
from mailserver.protocol.mime.envelope import envelope
from mailserver.protocol.mime.headers import (
    first,
    header_fields,
    parameter,
    sent_date,
    text_of,
    thread_ids,
)
from mailserver.protocol.mime.scan import Part, scan
from mailserver.protocol.mime.section import select_fields
from mailserver.protocol.mime.structure import structures
from mailserver.protocol.mime.text import SearchText, file_name, texts

VERSION = 1
KEPT = frozenset(
    b"from to cc bcc sender reply-to subject date message-id in-reply-to references list-id "
    b"list-post list-unsubscribe list-unsubscribe-post list-subscribe content-type mime-version "
    b"priority x-priority importance newsgroups lines x-label x-original-to content-description "
    b"autocrypt authentication-results".split()
)
"""Names of the fields a summary keeps."""
KEPT_OCTETS = 16 * 1024  # above this the fields are read from the message itself
KEPT_FIELD_OCTETS = 2 * 1024  # what is left of each field then, for people to read

_HAS_ATTACHMENT = 1
_ALL_KEPT = 2
_UNDATED = -(1 << 63)

# version, flags, line, envelope, body, fields, parts, preview (octets each), sent, zone, SHA-256
_HEAD = Struct(">BBIIIIIHqh32s")
_ROW = Struct(">IIIIH")
_ENVELOPE_AT = len(b"ENVELOPE ")
_BETWEEN = len(b" BODYSTRUCTURE ")
_LABEL_OCTETS = 255
_OFFSET_LIMIT = (1 << 32) - 1
_SIGNATURES = (b"pgp-signature", b"pkcs7-signature", b"x-pkcs7-signature")


class PartRow(NamedTuple):
    """One part: where it lies in the message and what it says of itself.

    `path` is its number as in BODY[1.2]; the outermost multipart has none (""), and the multipart
    that is a whole embedded message is left out, its number being the message's.
    """

    path: str
    header_start: int
    body_start: int
    body_end: int
    lines: int
    type: str
    """Type and subtype, lower case, as in `text/plain`."""
    encoding: str
    charset: str
    """As labelled, empty where it is not; lower case."""
    disposition: str
    content_id: str
    """Without angle brackets."""
    file_name: str


@dataclass(frozen=True, slots=True, repr=False)  # no mail in a log or a traceback
class Built:
    """All that delivery computes from a message."""

    summary: bytes
    text: SearchText
    message_ids: list[bytes]
    """The message's own id, then those of its ancestors; see `thread_ids`.

    A message without an id has `<HASH@sha-256.invalid>` for one, of its own octets.
    """
    root: Part


def build(message: bytes, root: Part | None = None) -> Built:
    """Compute summary, search text and thread ids of `message`; nothing makes it fail.

    `root` is its scan, where the caller has that already.
    """
    root = root or scan(message)
    digest = sha256(message)
    found, preview = texts(root, message)
    thread = thread_ids(root.fields)
    own = thread.own or b"<%b@sha-256.invalid>" % digest.hexdigest().encode()
    octets = _encode(root, preview, digest.digest())
    return Built(octets, found, [own, *thread.ancestors], root)


def line(summary: bytes) -> bytes:
    """Return `ENVELOPE (…) BODYSTRUCTURE (…)` out of an encoded summary of this version."""
    return summary[_HEAD.size : _HEAD.size + int.from_bytes(summary[2:6])]


class Summary:
    """An encoded summary, read as far as it is asked."""

    __slots__ = ("_body", "_envelope", "_fields", "_flags", "_octets", "_parts", "_preview",
                 "_sent", "_zone", "sha256")  # fmt: skip

    _sent: int
    _zone: int
    sha256: bytes
    """Of the message as it came."""

    def __init__(self, octets: bytes) -> None:
        """Read the head.

        Raises:
            Corrupt: this is no summary of a version known here.
        """
        if len(octets) < _HEAD.size or octets[0] != VERSION:
            raise Corrupt(Condition.DAMAGED, "the summary is of an unknown version")
        (_, self._flags, line_octets, self._envelope, body, fields, parts, preview, self._sent,
         self._zone, self.sha256) = _HEAD.unpack_from(octets)  # fmt: skip
        self._octets = octets
        self._body = _HEAD.size + line_octets
        self._fields = self._body + body
        self._parts = self._fields + fields
        self._preview = self._parts + parts
        if len(octets) < self._preview + preview:
            raise Corrupt(Condition.DAMAGED, "the summary is cut short")
        self._octets = octets[: self._preview + preview]

    @property
    def line(self) -> bytes:
        """`ENVELOPE (…) BODYSTRUCTURE (…)`."""
        return self._octets[_HEAD.size : self._body]

    @property
    def envelope(self) -> bytes:
        """`(…)`, what follows ENVELOPE."""
        start = _HEAD.size + _ENVELOPE_AT
        return self._octets[start : start + self._envelope]

    @property
    def bodystructure(self) -> bytes:
        """`(…)`, what follows BODYSTRUCTURE."""
        return self._octets[_HEAD.size + _ENVELOPE_AT + self._envelope + _BETWEEN : self._body]

    @property
    def body(self) -> bytes:
        """`(…)`, what follows BODY: the structure without extension data."""
        return self._octets[self._body : self._fields]

    @property
    def preview(self) -> str:
        """The beginning of the text, single-spaced, at most 256 characters."""
        return self._octets[self._preview :].decode()

    @property
    def has_attachment(self) -> bool:
        """Whether a reader would say that something is attached."""
        return bool(self._flags & _HAS_ATTACHMENT)

    @property
    def sent(self) -> int | None:
        """The Date field in seconds since 1970, UTC; None if there is none that can be read."""
        return None if self._sent == _UNDATED else self._sent

    @property
    def sent_zone(self) -> int:
        """The Date field's zone: minutes east of UTC. IMAP's SENTSINCE goes by the local day."""
        return self._zone

    @property
    def parts(self) -> list[PartRow]:
        """The part table, depth first."""
        return list(self._rows())

    def _rows(self) -> Iterator[PartRow]:
        octets, at, end = self._octets, self._parts, self._preview
        while at < end:
            header_start, body_start, body_end, lines, size = _ROW.unpack_from(octets, at)
            at += _ROW.size + size
            path, *labels = octets[at - size : at].decode("utf-8", "replace").split("\0")
            yield PartRow(path, header_start, body_start, body_end, lines, *labels)

    def header_fields(self, names: Collection[bytes]) -> bytes | None:
        """Answer HEADER.FIELDS: the fields called `names` as they stand, and the empty line.

        None if they are not all kept here: the answer is in the message then.
        """
        if not self._flags & _ALL_KEPT or not _all_kept(tuple(names)):
            return None
        return select_fields(self._octets[self._fields : self._parts], names)

    def field(self, name: bytes) -> str | None:
        """Return the first field called `name` (lower case), decoded, if it is kept and there."""
        value = first(header_fields(self._octets[self._fields : self._parts]), name)
        return None if value is None else text_of(value)

    @property
    def subject(self) -> str:
        """The Subject, decoded."""
        return self.field(b"subject") or ""

    @property
    def from_(self) -> str:
        """The From field, decoded."""
        return self.field(b"from") or ""


@lru_cache(maxsize=256)
def _all_kept(names: tuple[bytes, ...]) -> bool:
    return all(name.lower() in KEPT for name in names)


def _encode(root: Part, preview: str, digest: bytes) -> bytes:
    env = envelope(root.fields)
    long, short = structures(root)
    listed = b"ENVELOPE %b BODYSTRUCTURE %b" % (env, long)
    kept = [whole for name, _, whole in root.fields if name in KEPT]
    fields, flags = b"".join(kept), _ALL_KEPT
    if len(fields) > KEPT_OCTETS:
        flags = 0
        cut = KEPT_FIELD_OCTETS
        short_ones = (whole if len(whole) <= cut else whole[:cut] + b"\n" for whole in kept)
        fields = b"".join(short_ones)[:KEPT_OCTETS]
    rows: list[bytes] = []
    if _table(root, "", rows, embedded=True):
        flags |= _HAS_ATTACHMENT
    table = b"".join(rows)
    shown = preview.encode()
    sent = sent_date(first(root.fields, b"date") or b"") or (_UNDATED, 0)
    head = _HEAD.pack(VERSION, flags, len(listed), len(env), len(short), len(fields), len(table),
                      len(shown), *sent, digest)  # fmt: skip
    return b"".join((head, listed, short, fields, table, shown))


def _table(part: Part, path: str, rows: list[bytes], *, embedded: bool) -> bool:
    """Append the rows of `part` and what it holds; say whether any looks attached.

    `embedded` says that `part` is a whole message, and `path` the number of what holds it.
    """
    if part.children:
        if not embedded or not path:
            rows.append(_row(part, path, ""))
        attached = False
        for number, child in enumerate(part.children, 1):
            below = f"{path}.{number}" if path else str(number)
            attached |= _table(child, below, rows, embedded=False)
        return attached
    if embedded:
        path = f"{path}.1" if path else "1"
    name = file_name(part) if part.params or part.disposition_params else None
    rows.append(_row(part, path, name or ""))
    if part.message is not None:
        _table(part.message, path, rows, embedded=True)
        return True
    return _attached(part, name)


def _attached(part: Part, name: str | None) -> bool:
    if part.subtype in _SIGNATURES:
        return False
    if part.disposition == b"attachment":
        return True
    if part.type == b"text" or part.disposition == b"inline":
        return False
    return name is not None and part.id is None  # with an id it belongs to the HTML


def _row(part: Part, path: str, name: str) -> bytes:
    labels = b"\0".join(
        (
            path.encode(),
            _label(b"%b/%b" % (part.type, part.subtype)),
            _label(part.encoding),
            _label((parameter(part.params, b"charset") or b"").lower()),
            _label(part.disposition),
            _label((part.id or b"").strip(b"<> ")),
            _label(name.encode()),
        )
    )
    return _ROW.pack(
        min(part.header_start, _OFFSET_LIMIT),
        min(part.body_start, _OFFSET_LIMIT),
        min(part.body_end, _OFFSET_LIMIT),
        part.lines,
        len(labels),
    ) + labels  # fmt: skip


def _label(octets: bytes) -> bytes:
    return octets.replace(b"\0", b"")[:_LABEL_OCTETS]
