"""Preference/get, /changes and /set: how its owner likes the webmail; a vendor's extension.

Each is a name and a JSON value, sealed under the owner's key as contacts are, for they say with
whom somebody writes and what they look for. The server reads nothing out of them. They are the
webmail's: an app password does not see them.
"""

import re
from typing import Any

import msgspec

from mailserver.mail.records import Value
from mailserver.model.record import RecordKind
from webui.jmap import records
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError
from webui.jmap.getting import Get
from webui.jmap.records import Changes, RecordType
from webui.jmap.registry import Capability, Method, Module, Properties
from webui.jmap.setting import Set, wrong

VALUE_OCTETS = 256 * 1024
PREFERENCES = 200
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,63}\Z")
_PROPERTIES = ("name", "value")


async def _checked(context: Context, given: Value, old: Value | None) -> Value:
    for key in given:
        if key not in _PROPERTIES:
            raise wrong(key, "there is no such property")
    name, value = given.get("name"), given.get("value")
    if not isinstance(name, str) or not _NAME.match(name):
        raise wrong("name", "a name is letters, digits, dots and hyphens")
    if old is not None:
        if name != old["name"]:
            raise wrong("name", "a preference keeps its name")
    else:
        await _check_free(context, name)
    if len(msgspec.json.encode(value)) > VALUE_OCTETS:
        raise SetError("tooLarge", maxSize=VALUE_OCTETS)
    return {"name": name, "value": value}


async def _check_free(context: Context, name: str) -> None:
    _, there = await context.account.records.all(RecordKind.PREFERENCE)
    if any(each["name"] == name for each in there.values()):
        raise SetError("alreadyExists", "there is a preference of this name")
    if len(there) >= PREFERENCES:
        raise SetError("overQuota", f"at most {PREFERENCES} preferences are kept")


PREFERENCE = RecordType(RecordKind.PREFERENCE, "P", {"value": None}, _checked, _PROPERTIES)


def _check_door(context: Context) -> None:
    if context.by_password:
        raise MethodError("forbidden", "preferences are the webmail's")


async def _get(context: Context, arguments: Get) -> Properties:
    _check_door(context)
    return await records.get(context, arguments, PREFERENCE)


async def _changes(context: Context, arguments: Changes) -> Properties:
    _check_door(context)
    return await records.changes(context, arguments, PREFERENCE)


async def _set(context: Context, arguments: Set) -> Properties:
    _check_door(context)
    names = [_name(given) for given in (arguments.create or {}).values()]
    if len(set(names)) < len(names):
        raise MethodError("invalidArguments", "two preferences of one name are created")
    return await records.set_(context, arguments, PREFERENCE)


def _name(given: dict[str, Any]) -> str:
    return str(given.get("name"))


MODULE = Module(
    Capability(
        "urn:zegel:params:jmap:preferences",
        account=lambda _context: {"maxSizeValue": VALUE_OCTETS, "maxPreferences": PREFERENCES},
    ),
    (
        Method("Preference/get", Get, _get),
        Method("Preference/changes", Changes, _changes),
        Method("Preference/set", Set, _set),
    ),
    types=("Preference",),
)
