"""Core/echo, Blob/copy, and what the core says of itself (RFC 8620 §2, §4, §6.3)."""

from typing import Any

from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, invalid
from webui.jmap.matching import COLLATIONS
from webui.jmap.registry import Capability, Method, Module, OfAccount, Properties

CORE = "urn:ietf:params:jmap:core"


async def _echo(_context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments


class BlobCopy(OfAccount):
    """The arguments of Blob/copy."""

    from_account_id: str
    blob_ids: list[str]


async def _copy(_context: Context, arguments: BlobCopy) -> Properties:
    if arguments.from_account_id == arguments.account_id:
        raise invalid("a copy goes from one account to another")
    raise MethodError("fromAccountNotFound")


def _session(context: Context) -> Properties:
    return {
        "maxSizeUpload": context.services.settings.limits.message_octets,
        "maxConcurrentUpload": limits.UPLOADS_AT_ONCE,
        "maxSizeRequest": limits.REQUEST_OCTETS,
        "maxConcurrentRequests": limits.REQUESTS_AT_ONCE,
        "maxCallsInRequest": limits.CALLS,
        "maxObjectsInGet": limits.OBJECTS_IN_GET,
        "maxObjectsInSet": limits.OBJECTS_IN_SET,
        "collationAlgorithms": sorted(COLLATIONS),
    }


MODULE = Module(
    Capability(CORE, _session, account=None),
    (
        Method("Core/echo", dict[str, Any], _echo),
        Method("Blob/copy", BlobCopy, _copy),
    ),
)
