"""The search index of an unlocked account: opened, searched, and merged in the background.

Deliveries leave one sealed tail each. The first search opens segments and tails into memory; later
ones open only the new tails. When enough tails have gathered they are merged into segments, whose
frames are copied as they are, under the session's own key.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import date

from mailserver.index import segment
from mailserver.index.query import Block
from mailserver.mail.letter import framer
from mailserver.mail.opened import Opened
from mailserver.model.errors import Conflict
from mailserver.model.ids import EmailId, new_object_id
from mailserver.model.query import Field
from mailserver.store.search import NewSegment, SegmentRow, TailRow

SETTLE_TAILS = 1_024  # in a session that stays open
MERGE_TAILS = 256  # so many small objects cost about as much to open as one segment
TAIL_ROWS = 1_000
MERGE_PAUSE_SECONDS = 0.02  # others have their turn between two segments

Frames = list[tuple[EmailId, bytes]]


class Index:
    """Search text of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._cache = opened.index
        self._refreshing = opened.index_lock

    async def matching(self, field: Field, text: str) -> set[EmailId]:
        """Return the messages that contain `text` in `field`."""
        found: set[EmailId] = set()
        for block in await self._blocks():
            found |= block.matching(field, text)
            await asyncio.sleep(0)
        return found

    async def with_header(self, name: str, text: str) -> set[EmailId]:
        """Return the messages with a header field `name` that contains `text`."""
        found: set[EmailId] = set()
        for block in await self._blocks():
            found |= block.with_header(name, text)
        return found

    async def sent_days(self) -> dict[EmailId, date | None]:
        """Return the day each message says it was sent."""
        days: dict[EmailId, date | None] = {}
        for block in await self._blocks():
            days.update(block.sent_days())
        return days

    async def merge(self) -> int:
        """Merge gathered tails into segments and rewrite those with many gone messages.

        Returns how many tails were merged. Nothing is lost if it stops half-way: a tail is
        dropped in the transaction that stores the segment with its document. Another process that
        holds the account open may be at it, too: whoever is second looks again.
        """
        account, search = self._opened.account_id, self._opened.store.tails
        merged = 0
        while len(rows := await search.tails(account, EmailId(0), TAIL_ROWS)) >= MERGE_TAILS:
            frames = await self._frames(rows)
            if not frames:
                break  # all of them damaged: they stay for the repair that reads the messages
            with suppress(Conflict):
                for batch in segment.merge(frames):
                    await self._put(batch, dropped_tails=[email_id for email_id, _ in batch])
                    merged += len(batch)
                    await asyncio.sleep(MERGE_PAUSE_SECONDS)
        merged += await self._rewrite_worn()
        return merged

    async def _blocks(self) -> list[Block]:
        """Return the text of every message, with what came since the last search.

        Tails are read before segments: a tail that is merged meanwhile is then seen twice, which
        does no harm, and never missed.
        """
        async with self._refreshing:
            await self._load_tails()
            await self._load_segments()
            if self._cache.tail_count >= SETTLE_TAILS:
                self._opened.settle()
            self._cache.searched()
            return list(self._cache.blocks())

    async def _load_segments(self) -> None:
        account, tails = self._opened.account_id, self._opened.store.tails
        heads = {head.segment_id: head for head in await tails.segment_heads(account)}
        known = self._cache.segments
        for gone in known.keys() - heads.keys():
            del known[gone]
        fresh = sorted(heads.keys() - known.keys())
        for number in fresh:
            row = await tails.segment(account, number)
            if row is not None:
                await self._opened.open_epochs([row.epoch])
                known[number] = await self._opened.offload(self._block, row)
        if fresh:
            self._cache.drop_merged(max(head.last_email for head in heads.values()))

    async def _load_tails(self) -> None:
        search = self._opened.store.tails
        while True:
            rows = await search.tails(self._opened.account_id, self._cache.read_to, TAIL_ROWS)
            if not rows:
                return
            frames = await self._frames(rows)
            if len(frames) > 100:
                block = await self._opened.offload(_block_of, frames)
            else:
                block = _block_of(frames)
            self._cache.tails.append(block)
            self._cache.read_to = rows[-1].email_id
            if len(rows) < TAIL_ROWS:
                return

    async def _frames(self, rows: Sequence[TailRow]) -> Frames:
        await self._opened.open_epochs({row.epoch for row in rows})
        opened = self._opened.unlocked.open_tails(rows)
        return [
            (row.email_id, frame.reveal())
            for row, frame in zip(rows, opened, strict=True)
            if frame is not None
        ]

    def _block(self, row: SegmentRow) -> Block:
        return _block_of(segment.parse(self._reveal(row)))

    def _reveal(self, row: SegmentRow) -> bytes:
        unlocked = self._opened.unlocked
        return unlocked.open_segment(row.epoch, row.object_id, row.data).reveal()

    async def _put(
        self,
        batch: Frames,
        *,
        dropped_tails: Sequence[EmailId] = (),
        dropped_segments: Sequence[int] = (),
    ) -> None:
        key = await self._opened.owner_key()
        object_id = new_object_id()
        sealed = key.seal_segment(object_id, segment.encode(batch))
        await self._opened.store.tails.put_segment(
            self._opened.account_id,
            NewSegment(
                object_id=object_id,
                epoch=key.epoch,
                first_email=batch[0][0],
                last_email=batch[-1][0],
                documents=len(batch),
                data=sealed,
            ),
            dropped_tails,
            dropped_segments,
        )

    async def _rewrite_worn(self) -> int:
        """Rewrite segments too many of whose messages are gone; return how many there were."""
        account, rewritten = self._opened.account_id, 0
        store = self._opened.store
        for head in await store.tails.segment_heads(account):
            living = await store.emails.existing(account, head.first_email, head.last_email)
            if len(living) >= head.documents * (1 - segment.DEAD_SHARE):
                continue
            row = await store.tails.segment(account, head.segment_id)
            if row is None:
                continue  # another connection was quicker
            await self._opened.open_epochs([row.epoch])
            documents = segment.parse(self._reveal(row))
            kept = [(email_id, frame) for email_id, frame in documents if email_id in living]
            with suppress(Conflict):  # another process was quicker
                if kept:
                    await self._put(kept, dropped_segments=[row.segment_id])
                else:
                    await store.tails.drop_segment(account, row.segment_id)
                rewritten += 1
        return rewritten


def _block_of(frames: Frames) -> Block:
    documents = framer().open_all([frame for _, frame in frames])
    return Block(
        (email_id, document) for (email_id, _), document in zip(frames, documents, strict=True)
    )
