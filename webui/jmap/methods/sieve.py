"""SieveScript/get, /set, /query and /validate (RFC 9661).

Scripts have names where delivery and ManageSieve know them; the ids that JMAP needs are records of
the account, brought up to date before each method. An app password sets scripts with scope sieve.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from mailserver.mail.records import RecordsChange, Value
from mailserver.mail.scripts import NAME_OCTETS, ScriptInfo, Scripts
from mailserver.model.errors import Absent, Condition, MailError
from mailserver.model.record import RecordId, RecordKind
from mailserver.model.sealed import Plaintext
from mailserver.protocol import sieve
from webui.jmap import blobs, record_query, records
from webui.jmap.changing import Query
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError, invalid
from webui.jmap.getting import Get
from webui.jmap.matching import no_filter
from webui.jmap.record_query import Queried
from webui.jmap.records import RecordType
from webui.jmap.registry import Capability, Method, Module, OfAccount, Properties
from webui.jmap.setting import Outcomes, Set, begin, refusal, wrong


class ScriptSet(Set):
    """The arguments of SieveScript/set."""

    on_success_activate_script: str | None = None
    on_success_deactivate_script: bool | None = None


class Validate(OfAccount):
    """The arguments of SieveScript/validate."""

    blob_id: str


async def _unused(_context: Context, _given: Value, _old: Value | None) -> Value:
    raise SetError("forbidden")  # scripts are set below, by name


TYPE = RecordType(RecordKind.SCRIPT, "Z", {}, _unused, ("name", "blobId", "isActive"))


class _Known(NamedTuple):
    state: str
    names: dict[RecordId, str]


def _scripts(context: Context) -> Scripts:
    return context.services.rules_of(context.account).scripts


def _value(script: ScriptInfo) -> Value:
    blob = blobs.of_script(script.id)
    return {"name": script.name, "blobId": blob, "isActive": script.active}


async def _synced(context: Context) -> _Known:
    """Have a record for each script, and return which there are."""
    state, values = await context.account.records.all(RecordKind.SCRIPT)
    there = {script.name: _value(script) for script in await _scripts(context).listing()}
    change = RecordsChange()
    for number, value in values.items():
        now = there.pop(value["name"], None)
        if now is None:
            change.destroy.append(number)
        elif now != value:
            change.update[number] = now
    change.create += there.values()
    if change.create or change.update or change.destroy:
        records_ = context.account.records
        await records_.write(RecordKind.SCRIPT, change, expected=state.modseq)
        state, values = await records_.all(RecordKind.SCRIPT)
    return _Known(str(state.modseq), {number: value["name"] for number, value in values.items()})


async def _get(context: Context, arguments: Get) -> Properties:
    await _synced(context)
    return await records.get(context, arguments, TYPE)


async def _query(context: Context, arguments: Query) -> Properties:
    await _synced(context)
    return {**await record_query.query(context, arguments, QUERIED), "canCalculateChanges": False}


def _condition(name: str, wanted: Any) -> Callable[[Value], bool]:
    """Read a condition (RFC 9661 §2.5)."""
    match name, wanted:
        case "name", str():
            return lambda value: wanted.casefold() in value["name"].casefold()
        case "isActive", bool():
            return lambda value: bool(value["isActive"] == wanted)
        case (("name" | "isActive"), _):
            raise invalid(f"{name} is of another type")
        case _:
            raise no_filter(name)


QUERIED = Queried(
    TYPE,
    _condition,
    {"name": lambda value: value["name"], "isActive": lambda value: value["isActive"]},
)


async def _validate(context: Context, arguments: Validate) -> Properties:
    try:
        content = await blobs.octets_of(context, arguments.blob_id)
    except Absent:
        raise MethodError("blobNotFound") from None
    error: Properties | None = None
    try:
        await _scripts(context).check(content)
    except MailError as refused:
        error = _said(refused).members
    return {"accountId": context.account_id, "error": error}


async def _set(context: Context, arguments: ScriptSet) -> Properties:
    scopes = context.account.scopes
    if context.by_password and (scopes is None or "sieve" not in scopes):
        raise MethodError("forbidden", "this app password is not for filters")
    known = await _synced(context)
    begin(arguments, known.state)
    outcomes, made = Outcomes(), dict[str, str]()
    for creation, given in (arguments.create or {}).items():
        try:
            made[creation] = await _put(context, known, given, None)
        except (SetError, MailError) as error:
            outcomes.not_created[creation] = _said(error)
    for name, patch in (arguments.update or {}).items():
        try:
            number, old = _there(context, known, name)
            known.names[number] = await _put(context, known, patch, (number, old))
            outcomes.updated[name] = None
        except (SetError, MailError) as error:
            outcomes.not_updated[name] = _said(error)
    if arguments.on_success_deactivate_script and not arguments.on_success_activate_script:
        await _scripts(context).activate(None)
    for name in arguments.destroy or []:
        try:
            number, old = _there(context, known, name)
            await _scripts(context).delete(old)
            outcomes.destroyed.append(name)
        except (SetError, MailError) as error:
            outcomes.not_destroyed[name] = _said(error)
    await _finish(context, arguments, outcomes, made)
    return outcomes.response(context, known.state, (await _synced(context)).state)


async def _finish(
    context: Context, arguments: ScriptSet, outcomes: Outcomes, made: dict[str, str]
) -> None:
    """Say what was created, and activate what is to be, if all succeeded (RFC 9661 §2.4)."""
    now = await _synced(context)
    numbers = {name: number for number, name in now.names.items()}
    for creation, name in made.items():
        context.created_ids[creation] = TYPE.id_of(numbers[name])
    chosen = arguments.on_success_activate_script
    failed = outcomes.not_created or outcomes.not_updated or outcomes.not_destroyed
    if chosen is not None and not failed:
        with suppress(SetError, Absent):  # RFC 9661 §2.4: an id that nobody has changes nothing
            await _scripts(context).activate(_there(context, now, chosen)[1])
    await _synced(context)
    _, values = await context.account.records.all(RecordKind.SCRIPT)
    for creation, name in made.items():
        outcomes.created[creation] = TYPE.shown(numbers[name], values[numbers[name]])


async def _put(
    context: Context, known: _Known, given: Value, old: tuple[RecordId, str] | None
) -> str:
    """Store a script under the name it shall have, and return the name."""
    for key in given:
        if key not in ("name", "blobId"):
            raise wrong(key, "the server sets this")
    name, blob_id = given.get("name"), given.get("blobId")
    if not isinstance(name, str | None) or (old is None and not isinstance(blob_id, str)):
        raise wrong("name" if isinstance(blob_id, str) else "blobId")
    taken = set(known.names.values()) - ({old[1]} if old else set())
    if name is None:
        name = old[1] if old else next(n for n in _names() if n not in taken)
    if name in taken:
        raise SetError("alreadyExists", "another script has this name")
    content: Plaintext | None = None
    if blob_id is not None:
        try:
            content = await blobs.octets_of(context, str(blob_id))
        except Absent:
            raise SetError("blobNotFound", notFound=[str(blob_id)]) from None
        await _scripts(context).check(content)
    if old is not None and name != old[1]:
        await _scripts(context).rename(old[1], name)
        value = {"name": name, "blobId": "", "isActive": False}  # `_synced` fills in the rest
        change = RecordsChange(update={old[0]: value})
        await context.account.records.write(RecordKind.SCRIPT, change)
    if content is not None:
        await _scripts(context).put(name, content)
    known.names[old[0] if old else RecordId(-len(known.names) - 1)] = name
    return name


def _names() -> Any:
    return (f"script {n}" for n in range(1, 10_000))


def _there(context: Context, known: _Known, name: str) -> tuple[RecordId, str]:
    number = TYPE.number(context.created_ids.get(name[1:], "") if name[:1] == "#" else name)
    if number is None or number not in known.names:
        raise SetError("notFound")
    return number, known.names[number]


def _said(error: MailError | SetError) -> SetError:
    if isinstance(error, MailError):
        match error.condition:
            case Condition.BAD_SCRIPT:
                return SetError("invalidSieve", error.text)
            case Condition.SCRIPT_ACTIVE:
                return SetError("sieveIsActive", error.text)
            case Condition.NOT_PERMITTED:
                return SetError("forbidden", error.text)
            case Condition.LIMIT:
                return SetError("overQuota", error.text)
            case Condition.BAD_SYNTAX:
                return wrong("name", error.text)
    return refusal(error)


def _account(context: Context) -> Properties:
    bounds = context.services.settings.sieve
    return {
        "maxSizeScriptName": NAME_OCTETS,
        "maxSizeScript": bounds.script_octets,
        "maxNumberScripts": bounds.scripts,
        "maxNumberRedirects": bounds.redirects,
        "sieveExtensions": sorted(sieve.EXTENSIONS),
        "notificationMethods": None,
        "externalLists": None,
    }


MODULE = Module(
    Capability(
        "urn:ietf:params:jmap:sieve", lambda _context: {"implementation": "Zegel"}, _account
    ),
    (
        Method("SieveScript/get", Get, _get),
        Method("SieveScript/set", ScriptSet, _set),
        Method("SieveScript/query", Query, _query),
        Method("SieveScript/validate", Validate, _validate),
    ),
    types=("SieveScript",),
)
