"""Threads (RFC 8621 §3)."""

from mailserver.model.ids import ThreadId
from webui.jmap import ids
from webui.jmap.changing import Changes, changes
from webui.jmap.context import Context
from webui.jmap.getting import Get, chosen, wanted
from webui.jmap.methods.mail_capability import MAIL
from webui.jmap.registry import Method, Module, Properties

PROPERTIES = ("id", "emailIds")


async def _get(context: Context, arguments: Get) -> Properties:
    names = chosen(arguments.properties, PROPERTIES)
    state = await context.account.emails.state()
    if arguments.ids is None:
        catalogue = await context.account.emails.catalogue()
        there = {ThreadId(n) for n in catalogue.threads if n}
        asked = wanted(map(ids.of_thread, sorted(there)))
    else:
        asked = wanted(arguments.ids)
    numbers = {name: ids.thread(name) for name in asked}
    found = await context.account.emails.threads(
        {number for number in numbers.values() if number is not None}
    )
    listed, missing = [], []
    for name, number in numbers.items():
        emails = None if number is None else found.get(number)
        if emails is None:
            missing.append(name)
            continue
        thread = {"id": name, "emailIds": list(map(ids.of_email, emails))}
        listed.append({key: thread[key] for key in names})
    return {
        "accountId": context.account_id,
        "state": str(state),
        "list": listed,
        "notFound": missing,
    }


async def _changes(context: Context, arguments: Changes) -> Properties:
    ask = context.account.email_changes.threads
    response, _ = await changes(context, arguments, ask, lambda n: ids.of_thread(ThreadId(n)))
    return response


MODULE = Module(
    MAIL,
    (Method("Thread/get", Get, _get), Method("Thread/changes", Changes, _changes)),
    types=("Thread",),
)
