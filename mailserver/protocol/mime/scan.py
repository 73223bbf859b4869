"""A message cut into its parts: one pass, octet offsets, no copies (RFC 2045, RFC 2046).

The theory. Parts that are still open stand on a stack, outermost first. Each multipart on it owns
a boundary; `_Scan.boundaries` maps every boundary line that means something now to its place on
the stack. From where a header ends, the scanner jumps from one line that begins with `--` to the
next (`bytes.find`), looks the line up, ends every part above its owner, and begins the next part.
So each octet is looked at a constant number of times, however deep the parts nest.

Invariants: `header_start <= header_end == body_start <= body_end`; children lie inside their
parent's body, in order, without overlap; a leaf's type is never `multipart`.

What cannot be understood stays opaque. A multipart without a boundary, or in which its boundary
never occurs, is text (RFC 2045 §5.2). Beyond `DEPTH`, `PARTS` or `HEADER_OCTETS` the rest is one
leaf of type application/octet-stream, or belongs to the last part that fitted in.

Deviates: RFC 2046 §5.1.1 lets a delimiter line go on after the boundary; here only white space
may follow (as in its own grammar), so that a boundary may be the beginning of another one.
"""

import re
from typing import NamedTuple

from mailserver.protocol.mime.headers import (
    Field,
    Parameters,
    header_fields,
    parameter,
    parameterised,
    unfold,
)

DEPTH = 100
PARTS = 1_000
HEADER_OCTETS = 256 * 1024
LINE_OCTETS = 2_000  # a longer line is no delimiter; RFC 5322 §2.1.1 allows 998

_MISSES = 10_000  # so many fruitless `--` lines pay for compiling an expression that skips them
_TEXT_PLAIN: Parameters = ((b"charset", b"us-ascii"),)
_EMBEDDED = frozenset({b"rfc822", b"global"})  # RFC 9051 §7.5.2: these have an envelope
_IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})
_TOKEN = re.compile(rb"[^\s;()\"]+")


class Part:
    """One MIME entity: a message, or a body part.

    Offsets count octets from the beginning of the message. The header includes the empty line that
    ends it; the body does not include the line end that belongs to the next delimiter.
    """

    __slots__ = (
        "body_end",
        "children",
        "content",
        "disposition",
        "disposition_params",
        "encoding",
        "fields",
        "header_end",
        "header_start",
        "lines",
        "message",
        "params",
        "subtype",
        "type",
    )

    def __init__(self, header_start: int, header_end: int, fields: list[Field]) -> None:
        """Begin a part whose header has been cut into `fields`."""
        self.header_start = header_start
        self.header_end = header_end
        self.body_end = header_end
        self.lines = 0
        """Lines of the body; one that lacks its line end counts."""
        self.fields = fields
        self.content: dict[bytes, bytes] = {}
        """The `content-…` fields by name, the first of each, unfolded."""
        self.type = b"text"
        """Lower case, like `subtype`, `encoding`, `disposition` and all names of parameters."""
        self.subtype = b"plain"
        self.params = _TEXT_PLAIN
        self.encoding = b"7bit"
        self.disposition = b""
        self.disposition_params: Parameters = ()
        self.children: list[Part] = []
        """The body parts of a multipart; empty for every other type."""
        self.message: Part | None = None
        """The message inside a message/rfc822 (or /global) part."""

    @property
    def body_start(self) -> int:
        """The first octet after the header."""
        return self.header_end

    @property
    def body_octets(self) -> int:
        """The size of the body as it stands, transfer-encoded."""
        return self.body_end - self.header_end

    @property
    def id(self) -> bytes | None:
        """Content-ID, as it stands."""
        return self.content.get(b"content-id")

    @property
    def description(self) -> bytes | None:
        """Content-Description, encoded words left alone."""
        return self.content.get(b"content-description")

    @property
    def md5(self) -> bytes | None:
        """Content-MD5 (RFC 1864)."""
        return self.content.get(b"content-md5")

    @property
    def location(self) -> bytes | None:
        """Content-Location (RFC 2557)."""
        return self.content.get(b"content-location")

    @property
    def language(self) -> list[bytes]:
        """Content-Language (RFC 3282): its tags."""
        value = self.content.get(b"content-language", b"")
        return [tag for tag in (word.strip() for word in value.split(b",")) if tag]

    def make_opaque(self) -> None:
        """Say no more of the content than that it is octets."""
        self.type, self.subtype, self.params = b"application", b"octet-stream", ()


class _Open(NamedTuple):
    """A part on the stack. `newlines` were counted before its body.

    `shadowed` is the outer multipart with the same boundary, which is hidden while this one stands.
    """

    part: Part
    newlines: int
    boundary: bytes | None
    shadowed: int | None


def scan(message: bytes) -> Part:
    """Cut `message` into parts; the root is the message itself. Nothing makes it fail."""
    return _Scan(message).run()


def header_only(message: bytes) -> Part:
    """Return the root as `scan` would, without looking into its body: no type, no children."""
    end, _ = _Scan(message).header_end(0)
    part = Part(0, end, [])
    part.body_end = len(message)
    return part


class _Scan:
    __slots__ = ("boundaries", "counted", "message", "newlines", "open", "parts", "size")

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.size = len(message)
        self.open: list[_Open] = []
        self.boundaries: dict[bytes, int] = {}
        self.parts = 0
        self.counted = 0
        self.newlines = 0

    def run(self) -> Part:
        root = self.enter(0, digest=False)
        position = self.open[-1].part.header_end
        while self.boundaries:
            found = self.delimiter(position, self.size)
            if found is None:
                break
            index, line, position, closing = found
            if not closing and self.parts >= PARTS:
                break  # the part that is open now is the last, and gets the rest
            self.close(index + 1, line)
            if closing:
                self.forget(index)
                continue
            multipart = self.open[index].part
            digest = multipart.subtype == b"digest"
            multipart.children.append(self.enter(position, digest=digest))
            position = self.open[-1].part.header_end
        self.close(0, self.size)
        return root

    def delimiter(self, start: int, end: int) -> tuple[int, int, int, bool] | None:
        """Find the next delimiter line that begins at `start` or later and before `end`.

        Returns (place of its multipart on the stack, offset of the line, of the next one, whether
        it closes the multipart).
        """
        message, boundaries = self.message, self.boundaries
        at, misses, likely = max(start - 1, 0), 0, None
        while True:
            if likely is None:
                at = message.find(b"\n--", at, end)
            else:
                found = likely.search(message, at, end)
                at = found.start() if found else -1
            if at < 0:
                return None
            after = message.find(b"\n", at + 3) + 1 or self.size
            if after - at < LINE_OCTETS:
                line = message[at + 3 : after].rstrip(b" \t\r\n")
                index = boundaries.get(line)
                if index is not None:
                    return index, at + 1, after, False
                if line.endswith(b"--") and (index := boundaries.get(line[:-2])) is not None:
                    return index, at + 1, after, True
            at = after - 1
            misses += 1
            if misses == _MISSES:
                likely = re.compile(rb"\n--(?:" + b"|".join(map(re.escape, boundaries)) + rb")")

    def enter(self, start: int, *, digest: bool) -> Part:
        """Begin the part at `start`, and the messages that it directly embeds; return that part."""
        top = part = self.begin(start, digest=digest)
        while part.type == b"message" and part.subtype in _EMBEDDED:
            if part.encoding not in _IDENTITY:
                break  # RFC 2046 §5.2.1 forbids it; the content is octets to us
            if len(self.open) >= DEPTH or self.parts >= PARTS:
                part.make_opaque()
                break
            part.message = self.begin(part.header_end, digest=False)
            part = part.message
        return top

    def begin(self, start: int, *, digest: bool) -> Part:
        """Read one header and put its part on the stack."""
        self.parts += 1
        end, whole = self.header_end(start)
        part = Part(start, end, header_fields(self.message[start:end]))
        content = part.content
        for name, value, _ in part.fields:
            if name.startswith(b"content-") and name not in content:
                content[name] = unfold(value)
        self.describe(part, digest=digest)
        boundary = shadowed = None
        if not whole:
            part.make_opaque()
        elif part.type == b"multipart":
            boundary = (parameter(part.params, b"boundary") or b"").rstrip()
            if not boundary:
                part.type, part.subtype, part.params = b"text", b"plain", _TEXT_PLAIN
                boundary = None
            elif len(self.open) >= DEPTH - 1:
                part.make_opaque()
                boundary = None
            else:
                shadowed = self.boundaries.get(boundary)
                self.boundaries[boundary] = len(self.open)
        self.open.append(_Open(part, self.count(end), boundary, shadowed))
        return part

    def header_end(self, start: int) -> tuple[int, bool]:
        """Find where the header at `start` ends; False where it had to be cut short."""
        message = self.message
        if message.startswith(b"\r\n", start):
            return start + 2, True
        if message.startswith(b"\n", start):
            return start + 1, True
        limit = min(self.size, start + HEADER_OCTETS)
        crlf = message.find(b"\n\r\n", start, limit)
        lone = message.find(b"\n\n", start, limit if crlf < 0 else crlf + 1)
        end = lone + 2 if lone >= 0 else crlf + 3 if crlf >= 0 else -1
        if self.boundaries:  # a part may be over before its header is
            found = self.delimiter(start, limit if end < 0 else end)
            if found:
                return found[1], True
        if end >= 0:
            return end, True
        if limit == self.size:
            return limit, True
        return message.rfind(b"\n", start, limit) + 1 or limit, False

    def describe(self, part: Part, *, digest: bool) -> None:
        """Fill in what the content fields say (RFC 2045 §5, §6; RFC 2183; RFC 2046 §5.1.5)."""
        content = part.content
        if not content:
            if digest:
                part.type, part.subtype, part.params = b"message", b"rfc822", ()
            return
        value = content.get(b"content-type")
        if value is not None:
            kind, part.params = parameterised(value)
            kind, slash, subtype = kind.partition(b"/")
            if slash:
                part.type, part.subtype = kind, subtype
        elif digest:
            part.type, part.subtype, part.params = b"message", b"rfc822", ()
        value = content.get(b"content-transfer-encoding")
        if value is not None:
            token = _TOKEN.match(value)
            part.encoding = token.group().lower() if token else b"7bit"
        value = content.get(b"content-disposition")
        if value is not None:
            part.disposition, part.disposition_params = parameterised(value)

    def count(self, position: int) -> int:
        """Count the line ends before `position`, which must not decrease from call to call."""
        self.newlines += self.message.count(b"\n", self.counted, position)
        self.counted = position
        return self.newlines

    def close(self, keep: int, end: int) -> None:
        """End every part above the lowest `keep`, at the delimiter line (or the end) at `end`."""
        if len(self.open) <= keep:
            return
        message = self.message
        if end < self.size:  # the line end before a delimiter is the delimiter's own
            end -= 2 if message.startswith(b"\r\n", end - 2) else 1
        end = max(end, self.counted)  # ... unless it ended the header of an empty part
        newlines = self.count(end)
        unended = end > 0 and message[end - 1] != 0x0A
        while len(self.open) > keep:
            self.forget(len(self.open) - 1)
            part, before, *_ = self.open.pop()
            part.body_end = end
            part.lines = newlines - before + (unended and end > part.header_end)
            if part.type == b"multipart" and not part.children:
                part.type, part.subtype, part.params = b"text", b"plain", _TEXT_PLAIN

    def forget(self, index: int) -> None:
        """Take the boundary of the multipart at `index` out of use, if it still is in use."""
        _, _, boundary, shadowed = self.open[index]
        if boundary is not None and self.boundaries.get(boundary) == index:
            del self.boundaries[boundary]
            if shadowed is not None:
                self.boundaries[boundary] = shadowed
