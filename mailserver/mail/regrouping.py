"""List blocks made in the background: many summaries regrouped into one sealed object (ADR 8).

The newest messages of a mailbox wait until they fill a block; gaps, left where a message was
expunged, are closed at once. Two sessions may do this at the same time: the store takes a block
only if it holds just what the mailbox holds there, and only one of two.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from mailserver.mail.opened import Opened
from mailserver.model.ids import Uid, new_object_id
from mailserver.model.message import EPOCH
from mailserver.protocol.imap.list_block import Listed, encode
from mailserver.protocol.imap.response import internaldate_item, size_item
from mailserver.protocol.mime.summary import Summary
from mailserver.store.entries import EntryRow
from mailserver.store.list_blocks import BlockHead, NewBlock, Place

BLOCK_MESSAGES = 256  # an expunge costs a block; below, objects cost more than what is in them
SMALL_GAP = BLOCK_MESSAGES // 2  # it takes the block behind it in
BLOCK_OCTETS = 1 << 20  # strangers decide how long a subject is
PAUSE_SECONDS = 0.02  # others have their turn between two blocks


class Span(NamedTuple):
    """UIDs that shall lie in one block."""

    first_uid: int
    last_uid: int
    instead_of: BlockHead | None = None


class Regrouping:
    """Makes the list blocks of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._store = opened.store.list_blocks

    async def regroup(self) -> int:
        """Make blocks of what is in none, in every mailbox; return how many were made.

        Nothing is lost if it stops half-way.
        """
        await asyncio.sleep(PAUSE_SECONDS)
        made = 0
        for place in await self._store.places(self._opened.account_id, BLOCK_MESSAGES):
            uids, heads = await self._store.layout(self._opened.account_id, place.mailbox_id)
            for span in spans(uids, heads):
                made += await self._make(place, span)
                await asyncio.sleep(PAUSE_SECONDS)
        return made

    async def _make(self, place: Place, span: Span) -> int:
        rows = await self._opened.store.entries.rows(
            self._opened.account_id,
            place.mailbox_id,
            [(span.first_uid, span.last_uid)],
            summary=True,
        )
        await self._opened.open_epochs({row.epoch for row in rows})
        listed = self._listed(rows)
        made, instead_of = 0, span.instead_of
        for messages in _cut(listed):
            made += await self._put(place, messages, instead_of)
            instead_of = None
        return made

    def _listed(self, rows: Sequence[EntryRow]) -> list[Listed]:
        """Write out what lasts of each message; nothing at all where one cannot be opened."""
        opened = self._opened.unlocked.open_summaries(rows)
        listed = []
        for row, summary in zip(rows, opened, strict=True):
            if summary is None:
                return []  # it is told as damaged where it is listed by itself
            read = Summary(summary.reveal())
            items = (
                internaldate_item(EPOCH + timedelta(microseconds=row.internaldate_us)),
                size_item(row.size_octets),
                b"ENVELOPE " + read.envelope,
                b"BODYSTRUCTURE " + read.bodystructure,
            )
            listed.append(Listed(row.uid, items))
        return listed

    async def _put(
        self, place: Place, messages: Sequence[Listed], instead_of: BlockHead | None
    ) -> bool:
        key = await self._opened.owner_key()
        object_id = new_object_id()
        block = encode(place.mailbox_id, place.uid_validity, messages)
        return await self._store.put(
            self._opened.account_id,
            place.mailbox_id,
            NewBlock(
                Uid(messages[0].uid),
                Uid(messages[-1].uid),
                len(messages),
                object_id,
                key.epoch,
                key.seal_list_block(object_id, block),
            ),
            instead_of,
        )


def spans(uids: Sequence[int], heads: Sequence[BlockHead]) -> list[Span]:
    """Say which blocks are to be made of a mailbox with `uids` that has the blocks `heads`.

    Behind the last block only full ones are made: what is left waits for more.
    """
    found: list[Span] = []
    at = 0
    for head in heads:
        first, end = bisect_left(uids, head.first_uid), bisect_right(uids, head.last_uid)
        if first - at >= SMALL_GAP:
            found += _evenly(uids[at:first])
        elif first > at:
            taken = _evenly(uids[at:end])
            found += [taken[0]._replace(instead_of=head), *taken[1:]]
        at = end
    full = at + (len(uids) - at) // BLOCK_MESSAGES * BLOCK_MESSAGES
    return found + (_evenly(uids[at:full]) if full > at else [])


def _evenly(uids: Sequence[int]) -> list[Span]:
    """Cut UIDs into as few spans as they need, all of one size."""
    count = -(-len(uids) // BLOCK_MESSAGES)
    bounds = [len(uids) * number // count for number in range(count + 1)]
    return [Span(uids[low], uids[high - 1]) for low, high in pairwise(bounds)]


def _cut(messages: Sequence[Listed]) -> list[Sequence[Listed]]:
    """Cut in halves what is too large for a block."""
    if not messages:
        return []
    octets = sum(len(item) for message in messages for item in message.items)
    if octets <= BLOCK_OCTETS or len(messages) == 1:
        return [messages]
    middle = len(messages) // 2
    return _cut(messages[:middle]) + _cut(messages[middle:])
