"""Core/echo, and what the core says of itself (RFC 8620 §2, §4)."""

from typing import Any

from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.registry import Capability, Method, Module

CORE = "urn:ietf:params:jmap:core"


async def _echo(_context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments


MODULE = Module(
    Capability(
        CORE,
        session={
            "maxSizeUpload": limits.ATTACHMENTS_OCTETS,
            "maxConcurrentUpload": limits.UPLOADS_AT_ONCE,
            "maxSizeRequest": limits.REQUEST_OCTETS,
            "maxConcurrentRequests": limits.REQUESTS_AT_ONCE,
            "maxCallsInRequest": limits.CALLS,
            "maxObjectsInGet": limits.OBJECTS_IN_GET,
            "maxObjectsInSet": limits.OBJECTS_IN_SET,
            "collationAlgorithms": ["i;ascii-casemap", "i;unicode-casemap"],
        },
        account=None,
    ),
    (Method("Core/echo", dict[str, Any], _echo),),
)
