"""Padmé: its paper's formula, its price, and a padding that comes off."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.crypto.padding import pad, padme_octets, unpad
from mailserver.model.errors import Condition, Corrupt


def paper(length: int) -> int:
    """Algorithm 1 of Nikitin et al. (PETS 2019), in its own terms."""
    e = math.floor(math.log2(length))
    s = math.floor(math.log2(e)) + 1
    low = e - s
    mask = int(2**low) - 1
    return (length + mask) & ~mask


@given(st.integers(2, 2**40))
def test_it_is_the_formula_of_the_paper(length: int) -> None:
    assert padme_octets(length) == paper(length)


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (0, 0),
        (1, 1),
        (2, 2),
        (8, 8),
        (9, 10),
        (100, 104),
        (1000, 1024),
        (1025, 1088),
        (10**6, 1015808),
    ],
)
def test_lengths_worked_out_by_hand(length: int, padded: int) -> None:
    assert padme_octets(length) == padded


@given(st.integers(0, 2**40))
def test_a_padded_length_holds_and_is_padded_already(length: int) -> None:
    padded = padme_octets(length)
    assert padded >= length
    assert padme_octets(padded) == padded
    assert padded - length <= 0.12 * length  # "at most 12 %", §4.1 of the paper


def test_few_lengths_remain() -> None:
    assert len({padme_octets(n) for n in range(1, 1 << 16)}) < 350


@given(st.binary(max_size=2000))
def test_what_is_padded_comes_off(octets: bytes) -> None:
    padded = pad(octets)
    assert len(padded) == padme_octets(len(octets) + 1)
    assert unpad(padded) == octets


@pytest.mark.parametrize("octets", [b"\0", b"\0" * 100, b"\x80", b"\x80\0", b""])
def test_octets_that_look_like_padding_survive(octets: bytes) -> None:
    assert unpad(pad(octets)) == octets


@pytest.mark.parametrize("octets", [b"", b"\0\0\0", b"text", b"text\x81\0"])
def test_what_was_never_padded_raises(octets: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        unpad(octets)
    assert caught.value.condition is Condition.DAMAGED
