"""List blocks: what goes in comes out, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailserver.model.errors import Corrupt
from mailserver.protocol.imap.list_block import Item, ListBlock, Listed, encode

items = st.binary(min_size=1, max_size=30)
messages = st.lists(
    st.builds(Listed, st.integers(1, 0xFFFF_FFFF), st.tuples(items, items, items, items)),
    min_size=1,
    max_size=6,
    unique_by=lambda message: message.uid,
).map(lambda some: sorted(some, key=lambda message: message.uid))


@given(messages)
def test_neighbours_are_one_slice_of_each_message(some: list[Listed]) -> None:
    block = ListBlock(encode(7, 9, some), 7, 9)
    assert block.uids.tolist() == [message.uid for message in some]
    for first in Item:
        for last in list(Item)[first:]:
            wanted = [b" ".join(message.items[first : last + 1]) for message in some]
            assert block.slices(first, last) == wanted


BLOCK = encode(
    7, 9, [Listed(4, (b"DATE", b"SIZE", b"ENV", b"BODY")), Listed(6, (b"a", b"b", b"c", b"d"))]
)


@pytest.mark.parametrize(("mailbox", "uid_validity"), [(8, 9), (7, 8), (9, 7), (0, 0)])
def test_another_mailboxs_block_is_refused(mailbox: int, uid_validity: int) -> None:
    with pytest.raises(Corrupt):
        ListBlock(BLOCK, mailbox, uid_validity)


@pytest.mark.parametrize("octets", range(len(BLOCK)))
def test_a_block_cut_short_is_refused(octets: int) -> None:
    with pytest.raises(Corrupt):
        ListBlock(BLOCK[:octets], 7, 9)


def test_a_block_of_another_version_or_length_is_refused() -> None:
    for wrong in (b"\2" + BLOCK[1:], BLOCK + b" ", encode(7, 9, [])):
        with pytest.raises(Corrupt):
            ListBlock(wrong, 7, 9)


def test_it_shows_nothing_of_what_it_holds() -> None:
    assert repr(ListBlock(BLOCK, 7, 9)) == "<list block, 2 messages>"
