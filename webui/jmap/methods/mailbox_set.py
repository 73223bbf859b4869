"""Mailbox/set: create, rename, move, subscribe, destroy (RFC 8621 §2.5).

A place in the tree is a path; the names of what lies below change with it.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailserver.mail.state import Cursor
from mailserver.model.errors import Condition, Conflict, MailError, PeerFault
from mailserver.model.mailbox import SEPARATOR, Mailbox, Role
from webui.jmap import ids, mailboxes
from webui.jmap.context import Context
from webui.jmap.errors import SetError
from webui.jmap.registry import Properties
from webui.jmap.setting import Outcomes, Set, begin, patched, refusal, wrong

FIXED = ("id", "totalEmails", "unreadEmails", "totalThreads", "unreadThreads", "myRights")
LAST = 2**31 - 1
"""The greatest sortOrder. Source: RFC 8621 §2."""


class MailboxSet(Set):
    """The arguments of Mailbox/set."""

    on_destroy_remove_emails: bool = False


@dataclass(slots=True)
class _Work:
    """A Mailbox/set on its way."""

    context: Context
    outcomes: Outcomes
    there: dict[str, Mailbox]
    """By id, as they stand."""

    async def look(self) -> None:
        """Read the mailboxes as they stand now."""
        listing = await self.context.account.mailboxes.listing()
        self.there = {ids.of_mailbox(mailbox.id): mailbox for mailbox in listing}

    @property
    def paths(self) -> dict[str, Mailbox]:
        return mailboxes.by_path(list(self.there.values()))


async def set_mailboxes(context: Context, arguments: MailboxSet) -> Properties:
    """Answer Mailbox/set; objects are set one after the other, parents before children."""
    state = str(await context.account.emails.state())
    begin(arguments, await _named(context, arguments, state))
    work = _Work(context, Outcomes(), {})
    await work.look()
    for creation, given in _parents_first(arguments.create or {}):
        try:
            await _create(work, creation, given)
        except (SetError, MailError) as error:
            work.outcomes.not_created[creation] = _said(error)
    for name, patch in (arguments.update or {}).items():
        try:
            await _update(work, context.real_id(name), patch)
            work.outcomes.updated[name] = None
        except (SetError, MailError) as error:
            work.outcomes.not_updated[name] = _said(error)
    for name in _children_first(work, arguments.destroy or []):
        try:
            await _destroy(work, name, with_emails=arguments.on_destroy_remove_emails)
            work.outcomes.destroyed.append(name)
        except (SetError, MailError) as error:
            work.outcomes.not_destroyed[name] = _said(error)
    return work.outcomes.response(context, state, str(await context.account.emails.state()))


async def _named(context: Context, arguments: MailboxSet, state: str) -> str:
    """Return `ifInState` itself where no mailbox changed since: the counter is all mail's."""
    at = None if arguments.if_in_state is None else Cursor.parse(arguments.if_in_state)
    if at is None or arguments.if_in_state == state:
        return state
    answer = await context.account.email_changes.mailboxes(at, None)
    unchanged = answer is not None and not answer.changed.numbers() and not answer.more
    return arguments.if_in_state or state if unchanged else state


def _said(error: MailError | SetError) -> SetError:
    if isinstance(error, Conflict | PeerFault) and error.condition in (
        Condition.ALREADY_EXISTS,
        Condition.BAD_SYNTAX,
    ):
        return wrong("name", error.text)
    return refusal(error)


def _parents_first(create: Mapping[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Order creations so that one that is a parent comes before its children."""
    ordered: dict[str, dict[str, Any]] = {}
    waiting = dict(create)
    while waiting:
        ready = {
            name: given
            for name, given in waiting.items()
            if str(given.get("parentId") or "")[1:] not in waiting
            or not str(given.get("parentId")).startswith("#")
        }
        ordered |= ready or waiting  # a ring of parents: each is refused as it comes
        waiting = {name: given for name, given in waiting.items() if name not in ordered}
    return list(ordered.items())


def _children_first(work: _Work, names: list[str]) -> list[str]:
    depths = {
        name: work.there[name].name.count(SEPARATOR) if name in work.there else 0
        for name in dict.fromkeys(names)
    }
    return sorted(depths, key=lambda name: -depths[name])


async def _create(work: _Work, creation: str, given: dict[str, Any]) -> None:
    unknown = sorted(given.keys() - set(mailboxes.PROPERTIES))
    fixed = [name for name in FIXED if name in given]
    if unknown or fixed:
        raise SetError("invalidProperties", properties=[*unknown, *fixed])
    path = _path(work, given.get("name"), given.get("parentId"), None)
    role = _role(given.get("role"))
    if not isinstance(given.get("isSubscribed", False), bool):
        raise wrong("isSubscribed")
    place = _place(given["sortOrder"]) if "sortOrder" in given else None
    account = work.context.account
    mailbox = await account.mailboxes.create(path, role)
    if place is not None:
        await account.mailboxes.put(mailbox.id, place)
    if given.get("isSubscribed", False):
        await account.mailboxes.subscribe(path)
    await work.look()
    name = ids.of_mailbox(mailbox.id)
    work.context.created_ids[creation] = name
    shown = mailboxes.shown(work.there[name], work.paths, {})
    work.outcomes.created[creation] = {
        key: value for key, value in shown.items() if key not in given or given[key] != value
    }


async def _update(work: _Work, name: str, patch: dict[str, Any]) -> None:
    mailbox = work.there.get(name)
    if mailbox is None:
        raise SetError("notFound")
    old = mailboxes.shown(mailbox, work.paths, {})
    counted = [key for key in patch if key in mailboxes.COUNTS]
    if counted:
        raise SetError("invalidProperties", properties=counted)
    new = patched(old, patch)
    wrong_ones = [key for key in (*FIXED, "role") if new.get(key) != old[key]]
    wrong_ones += sorted(new.keys() - old.keys())
    if wrong_ones:
        raise SetError("invalidProperties", properties=wrong_ones)
    place = _place(new.get("sortOrder"))
    account = work.context.account
    if (new.get("name"), new.get("parentId")) != (old["name"], old["parentId"]):
        if mailbox.role is Role.INBOX:
            raise SetError("forbidden", "INBOX keeps its name and place")
        path = _path(work, new.get("name"), new.get("parentId"), mailbox)
        if path != mailbox.name:
            await account.mailboxes.rename(mailbox.name, path)
            await work.look()
            mailbox = work.there[name]
    subscribed = new.get("isSubscribed")
    if not isinstance(subscribed, bool):
        raise wrong("isSubscribed")
    if subscribed != mailbox.subscribed:
        change = account.mailboxes.subscribe if subscribed else account.mailboxes.unsubscribe
        await change(mailbox.name)
    if place != old["sortOrder"]:
        await account.mailboxes.put(mailbox.id, place)
    await work.look()


async def _destroy(work: _Work, name: str, *, with_emails: bool) -> None:
    mailbox = work.there.get(name)
    if mailbox is None:
        raise SetError("notFound")
    if mailbox.role is Role.INBOX:
        raise SetError("forbidden", "INBOX cannot be destroyed")
    if any(mailboxes.parent(other.name, work.paths) is mailbox for other in work.there.values()):
        raise SetError("mailboxHasChild")
    if mailbox.total and not with_emails:
        raise SetError("mailboxHasEmail")
    await work.context.account.mailboxes.delete(mailbox.name)
    await work.look()


def _place(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LAST:
        raise wrong("sortOrder", "this is a number from 0 to 2147483647")
    return value


def _role(value: object) -> Role | None:
    if value is None:
        return None
    try:
        role = Role(value)
    except ValueError:
        raise wrong("role", "the server has no such role") from None
    if role is Role.INBOX:
        raise wrong("role", "there is one INBOX")
    return role


def _path(work: _Work, name: object, parent_id: object, moved: Mailbox | None) -> str:
    """Return the path of `name` below the parent.

    Raises:
        SetError: invalidProperties, there is no such parent or the name cannot be.
    """
    if not isinstance(name, str) or not name or SEPARATOR in name:
        raise wrong("name", "a name is not empty and has no slash")
    label = unicodedata.normalize("NFC", name)
    if parent_id is None:
        return label
    if not isinstance(parent_id, str):
        raise wrong("parentId")
    try:
        above = work.there.get(work.context.real_id(parent_id))
    except SetError:
        above = None
    if above is None:
        raise wrong("parentId", "there is no such mailbox")
    below = moved is not None and (above.name + SEPARATOR).startswith(moved.name + SEPARATOR)
    if below:
        raise wrong("parentId", "a mailbox cannot lie below itself")
    return above.name + SEPARATOR + label
