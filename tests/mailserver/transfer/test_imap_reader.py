"""Octets cut into responses, however they come and whatever they claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Condition, PeerFault
from mailserver.transfer.imap_reader import DROPPED_OCTETS, LINE_OCTETS, Oversized, Reader, Response

SAID = (
    b"* OK [ALERT] a text that ends in {5}\r\n"
    b"* 1 FETCH (BODY[] {5}\r\nab\r\n) FLAGS (\\Seen))\r\n"
    b"* 2 FETCH (BODY[] {0}\r\n UID 2)\r\n"
    b'* LIST () "/" "a* b"\n'
    b'* LIST () "/" {3+}\r\na\r\n\r\n'
    b"A1 NO not {7}\r\n"
    b"+ {9}\r\n"
)
MEANT = [
    (b"* OK [ALERT] a text that ends in {5}",),
    (b"* 1 FETCH (BODY[] {5}", b"ab\r\n)", b" FLAGS (\\Seen))"),
    (b"* 2 FETCH (BODY[] {0}", b"", b" UID 2)"),
    (b'* LIST () "/" "a* b"',),
    (b'* LIST () "/" {3+}', b"a\r\n", b""),
    (b"A1 NO not {7}",),
    (b"+ {9}",),
]


def fed(octets: bytes, cuts: list[int], literal_octets: int = 1_000) -> list[Response]:
    reader, found, at = Reader(literal_octets), [], 0
    for cut in [*sorted(cuts), len(octets)]:
        found += reader.feed(octets[at:cut])
        at = max(at, cut)
    assert reader.idle
    return found


@given(st.lists(st.integers(0, len(SAID))))
def test_chunks_do_not_matter(cuts: list[int]) -> None:
    assert [response.pieces for response in fed(SAID, cuts)] == MEANT


def test_a_thousand_lines_in_one_chunk_are_read() -> None:
    line = b"* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n"
    assert len(fed(line * 5_000, [])) == 5_000


@given(st.lists(st.integers(0, 60)))
def test_a_literal_that_is_too_long_is_read_and_dropped(cuts: list[int]) -> None:
    octets = b"* 1 FETCH (BODY[] {20}\r\n" + b"x" * 20 + b" UID 1)\r\nA1 OK\r\n"
    first, second = fed(octets, cuts, literal_octets=19)
    assert first.pieces == (b"* 1 FETCH (BODY[] {20}", Oversized(20), b" UID 1)")
    assert second.line == b"A1 OK"


@pytest.mark.parametrize(
    "octets",
    [
        b"x" * (LINE_OCTETS + 1),
        b"* 1 FETCH (BODY[] {%d}\r\n" % (DROPPED_OCTETS + 1),
        b"* LIST ({1}\r\nx" + b" {1}\r\nx" * 10_000,
    ],
)
def test_what_has_no_end_is_refused(octets: bytes) -> None:
    with pytest.raises(PeerFault) as fault:
        Reader(1_000).feed(octets)
    assert fault.value.condition is Condition.TOO_LARGE


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_nothing_else_goes_wrong(octets: bytes, cuts: list[int]) -> None:
    reader, at = Reader(10), 0
    for cut in [*sorted(cuts), len(octets)]:
        reader.feed(octets[at:cut])
        at = max(at, cut)
