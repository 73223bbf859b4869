"""A request: parsed out of JSON, and its references to earlier results resolved. Pure.

Source: RFC 8620 §3.3, §3.6.1, §3.7; RFC 6901 for the pointers, with JMAP's `*`.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from webui.jmap import limits
from webui.jmap.errors import MethodError, RequestError, invalid

_TEXTS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)  # possessive: it keeps nothing
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

Arguments = dict[str, Any]


class Invocation(NamedTuple):
    """A method call, or the response to one."""

    name: str
    arguments: Arguments
    call_id: str


class Request(NamedTuple):
    """What a client asks for in one go."""

    using: frozenset[str]
    calls: tuple[Invocation, ...]
    created_ids: dict[str, str] | None
    """Creation id → id of earlier requests; None where the client does not want them back."""


class _Wire(msgspec.Struct, rename="camel"):
    using: list[str]
    method_calls: list[tuple[str, dict[str, Any], str]]
    created_ids: dict[str, str] | None = None


class _Reference(msgspec.Struct, rename="camel"):
    result_of: str
    name: str
    path: str


def parse(octets: bytes) -> Request:
    """Read a request.

    Raises:
        RequestError: notJSON, notRequest or limit.
    """
    return request_of(decoded(octets))


def decoded(octets: bytes) -> Any:
    """Decode a request's JSON. Raises RequestError (notJSON, notRequest, limit)."""
    if len(octets) > limits.REQUEST_OCTETS:
        raise RequestError("limit", "the request is too large", limit="maxSizeRequest")
    try:
        value = msgspec.json.decode(octets)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RequestError("notJSON", "the request is not JSON") from None
    if _nesting(octets) > limits.JSON_NESTING:
        raise RequestError("notRequest", "the request nests too deep")
    return value


def _nesting(octets: bytes) -> int:
    """Say how deep JSON nests at most; at least, where it cannot nest too deep."""
    if octets.count(b"[") + octets.count(b"{") <= limits.JSON_NESTING:
        return 0
    brackets = _TEXTS.sub(b"", octets).translate(None, delete=_NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)))


def request_of(value: Any) -> Request:
    """Read a request out of decoded JSON. Raises RequestError (notRequest, limit)."""
    try:
        wire = msgspec.convert(value, _Wire)
    except msgspec.ValidationError as error:
        raise RequestError("notRequest", str(error)) from None
    if len(wire.method_calls) > limits.CALLS:
        raise RequestError("limit", "too many method calls", limit="maxCallsInRequest")
    calls = tuple(Invocation(*call) for call in wire.method_calls)
    return Request(frozenset(wire.using), calls, wire.created_ids)


def resolved(arguments: Arguments, answers: Sequence[Invocation]) -> Arguments:
    """Put results of earlier calls in place of `#name` arguments.

    Raises:
        MethodError: invalidResultReference, or invalidArguments where a name occurs both ways.
    """
    if not any(name.startswith("#") for name in arguments):
        return arguments
    complete = {name: value for name, value in arguments.items() if not name.startswith("#")}
    for name, value in arguments.items():
        if name.startswith("#"):
            if name[1:] in complete:
                raise invalid(f"{name[1:]} is given and referred to as well")
            complete[name[1:]] = _looked_up(value, answers)
    return complete


def weight(value: Any, most: int) -> int:
    """Say about how many octets a value takes as JSON; more than `most` is not counted on."""
    waiting, octets = [value], 0
    while waiting and octets <= most:
        one = waiting.pop()
        octets += len(one) if isinstance(one, str) else 8
        if isinstance(one, dict):
            octets += sum(map(len, one))
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return octets


def _looked_up(value: Any, answers: Sequence[Invocation]) -> Any:
    try:
        reference = msgspec.convert(value, _Reference)
    except msgspec.ValidationError:
        raise _unresolved("a reference has resultOf, name and path") from None
    for answer in answers:
        if answer.call_id == reference.result_of:
            if answer.name != reference.name:
                raise _unresolved("the first response to that call has another name")
            return pointed(answer.arguments, reference.path)
    raise _unresolved("no earlier call has that id")


def pointed(value: Any, path: str) -> Any:
    """Follow a JSON pointer; `*` maps over an array, and arrays that come of it are joined.

    Raises:
        MethodError: invalidResultReference: nothing is there.
    """
    if not path:
        return value
    if not path.startswith("/"):
        raise _unresolved("a path begins with a slash")
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]
    return _follow(value, tokens)


def _follow(value: Any, tokens: Sequence[str]) -> Any:
    for n, token in enumerate(tokens):
        if isinstance(value, dict):
            if token not in value:
                raise _unresolved("the path names nothing")
            value = value[token]
        elif isinstance(value, list) and token == "*":  # noqa: S105 - a wildcard, no secret
            return _mapped(value, tokens[n + 1 :])
        elif isinstance(value, list) and _is_index(token) and int(token) < len(value):
            value = value[int(token)]
        else:
            raise _unresolved("the path names nothing")
    return value


def _mapped(values: list[Any], tokens: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        one = _follow(value, tokens)
        found.extend(one) if isinstance(one, list) else found.append(one)
    return found


def _is_index(token: str) -> bool:
    plain = token.isascii() and token.isdecimal() and len(token) < 10
    return plain and (token == "0" or not token.startswith("0"))  # noqa: S105 - RFC 6901 §4


def _unresolved(description: str) -> MethodError:
    return MethodError("invalidResultReference", description)
