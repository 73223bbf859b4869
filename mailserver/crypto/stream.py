"""A long run of octets sealed to a public key: what a part of a backup is.

    stream   "zgst" ‖ version 1 ‖ suite 1 ‖ seal of a random key ‖ chunk …
    chunk    1 MiB of content (the last one less), sealed, tag 16

The key seals this stream alone, so that the nonces may count: 7 zero octets ‖ chunk 4 ‖ last 1. The
seal is bound to the stream's name; number and last stand in the associated data with a digest of
the header. A chunk that is cut off, put elsewhere or added makes the stream fail, and so does a
stream in another's place. Memory stays bounded by a chunk, however long the stream is.

Source: Hoang, Reyhanitabar, Rogaway, Vizár (STREAM), CRYPTO 2015; RFC 9180 §6.1.
"""

import hashlib
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailserver.crypto.aead import TAG_OCTETS
from mailserver.crypto.hpke import SEAL_OCTETS, KeyPair, PublicKey
from mailserver.crypto.secret import overwrite
from mailserver.crypto.suite import Suite
from mailserver.model.errors import Condition, Corrupt

CHUNK_OCTETS = 1024 * 1024
_MAGIC = b"zgst\x01"
_KEY_OCTETS = 32
_SEALED_CHUNK_OCTETS = CHUNK_OCTETS + TAG_OCTETS
_NUMBERED = struct.Struct(">IB")
_MOST_CHUNKS = 0xFFFF_FFFF


class StreamSealer:
    """Seals one stream, piece by piece."""

    __slots__ = ("_cipher", "_digest", "_number", "_waiting", "header")

    header: bytes
    """What the stream begins with."""

    def __init__(self, public: PublicKey, name: bytes) -> None:
        """Seal to `public`; who opens the stream must call it by `name` too."""
        key = bytearray(os.urandom(_KEY_OCTETS))
        sealed = public.seal(key, _info(name))
        self.header = _MAGIC + bytes([public.suite]) + sealed
        self._cipher = AESGCM(key)
        overwrite(key)
        self._digest = hashlib.sha256(self.header).digest()
        self._number = 0
        self._waiting = bytearray()

    def feed(self, octets: bytes) -> bytes:
        """Take more content; return what is finished of the stream, which may be nothing."""
        self._waiting += octets
        done = bytearray()
        while len(self._waiting) > CHUNK_OCTETS:  # the last chunk is known by the end alone
            done += self._chunk(self._waiting[:CHUNK_OCTETS], last=False)
            del self._waiting[:CHUNK_OCTETS]
        return bytes(done)

    def finish(self) -> bytes:
        """Return the end of the stream; nothing may be fed after it."""
        return self._chunk(self._waiting, last=True)

    def _chunk(self, content: bytes | bytearray, *, last: bool) -> bytes:
        if self._number > _MOST_CHUNKS:
            raise ValueError("a stream has 4 PiB at most")
        numbered = _NUMBERED.pack(self._number, last)
        self._number += 1
        return self._cipher.encrypt(_nonce(numbered), bytes(content), self._digest + numbered)


class StreamOpener:
    """Opens one stream, piece by piece; what it returns was sealed so, in this order."""

    __slots__ = ("_cipher", "_digest", "_ended", "_name", "_number", "_pair", "_waiting")

    def __init__(self, pair: KeyPair, name: bytes) -> None:
        """Open with `pair` the stream that was sealed by `name`."""
        self._pair = pair
        self._name = name
        self._cipher: AESGCM | None = None
        self._digest = b""
        self._number = 0
        self._waiting = bytearray()
        self._ended = False

    def feed(self, octets: bytes) -> bytes:
        """Take more of the stream; return the content that it makes known.

        Raises:
            Corrupt: DAMAGED: it was altered, is another's, or is sealed to another key.
        """
        self._waiting += octets
        if self._cipher is None and not self._begin():
            return b""
        done = bytearray()
        while len(self._waiting) > _SEALED_CHUNK_OCTETS:
            done += self._open(self._waiting[:_SEALED_CHUNK_OCTETS], last=False)
            del self._waiting[:_SEALED_CHUNK_OCTETS]
        return bytes(done)

    def finish(self) -> bytes:
        """Return the last content.

        Raises:
            Corrupt: DAMAGED: the stream was cut off or altered.
        """
        if self._cipher is None or self._ended:
            raise _damaged()
        self._ended = True
        return self._open(self._waiting, last=True)

    def _begin(self) -> bool:
        """Read the header; False until there is enough of it."""
        start = len(_MAGIC) + 1
        if len(self._waiting) < start:
            return False
        if self._waiting[: len(_MAGIC)] != _MAGIC or self._waiting[start - 1] != self._pair.suite:
            raise _damaged()
        end = start + SEAL_OCTETS[Suite(self._pair.suite)] + _KEY_OCTETS
        if len(self._waiting) < end:
            return False
        header = bytes(self._waiting[:end])
        key = self._pair.open(header[start:], _info(self._name))
        self._cipher = AESGCM(key)
        self._digest = hashlib.sha256(header).digest()
        del self._waiting[:end]
        return True

    def _open(self, sealed: bytes | bytearray, *, last: bool) -> bytes:
        assert self._cipher is not None  # noqa: S101 (both callers looked)
        numbered = _NUMBERED.pack(self._number, last)
        self._number += 1
        try:
            return self._cipher.decrypt(_nonce(numbered), bytes(sealed), self._digest + numbered)
        except InvalidTag:
            raise _damaged() from None


def _info(name: bytes) -> bytes:
    return b"zegel stream\x00" + name


def _nonce(numbered: bytes) -> bytes:
    return bytes(12 - len(numbered)) + numbered


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "this stream was altered, cut off, or sealed to another key")
