"""Mailboxes: get, changes, query, queryChanges (RFC 8621 §2.1 to §2.4)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mailserver.mail.state import Cursor
from mailserver.model.ids import MailboxId
from mailserver.model.mailbox import Mailbox
from webui.jmap import ids, mailboxes
from webui.jmap.changing import (
    Changes,
    Query,
    QueryChanges,
    changes,
    page,
    query_changes_response,
    query_response,
)
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, invalid
from webui.jmap.getting import Get, chosen, wanted
from webui.jmap.matching import comparators, filter_of, no_filter
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.methods.mailbox_set import MailboxSet, set_mailboxes
from webui.jmap.registry import Method, Module, Properties


class MailboxQuery(Query):
    """The arguments of Mailbox/query."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


class MailboxQueryChanges(QueryChanges):
    """The arguments of Mailbox/queryChanges."""

    sort_as_tree: bool = False
    filter_as_tree: bool = False


async def _get(context: Context, arguments: Get) -> Properties:
    names = chosen(arguments.properties, mailboxes.PROPERTIES)
    state = await context.account.emails.state()
    listing = await context.account.mailboxes.listing()
    paths = mailboxes.by_path(listing)
    counts = {}
    if not set(names).isdisjoint(mailboxes.COUNTS):
        counts = await context.account.emails.counts(mailboxes.trash(listing))
    there = {ids.of_mailbox(mailbox.id): mailbox for mailbox in listing}
    asked = wanted(there if arguments.ids is None else arguments.ids)
    listed, missing = [], []
    for name in asked:
        if name in there:
            shown = mailboxes.shown(there[name], paths, counts)
            listed.append({key: shown[key] for key in names})
        else:
            missing.append(name)
    return {
        "accountId": context.account_id,
        "state": str(state),
        "list": listed,
        "notFound": missing,
    }


async def _changes(context: Context, arguments: Changes) -> Properties:
    ask = context.account.email_changes.mailboxes
    response, answer = await changes(
        context, arguments, ask, lambda n: ids.of_mailbox(MailboxId(n))
    )
    response["updatedProperties"] = list(mailboxes.COUNTS) if answer.counts_only else None
    return response


async def _query(context: Context, arguments: MailboxQuery) -> Properties:
    state = await context.account.emails.state()
    listing = await context.account.mailboxes.listing()
    found = _arranged(listing, arguments)
    anchor = None if arguments.anchor is None else ids.mailbox(arguments.anchor)
    shown = page(arguments, found, anchor)
    response = query_response(context, arguments, len(found), str(state), shown)
    response["ids"] = [ids.of_mailbox(MailboxId(n)) for n in shown.ids]
    return response


async def _query_changes(context: Context, arguments: MailboxQueryChanges) -> Properties:
    at = Cursor.parse(arguments.since_query_state)
    answer = None if at is None else await context.account.email_changes.mailboxes(at, None)
    if answer is None or answer.more:
        raise MethodError("cannotCalculateChanges")
    listing = await context.account.mailboxes.listing()
    found = _arranged(listing, arguments)
    changed = answer.changed
    # Names, parents and subscriptions may all have changed: whatever did comes anew.
    removed = [ids.of_mailbox(MailboxId(n)) for n in (*changed.updated, *changed.destroyed)]
    anew = {*changed.created, *changed.updated}
    added = [(at, ids.of_mailbox(MailboxId(n))) for at, n in enumerate(found) if n in anew]
    return query_changes_response(context, arguments, str(answer.new), removed, added, len(found))


Test = Callable[[Mailbox], bool]


def _arranged(
    listing: Sequence[Mailbox], arguments: MailboxQuery | MailboxQueryChanges
) -> list[int]:
    """Return the numbers of the mailboxes that match, in order."""
    paths = mailboxes.by_path(listing)
    fits = filter_of(arguments.filter, partial(_condition, paths=paths))
    key = _sort_key(arguments.sort, paths)
    kept = {mailbox.name for mailbox in listing if fits(mailbox)}
    if arguments.filter_as_tree:
        kept = {path for path in kept if _all_above(path, paths, kept)}
    chosen_ones = sorted((paths[path] for path in kept), key=key)
    if arguments.sort_as_tree:
        chosen_ones = _as_tree(chosen_ones, paths)
    return [int(mailbox.id) for mailbox in chosen_ones]


def _all_above(path: str, paths: dict[str, Mailbox], kept: set[str]) -> bool:
    above = mailboxes.parent(path, paths)
    while above is not None:
        if above.name not in kept:
            return False
        above = mailboxes.parent(above.name, paths)
    return True


def _as_tree(ordered: Sequence[Mailbox], paths: dict[str, Mailbox]) -> list[Mailbox]:
    """Put children behind their parents, each level in its order (RFC 8621 §2.3)."""
    present = {mailbox.name for mailbox in ordered}
    children: dict[str | None, list[Mailbox]] = {}
    for mailbox in ordered:
        above = mailboxes.parent(mailbox.name, paths)
        while above is not None and above.name not in present:
            above = mailboxes.parent(above.name, paths)
        children.setdefault(None if above is None else above.name, []).append(mailbox)
    tree: list[Mailbox] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        mailbox = waiting.pop()
        tree.append(mailbox)
        waiting.extend(reversed(children.get(mailbox.name, [])))
    return tree


def _condition(name: str, value: Any, paths: dict[str, Mailbox]) -> Test:
    match name, value:
        case "parentId", None:
            return lambda mailbox: mailboxes.parent(mailbox.name, paths) is None
        case "parentId", str():
            number = ids.mailbox(value)

            def below(mailbox: Mailbox) -> bool:
                above = mailboxes.parent(mailbox.name, paths)
                return above is not None and above.id == number

            return below
        case "name", str():
            sought = value.casefold()
            return lambda mailbox: sought in mailboxes.name(mailbox.name, paths).casefold()
        case "role", None | str():
            return lambda m: (None if m.role is None else m.role.value) == value
        case "hasAnyRole", bool():
            return lambda mailbox: (mailbox.role is not None) == value
        case "isSubscribed", bool():
            return lambda mailbox: mailbox.subscribed == value
        case (("parentId" | "name" | "role" | "hasAnyRole" | "isSubscribed"), _):
            raise invalid(f"{name} is of another type")
        case _:
            raise no_filter(name)


def _sort_key(
    sort: list[dict[str, Any]] | None, paths: dict[str, Mailbox]
) -> Callable[[Mailbox], Any]:
    columns = comparators(
        sort or [{"property": "sortOrder"}, {"property": "name"}], ("name", "sortOrder")
    )

    def key(mailbox: Mailbox) -> Any:
        values: list[Any] = []
        for by, ascending in columns:
            if by == "sortOrder":
                order = mailboxes.sort_order(mailbox)
                values.append(order if ascending else -order)
            else:
                label = mailboxes.name(mailbox.name, paths).casefold()
                values.append(label if ascending else [-ord(letter) for letter in label] + [1])
        return (*values, mailbox.id)

    return key


MODULE = Module(
    MAIL,
    (
        Method("Mailbox/get", Get, _get),
        Method("Mailbox/changes", Changes, _changes),
        Method("Mailbox/query", MailboxQuery, _query),
        Method("Mailbox/queryChanges", MailboxQueryChanges, _query_changes),
        Method("Mailbox/set", MailboxSet, set_mailboxes),
    ),
    types=("Mailbox",),
)
