"""Which list blocks are to be made: all of a mailbox but the newest, and no block twice."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mailserver.mail.regrouping import BLOCK_MESSAGES, SMALL_GAP, spans
from mailserver.model.ids import Uid, new_object_id
from mailserver.store.list_blocks import BlockHead


def head(first: int, last: int) -> BlockHead:
    return BlockHead(Uid(first), Uid(last), new_object_id())


def bounds(uids: range, *heads: BlockHead) -> list[tuple[int, int]]:
    return [(span.first_uid, span.last_uid) for span in spans(uids, heads)]


def test_the_newest_wait_until_they_fill_a_block() -> None:
    full = BLOCK_MESSAGES
    assert bounds(range(1, full)) == []
    assert bounds(range(1, full + 1)) == [(1, full)]
    assert bounds(range(1, full * 2 + 9)) == [(1, full), (full + 1, full * 2)]
    assert bounds(range(1, full * 2 + 9), head(1, full)) == [(full + 1, full * 2)]
    assert bounds(range(1, full * 2), head(1, full)) == []
    assert bounds(range(0)) == []


def test_a_gap_is_closed_and_a_small_one_takes_the_next_block_in() -> None:
    uids = range(1, 1_001)
    assert bounds(uids, head(1, 300), head(300 + SMALL_GAP + 1, 1_000)) == [(301, 300 + SMALL_GAP)]
    behind = head(301 + 3, 1_000 - BLOCK_MESSAGES)
    [first, *rest] = spans(uids, [head(1, 300), behind])
    assert (first.first_uid, first.instead_of) == (301, behind)
    assert all(span.instead_of is None for span in rest)


@given(
    st.sets(st.integers(1, 4_000), max_size=1_500).map(sorted),
    st.lists(st.integers(1, 4_000), max_size=12, unique=True).map(sorted),
)
def test_spans_cover_each_gap_once_and_leave_less_than_a_block(
    uids: list[int], ends: list[int]
) -> None:
    heads = [head(low, high) for low, high in zip(ends[::2], ends[1::2], strict=False)]
    made = spans(uids, heads)
    replaced = {span.instead_of for span in made}
    kept = [each for each in heads if each not in replaced]
    covered = [(int(each.first_uid), int(each.last_uid)) for each in kept]
    covered += [(span.first_uid, span.last_uid) for span in made]
    covered.sort()
    assert all(before[1] < after[0] for before, after in pairwise(covered))
    loose = [uid for uid in uids if not any(low <= uid <= high for low, high in covered)]
    assert len(loose) < BLOCK_MESSAGES
    last = max((each.last_uid for each in heads), default=0)
    assert all(uid > last for uid in loose)
    for span in made:
        held = [uid for uid in uids if span.first_uid <= uid <= span.last_uid]
        assert 0 < len(held) <= BLOCK_MESSAGES
        assert held[0] == span.first_uid
        assert held[-1] == span.last_uid
