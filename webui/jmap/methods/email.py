"""Emails: get, changes, query, queryChanges (RFC 8621 §4.2 to §4.5)."""

from mailserver.mail.email_query import Found
from mailserver.mail.state import Cursor, State
from mailserver.model.ids import EmailId, ThreadId
from webui.jmap import blobs, email_filter, email_objects, ids
from webui.jmap.changing import (
    Changes,
    Query,
    QueryChanges,
    changes,
    page,
    query_changes_response,
    query_response,
    reach,
)
from webui.jmap.context import Context
from webui.jmap.email_objects import Bodily, Plan
from webui.jmap.errors import MethodError
from webui.jmap.getting import wanted
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.registry import Method, Module, Properties


class EmailGet(Bodily):
    """The arguments of Email/get."""

    ids: list[str] | None = None


class EmailQuery(Query):
    """The arguments of Email/query."""

    collapse_threads: bool = False


class EmailQueryChanges(QueryChanges):
    """The arguments of Email/queryChanges."""

    collapse_threads: bool = False


async def _get(context: Context, arguments: EmailGet) -> Properties:
    plan = Plan(arguments)
    emails = context.account.emails
    state = await emails.state()
    if arguments.ids is None:
        catalogue = await emails.catalogue()
        there = catalogue.newest_first(catalogue.living())
        asked = wanted(ids.of_email(EmailId(n)) for n in there)
    else:
        asked = wanted(arguments.ids)
    numbers = [each for each in map(ids.email, asked) if each is not None]
    found: dict[str, Properties] = {}
    async for email in emails.get(numbers, summary=plan.summary, content=plan.content):
        whole, summary = email, email_objects.summary_of(email)
        fields = email_objects.kept_fields(plan, summary)
        if fields is None:
            async for each in emails.get([email.id], summary=plan.summary, content=True):
                whole = each
        blob_id = blobs.of_email(email.id)
        found[ids.of_email(email.id)] = email_objects.shown(plan, whole, blob_id, summary, fields)
    return {
        "accountId": context.account_id,
        "state": str(state),
        "list": [found[name] for name in asked if name in found],
        "notFound": [name for name in asked if name not in found],
    }


async def _changes(context: Context, arguments: Changes) -> Properties:
    ask = context.account.email_changes.emails
    response, _ = await changes(context, arguments, ask, lambda n: ids.of_email(EmailId(n)))
    return response


async def _found(
    context: Context, arguments: EmailQuery | EmailQueryChanges, most: int | None = None
) -> Found:
    return await context.account.email_queries.query(
        email_filter.condition(arguments.filter),
        email_filter.orders(arguments.sort),
        collapsed=arguments.collapse_threads,
        most=most,
    )


async def _query(context: Context, arguments: EmailQuery) -> Properties:
    counted = arguments.collapse_threads and arguments.calculate_total
    found = await _found(context, arguments, None if counted else reach(arguments))
    anchor = None if arguments.anchor is None else ids.email(arguments.anchor)
    shown = page(arguments, found.ids, anchor)
    response = query_response(context, arguments, found.total, str(found.state), shown)
    response["collapseThreads"] = arguments.collapse_threads
    response["ids"] = [ids.of_email(EmailId(n)) for n in shown.ids]
    return response


async def _query_changes(context: Context, arguments: EmailQueryChanges) -> Properties:
    at = Cursor.parse(arguments.since_query_state)
    found = await _found(context, arguments)
    touched = None if at is None else await _touched(context, arguments, at.since)
    if touched is None:
        raise MethodError("cannotCalculateChanges")
    old, anew = touched
    removed = [ids.of_email(EmailId(n)) for n in sorted(old)]
    upto = None if arguments.up_to_id is None else ids.email(arguments.up_to_id)
    sort = email_filter.orders(arguments.sort)
    fixed = not email_filter.is_mutable(arguments.filter, sort)
    last = len(found.ids)
    if upto is not None and fixed and not arguments.collapse_threads and upto in found.ids:
        last = found.ids.index(upto)
    added = [
        (n, ids.of_email(EmailId(email)))
        for n, email in enumerate(found.ids)
        if email in anew and n <= last
    ]
    state = str(found.state)
    return query_changes_response(context, arguments, state, removed, added, len(found.ids))


async def _touched(
    context: Context, arguments: EmailQueryChanges, state: State
) -> tuple[set[int], set[int]] | None:
    """Return what may have left the result or moved in it, and what may have come into it."""
    since = await context.account.email_changes.since(state)
    if since is None:
        return None
    changed = since.emails
    old = {*changed.updated, *changed.destroyed}
    anew = {*changed.created, *changed.updated}
    sort = email_filter.orders(arguments.sort)
    if arguments.collapse_threads or email_filter.is_across(arguments.filter, sort):
        # another email may stand for its thread now, or the thread may match by another
        threads = since.catalogue.of_threads({ThreadId(n) for n in since.threads})
        members = {int(email) for emails in threads.values() for email in emails}
        old |= {email for email in members if email < state.email}
        anew |= members
    elif not email_filter.is_mutable(arguments.filter, sort):
        old, anew = set(changed.destroyed), set(changed.created)
    return old, anew


MODULE = Module(
    MAIL,
    (
        Method("Email/get", EmailGet, _get),
        Method("Email/changes", Changes, _changes),
        Method("Email/query", EmailQuery, _query),
        Method("Email/queryChanges", EmailQueryChanges, _query_changes),
    ),
    types=("Email", "EmailDelivery"),
)
