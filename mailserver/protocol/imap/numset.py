"""Sets of message numbers as inclusive ranges (RFC 9051 §9 `sequence-set`).

A set is parsed to ranges in the client's order and resolved against a mailbox later: `*` is its
largest number, which only the session knows. Resolved sets are ascending and disjoint, and their
size is bounded by the mailbox.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailserver.protocol.imap.lexer import NUMBER, SyntaxFault

Ranges = tuple[tuple[int, int], ...]

STAR = 1 << 32
"""`*` before it is resolved: above every 32-bit number, so that a range still stands in order."""

SAVED: Ranges = ((0, 0),)
"""`$`, the saved result of a SEARCH (RFC 9051 §6.4.4.1); 0 is no number: it resolves to nothing."""

RANGES = 16_384  # in one set: bounds what a stranger can make us compute

_SET = re.compile(
    rb"(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?"
    rb"(?:,(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?)*\Z"
)


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Message sequence numbers: positions in the session's view."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class UidSet:
    """Unique identifiers."""

    ranges: Ranges


def parse(octets: bytes) -> Ranges:
    """Read a `sequence-set`; each range comes low end first, `*` as STAR, `$` as SAVED.

    Raises:
        SyntaxFault: it is none, has a number of more than 32 bits, or more than `RANGES` ranges.
    """
    if len(octets) <= 10 and octets.isdigit():  # by far the most frequent set
        number = int(octets)
        if not 0 < number <= NUMBER or octets[0] == 0x30:
            raise SyntaxFault("a message number is from 1 to 4294967295")
        return ((number, number),)
    if octets == b"$":
        return SAVED
    if not _SET.match(octets):
        raise SyntaxFault("this is not a set of message numbers")
    if octets.count(b",") >= RANGES:
        raise SyntaxFault("the set of message numbers has too many parts")
    ranges = []
    for part in octets.split(b","):
        first, colon, last = part.partition(b":")
        low = _number(first)
        high = _number(last) if colon else low
        ranges.append((low, high) if low <= high else (high, low))
    return tuple(ranges)


def resolve(ranges: Iterable[tuple[int, int]], largest: int) -> Ranges:
    """Put `largest` (0: the mailbox is empty) in the place of `*`.

    The result is ascending, disjoint and never above `largest`.
    `5:*` in a mailbox of three means `3:5`, hence message 3 (RFC 9051 §9, `seq-range`).
    """
    clipped = []
    for low, high in ranges:
        if low == STAR:  # then high is STAR, too
            low = largest
        if high == STAR:
            low, high = (low, largest) if low <= largest else (largest, low)
        if (high := min(high, largest)) >= (low := max(low, 1)):
            clipped.append((low, high))
    return merge(clipped)


def merge(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Bring inclusive ranges into ascending order and join those that touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def encode(numbers: Sequence[int]) -> bytes:
    """Write numbers as a compact set, in their own order; rising neighbours become one range.

    COPYUID pairs source and destination by position (RFC 4315 §3), hence nothing is sorted here.
    `numbers` is not empty.
    """
    parts = []
    first = last = numbers[0]
    for number in numbers[1:]:
        if number == last + 1:
            last = number
            continue
        parts.append(_range(first, last))
        first = last = number
    parts.append(_range(first, last))
    return b",".join(parts)


def _number(octets: bytes) -> int:
    if octets == b"*":
        return STAR
    if (number := int(octets)) > NUMBER:
        raise SyntaxFault("a message number is from 1 to 4294967295")
    return number


def _range(first: int, last: int) -> bytes:
    return b"%d" % first if first == last else b"%d:%d" % (first, last)
