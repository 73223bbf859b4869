"""Requests are parsed, bounded, and their references resolved (RFC 8620 §3.3, §3.6.1, §3.7)."""

from typing import Any

import msgspec
import pytest

from webui.jmap import limits
from webui.jmap.errors import MethodError, RequestError
from webui.jmap.request import Invocation, parse, pointed, resolved

CORE = "urn:ietf:params:jmap:core"

ANSWERS = [
    Invocation("Email/query", {"ids": ["M1", "M2"]}, "0"),
    Invocation(
        "Email/get",
        {"list": [{"id": "M1", "parts": [{"a/b": 1}]}, {"id": "M2", "parts": [{"a/b": 2}]}]},
        "1",
    ),
]


def _reference(of: str, name: str, path: str) -> dict[str, Any]:
    return {"#ids": {"resultOf": of, "name": name, "path": path}}


def test_a_request_is_read_with_its_created_ids() -> None:
    request = parse(
        msgspec.json.encode(
            {"using": [CORE], "methodCalls": [["Core/echo", {"a": 1}, "c"]], "createdIds": {}}
        )
    )
    assert request.calls == (Invocation("Core/echo", {"a": 1}, "c"),)
    assert request.using == {CORE}
    assert request.created_ids == {}


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"{", "notJSON"),
        (b"\xff", "notJSON"),
        (b"[" * 10_000, "notJSON"),
        (b"[]", "notRequest"),
        (b'{"using": [], "methodCalls": [["a", {}]]}', "notRequest"),
        (b'{"using": "core", "methodCalls": []}', "notRequest"),
        (b'{"using": []}', "notRequest"),
        (b'{"using": [], "methodCalls": [["a", [], "c"]]}', "notRequest"),
    ],
)
def test_what_is_no_request_is_refused_by_name(octets: bytes, kind: str) -> None:
    with pytest.raises(RequestError) as refused:
        parse(octets)
    assert refused.value.members["type"] == f"urn:ietf:params:jmap:error:{kind}"


def test_too_many_calls_name_the_limit() -> None:
    calls = [["Core/echo", {}, str(n)] for n in range(limits.CALLS + 1)]
    with pytest.raises(RequestError) as refused:
        parse(msgspec.json.encode({"using": [CORE], "methodCalls": calls}))
    assert refused.value.members["limit"] == "maxCallsInRequest"


def test_a_reference_takes_its_value_from_the_earlier_response() -> None:
    assert resolved(_reference("0", "Email/query", "/ids"), ANSWERS) == {"ids": ["M1", "M2"]}


def test_a_star_maps_and_joins_arrays() -> None:
    assert pointed(ANSWERS[1].arguments, "/list/*/id") == ["M1", "M2"]
    assert pointed(ANSWERS[1].arguments, "/list/*/parts/*/a~1b") == [1, 2]
    assert pointed(ANSWERS[1].arguments, "/list/1/id") == "M2"


@pytest.mark.parametrize(
    "reference",
    [
        _reference("9", "Email/query", "/ids"),
        _reference("0", "Email/get", "/ids"),
        _reference("0", "Email/query", "/nothing"),
        _reference("0", "Email/query", "ids"),
        _reference("0", "Email/query", "/ids/2"),
        _reference("0", "Email/query", "/ids/00"),
        _reference("0", "Email/query", "/ids/-"),
        {"#ids": "no reference"},
    ],
)
def test_a_reference_to_nothing_is_refused(reference: dict[str, Any]) -> None:
    with pytest.raises(MethodError) as refused:
        resolved(reference, ANSWERS)
    assert refused.value.kind == "invalidResultReference"


def test_an_argument_given_both_ways_is_invalid() -> None:
    both = _reference("0", "Email/query", "/ids") | {"ids": []}
    with pytest.raises(MethodError) as refused:
        resolved(both, ANSWERS)
    assert refused.value.kind == "invalidArguments"


def _nested(levels: int) -> bytes:
    inner = b"[" * levels + b'"]["' + b"]" * levels
    return b'{"using": [], "methodCalls": [["Core/echo", {"a": %b}, "c"]]}' % inner


def test_a_request_nests_as_deep_as_is_said_and_no_deeper() -> None:
    around = 4  # the request, its calls, the call, its arguments
    assert parse(_nested(limits.JSON_NESTING - around)).calls
    with pytest.raises(RequestError) as refused:
        parse(_nested(limits.JSON_NESTING - around + 1))
    assert refused.value.kind == "notRequest"


def test_brackets_in_texts_nest_nothing() -> None:
    text = b'{"using": [], "methodCalls": [["Core/echo", {"a": "%b"}, "c"]]}' % (b'[\\"{' * 1_000)
    assert parse(text).calls
