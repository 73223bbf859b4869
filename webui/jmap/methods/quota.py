"""Quotas: how much the account holds, and may hold (RFC 9425)."""

from collections.abc import Callable
from typing import Any

from webui.jmap.changing import Changes, Query, QueryChanges, page, query_response
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, invalid
from webui.jmap.getting import Get, chosen, wanted
from webui.jmap.matching import comparators, filter_of, no_filter
from webui.jmap.registry import Capability, Method, Module, Properties

_ID = "octets"
PROPERTIES = (
    "id", "resourceType", "used", "hardLimit", "scope", "name", "types", "warnLimit", "softLimit",
    "description",
)  # fmt: skip


async def _quota(context: Context) -> Properties | None:
    """Return the account's one quota; None where nothing bounds it."""
    counters = await context.account.emails.counters()
    if not counters.quota_octets:
        return None
    return {
        "id": _ID,
        "resourceType": "octets",
        "used": counters.used_octets,
        "hardLimit": counters.quota_octets,
        "scope": "account",
        "name": "Mail",
        "types": ["Email"],
        "warnLimit": counters.quota_octets * 9 // 10,
        "softLimit": None,
        "description": None,
    }


def _state(quota: Properties | None) -> str:
    return "none" if quota is None else f"{quota['used']}.{quota['hardLimit']}"


async def _get(context: Context, arguments: Get) -> Properties:
    names = chosen(arguments.properties, PROPERTIES)
    quota = await _quota(context)
    there = {} if quota is None else {_ID: quota}
    asked = list(there) if arguments.ids is None else wanted(arguments.ids)
    return {
        "accountId": context.account_id,
        "state": _state(quota),
        "list": [{key: there[name][key] for key in names} for name in asked if name in there],
        "notFound": [name for name in asked if name not in there],
    }


async def _changes(context: Context, arguments: Changes) -> Properties:
    if arguments.max_changes is not None and arguments.max_changes <= 0:
        raise invalid("maxChanges is above 0")
    quota = await _quota(context)
    new, old = _state(quota), arguments.since_state
    if new != old and ("none" in (new, old) or old.partition(".")[2] != new.partition(".")[2]):
        raise MethodError("cannotCalculateChanges")
    changed = new != old
    return {
        "accountId": context.account_id,
        "oldState": old,
        "newState": new,
        "hasMoreChanges": False,
        "created": [],
        "updated": [_ID] if changed else [],
        "destroyed": [],
        "updatedProperties": ["used"] if changed else None,
    }


async def _query(context: Context, arguments: Query) -> Properties:
    quota = await _quota(context)
    fits = filter_of(arguments.filter, _condition)
    comparators(arguments.sort, ("name", "used"))  # of one, all orders are the same
    found = [0] if quota is not None and fits(quota) else []
    shown = page(arguments, found, 0 if arguments.anchor == _ID else None)
    response = query_response(context, arguments, len(found), _state(quota), shown)
    return {**response, "canCalculateChanges": False, "ids": [_ID for _ in shown.ids]}


def _condition(name: str, wanted: Any) -> Callable[[Properties], bool]:
    """Read a condition (RFC 9425 §4.3)."""
    if name not in ("name", "scope", "resourceType", "type"):
        raise no_filter(name)
    if not isinstance(wanted, str):
        raise invalid(f"{name} is a text")
    if name == "name":
        return lambda quota: wanted in quota["name"]
    if name == "type":
        return lambda quota: wanted in quota["types"]
    return lambda quota: bool(quota[name] == wanted)


async def _query_changes(_context: Context, _arguments: QueryChanges) -> Properties:
    raise MethodError("cannotCalculateChanges")


MODULE = Module(
    Capability("urn:ietf:params:jmap:quota"),
    (
        Method("Quota/get", Get, _get),
        Method("Quota/changes", Changes, _changes),
        Method("Quota/query", Query, _query),
        Method("Quota/queryChanges", QueryChanges, _query_changes),
    ),
)
