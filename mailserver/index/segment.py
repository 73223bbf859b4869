"""Segments: the documents of many messages in one object, each in its own frame.

    version u8 ‖ count u32 ‖ count × (email id u64 ‖ frame octets u32) ‖ frames

Frames are copied, not compressed again, when tails are merged or a segment is rewritten.
"""

import struct
from collections.abc import Collection, Iterable, Iterator

from mailserver.model.errors import Condition, Corrupt
from mailserver.model.ids import EmailId

SEGMENT_OCTETS = 1 << 20  # one object opens in about a millisecond and is rewritten cheaply
DEAD_SHARE = 0.25  # rewritten when more of its documents than this are gone

_VERSION = 1
_START = struct.Struct(">BI")
_ENTRY = struct.Struct(">QI")


def encode(documents: Iterable[tuple[EmailId, bytes]]) -> bytes:
    """Lay frames side by side in the order given."""
    table, frames = [], []
    for email_id, frame in documents:
        table.append(_ENTRY.pack(email_id, len(frame)))
        frames.append(frame)
    return b"".join((_START.pack(_VERSION, len(table)), *table, *frames))


def parse(segment: bytes) -> list[tuple[EmailId, bytes]]:
    """Return (email id, frame) of each document, in stored order.

    Raises:
        Corrupt: the octets are no segment of a version known here.
    """
    try:
        version, count = _START.unpack_from(segment)
        end = _START.size + count * _ENTRY.size
        table = list(_ENTRY.iter_unpack(segment[_START.size : end]))
    except struct.error as error:
        raise Corrupt(Condition.DAMAGED, "this index segment is damaged") from error
    if version != _VERSION or len(table) != count or end + sum(n for _, n in table) != len(segment):
        raise Corrupt(Condition.DAMAGED, "this index segment is damaged")
    documents, position = [], end
    for email_id, octets in table:
        documents.append((EmailId(email_id), segment[position : position + octets]))
        position += octets
    return documents


def merge(
    documents: Iterable[tuple[EmailId, bytes]], gone: Collection[EmailId] = ()
) -> Iterator[list[tuple[EmailId, bytes]]]:
    """Cut `documents` into lists that fill a segment each, leaving out the messages that are gone.

    A frame larger than a segment gets one to itself.
    """
    batch: list[tuple[EmailId, bytes]] = []
    octets = 0
    for email_id, frame in documents:
        if email_id in gone:
            continue
        if batch and octets + len(frame) > SEGMENT_OCTETS:
            yield batch
            batch, octets = [], 0
        batch.append((email_id, frame))
        octets += len(frame) + _ENTRY.size
    if batch:
        yield batch
