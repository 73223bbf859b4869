"""Segments hold documents side by side and give back exactly those."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.index.document import Framer, SearchText
from mailserver.index.segment import SEGMENT_OCTETS, encode, merge, parse
from mailserver.model.errors import Corrupt
from mailserver.model.ids import EmailId

DOCUMENTS = st.lists(st.tuples(st.integers(1, 2**40).map(EmailId), st.binary(max_size=200)))


@given(DOCUMENTS)
def test_round_trip(documents: list[tuple[EmailId, bytes]]) -> None:
    assert parse(encode(documents)) == documents


@given(st.binary(max_size=80))
def test_other_octets_are_refused_or_equal(octets: bytes) -> None:
    try:
        documents = parse(octets)
    except Corrupt:
        return
    assert encode(documents) == octets


@pytest.mark.parametrize("cut", [0, 4, 16, -1])
def test_a_cut_segment_is_refused(cut: int) -> None:
    with pytest.raises(Corrupt):
        parse(encode([(EmailId(1), b"frame"), (EmailId(2), b"frame")])[:cut])


def test_merge_fills_segments_and_drops_the_gone() -> None:
    frame = b"x" * 300_000
    documents = [(EmailId(number), frame) for number in range(1, 11)]
    batches = list(merge(documents, gone={EmailId(4)}))
    assert [email_id for batch in batches for email_id, _ in batch] == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert all(len(encode(batch)) <= SEGMENT_OCTETS + 1_000 for batch in batches)
    assert len(batches) == 3


def test_t_obj_7_every_document_is_a_frame_of_its_own() -> None:
    framer = Framer()
    one, two = framer.frame(SearchText(body="a secret")), framer.frame(SearchText(body="a secret"))
    documents = parse(encode([(EmailId(1), one), (EmailId(2), two)]))
    for _, frame in documents:
        assert framer.open(frame)[1] == b"a secret"
    assert one == two  # nothing of a neighbour decides its size
