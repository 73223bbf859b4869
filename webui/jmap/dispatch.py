"""A request's calls, one after the other, to its responses (RFC 8620 §3.3 to §3.6).

Calls never run at the same time: each sees what the ones before it did.
"""

import secrets
from typing import Any

import msgspec

from mailserver.model.errors import Condition, MailError
from mailserver.runtime.log import get_logger
from webui.jmap import limits
from webui.jmap.context import Context
from webui.jmap.errors import MethodError, RequestError, invalid, method_error
from webui.jmap.registry import Method, OfAccount, Registry
from webui.jmap.request import Invocation, Request, resolved, weight

WEBSOCKET = "urn:ietf:params:jmap:websocket"
ALARMS = (Condition.DAMAGED, Condition.KEY_MISMATCH)

log = get_logger("web")


async def answered(
    registry: Registry, request: Request, context: Context, session_state: str
) -> dict[str, Any]:
    """Run the calls of `request`; return the response object.

    Raises:
        RequestError: unknownCapability.
    """
    unknown = sorted(request.using - registry.capabilities.keys() - {WEBSOCKET})
    if unknown:
        raise RequestError("unknownCapability", f"this server does not know {unknown[0][:100]}")
    context.using = request.using
    if request.created_ids is not None:
        context.created_ids.update(request.created_ids)
    answers: list[Invocation] = []
    for call in request.calls:
        context.also = []
        try:
            name, arguments = call.name, await _run(registry, call, context, answers)
        except MethodError as error:
            name, arguments = "error", error.arguments
        answers.append(Invocation(name, arguments, call.call_id))
        answers += [Invocation(other, more, call.call_id) for other, more in context.also]
    response: dict[str, Any] = {"methodResponses": answers, "sessionState": session_state}
    if request.created_ids is not None:
        response["createdIds"] = context.created_ids
    return response


async def _run(
    registry: Registry, call: Invocation, context: Context, answers: list[Invocation]
) -> dict[str, Any]:
    method = registry.method(call.name, context.using)
    if method is None:
        raise MethodError("unknownMethod")
    arguments = _taken(method, _resolved(call, context, answers))
    if isinstance(arguments, OfAccount) and arguments.account_id != context.account_id:
        raise MethodError("accountNotFound")
    try:
        return await method.run(context, arguments)
    except MailError as error:
        if error.condition in ALARMS:
            raise _incident(error) from error
        raise method_error(error) from error
    except MethodError:
        raise
    except Exception as bug:
        raise _incident(bug) from bug


def _resolved(call: Invocation, context: Context, answers: list[Invocation]) -> dict[str, Any]:
    """Put results in place of references, as many as a request may stand for."""
    complete = resolved(call.arguments, answers)
    if complete is not call.arguments:
        left = limits.REFERRED_OCTETS - context.referred_octets
        octets = weight(complete, left)
        if octets > left:
            raise MethodError("requestTooLarge", "what the references stand for is too much")
        context.referred_octets += octets
    return complete


def _taken(method: Method, arguments: dict[str, Any]) -> Any:
    try:
        return msgspec.convert(arguments, method.takes)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None


def _incident(error: BaseException) -> MethodError:
    number = secrets.token_hex(4)
    log.error("incident", incident=number, exc_info=error)
    return MethodError("serverFail", f"the operator finds out why by the incident {number}")
