"""List blocks: what lists show of many messages, sealed together by a session (ADR 8).

The invariant: a block holds exactly the entries its mailbox has between its first and its last UID.
UIDs only rise, so nothing ever comes into such a range; and whatever takes an entry away takes the
block with it, in the same transaction (`drop_holding`). Blocks of a mailbox do not overlap.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.ids import AccountId, EpochId, MailboxId, ObjectId, Uid
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import RangeRead, Row, Sql, fetch, fetch_one, run, run_many

STRETCH_BLOCKS = 8  # read at once: some 1.5 MB


class NewBlock(NamedTuple):
    """A block, sealed by the reader's session."""

    first_uid: Uid
    last_uid: Uid
    messages: int
    object_id: ObjectId
    epoch: EpochId
    data: Sealed


class BlockHead(NamedTuple):
    """What a block covers, without its data."""

    first_uid: Uid
    last_uid: Uid
    object_id: ObjectId


class Stretch(NamedTuple):
    """Blocks, and the flags of everything from the first of them to the last, on one snapshot."""

    blocks: list[NewBlock]
    flags: list[Row]
    """(UID, flags, packed keywords, MODSEQ), in UID order."""


class Place(NamedTuple):
    """A mailbox that has messages in no block."""

    mailbox_id: MailboxId
    uid_validity: int


_IN = "account_id = ? AND mailbox_id = ?"
_BLOCKS = Sql(
    "SELECT first_uid, last_uid, messages, object_id, epoch, data FROM list_blocks"  # noqa: S608
    f" WHERE {_IN} AND first_uid >= ? AND last_uid <= ? ORDER BY first_uid LIMIT ?"
)
_HEADS = Sql(
    "SELECT first_uid, last_uid, object_id FROM list_blocks"  # noqa: S608
    f" WHERE {_IN} AND first_uid <= ? AND last_uid >= ? ORDER BY first_uid"
)
_PLACES = Sql(
    "SELECT m.mailbox_id, m.uid_validity FROM mailboxes m WHERE m.account_id = ? AND m.total >= ?"
    " AND m.total > (SELECT COALESCE(SUM(b.messages), 0) FROM list_blocks b"
    " WHERE b.account_id = m.account_id AND b.mailbox_id = m.mailbox_id) ORDER BY m.mailbox_id"
)
_FLAGS = RangeRead("e.uid, e.flags, e.keywords, e.modseq", "entries e")
_UIDS = Sql(f"SELECT uid FROM entries WHERE {_IN} ORDER BY uid")  # noqa: S608
_COUNT = Sql(f"SELECT COUNT(*) FROM entries WHERE {_IN} AND uid BETWEEN ? AND ?")  # noqa: S608
_INSERT = Sql(
    "INSERT INTO list_blocks"
    " (account_id, mailbox_id, first_uid, last_uid, messages, object_id, epoch, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELETE = Sql(f"DELETE FROM list_blocks WHERE {_IN} AND first_uid = ? AND object_id = ?")  # noqa: S608


def drop_holding(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, uids: Sequence[int]
) -> None:
    """Drop the blocks that hold one of the ascending `uids`, which leave the mailbox."""
    reach = (account_id, mailbox_id, uids[-1], uids[0])
    doomed: list[Row] = []
    for first, last, object_id in fetch(connection, _HEADS, reach):
        at = bisect_left(uids, first)
        if at < len(uids) and uids[at] <= last:
            doomed.append((account_id, mailbox_id, first, object_id))
    run_many(connection, _DELETE, doomed)


def _stretch(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
) -> Stretch:
    wanted = (account_id, mailbox_id, low, high, STRETCH_BLOCKS)
    blocks = [NewBlock._make(row) for row in fetch(connection, _BLOCKS, wanted)]
    if not blocks:
        return Stretch([], [])
    reach = ((blocks[0].first_uid, blocks[-1].last_uid),)
    return Stretch(blocks, _FLAGS.rows(connection, account_id, mailbox_id, reach))


def _put(
    connection: Connection,
    account_id: AccountId,
    mailbox_id: MailboxId,
    new: NewBlock,
    instead_of: BlockHead | None,
) -> Done[bool]:
    reach = (account_id, mailbox_id, new.last_uid, new.first_uid)
    there = [BlockHead._make(row) for row in fetch(connection, _HEADS, reach)]
    if there != ([] if instead_of is None else [instead_of]):
        return Done(False)  # another session was quicker
    held = fetch_one(connection, _COUNT, (account_id, mailbox_id, new.first_uid, new.last_uid))
    if held is None or held[0] != new.messages:
        return Done(False)  # some of its messages went meanwhile
    if instead_of is not None:
        old = (account_id, mailbox_id, instead_of.first_uid, instead_of.object_id)
        run(connection, _DELETE, old)
    run(connection, _INSERT, (account_id, mailbox_id, *new))
    return Done(True)


def _layout(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId
) -> tuple["array[int]", list[BlockHead]]:
    uids = array("I", [uid for (uid,) in fetch(connection, _UIDS, (account_id, mailbox_id))])
    heads = fetch(connection, _HEADS, (account_id, mailbox_id, 0xFFFF_FFFF, 0))
    return uids, [BlockHead._make(row) for row in heads]


def _drop(
    connection: Connection, account_id: AccountId, mailbox_id: MailboxId, block: NewBlock
) -> Done[None]:
    run(connection, _DELETE, (account_id, mailbox_id, block.first_uid, block.object_id))
    return Done(None)


class ListBlocks:
    """The list blocks of mailboxes. They are no mail: changing them tells nobody."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def stretch(
        self, account_id: AccountId, mailbox_id: MailboxId, low: int, high: int
    ) -> Stretch:
        """Return the first blocks that lie wholly between two UIDs, with the flags as they stand.

        At most `STRETCH_BLOCKS` come; there may be entries between one block and the next.
        """
        return await self._access.read(lambda c: _stretch(c, account_id, mailbox_id, low, high))

    async def places(self, account_id: AccountId, least: int) -> list[Place]:
        """List the mailboxes with `least` messages or more, some of which are in no block."""
        rows = await self._access.read_once(lambda c: fetch(c, _PLACES, (account_id, least)))
        return [Place._make(row) for row in rows]

    async def layout(
        self, account_id: AccountId, mailbox_id: MailboxId
    ) -> tuple["array[int]", list[BlockHead]]:
        """Return the UIDs of a mailbox and what blocks it has, both ascending."""
        return await self._access.read(lambda c: _layout(c, account_id, mailbox_id))

    async def put(
        self,
        account_id: AccountId,
        mailbox_id: MailboxId,
        block: NewBlock,
        instead_of: BlockHead | None = None,
    ) -> bool:
        """Store a block, in the place of another where one is named; say whether it was stored.

        It is not if the mailbox no longer has just its messages, or another block lies there.
        """
        return await self._access.write(
            account_id, lambda c: _put(c, account_id, mailbox_id, block, instead_of)
        )

    async def drop(self, account_id: AccountId, mailbox_id: MailboxId, block: NewBlock) -> None:
        """Drop a block that proved to be damaged; a newer one in its place stays."""
        await self._access.write(account_id, lambda c: _drop(c, account_id, mailbox_id, block))
