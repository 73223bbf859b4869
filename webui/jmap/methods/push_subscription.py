"""PushSubscription/get and /set: programs that a push service wakes (RFC 8620 §7.2).

None is taken as long as no push service is registered, and never for an app password (PRIVACY §6):
a subscription belongs to the web session that makes it. What identifies it to the push service, its
URL and keys, is never told.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mailserver.mail.push_desk import NewPush, PushSubscription
from mailserver.model.errors import Condition, MailError
from mailserver.model.ids import ObjectId
from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError
from webui.jmap.getting import chosen, wanted
from webui.jmap.matching import utc_microseconds
from webui.jmap.methods.core import MODULE as CORE_MODULE
from webui.jmap.registry import Capability, Method, Module, Properties, Taken
from webui.jmap.setting import refusal, wrong

VAPID = "urn:ietf:params:jmap:webpush-vapid"
PROPERTIES = ("id", "deviceClientId", "verificationCode", "expires", "types")
CREATED_WITH = frozenset({"deviceClientId", "url", "keys", "verificationCode", "expires", "types"})
CHARACTERS = 255
TYPES = 100

_ID = re.compile(r"P([0-9a-f]{32})\Z")
_AT_FAULT = {
    Condition.BAD_ADDRESS: "url",
    Condition.NOT_PERMITTED: "url",
    Condition.BAD_SYNTAX: "keys",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PushGet(Taken):
    """The arguments of PushSubscription/get, which has no account."""

    ids: list[str] | None = None
    properties: list[str] | None = None


class PushSet(Taken):
    """The arguments of PushSubscription/set, which has no state either."""

    create: dict[str, dict[str, Any]] | None = None
    update: dict[str, dict[str, Any]] | None = None
    destroy: list[str] | None = None


async def _get(context: Context, arguments: PushGet) -> Properties:
    names = arguments.properties
    if names is not None and {"url", "keys"} & set(names):
        raise MethodError("forbidden", "url and keys are never told")
    shown = chosen(names, PROPERTIES)
    found = {_written(each.id): _object(each) for each in await _listing(context)}
    ids = list(found) if arguments.ids is None else wanted(arguments.ids)
    return {
        "list": [{name: found[each][name] for name in shown} for each in ids if each in found],
        "notFound": [each for each in ids if each not in found],
    }


async def _listing(context: Context) -> list[PushSubscription]:
    """Return those of the session that asks; others' are none of its business."""
    if context.session_id is None:
        return []
    account, desk = context.account, context.services.push_desk
    return await desk.listing(account.account_id, account.guard, context.session_id)


async def _set(context: Context, arguments: PushSet) -> Properties:
    objects = (arguments.create, arguments.update, arguments.destroy)
    if sum(len(each) for each in objects if each) > limits.OBJECTS_IN_SET:
        raise MethodError("requestTooLarge", f"at most {limits.OBJECTS_IN_SET} objects are set")
    created: dict[str, Properties] = {}
    updated: dict[str, Properties | None] = {}
    destroyed: list[str] = []
    refused: dict[str, dict[str, Properties]] = {"create": {}, "update": {}, "destroy": {}}
    for name, given in (arguments.create or {}).items():
        try:
            created[name] = await _create(context, given)
            context.created_ids[name] = created[name]["id"]
        except (MailError, SetError, MethodError) as error:
            refused["create"][name] = _refusal(error).members
    for name, patch in (arguments.update or {}).items():
        try:
            updated[name] = await _update(context, context.real_id(name), patch)
        except (MailError, SetError, MethodError) as error:
            refused["update"][name] = _refusal(error).members
    for name in arguments.destroy or []:
        try:
            await _destroy(context, context.real_id(name))
            destroyed.append(name)
        except (MailError, SetError) as error:
            refused["destroy"][name] = _refusal(error).members
    return {
        "created": created or None,
        "updated": updated or None,
        "destroyed": destroyed or None,
        "notCreated": refused["create"] or None,
        "notUpdated": refused["update"] or None,
        "notDestroyed": refused["destroy"] or None,
    }


async def _create(context: Context, given: dict[str, Any]) -> Properties:
    session, desk = context.session_id, context.services.push_desk
    if session is None:
        raise SetError("forbidden", "an app password subscribes to nothing")
    if not desk.is_on:
        raise SetError("forbidden", "this server pushes to no other service; listen to its events")
    new, account = _new(given), context.account
    try:
        made = await desk.add(account.account_id, account.guard, session, new)
    except MailError as error:
        if error.condition in _AT_FAULT:
            raise wrong(_AT_FAULT[error.condition], error.text) from error
        if error.condition is Condition.LIMIT:
            raise SetError("overQuota", error.text) from error
        raise
    told: Properties = {"id": _written(made.id)}
    if new.expires_at != made.expires_at:
        told["expires"] = _utc(made.expires_at)
    return told


def _new(given: dict[str, Any]) -> NewPush:
    """Read what a subscription is created with. Raises SetError (invalidProperties)."""
    for name in given:
        if name not in CREATED_WITH:
            raise wrong(name, "there is no such property, or the server sets it")
    if given.get("verificationCode") is not None:
        raise wrong("verificationCode", "it is pushed first, and comes back then")
    keys = given.get("keys")
    if not isinstance(keys, dict) or set(keys) != {"p256dh", "auth"}:
        raise wrong("keys", "nothing is pushed in the clear: p256dh and auth are needed (RFC 8291)")
    if len(device := _text(given, "deviceClientId")) > CHARACTERS:
        raise wrong("deviceClientId", f"it has {CHARACTERS} characters at most")
    return NewPush(
        url=_text(given, "url"),
        p256dh=_text(keys, "p256dh", "keys"),
        auth=_text(keys, "auth", "keys"),
        device=device,
        types=_types(given.get("types")),
        expires_at=_instant(given.get("expires")),
    )


async def _update(context: Context, name: str, patch: dict[str, Any]) -> Properties | None:
    """Take the code that was pushed, or set until when and for what it holds."""
    session, subscription_id = _named(context, name)
    for each in patch:
        if each not in ("verificationCode", "expires", "types"):
            raise wrong(each, "a subscription is destroyed and made anew for that")
    account, desk = context.account, context.services.push_desk
    found = {each.id: each for each in await _listing(context)}.get(subscription_id)
    if found is None:
        raise SetError("notFound")
    place = (account.account_id, account.guard, session, subscription_id)
    asked = _instant(patch.get("expires")) if "expires" in patch else found.expires_at
    types = _types(patch["types"]) if "types" in patch else found.types
    if "verificationCode" in patch:
        try:
            await desk.verify(*place, _text(patch, "verificationCode"))
        except MailError as error:
            if error.condition is not Condition.BAD_SYNTAX:
                raise
            raise wrong("verificationCode", error.text) from error
    if {"expires", "types"} & set(patch):
        changed = await desk.change(*place, types=types, expires_at=asked)
        if changed.expires_at != asked:
            return {"expires": _utc(changed.expires_at)}
    return None


async def _destroy(context: Context, name: str) -> None:
    session, subscription_id = _named(context, name)
    account = context.account
    await context.services.push_desk.remove(
        account.account_id, account.guard, session, subscription_id
    )


def _named(context: Context, name: str) -> tuple[bytes, ObjectId]:
    """Return the session that asks, and which subscription an id names."""
    found = _ID.match(name)
    if found is None or context.session_id is None:
        raise SetError("notFound")
    return context.session_id, ObjectId(bytes.fromhex(found.group(1)))


def _refusal(error: MailError | SetError | MethodError) -> SetError:
    if isinstance(error, MethodError):
        return SetError("invalidProperties", error.description)
    if isinstance(error, MailError) and error.condition is Condition.NO_SUCH_CREDENTIAL:
        return SetError("notFound")
    return refusal(error)


def _text(given: dict[str, Any], name: str, shown: str = "") -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise wrong(shown or name, "this is a text")
    return value


def _types(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list) or len(given) > TYPES or not all(_short(given)):
        raise wrong("types", "this is a list of names of data types, or null for all")
    return tuple(given)


def _short(given: list[Any]) -> Iterator[bool]:
    return (isinstance(each, str) and len(each) <= CHARACTERS for each in given)


def _instant(given: Any) -> datetime | None:
    if given is None:
        return None
    if not isinstance(given, str):
        raise wrong("expires", "this is a date in UTC")
    return _EPOCH + timedelta(microseconds=utc_microseconds(given))


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _written(subscription_id: ObjectId) -> str:
    return f"P{subscription_id.hex()}"


def _object(each: PushSubscription) -> Properties:
    return {
        "id": _written(each.id),
        "deviceClientId": each.device,
        "verificationCode": each.code,
        "expires": _utc(each.expires_at),
        "types": None if each.types is None else list(each.types),
    }


def _vapid(context: Context) -> Properties | None:
    desk = context.services.push_desk
    return {"applicationServerKey": desk.public_key} if desk.is_on else None


MODULE = Module(
    CORE_MODULE.capability,
    (
        Method("PushSubscription/get", PushGet, _get),
        Method("PushSubscription/set", PushSet, _set),
    ),
)
WEB_PUSH = Module(Capability(VAPID, _vapid, account=None))
