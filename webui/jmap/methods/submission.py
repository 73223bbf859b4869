"""EmailSubmission/get, /changes, /query, /queryChanges and /set (RFC 8621 §7)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from mailserver.mail.records import RecordsChange, Value
from mailserver.model.errors import MailError
from mailserver.model.ids import QueueId
from mailserver.model.record import RecordId, RecordKind
from webui.jmap import email_set, records, submitting
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, invalid
from webui.jmap.getting import Get, chosen
from webui.jmap.methods.submission_capability import SUBMISSION
from webui.jmap.records import Changes, RecordType
from webui.jmap.registry import Method, Module, OfAccount, Properties
from webui.jmap.setting import Set, begin, refusal, wrong
from webui.jmap.submitting import Sent

_PROPERTIES = (
    *("identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus"),
    *("deliveryStatus", "dsnBlobIds", "mdnBlobIds"),
)
_SORTS = {"emailId": "emailId", "threadId": "threadId", "sentAt": "sendAt"}


class SubmissionSet(Set):
    """The arguments of EmailSubmission/set."""

    on_success_update_email: dict[str, dict[str, Any]] | None = None
    on_success_destroy_email: list[str] | None = None


class Query(OfAccount):
    """The arguments of EmailSubmission/query."""

    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    position: int = 0
    anchor: str | None = None
    anchor_offset: int = 0
    limit: int | None = None
    calculate_total: bool = False


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
    state, values = await context.account.records.all(RecordKind.SUBMISSION)
    fits = _filter(arguments.filter)
    found = [number for number, value in values.items() if fits(value)]
    for comparator in reversed(arguments.sort or []):
        name = _SORTS.get(str(comparator.get("property")))
        if name is None:
            raise MethodError("unsupportedSort")
        descending = comparator.get("isAscending", True) is False
        found.sort(key=lambda number: values[number][name], reverse=descending)
    ids = [TYPE.id_of(number) for number in found]
    start, some = page(ids, arguments)
    answer: Properties = {
        "accountId": context.account_id,
        "queryState": str(state.modseq),
        "canCalculateChanges": False,
        "position": start,
        "ids": some,
    }
    return answer | ({"total": len(ids)} if arguments.calculate_total else {})


def page(ids: list[str], arguments: Any) -> tuple[int, list[str]]:
    """Cut the window out of results that `position`, `anchor` and `limit` say (RFC 8620 §5.5).

    Raises:
        MethodError: anchorNotFound, invalidArguments.
    """
    start = arguments.position if arguments.position >= 0 else len(ids) + arguments.position
    if arguments.anchor is not None:
        if arguments.anchor not in ids:
            raise MethodError("anchorNotFound")
        start = ids.index(arguments.anchor) + arguments.anchor_offset
    start = max(start, 0)
    if arguments.limit is not None and arguments.limit < 0:
        raise invalid("limit is 0 or more")
    end = len(ids) if arguments.limit is None else start + arguments.limit
    return start, ids[start:end]


_LISTS = {"identityIds": "identityId", "emailIds": "emailId", "threadIds": "threadId"}


def _filter(given: dict[str, Any] | None) -> Callable[[Value], bool]:
    if not given:
        return lambda _value: True
    if "operator" in given:
        inner = [_filter(each) for each in given.get("conditions", [])]
        match given["operator"]:
            case "AND":
                return lambda value: all(fits(value) for fits in inner)
            case "OR":
                return lambda value: any(fits(value) for fits in inner)
            case "NOT":
                return lambda value: not any(fits(value) for fits in inner)
        raise MethodError("unsupportedFilter")
    if not given.keys() <= {*_LISTS, "undoStatus", "before", "after"}:
        raise MethodError("unsupportedFilter")
    return lambda value: _fits(given, value)


def _fits(wanted: dict[str, Any], value: Value) -> bool:
    for name, of in _LISTS.items():
        if wanted.get(name) is not None and value[of] not in wanted[name]:
            return False
    if wanted.get("undoStatus") not in (None, value["undoStatus"]):
        return False
    if wanted.get("before") is not None and not value["sendAt"] < wanted["before"]:
        return False
    return wanted.get("after") is None or value["sendAt"] >= wanted["after"]


async def _query_changes(_context: Context, _arguments: dict[str, Any]) -> Properties:
    raise MethodError("cannotCalculateChanges")


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
        Method("EmailSubmission/queryChanges", dict[str, Any], _query_changes),
        Method("EmailSubmission/set", SubmissionSet, _set),
    ),
    types=("EmailSubmission",),
)
