"""Filters and sorts of a /query on values that are in memory: what they have in common; pure.

Source: RFC 8620 §5.5.
"""

import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from webui.jmap import limits
from webui.jmap.errors import MethodError, invalid

COLLATIONS = ("i;unicode-casemap", "i;ascii-casemap")
_UTC_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z\Z")

ValueT = TypeVar("ValueT")


def filter_of(
    given: dict[str, Any] | None,
    condition: Callable[[str, Any], Callable[[ValueT], bool]],
    depth: int = 0,
) -> Callable[[ValueT], bool]:
    """Return what says whether a value fits; `condition` reads one name and its value.

    Raises:
        MethodError: invalidArguments, unsupportedFilter.
    """
    if not given:
        return lambda _value: True
    if depth > limits.NESTING:
        raise MethodError("unsupportedFilter", "the filter nests too deep")
    if "operator" not in given:
        tests = [condition(name, value) for name, value in given.items()]
        return lambda value: all(fits(value) for fits in tests)
    inner = [filter_of(each, condition, depth + 1) for each in conditions_of(given)]
    match given["operator"]:
        case "AND":
            return lambda value: all(fits(value) for fits in inner)
        case "OR":
            return lambda value: any(fits(value) for fits in inner)
        case "NOT":
            return lambda value: not any(fits(value) for fits in inner)
        case _:
            raise invalid("an operator is AND, OR or NOT")


def conditions_of(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what an operator combines. Raises MethodError (invalidArguments)."""
    conditions = given.get("conditions")
    if set(given) != {"operator", "conditions"} or not isinstance(conditions, list):
        raise invalid("an operator has conditions and nothing else")
    if not all(isinstance(each, dict) for each in conditions):
        raise invalid("a condition is an object")
    return conditions


def no_filter(name: str) -> MethodError:
    """Return the error of a condition that the type has not."""
    return MethodError("unsupportedFilter", f"there is no filter {name[:100]}")


class Comparator(NamedTuple):
    """By what values are sorted."""

    property: str
    ascending: bool


def comparators(sort: Sequence[dict[str, Any]] | None, known: Collection[str]) -> list[Comparator]:
    """Read a sort by the properties in `known`.

    Raises:
        MethodError: invalidArguments, unsupportedSort.
    """
    return [comparator(each, known) for each in sort or ()]


def comparator(given: dict[str, Any], known: Collection[str]) -> Comparator:
    """Read one comparator; raises as `comparators` does."""
    by, ascending = given.get("property"), given.get("isAscending", True)
    if not isinstance(by, str) or not isinstance(ascending, bool):
        raise invalid("a comparator has a property, and isAscending is true or false")
    if by not in known or given.get("collation", COLLATIONS[0]) not in COLLATIONS:
        raise MethodError("unsupportedSort", f"nothing here is sorted by {by[:100]} so")
    return Comparator(by, ascending)


def utc_microseconds(text: str) -> int:
    """Read a UTCDate (RFC 8620 §1.4). Raises MethodError (invalidArguments)."""
    try:
        if not _UTC_DATE.match(text):
            raise ValueError("not UTC")
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("a date is written as 2026-03-04T05:06:07Z") from None
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
