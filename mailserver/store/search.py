"""The sealed search index: a tail a message, until a session merges tails into segments."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Absent, Condition, Conflict
from mailserver.model.ids import AccountId, EmailId, EpochId, ObjectId
from mailserver.model.sealed import Sealed
from mailserver.store.access import Access, Done
from mailserver.store.driver import Lookup, Sql, fetch, fetch_one, run, run_many


class TailRow(NamedTuple):
    """The sealed words of one email; sealed under the email's object and epoch."""

    email_id: EmailId
    object_id: ObjectId
    epoch: EpochId
    tail: Sealed


class NewSegment(NamedTuple):
    """A merged segment, sealed by the reader's session."""

    object_id: ObjectId
    epoch: EpochId
    first_email: EmailId
    last_email: EmailId
    documents: int
    data: Sealed


class SegmentHead(NamedTuple):
    """What a segment covers, without its data."""

    segment_id: int
    first_email: EmailId
    last_email: EmailId
    documents: int


class SegmentRow(NamedTuple):
    """A merged segment as it is stored."""

    segment_id: int
    object_id: ObjectId
    epoch: EpochId
    first_email: EmailId
    last_email: EmailId
    documents: int
    data: Sealed


_TAILS = Sql(
    "SELECT email_id, object_id, epoch, tail FROM search_tails"
    " WHERE account_id = ? AND email_id > ? ORDER BY email_id LIMIT ?"
)
_SEGMENT = "object_id, epoch, first_email, last_email, documents, data"
_SEGMENTS = Sql(
    f"SELECT segment_id, {_SEGMENT} FROM search_segments"  # noqa: S608 (our own names)
    " WHERE account_id = ? AND segment_id > ? ORDER BY segment_id"
)
_HEADS = Sql(
    "SELECT segment_id, first_email, last_email, documents FROM search_segments"
    " WHERE account_id = ? ORDER BY segment_id"
)
_ONE = Sql(
    f"SELECT segment_id, {_SEGMENT} FROM search_segments"  # noqa: S608 (our own names)
    " WHERE account_id = ? AND segment_id = ?"
)
_NEXT = Sql(
    "UPDATE accounts SET next_segment = next_segment + 1 WHERE account_id = ?"
    " RETURNING next_segment"
)
_INSERT = Sql(
    f"INSERT INTO search_segments (account_id, segment_id, {_SEGMENT})"  # noqa: S608
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_TAIL_IDS = Lookup(
    "account_id, email_id", "search_tails", [("account_id", "bytea"), ("email_id", "bigint")]
)
_SEGMENT_IDS = Lookup(
    "account_id, segment_id", "search_segments", [("account_id", "bytea"), ("segment_id", "bigint")]
)
_DROP_TAIL = Sql("DELETE FROM search_tails WHERE account_id = ? AND email_id = ?")
_DROP_SEGMENT = Sql("DELETE FROM search_segments WHERE account_id = ? AND segment_id = ?")


def _put(
    connection: Connection,
    account_id: AccountId,
    new: NewSegment,
    tails: Sequence[EmailId],
    segments: Sequence[int],
) -> Done[int]:
    counter = fetch_one(connection, _NEXT, (account_id,))
    if counter is None:
        raise Absent(Condition.NO_SUCH_USER)
    segment_id: int = counter[0] - 1
    for lookup, drop, numbers in (
        (_TAIL_IDS, _DROP_TAIL, tails),
        (_SEGMENT_IDS, _DROP_SEGMENT, segments),
    ):
        gone = [(account_id, number) for number in numbers]
        if len(lookup.rows(connection, gone)) < len(gone):
            raise Conflict(Condition.CHANGED_MEANWHILE, "this was merged or deleted meanwhile")
        run_many(connection, drop, gone)
    run(connection, _INSERT, (account_id, segment_id, *new))
    return Done(segment_id)


def _drop(connection: Connection, account_id: AccountId, segment_id: int) -> Done[None]:
    run(connection, _DROP_SEGMENT, (account_id, segment_id))
    return Done(None)


class SearchIndex:
    """The search index of accounts. It is no mail: changing it tells nobody."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def tails(
        self, account_id: AccountId, after_email_id: int = 0, limit: int = 1_000
    ) -> list[TailRow]:
        """Return at most `limit` tails of emails after a number, in order."""
        rows = await self._access.read_once(
            lambda connection: fetch(connection, _TAILS, (account_id, after_email_id, limit))
        )
        return [TailRow._make(row) for row in rows]

    async def segments(self, account_id: AccountId, after: int = 0) -> list[SegmentRow]:
        """Return the segments with a number above `after`, in order; each holds up to 1 MB."""
        rows = await self._access.read_once(
            lambda connection: fetch(connection, _SEGMENTS, (account_id, after))
        )
        return [SegmentRow._make(row) for row in rows]

    async def segment_heads(self, account_id: AccountId) -> list[SegmentHead]:
        """List all segments without their data, in order."""
        rows = await self._access.read_once(lambda c: fetch(c, _HEADS, (account_id,)))
        return [SegmentHead._make(row) for row in rows]

    async def segment(self, account_id: AccountId, segment_id: int) -> SegmentRow | None:
        """Return one segment, if it is still there."""
        row = await self._access.read_once(lambda c: fetch_one(c, _ONE, (account_id, segment_id)))
        return None if row is None else SegmentRow._make(row)

    async def put_segment(
        self,
        account_id: AccountId,
        segment: NewSegment,
        drop_tails: Sequence[EmailId],
        drop_segments: Sequence[int] = (),
    ) -> int:
        """Store a segment in place of what was merged into it; return its number.

        Raises:
            Absent: NO_SUCH_USER.
            Conflict: CHANGED_MEANWHILE, some of that is gone: another process may have merged it.
        """
        return await self._access.write(
            account_id,
            lambda connection: _put(connection, account_id, segment, drop_tails, drop_segments),
        )

    async def drop_segment(self, account_id: AccountId, segment_id: int) -> None:
        """Remove a segment none of whose emails is left."""
        await self._access.write(
            account_id, lambda connection: _drop(connection, account_id, segment_id)
        )
