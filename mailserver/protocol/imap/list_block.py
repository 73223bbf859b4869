"""List blocks: what never changes of the FETCH responses of many messages, written out in advance.

    version u8 ‖ mailbox u64 ‖ UIDVALIDITY u64 ‖ count u32
      ‖ count × UID u32 ‖ 4 × (count × end u32) ‖ the items, message after message

Of each message there are the four items of `ITEMS`, in that order, a space between them:

    INTERNALDATE "…" RFC822.SIZE n ENVELOPE (…) BODYSTRUCTURE (…)

A server may answer in whatever order it likes (RFC 9051 §7.5.2), so that any neighbours among the
four are one slice, whichever way round they were asked for. The four columns of ends say where each
item of each message ends. All numbers are big-endian. A block says which messages it holds, so that
it cannot stand in for another one.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from mailserver.model.errors import Condition, Corrupt

_VERSION = 1
_HEAD = struct.Struct(">BQQI")
_NUMBER_OCTETS = 4


class Item(IntEnum):
    """The items a block holds, by their place in a message's line."""

    INTERNALDATE = 0
    RFC822_SIZE = 1
    ENVELOPE = 2
    BODYSTRUCTURE = 3


class Listed(NamedTuple):
    """One message, as a block takes it in."""

    uid: int
    items: tuple[bytes, bytes, bytes, bytes]
    """Finished, each with its name, in the order of `Item`."""


def encode(mailbox: int, uid_validity: int, messages: Sequence[Listed]) -> bytes:
    """Lay out `messages` of a mailbox, in UID order."""
    columns: tuple[array[int], ...] = tuple(array("I") for _ in Item)
    pieces: list[bytes] = []
    end = 0
    for message in messages:
        for column, item in zip(columns, message.items, strict=True):
            column.append(end + len(item))
            end += len(item) + 1  # the space behind it
        end -= 1
        pieces.append(b" ".join(message.items))
    uids = array("I", [message.uid for message in messages])
    head = _HEAD.pack(_VERSION, mailbox, uid_validity, len(messages))
    return b"".join((head, *(_swapped(each).tobytes() for each in (uids, *columns)), *pieces))


class ListBlock:
    """A block, read."""

    __slots__ = ("_ends", "_octets", "uids")

    uids: "array[int]"
    """Of the messages in it, ascending."""

    def __init__(self, octets: bytes, mailbox: int, uid_validity: int) -> None:
        """Read the block of that mailbox.

        Raises:
            Corrupt: it is another mailbox's, or no block of a version known here.
        """
        count = _count(octets, mailbox, uid_validity)
        start = _HEAD.size
        columns: list[array[int]] = []
        for _ in range(1 + len(Item)):
            column = array("I")
            column.frombytes(octets[start : start + count * _NUMBER_OCTETS])
            columns.append(_swapped(column))
            start += count * _NUMBER_OCTETS
        self.uids, self._ends = columns[0], columns[1:]
        if not count or len(octets) - start != self._ends[-1][-1]:
            raise _damaged()
        self._octets = octets[start:]

    def slices(self, first: Item, last: Item) -> list[bytes]:
        """Return the items from `first` to `last` of each message, in order."""
        octets, stops = self._octets, self._ends[last]
        starts: Iterable[int]
        if first is Item.INTERNALDATE:
            starts = (0, *self._ends[-1][:-1])
        else:
            starts = [end + 1 for end in self._ends[first - 1]]
        return [octets[start:stop] for start, stop in zip(starts, stops, strict=True)]

    def __repr__(self) -> str:
        """Say how many messages it holds, never what it says of them."""
        return f"<list block, {len(self.uids)} messages>"


def _count(octets: bytes, mailbox: int, uid_validity: int) -> int:
    """Return how many messages a block of that mailbox holds."""
    try:
        version, *whose, count = _HEAD.unpack_from(octets)
    except struct.error as error:
        raise _damaged() from error
    if version != _VERSION or whose != [mailbox, uid_validity]:
        raise _damaged()
    if len(octets) < _HEAD.size + count * _NUMBER_OCTETS * (1 + len(Item)):
        raise _damaged()
    return int(count)


def _swapped(numbers: "array[int]") -> "array[int]":
    """Turn machine order into network order, or back."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _damaged() -> Corrupt:
    return Corrupt(Condition.DAMAGED, "this list block is damaged, or another's")
