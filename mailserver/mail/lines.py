"""Lists read from list blocks: some forty objects for ten thousand messages (ADR 8).

A block has what never changes; flags are read live, on the same snapshot. A block that does not
open, or does not hold what the mailbox holds, is dropped, and its messages are read one by one: no
damage to a block hides a message.
"""

import asyncio
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailserver.mail.messages import Ranges
from mailserver.mail.opened import Opened
from mailserver.model.errors import Corrupt, Locked, Transient
from mailserver.model.ids import MailboxId
from mailserver.model.message import Flag, Keywords
from mailserver.protocol.imap.list_block import ListBlock
from mailserver.runtime.log import get_logger
from mailserver.store.list_blocks import NewBlock, Stretch
from mailserver.store.packing import unpack_keywords

log = get_logger("mail")

FLAG_ROWS = 2_000  # written in some 2 ms, then others get their turn
NARROW_UIDS = 64  # ranges below this are not worth the question

State = tuple[int, bytes | None]
"""Flags and keywords as an entry stores them; many messages share one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Some messages of a mailbox, in UID order: their flags, and the block they all lie in."""

    block: ListBlock | None
    """None where flags are all that was asked for."""
    uids: "array[int]"
    states: Sequence[State]
    """Of each message."""
    modseqs: Sequence[int]
    flags: Mapping[State, tuple[Flag, Keywords]]
    """What each of the states stands for."""


class Lines:
    """The lists of one unlocked account."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def read(
        self, mailbox_id: MailboxId, uid_validity: int, ranges: Ranges
    ) -> AsyncIterator[Listed | Ranges]:
        """Yield what blocks have of `ranges`, and the ranges in between, in UID order.

        What is in no block is left to the caller to read. Only blocks that lie in a range as a
        whole are used.
        """
        store, account = self._opened.store.list_blocks, self._opened.account_id
        rest: list[tuple[int, int]] = []
        for low, high in ranges:
            at = low
            while high - at >= NARROW_UIDS:
                stretch = await store.stretch(account, mailbox_id, at, high)
                if not stretch.blocks:
                    break
                await self._opened.open_epochs({block.epoch for block in stretch.blocks})
                uids = [row[0] for row in stretch.flags]
                for block in stretch.blocks:
                    if at < block.first_uid:
                        rest.append((at, block.first_uid - 1))
                    listed = await self._listed(mailbox_id, uid_validity, block, stretch, uids)
                    if listed is None:
                        rest.append((block.first_uid, block.last_uid))
                    else:
                        if rest:
                            yield rest
                            rest = []
                        yield listed
                    at = block.last_uid + 1
            if at <= high:
                rest.append((at, high))
        if rest:
            yield rest

    async def _listed(
        self,
        mailbox_id: MailboxId,
        uid_validity: int,
        block: NewBlock,
        stretch: Stretch,
        uids: list[int],
    ) -> Listed | None:
        """Open a block and join its messages' flags to it; None where it cannot be used."""
        try:
            opened = self._open(mailbox_id, uid_validity, block)
        except Corrupt:
            await self._drop(mailbox_id, block)
            return None
        except Locked:
            if self._opened.unlocked.closed:
                raise
            return None  # a key out of reach is no damage
        first, end = bisect_left(uids, block.first_uid), bisect_right(uids, block.last_uid)
        if opened.uids.tolist() != uids[first:end]:
            await self._drop(mailbox_id, block)
            return None
        return await self._joined(opened, opened.uids, stretch.flags[first:end])

    async def flags(self, mailbox_id: MailboxId, ranges: Ranges) -> AsyncIterator[Listed]:
        """Yield the flags of the entries in `ranges`, in UID order."""
        rows = await self._opened.store.entries.flags(self._opened.account_id, mailbox_id, ranges)
        for start in range(0, len(rows), FLAG_ROWS):
            if start:
                await asyncio.sleep(0)
            some = rows[start : start + FLAG_ROWS]
            yield await self._joined(None, array("I", [row[0] for row in some]), some)

    async def _joined(
        self, block: ListBlock | None, uids: "array[int]", rows: Sequence[tuple[Any, ...]]
    ) -> Listed:
        _, flags, keywords, modseqs = zip(*rows, strict=True)
        states = list(zip(flags, keywords, strict=True))
        return Listed(block, uids, states, modseqs, await self._named(set(states)))

    def _open(self, mailbox_id: MailboxId, uid_validity: int, block: NewBlock) -> ListBlock:
        unlocked = self._opened.unlocked
        octets = unlocked.open_list_block(block.epoch, block.object_id, block.data).reveal()
        return ListBlock(octets, mailbox_id, uid_validity)

    async def _named(self, states: set[State]) -> Mapping[State, tuple[Flag, Keywords]]:
        return {
            (flags, packed): (
                Flag(flags),
                await self._opened.keywords.names(unpack_keywords(packed)),
            )
            for flags, packed in states
        }

    async def _drop(self, mailbox_id: MailboxId, block: NewBlock) -> None:
        """Drop a damaged block; its messages will be regrouped."""
        log.error("list block damaged", mailbox=mailbox_id, object=block.object_id.hex())
        try:
            await self._opened.store.list_blocks.drop(self._opened.account_id, mailbox_id, block)
        except Transient as error:  # a full disk must not keep anybody from reading
            log.warning("list block not dropped", condition=error.condition.name)
