"""What every /changes and /queryChanges of mail has in common (RFC 8620 §5.2, §5.5, §5.6)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from mailserver.mail.email_changes import Answer
from mailserver.mail.state import Cursor
from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, invalid
from webui.jmap.registry import OfAccount, Properties


class Changes(OfAccount):
    """The arguments of a /changes."""

    since_state: str
    max_changes: int | None = None


class Query(OfAccount):
    """The arguments of a /query; `filter` is read by its type."""

    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    position: int = 0
    anchor: str | None = None
    anchor_offset: int = 0
    limit: int | None = None
    calculate_total: bool = False


class QueryChanges(OfAccount):
    """The arguments of a /queryChanges."""

    since_query_state: str
    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    max_changes: int | None = None
    up_to_id: str | None = None
    calculate_total: bool = False


Ask = Callable[[Cursor, int | None], Awaitable[Answer | None]]


async def changes(
    context: Context, arguments: Changes, ask: Ask, written: Callable[[int], str]
) -> tuple[Properties, Answer]:
    """Answer a /changes; `written` writes an id."""
    if arguments.max_changes is not None and arguments.max_changes <= 0:
        raise invalid("maxChanges is above 0")
    at = Cursor.parse(arguments.since_state)
    answer = None if at is None else await ask(at, arguments.max_changes)
    if answer is None:
        raise MethodError("cannotCalculateChanges")
    changed = answer.changed
    return {
        "accountId": context.account_id,
        "oldState": arguments.since_state,
        "newState": str(answer.new),
        "hasMoreChanges": answer.more,
        "created": list(map(written, changed.created)),
        "updated": list(map(written, changed.updated)),
        "destroyed": list(map(written, changed.destroyed)),
    }, answer


class Page(NamedTuple):
    """Some of a query's results."""

    position: int
    ids: list[int]
    limit: int | None
    """Where it was less than the client asked for."""


def reach(arguments: Query) -> int | None:
    """Return how many of a result's first are enough for a page; None: all of them."""
    if arguments.anchor is not None or arguments.position < 0:
        return None
    asked = limits.QUERY_LIMIT if arguments.limit is None else arguments.limit
    return arguments.position + max(0, min(asked, limits.QUERY_LIMIT))


def page(arguments: Query, found: Sequence[int], anchor: int | None) -> Page:
    """Cut the page out of `found` that a client asks for; `anchor` is the id it named.

    Raises:
        MethodError: invalidArguments, anchorNotFound.
    """
    if arguments.limit is not None and arguments.limit < 0:
        raise invalid("limit is not below 0")
    if arguments.anchor is not None:
        if anchor is None or anchor not in found:
            raise MethodError("anchorNotFound")
        position = max(0, found.index(anchor) + arguments.anchor_offset)
    elif arguments.position < 0:
        position = max(0, len(found) + arguments.position)
    else:
        position = arguments.position
    asked = arguments.limit
    limit = limits.QUERY_LIMIT if asked is None else min(asked, limits.QUERY_LIMIT)
    ids = list(found[position : position + limit])
    return Page(position, ids, limit if asked != limit else None)


def query_response(
    context: Context, arguments: Query, total: int | None, state: str, shown: Page
) -> Properties:
    """Return the arguments of a /query's response, but for the ids."""
    response: Properties = {
        "accountId": context.account_id,
        "queryState": state,
        "canCalculateChanges": True,
        "position": shown.position,
    }
    if arguments.calculate_total:
        response["total"] = total
    if shown.limit is not None:
        response["limit"] = shown.limit
    return response


def query_changes_response(
    context: Context,
    arguments: QueryChanges,
    new_state: str,
    removed: list[str],
    added: list[tuple[int, str]],
    total: int,
) -> Properties:
    """Return the arguments of a /queryChanges' response. Raises MethodError (tooManyChanges)."""
    most = arguments.max_changes
    if most is not None and most <= 0:
        raise invalid("maxChanges is above 0")
    if most is not None and len(removed) + len(added) > most:
        raise MethodError("tooManyChanges")
    response: Properties = {
        "accountId": context.account_id,
        "oldQueryState": arguments.since_query_state,
        "newQueryState": new_state,
        "removed": removed,
        "added": [{"id": name, "index": index} for index, name in added],
    }
    if arguments.calculate_total:
        response["total"] = total
    return response
