"""Sets of numbers as octets, and instants as numbers."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailserver.store.instants import from_microseconds, to_microseconds
from mailserver.store.packing import (
    pack_keywords,
    pack_ranges,
    ranges_of,
    unpack_keywords,
    unpack_ranges,
)


@given(st.sets(st.integers(0, 65_535)))
def test_keywords_come_back_sorted(numbers: set[int]) -> None:
    packed = pack_keywords(numbers)
    assert unpack_keywords(packed) == tuple(sorted(numbers))
    assert (packed is None) == (not numbers)


@given(st.sets(st.integers(0, 2**63 - 1), max_size=200))
def test_ranges_come_back_sorted(numbers: set[int]) -> None:
    assert list(unpack_ranges(pack_ranges(sorted(numbers)))) == sorted(numbers)


@given(st.sets(st.integers(0, 60)))
def test_ranges_are_as_few_as_can_be(numbers: set[int]) -> None:
    ranges = ranges_of(sorted(numbers))
    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(numbers)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


def test_octets_are_the_same_on_every_machine() -> None:
    assert pack_keywords([258, 1]) == b"\x00\x01\x01\x02"
    assert pack_ranges([3, 4, 5]) == b"\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x05"


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back_exactly(at: datetime) -> None:
    assert from_microseconds(to_microseconds(at)) == at


def test_instants_are_utc() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert from_microseconds(to_microseconds(at)).isoformat() == "2026-01-01T10:00:00+00:00"
