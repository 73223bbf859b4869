"""A message's octets at rest: compressed, padded, then sealed in chunks.

    blob     version 1 ‖ salt 16 ‖ chunk …           a chunk: 64 KiB of content, sealed, tag 16
    content  01 ‖ zstd frame                         a message of at most 1 MiB
             02 ‖ length 8 ‖ n 4 ‖ n × 4 ‖ frames    a longer one: a frame for each 1 MiB of it
             … then padded to a Padmé length

The key of a blob is HKDF(content key, salt = object name ‖ salt, "body"), used for this blob alone,
so that the nonces may count: 7 zero octets ‖ chunk 4 ‖ last 1. Number and last also stand in the
associated data. A chunk that is cut off, put elsewhere or added makes the blob fail, and memory
stays bounded by what is asked for: the sealed table of frame lengths lets a range open with the
chunks and frames that cover it.

One message is compressed by itself, never with another: sizes of a common frame would tell what
they share.

Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance" (STREAM), CRYPTO 2015; RFC 8878.
"""

import os
import struct
import threading
from itertools import accumulate, pairwise

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailserver.crypto.aead import TAG_OCTETS
from mailserver.crypto.context import FORMAT, OBJECT
from mailserver.crypto.kdf import hkdf
from mailserver.crypto.padding import pad, padme_octets, unpad
from mailserver.crypto.secret import overwrite
from mailserver.model.errors import Condition, Corrupt

CHUNK_OCTETS = 64 * 1024
FRAME_OCTETS = 1024 * 1024
SALT_OCTETS = 16
HEADER_OCTETS = 1 + SALT_OCTETS
MESSAGE_OCTETS = 1024 * FRAME_OCTETS  # keeps the table of frames within the first chunk
_SEALED_CHUNK_OCTETS = CHUNK_OCTETS + TAG_OCTETS

_ZSTD_LEVEL = 1  # level 3 takes twice the time on mail and saves 1 % (measured)
_ONE_FRAME = b"\x01"
_FRAMES = b"\x02"
_TABLE = struct.Struct(">cQI")
_NUMBERED = struct.Struct(">IB")


class _Codecs(threading.local):
    """zstd contexts are not thread-safe and costly to make: each thread keeps its own."""

    def __init__(self) -> None:
        """Make them at a thread's first use."""
        self.compress = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codecs = _Codecs()


class BodyCipher:
    """The key of one blob; once made it needs the content key no more, so any thread may use it."""

    __slots__ = ("_cipher", "salt")

    def __init__(self, key: bytes | bytearray, object_id: bytes, salt: bytes) -> None:
        """Derive the blob's key from the content key `key`."""
        self.salt = salt
        subkey = hkdf(key, b"body", salt=object_id + salt)
        self._cipher = AESGCM(subkey)
        overwrite(subkey)

    def seal(self, context: bytes, message: bytes) -> bytes:
        """Return the blob of `message`.

        Raises:
            ValueError: the message is longer than 1 GiB.
        """
        if len(message) > MESSAGE_OCTETS:
            raise ValueError("a message has at most 1 GiB")
        content = pad(_encode(message))
        last = (len(content) - 1) // CHUNK_OCTETS
        encrypt = self._cipher.encrypt
        view = memoryview(content)
        parts = [bytes([FORMAT]), self.salt]
        for number in range(last + 1):
            numbered = _NUMBERED.pack(number, number == last)
            start = number * CHUNK_OCTETS
            parts.append(
                encrypt(
                    b"\0" * 7 + numbered, view[start : start + CHUNK_OCTETS], context + numbered
                )
            )
        return b"".join(parts)

    def open_chunks(self, context: bytes, blob: bytes, first: int, end: int) -> bytes:
        """Return the content of chunks `first` to `end` - 1.

        Raises:
            Corrupt: one of them does not authenticate at its place.
        """
        last = _last_chunk(blob)
        decrypt = self._cipher.decrypt
        view = memoryview(blob)
        parts = []
        for number in range(first, end):
            numbered = _NUMBERED.pack(number, number == last)
            start = HEADER_OCTETS + number * _SEALED_CHUNK_OCTETS
            sealed = view[start : start + _SEALED_CHUNK_OCTETS]
            try:
                parts.append(decrypt(b"\0" * 7 + numbered, sealed, context + numbered))
            except InvalidTag:
                raise _damaged() from None
        return b"".join(parts)


def seal_body(key: bytes | bytearray, context: bytes, message: bytes) -> bytes:
    """Compress, pad and seal `message` for the place `context` names, under a content key."""
    return BodyCipher(key, context[OBJECT], os.urandom(SALT_OCTETS)).seal(context, message)


def open_body(key: bytes | bytearray, context: bytes, blob: bytes) -> bytes:
    """Return the whole message.

    Raises:
        Corrupt: the blob was altered, cut, extended or misplaced; nothing of it is returned.
    """
    cipher = _cipher_of(key, context, blob)
    content = unpad(cipher.open_chunks(context, blob, 0, _last_chunk(blob) + 1))
    if content[:1] == _ONE_FRAME:
        return _decompress(content[1:])
    length, ends = _read_table(content)
    if ends[-1] != len(content):
        raise _damaged()
    view = memoryview(content)
    message = b"".join(_decompress(view[a:b]) for a, b in pairwise(ends))
    if len(message) != length:
        raise _damaged()
    return message


def open_range(
    key: bytes | bytearray, context: bytes, blob: bytes, start: int, octets: int
) -> bytes:
    """Return at most `octets` octets of the message from `start` (0-based); none past its end.

    A message of at most 1 MiB is opened whole; of a longer one, what covers the range and nothing
    more.

    Raises:
        Corrupt: what had to be opened was altered or misplaced, or the blob's length is wrong.
        ValueError: `start` or `octets` is negative.
    """
    if start < 0 or octets < 0:
        raise ValueError("a range begins and ends in the message")
    cipher = _cipher_of(key, context, blob)
    beginning = cipher.open_chunks(context, blob, 0, 1)
    if beginning[:1] == _ONE_FRAME:
        return open_body(key, context, blob)[start : start + octets]
    length, ends = _read_table(beginning)
    # The last chunk may not be opened here, so a blob cut at a chunk's border is told by its
    # length.
    if padme_octets(ends[-1] + 1) != _content_octets(blob):
        raise _damaged()
    stop = min(start + octets, length)
    if start >= stop:
        return b""
    first_frame, last_frame = start // FRAME_OCTETS, (stop - 1) // FRAME_OCTETS
    low, high = ends[first_frame], ends[last_frame + 1]
    first_chunk = low // CHUNK_OCTETS
    content = cipher.open_chunks(context, blob, first_chunk, (high - 1) // CHUNK_OCTETS + 1)
    view = memoryview(content)
    offset = first_chunk * CHUNK_OCTETS
    part = b"".join(
        _decompress(view[ends[n] - offset : ends[n + 1] - offset])
        for n in range(first_frame, last_frame + 1)
    )
    begin = start - first_frame * FRAME_OCTETS
    return part[begin : begin + stop - start]


def _encode(message: bytes) -> bytes:
    compress = _codecs.compress
    if len(message) <= FRAME_OCTETS:
        return _ONE_FRAME + compress(message)
    view = memoryview(message)
    frames = [compress(view[n : n + FRAME_OCTETS]) for n in range(0, len(message), FRAME_OCTETS)]
    lengths = struct.pack(f">{len(frames)}I", *map(len, frames))
    return b"".join([_TABLE.pack(_FRAMES, len(message), len(frames)), lengths, *frames])


def _read_table(content: bytes) -> tuple[int, list[int]]:
    """Return the message's length, where each frame begins in the content, and where they end."""
    try:
        layout, length, count = _TABLE.unpack_from(content)
        lengths = struct.unpack_from(f">{count}I", content, _TABLE.size)
    except struct.error:
        raise _damaged() from None
    if layout != _FRAMES or count != -(-length // FRAME_OCTETS) or not count:
        raise _damaged()
    return length, list(accumulate(lengths, initial=_TABLE.size + 4 * count))


def _decompress(frame: bytes | memoryview) -> bytes:
    try:
        if zstandard.frame_content_size(frame) > FRAME_OCTETS:
            raise _damaged()
        return _codecs.decompress(frame)
    except zstandard.ZstdError:
        raise _damaged() from None


def _cipher_of(key: bytes | bytearray, context: bytes, blob: bytes) -> BodyCipher:
    if blob[:1] != bytes([FORMAT]) or _content_octets(blob) < 1:
        raise _damaged()
    return BodyCipher(key, context[OBJECT], blob[1:HEADER_OCTETS])


def _last_chunk(blob: bytes) -> int:
    return (len(blob) - HEADER_OCTETS - 1) // _SEALED_CHUNK_OCTETS


def _content_octets(blob: bytes) -> int:
    return len(blob) - HEADER_OCTETS - (_last_chunk(blob) + 1) * TAG_OCTETS


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "this message is damaged")
