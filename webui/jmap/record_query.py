"""/query and /queryChanges of records: all of a kind are looked at, for they are few.

Source: RFC 8620 §5.5, §5.6.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailserver.mail.records import Value
from mailserver.model.ids import ModSeq
from mailserver.model.record import RecordId
from webui.jmap.changing import (
    Query,
    QueryChanges,
    page,
    query_changes_response,
    query_response,
)
from webui.jmap.context import Context
from webui.jmap.errors import MethodError
from webui.jmap.matching import comparators, filter_of
from webui.jmap.records import Cursor, RecordType
from webui.jmap.registry import Properties


@dataclass(frozen=True, slots=True)
class Queried:
    """How one data type is filtered and sorted."""

    what: RecordType
    condition: Callable[[str, Any], Callable[[Value], bool]]
    keys: Mapping[str, Callable[[Value], Any]]
    """By the property that is sorted by; where it says the same of two, the older is first."""


async def query(context: Context, arguments: Query, queried: Queried) -> Properties:
    """Answer a /query."""
    state, values = await context.account.records.all(queried.what.kind)
    found = _found(arguments, values, queried)
    anchor = None if arguments.anchor is None else queried.what.number(arguments.anchor)
    shown = page(arguments, found, anchor)
    response = query_response(context, arguments, len(found), str(state.modseq), shown)
    response["ids"] = [queried.what.id_of(RecordId(number)) for number in shown.ids]
    return response


async def query_changes(context: Context, arguments: QueryChanges, queried: Queried) -> Properties:
    """Answer a /queryChanges: whatever changed leaves the list, and comes where it belongs now."""
    what = queried.what
    since = Cursor.parse(arguments.since_query_state)
    if since is None:
        raise MethodError("cannotCalculateChanges")
    state, values = await context.account.records.all(what.kind)
    if since.modseq > state.modseq or since.modseq < min(state.pruned, state.modseq):
        raise MethodError("cannotCalculateChanges")
    found = _found(arguments, values, queried)
    # Read last: what changes in between is told of once more, and never too little.
    _, told = await context.account.records.changes(what.kind, ModSeq(since.modseq))
    changed = {each.record_id for each in told}
    old = {each.record_id for each in told if each.created_modseq <= since.modseq}
    removed = [what.id_of(number) for number in sorted(changed & old)]
    added = [(at, what.id_of(RecordId(n))) for at, n in enumerate(found) if n in changed]
    return query_changes_response(context, arguments, str(state.modseq), removed, added, len(found))


def _found(
    arguments: Query | QueryChanges, values: Mapping[RecordId, Value], queried: Queried
) -> list[int]:
    """Return the numbers of the records that match, in order."""
    fits = filter_of(arguments.filter, queried.condition)
    order = comparators(arguments.sort, queried.keys)
    found = [number for number, value in values.items() if fits(value)]
    for by, ascending in reversed(order):
        key = queried.keys[by]
        found.sort(key=lambda number: key(values[number]), reverse=not ascending)
    return list(map(int, found))
