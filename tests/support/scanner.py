"""Looks for a word in everything a server wrote, however it was encoded there.

The word is ASCII letters and digits, so that one case and one charset find it. Looked for: as it
stands in any case, base64 at each of its three alignments (its line ends taken out), quoted-
printable (decoded), UTF-16 in both orders, hexadecimal digits; each of these also in what any zstd
frame holds, with and without the public dictionary of the search index, and in JSON or SQL escapes,
which leave ASCII alone. Values in a database are also read through it: a page boundary, or
PostgreSQL's own compression, would hide a word from a reader of its files.
"""

import base64
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg
import zstandard

from mailserver.index.dictionary import DICTIONARY

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
FRAME_OCTETS = 4 << 20
"""What is looked at of one frame."""
OVERLAP = 4096
BLOCK_OCTETS = 16 << 20
"""What is looked at of a file at once, and OVERLAP more."""
_ESCAPED = re.compile(rb"=(?:\r?\n|([0-9A-Fa-f]{2}))")
_DICTIONARY = zstandard.ZstdCompressionDict(DICTIONARY, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def base64_forms(word: bytes) -> list[bytes]:
    """Return what base64 makes of `word` wherever it begins within three octets."""
    forms = []
    for lead in range(3):
        encoded = base64.b64encode(bytes(lead) + word + bytes(3))
        first = -(-lead * 4 // 3) if lead else 0
        whole = (lead + len(word)) * 4 // 3
        forms.append(encoded[first:whole])
    return forms


def _needles(word: bytes) -> list[tuple[str, bytes]]:
    text = word.decode("ascii")
    return [
        ("raw", word),
        ("UTF-16 LE", text.encode("utf-16-le")),
        ("UTF-16 BE", text.encode("utf-16-be")),
        ("hexadecimal", word.hex().encode()),
    ]


class Scanner:
    """Seeks words, in octets, files and databases."""

    def __init__(self, *words: bytes, block_octets: int = BLOCK_OCTETS) -> None:
        """Seek `words`: at least 12 lower-case ASCII letters and digits each, or less is proved."""
        self._block_octets = block_octets
        for word in words:
            if len(word) < 12 or not re.fullmatch(rb"[a-z0-9 .-]+", word):
                raise ValueError("a canary is a longer word of small letters and digits")
        self._plain = [needle for word in words for needle in _needles(word)]
        self._base64 = [form for word in words for form in base64_forms(word)]

    def octets(self, octets: bytes, *, frames: bool = True) -> set[str]:
        """Return the ways in which a word stands in `octets`, with a few octets around it."""
        found = self._in_text(octets)
        if b"=" in octets:
            decoded = _ESCAPED.sub(lambda m: bytes.fromhex((m[1] or b"").decode()), octets)
            found |= {f"quoted-printable, {hit}" for hit in self._in_text(decoded)}
        joined = octets.replace(b"\r", b"").replace(b"\n", b"")
        for form in self._base64:
            if (at := joined.find(form)) >= 0:
                found.add(f"base64: {_around(joined, at)}")
        if frames:
            for frame in zstd_frames(octets):
                found |= {f"zstd, {hit}" for hit in self.octets(frame, frames=False)}
        return found

    def _in_text(self, octets: bytes) -> set[str]:
        folded, found = octets.lower(), set()
        for name, needle in self._plain:
            if (at := folded.find(needle)) >= 0:
                found.add(f"{name}: {_around(octets, at)}")
        return found

    def file(self, path: Path) -> set[str]:
        """Look through one file, block by block."""
        found: set[str] = set()
        with path.open("rb") as file:
            start = 0
            while True:
                file.seek(start)
                block = file.read(self._block_octets + OVERLAP)
                found |= {f"{path}: {hit}" for hit in self.octets(block)}
                if len(block) <= self._block_octets:
                    return found
                start += self._block_octets

    def tree(self, *roots: Path) -> set[str]:
        """Look through every file below `roots`, and through every name."""
        found: set[str] = set()
        for root in roots:
            for path in sorted((root, *root.rglob("*"))):
                found |= {f"name of {path}: {hit}" for hit in self.octets(os.fsencode(path.name))}
                if path.is_file():
                    found |= self.file(path)
        return found

    def values(self, values: Iterable[tuple[str, bytes]]) -> set[str]:
        """Look through the values of a database, each with its column's name."""
        return {f"{where}: {hit}" for where, value in values for hit in self.octets(value)}


def _around(octets: bytes, at: int) -> str:
    return repr(octets[max(0, at - 40) : at + 80])


def zstd_frames(octets: bytes) -> Iterator[bytes]:
    """Yield what each zstd frame in `octets` holds, also one that is cut short."""
    at = octets.find(ZSTD_MAGIC)
    while at >= 0:
        for dictionary in (None, _DICTIONARY):
            reader = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
            held, rest = b"", octets[at : at + FRAME_OCTETS]
            try:
                for first in range(0, len(rest), 1024):  # what comes before an error counts
                    held += reader.decompress(rest[first : first + 1024])
                    if reader.eof or len(held) > FRAME_OCTETS:
                        break
            except zstandard.ZstdError:
                pass
            if held:
                yield held
        at = octets.find(ZSTD_MAGIC, at + 1)


def _as_octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def sqlite_values(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every table of an SQLite file, read and not written."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    yield f"{path.name}: {table}.{name}", _as_octets(value)
    finally:
        connection.close()


async def postgres_values(url: str) -> list[tuple[str, bytes]]:
    """Return every value of every table of a PostgreSQL database, and have its files written."""
    connection = await asyncpg.connect(url)
    values = []
    try:
        await connection.execute("CHECKPOINT")
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
        for (table,) in tables:
            for row in await connection.fetch(f'SELECT * FROM "{table}"'):
                values += [(f"{table}.{name}", _as_octets(value)) for name, value in row.items()]
    finally:
        await connection.close()
    return values
