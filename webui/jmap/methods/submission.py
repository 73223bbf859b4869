"""EmailSubmission/get, /changes, /query, /queryChanges and /set (RFC 8621 §7)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from mailserver.mail.records import RecordsChange, Value
from mailserver.model.errors import MailError
from mailserver.model.ids import QueueId
from mailserver.model.record import RecordId, RecordKind
from webui.jmap import email_set, record_query, records, submitting
from webui.jmap.changing import Query, QueryChanges
from webui.jmap.context import Context
from webui.jmap.errors import SetError, invalid
from webui.jmap.getting import Get, chosen
from webui.jmap.matching import no_filter, utc_microseconds
from webui.jmap.methods.submission_capability import SUBMISSION
from webui.jmap.record_query import Queried
from webui.jmap.records import Changes, RecordType
from webui.jmap.registry import Method, Module, Properties
from webui.jmap.setting import Set, begin, refusal, wrong
from webui.jmap.submitting import Sent

_PROPERTIES = (
    *("identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus"),
    *("deliveryStatus", "dsnBlobIds", "mdnBlobIds"),
)


class SubmissionSet(Set):
    """The arguments of EmailSubmission/set."""

    on_success_update_email: dict[str, dict[str, Any]] | None = None
    on_success_destroy_email: list[str] | None = None


async def _unused(_context: Context, _given: Value, _old: Value | None) -> Value:
    raise SetError("forbidden")  # submissions are set by `submitting`


TYPE = RecordType(RecordKind.SUBMISSION, "S", {}, _unused, _PROPERTIES)


async def _settle(context: Context) -> None:
    """Note of submissions whose time has come that they cannot be taken back any more."""
    state, values = await context.account.records.all(RecordKind.SUBMISSION)
    now = context.services.clock.now()
    due = {
        number: {**value, "undoStatus": "final"}
        for number, value in values.items()
        if value["undoStatus"] == "pending" and datetime.fromisoformat(value["sendAt"]) <= now
    }
    if due:
        change = RecordsChange(update=due)
        await context.account.records.write(RecordKind.SUBMISSION, change, expected=state.modseq)


async def _get(context: Context, arguments: Get) -> Properties:
    await _settle(context)
    names = chosen(arguments.properties, ["id", *_PROPERTIES])
    answer = await records.get(
        context, Get(account_id=arguments.account_id, ids=arguments.ids), WHOLE
    )
    for n, value in enumerate(answer["list"]):
        if "deliveryStatus" in names:
            value["deliveryStatus"] = await _delivery(context, value)
        value |= {"dsnBlobIds": [], "mdnBlobIds": []}
        answer["list"][n] = {name: value[name] for name in names}
    return answer


WHOLE = RecordType(RecordKind.SUBMISSION, "S", {}, _unused)


async def _delivery(context: Context, value: Value) -> Properties:
    """Say how far each recipient's copy has come, as far as the queue knows."""
    queued = [QueueId(bytes.fromhex(each)) for each in value["queued"]]
    waiting = {str(each.address): each for each in await context.account.posted.waiting(queued)}
    told = {}
    for address, refused in value["here"].items():
        reply, delivered = "250 2.0.0 ok", "unknown" if queued else "yes"
        if refused:
            reply, delivered = f"550 5.0.0 {refused}", "no"
        if address in waiting:
            last, delivered = waiting[address].last, "queued"
            if last is not None:
                reply = " ".join(filter(None, (str(last.code or ""), last.status, last.text)))
        told[address] = {"smtpReply": reply, "delivered": delivered, "displayed": "unknown"}
    return told


async def _changes(context: Context, arguments: Changes) -> Properties:
    await _settle(context)
    return await records.changes(context, arguments, TYPE)


async def _query(context: Context, arguments: Query) -> Properties:
    await _settle(context)
    return await record_query.query(context, arguments, QUERIED)


async def _query_changes(context: Context, arguments: QueryChanges) -> Properties:
    await _settle(context)
    return await record_query.query_changes(context, arguments, QUERIED)


_LISTS = {"identityIds": "identityId", "emailIds": "emailId", "threadIds": "threadId"}


def _condition(name: str, wanted: Any) -> Callable[[Value], bool]:
    """Read a condition (RFC 8621 §7.3)."""
    match name, wanted:
        case (("identityIds" | "emailIds" | "threadIds"), list()):
            return lambda value: value[_LISTS[name]] in wanted
        case "undoStatus", str():
            return lambda value: bool(value["undoStatus"] == wanted)
        case "before", str():
            before = utc_microseconds(wanted)
            return lambda value: utc_microseconds(value["sendAt"]) < before
        case "after", str():
            after = utc_microseconds(wanted)
            return lambda value: utc_microseconds(value["sendAt"]) >= after
        case (("identityIds" | "emailIds" | "threadIds" | "undoStatus" | "before" | "after"), _):
            raise invalid(f"{name} is of another type")
        case _:
            raise no_filter(name)


QUERIED = Queried(
    TYPE,
    _condition,
    {
        "emailId": lambda value: value["emailId"],
        "threadId": lambda value: value["threadId"],
        "sentAt": lambda value: value["sendAt"],
    },
)


async def _set(context: Context, arguments: SubmissionSet) -> Properties:
    await _settle(context)
    state, values = await context.account.records.all(RecordKind.SUBMISSION)
    begin(arguments, str(state.modseq))
    sent = Sent()
    for creation, given in (arguments.create or {}).items():
        await _create(context, sent, creation, given)
    for name, patch in (arguments.update or {}).items():
        await _update(context, sent, values, name, patch)
    for name in arguments.destroy or []:
        await _destroy(context, sent, values, name)
    now = await context.account.records.state(RecordKind.SUBMISSION)
    answer = sent.outcomes.response(context, str(state.modseq), str(now.modseq))
    await _follow(context, arguments, sent)
    return answer


async def _create(context: Context, sent: Sent, creation: str, given: dict[str, Any]) -> None:
    try:
        number, value = await submitting.create(context, given)
    except (SetError, MailError) as error:
        sent.outcomes.not_created[creation] = refusal(error)
        return
    name = TYPE.id_of(number)
    context.created_ids[creation] = name
    shown = {"id": name, "deliveryStatus": await _delivery(context, value)}
    for each in ("threadId", "sendAt", "undoStatus", "envelope"):
        shown[each] = value[each]
    sent.outcomes.created[creation] = {**shown, "dsnBlobIds": [], "mdnBlobIds": []}
    sent.emails[f"#{creation}"] = sent.emails[name] = value["emailId"]


async def _update(
    context: Context, sent: Sent, values: dict[RecordId, Value], name: str, patch: dict[str, Any]
) -> None:
    try:
        number, value = _there(context, values, name)
        for key, each in patch.items():
            if key != "undoStatus":
                raise wrong(key, "this never changes")
            if each not in ("canceled", value["undoStatus"]):
                raise wrong(key, "what was sent can be canceled, no more")
        if patch.get("undoStatus", value["undoStatus"]) != value["undoStatus"]:
            new = await submitting.cancel(context, value)
            change = RecordsChange(update={number: new})
            await context.account.records.write(RecordKind.SUBMISSION, change)
            sent.canceled.append(value["emailId"])
    except (SetError, MailError) as error:
        sent.outcomes.not_updated[name] = refusal(error)
        return
    sent.outcomes.updated[name] = None
    sent.emails[name] = value["emailId"]


async def _destroy(context: Context, sent: Sent, values: dict[RecordId, Value], name: str) -> None:
    try:
        number, value = _there(context, values, name)
        change = RecordsChange(destroy=[number])
        await context.account.records.write(RecordKind.SUBMISSION, change)
    except (SetError, MailError) as error:
        sent.outcomes.not_destroyed[name] = refusal(error)
        return
    sent.outcomes.destroyed.append(name)
    sent.emails[name] = value["emailId"]


def _there(context: Context, values: dict[RecordId, Value], name: str) -> tuple[RecordId, Value]:
    number = TYPE.number(context.created_ids.get(name[1:], "") if name[:1] == "#" else name)
    if number is None or number not in values:
        raise SetError("notFound")
    return number, values[number]


async def _follow(context: Context, arguments: SubmissionSet, sent: Sent) -> None:
    """Set the Emails of what succeeded, as one Email/set whose response comes after this one's."""
    update: dict[str, dict[str, Any]] = {}
    for name, patch in (arguments.on_success_update_email or {}).items():
        if name in sent.emails:
            update[sent.emails[name]] = patch
    destroy = [sent.emails[each] for each in arguments.on_success_destroy_email or []
               if each in sent.emails]  # fmt: skip
    asked = bool(update or destroy)
    for email in sent.canceled:
        if email not in update and email not in destroy:
            update |= await _as_draft(context, email)
    if not update and not destroy:
        return
    implied = Set(account_id=context.account_id, update=update, destroy=destroy)
    answer = await email_set.set_emails(context, implied)
    if asked:
        context.also.append(("Email/set", answer))


async def _as_draft(context: Context, email: str) -> dict[str, dict[str, Any]]:
    """Return the patch that makes a draft again of what was not sent after all (PRIVACY §10)."""
    roles = {box.role.value: f"F{box.id}" for box in await context.account.mailboxes.listing()
             if box.role is not None}  # fmt: skip
    patch: dict[str, Any] = {"keywords/$draft": True}
    if "drafts" in roles:
        patch[f"mailboxIds/{roles['drafts']}"] = True
        if "sent" in roles:
            patch[f"mailboxIds/{roles['sent']}"] = None
    return {email: patch}


MODULE = Module(
    SUBMISSION,
    (
        Method("EmailSubmission/get", Get, _get),
        Method("EmailSubmission/changes", Changes, _changes),
        Method("EmailSubmission/query", Query, _query),
        Method("EmailSubmission/queryChanges", QueryChanges, _query_changes),
        Method("EmailSubmission/set", SubmissionSet, _set),
    ),
    types=("EmailSubmission",),
)
