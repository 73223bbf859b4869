"""Finding octets in many: as `bytes.find` does, whoever walks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.index.haystack import WORTHWHILE_OCTETS, Haystack

few = st.lists(st.sampled_from(b"ab\0\xff")).map(bytes)


@given(few, few, st.integers(0, 40))
def test_it_finds_what_bytes_find_finds(octets: bytes, sought: bytes, start: int) -> None:
    assert Haystack(octets).find(sought, start) == octets.find(sought, start)


@given(st.integers(0, 5_000), st.integers(WORTHWHILE_OCTETS, 300))
def test_a_long_needle_is_found_at_either_end(before: int, length: int) -> None:
    sought = b"x" * (length - 1) + b"y"
    haystack = Haystack(b"x" * before + sought)
    assert haystack.find(sought) == before
    assert haystack.find(sought, before + 1) == -1
    assert haystack.find(sought + b"y") == -1


def test_what_lies_behind_the_end_is_never_read() -> None:
    haystack = Haystack(b"needle")
    assert haystack.find(b"needle", 1) == -1
    assert haystack.find(b"needle", 6) == -1
    assert haystack.find(b"needle", 7_000_000) == -1
    assert Haystack(b"").find(b"needle") == -1
    with pytest.raises(ValueError, match="within"):
        haystack.find(b"needle", -1)
