"""Push subscriptions: none are taken, as long as the push service is not registered (PRIVACY §6).

Programs that stay connected have events and WebSockets instead. Source: RFC 8620 §7.2.
"""

from typing import Any

from webui.jmap.context import Context
from webui.jmap.errors import MethodError, SetError
from webui.jmap.getting import chosen, wanted
from webui.jmap.methods.core import MODULE as CORE_MODULE
from webui.jmap.registry import Method, Module, Properties, Taken

PROPERTIES = ("id", "deviceClientId", "verificationCode", "expires", "types")


class PushGet(Taken):
    """The arguments of PushSubscription/get, which has no account."""

    ids: list[str] | None = None
    properties: list[str] | None = None


class PushSet(Taken):
    """The arguments of PushSubscription/set."""

    create: dict[str, dict[str, Any]] | None = None
    update: dict[str, dict[str, Any]] | None = None
    destroy: list[str] | None = None


async def _get(_context: Context, arguments: PushGet) -> Properties:
    names = arguments.properties
    if names is not None and {"url", "keys"} & set(names):
        raise MethodError("forbidden", "url and keys are never told")
    chosen(names, PROPERTIES)
    return {"list": [], "notFound": wanted(arguments.ids or [])}


async def _set(_context: Context, arguments: PushSet) -> Properties:
    off = SetError("forbidden", "this server pushes to no other service; listen to its events")
    absent = SetError("notFound")
    return {
        "created": None,
        "updated": None,
        "destroyed": None,
        "notCreated": {name: off.members for name in arguments.create or {}} or None,
        "notUpdated": {name: absent.members for name in arguments.update or {}} or None,
        "notDestroyed": {name: absent.members for name in arguments.destroy or []} or None,
    }


MODULE = Module(
    CORE_MODULE.capability,
    (
        Method("PushSubscription/get", PushGet, _get),
        Method("PushSubscription/set", PushSet, _set),
    ),
)
