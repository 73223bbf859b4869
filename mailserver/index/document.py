r"""A document: the searchable text of one message.

Its *head* holds the header fields, each behind a marker; its *body* the decoded text parts:

    \x01F from \x01T to \x01C cc \x01K bcc \x01S subject \x01D 2026-03-01 \x01H \x02name: value …

Normalised text holds no control characters and no capitals, so a marker never matches a query.
The frame is `head octets (u32, big-endian) ‖ head ‖ body`, compressed by itself with a fixed,
public dictionary: two messages are never compressed together, since a stranger's mail beside a
secret would tell the secret by its size.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import zstandard

from mailserver.index.dictionary import DICTIONARY
from mailserver.index.words import fold, normalise

HEAD_OCTETS = struct.Struct(">I")
_LEVEL = 1  # level 3 saves 5 % of the octets for twice the time


@dataclass(frozen=True, slots=True)
class SearchText:
    """What a message offers to search, decoded but not yet normalised."""

    from_: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    sent: date | None = None
    headers: str = ""
    """Every other field, a line `name: value` each, decoded; of signatures the name alone."""
    body: str = ""


_dictionary = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
_dictionary.precompute_compress(level=_LEVEL)


class Framer:
    """Compresses and opens documents; one for each thread, since zstd contexts are not shared."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary)

    def frame(self, text: SearchText) -> bytes:
        """Normalise `text` and return its frame."""
        head = _head(text).encode("utf-8", "replace")
        body = normalise(text.body).encode("utf-8", "replace")
        return self._compressor.compress(HEAD_OCTETS.pack(len(head)) + head + body)

    def open(self, frame: bytes) -> tuple[bytes, bytes]:
        """Return (head, body) of one frame."""
        return split(self._decompressor.decompress(frame))

    def open_all(self, frames: Sequence[bytes]) -> list[bytes]:
        """Decompress many frames at once; `split` takes each of them apart.

        One C call for all of them: 10,000 frames cost about a third of as many calls.
        """
        if not frames:
            return []
        opened = self._decompressor.multi_decompress_to_buffer([*frames])
        return [opened[number].tobytes() for number in range(len(frames))]


def split(document: bytes) -> tuple[bytes, bytes]:
    """Take a decompressed document apart into (head, body)."""
    start = HEAD_OCTETS.size
    end = start + HEAD_OCTETS.unpack_from(document)[0]
    return document[start:end], document[end:]


def _head(text: SearchText) -> str:
    fields = [
        "\x01F",
        normalise(text.from_),
        "\x01T",
        normalise(text.to),
        "\x01C",
        normalise(text.cc),
        "\x01K",
        normalise(text.bcc),
        "\x01S",
        normalise(text.subject),
        "\x01D",
        text.sent.isoformat() if text.sent else "",
        "\x01H",
    ]
    fields += ["\x02" + normalise(line) for line in fold(text.headers).split("\n") if line]
    fields.append("\x01")
    return "".join(fields)
