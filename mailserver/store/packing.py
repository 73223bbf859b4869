"""Sets of numbers as octets: keyword numbers of an entry, ranges of UIDs in the change log."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from sys import byteorder

Ranges = Sequence[tuple[int, int]]
"""Inclusive, ascending, not overlapping."""


def _swapped(numbers: "array[int]") -> "array[int]":
    """Turn machine order into network order, or back; it sorts alike on every machine."""
    if byteorder == "little":
        numbers.byteswap()
    return numbers


def pack_keywords(numbers: Iterable[int]) -> bytes | None:
    """Pack keyword numbers (below 65,536), sorted, two octets each; None where there are none."""
    return _swapped(array("H", sorted(set(numbers)))).tobytes() or None


def unpack_keywords(packed: bytes | None) -> tuple[int, ...]:
    """Unpack what `pack_keywords` packed."""
    if not packed:
        return ()
    return tuple(_swapped(array("H", packed)))


def ranges_of(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Join ascending numbers into inclusive ranges."""
    ranges: list[tuple[int, int]] = []
    first = last = -1
    for number in numbers:
        if number == last + 1 and first >= 0:
            last = number
            continue
        if first >= 0:
            ranges.append((first, last))
        first = last = number
    if first >= 0:
        ranges.append((first, last))
    return ranges


def pack_ranges(numbers: Iterable[int]) -> bytes:
    """Pack ascending numbers as ranges, eight octets first and eight octets last each."""
    return _swapped(array("Q", [n for pair in ranges_of(numbers) for n in pair])).tobytes()


def unpack_ranges(packed: bytes) -> Iterator[int]:
    """Yield the numbers that `pack_ranges` packed, ascending."""
    bounds = _swapped(array("Q", packed))
    for first, last in zip(bounds[::2], bounds[1::2], strict=True):
        yield from range(first, last + 1)
