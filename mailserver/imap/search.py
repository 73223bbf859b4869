"""SEARCH: from the client's numbers to UIDs, and back after the search (RFC 9051 §6.4.4)."""

from collections.abc import Sequence

from mailserver.imap.view import View
from mailserver.model.ids import ModSeq, Uid
from mailserver.model.query import And, InSequence, InUids, Not, Or, Query
from mailserver.protocol.imap import numset
from mailserver.protocol.imap.command import Search, SearchReturn
from mailserver.protocol.imap.numset import Ranges, UidSet
from mailserver.protocol.imap.response import esearch_line, search_line


def in_uids(query: Query, view: View, saved: Ranges) -> Query:
    """Return `query` with every set of numbers as ranges of UIDs; `saved` stands in for `$`.

    Raises:
        PeerFault: a sequence number is above the number of messages.
    """
    match query:
        case InSequence(ranges):
            return InUids(view.sequence_to_uids(ranges, saved))
        case InUids(ranges):
            return InUids(view.uid_ranges(UidSet(ranges), saved))
        case Not(key):
            return Not(in_uids(key, view, saved))
        case And(keys):
            return And(tuple(in_uids(key, view, saved) for key in keys))
        case Or(keys):
            return Or(tuple(in_uids(key, view, saved) for key in keys))
        case _:
            return query


def result(
    command: Search, tag: bytes, view: View, uids: Sequence[Uid], modseq: ModSeq | None
) -> bytes:
    """Write the answer for the ascending `uids` that were found; empty where none is wanted.

    `modseq` is the highest of the messages found, where a MODSEQ key asked for it (RFC 7162
    §3.1.5). UIDs that the client does not count are not told.
    """
    numbers: Sequence[int] = view.positions(uids)
    if command.by_uid:
        numbers = [view.uids[position - 1] for position in numbers]
    wanted = command.returned
    if wanted is None:
        return search_line(numbers, modseq)
    if wanted == {SearchReturn.SAVE}:
        return b""
    return esearch_line(
        tag,
        by_uid=command.by_uid,
        least=numbers[0] if numbers and SearchReturn.MIN in wanted else None,
        greatest=numbers[-1] if numbers and SearchReturn.MAX in wanted else None,
        found=numbers if SearchReturn.ALL in wanted else (),
        count=len(numbers) if SearchReturn.COUNT in wanted else None,
        modseq=modseq if numbers else None,
    )


def to_save(command: Search, uids: Sequence[Uid]) -> Ranges:
    """Return what `$` stands for after this search: all, or only the ends that were asked for.

    Source: RFC 5182 §2.1.
    """
    wanted = command.returned or frozenset()
    kept = list(uids)
    if uids and not wanted & {SearchReturn.ALL, SearchReturn.COUNT}:
        ends = [uids[0]] if SearchReturn.MIN in wanted else []
        ends += [uids[-1]] if SearchReturn.MAX in wanted else []
        kept = ends or kept
    return numset.merge((uid, uid) for uid in kept)
