"""Sets of message numbers (RFC 9051 §9 `sequence-set`, RFC 4315 §3)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.protocol.imap import numset
from mailserver.protocol.imap.lexer import SyntaxFault
from mailserver.protocol.imap.numset import SAVED, STAR

NUMBERS = st.integers(1, 2**32 - 1)
ENDS = st.one_of(NUMBERS, st.just(STAR))
SMALL_SETS = st.sets(st.integers(1, 60), min_size=1)


def members(ranges: numset.Ranges) -> set[int]:
    return {number for low, high in ranges for number in range(low, high + 1)}


@pytest.mark.parametrize(
    ("octets", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"4294967295", ((4294967295, 4294967295),)),
        (b"*", ((STAR, STAR),)),
        (b"2:4", ((2, 4),)),
        (b"4:2", ((2, 4),)),
        (b"*:4", ((4, STAR),)),
        (b"1:*", ((1, STAR),)),
        (b"*:*", ((STAR, STAR),)),
        (b"2,4:7,9,12:*", ((2, 2), (4, 7), (9, 9), (12, STAR))),
        (b"$", SAVED),
    ],
)
def test_a_set_is_ranges_in_the_clients_order(octets: bytes, ranges: numset.Ranges) -> None:
    assert numset.parse(octets) == ranges


@pytest.mark.parametrize(
    "octets",
    b"|0|01|1:|:1|1,|,1|1:2:3|1 |-1|1:0|0:1|$,1|4294967296|1:4294967296|9999999999".split(b"|")
    + b"10000000000|**|\xb2".split(b"|")
    + [b"9" * 5000],
)
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(SyntaxFault):
        numset.parse(octets)


def test_the_number_of_ranges_is_bounded() -> None:
    most = b",".join([b"7"] * numset.RANGES)
    assert len(numset.parse(most)) == numset.RANGES
    with pytest.raises(SyntaxFault):
        numset.parse(most + b",7")


@pytest.mark.parametrize(
    ("octets", "largest", "resolved"),
    [
        (b"*", 3, ((3, 3),)),
        (b"5:*", 3, ((3, 3),)),
        (b"2:*", 3, ((2, 3),)),
        (b"1:4294967295", 3, ((1, 3),)),
        (b"5", 3, ()),
        (b"5:7", 3, ()),
        (b"1:*", 0, ()),
        (b"*", 0, ()),
        (b"3,1,2", 9, ((1, 3),)),
        (b"1:5,2:3,9", 9, ((1, 5), (9, 9))),
        (b"$", 9, ()),
    ],
)
def test_star_is_the_largest_number(octets: bytes, largest: int, resolved: numset.Ranges) -> None:
    assert numset.resolve(numset.parse(octets), largest) == resolved


@given(SMALL_SETS)
def test_encode_writes_what_parse_reads(numbers: set[int]) -> None:
    octets = numset.encode(sorted(numbers))
    ranges = numset.parse(octets)
    assert members(ranges) == numbers
    assert numset.merge(ranges) == ranges, "compact: no two ranges touch"


@given(st.lists(NUMBERS, min_size=1))
def test_encode_keeps_order_so_that_copyuid_pairs(numbers: list[int]) -> None:
    spelt: list[int] = []
    for part in numset.encode(numbers).split(b","):
        low, _, high = part.partition(b":")
        spelt.extend(range(int(low), int(high or low) + 1))
    assert spelt == numbers


@given(st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=8), st.integers(0, 40))
def test_resolved_sets_are_ascending_disjoint_and_within(
    ends: list[tuple[int, int]], largest: int
) -> None:
    text = b",".join(
        b":".join(b"*" if end == STAR else b"%d" % end for end in pair) for pair in ends
    )
    resolved = numset.resolve(numset.parse(text), largest)
    expected: set[int] = set()
    for pair in ends:
        low, high = sorted(largest if end == STAR else end for end in pair)
        expected |= set(range(max(low, 1), min(high, largest) + 1))
    assert members(resolved) == expected
    assert all(low <= high for low, high in resolved)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(resolved))
