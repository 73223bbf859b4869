"""What became of mail that an account submitted, as far as the queue still knows."""

from typing import NamedTuple

from mailserver.mail.opened import Opened
from mailserver.mail.queue_items import decode_item
from mailserver.model.address import Address
from mailserver.model.envelope import RemoteReply
from mailserver.model.errors import Absent
from mailserver.model.ids import QueueId
from mailserver.vault.queued import open_item


class Waiting(NamedTuple):
    """A recipient whose copy is in the queue."""

    address: Address
    last: RemoteReply | None
    """What became of the last attempt; None where there was none."""


class Posted:
    """What one unlocked account has in the queue."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def waiting(self, queue_ids: list[QueueId]) -> list[Waiting]:
        """Return those of the account's rows that are still in the queue. Raises Corrupt."""
        found = []
        for queue_id in queue_ids:
            try:
                row = await self._opened.store.queue.row(queue_id)
            except Absent:
                continue
            if row.account_id == self._opened.account_id:
                item = decode_item(open_item(self._opened.unlocked.guard, queue_id, row.item))
                found.append(Waiting(item.recipient.address, item.last))
        return found
