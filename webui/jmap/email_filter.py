"""The filter and sort of Email/query → the domain's conditions; pure (RFC 8621 §4.4.1, §4.4.2).

Texts are cut into words, each of which must occur; what stands in quotes must occur as it stands.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from mailserver.mail.email_order import BY_KEYWORD, SORTS
from mailserver.mail.email_query import EVERY_EMAIL, AllOf, AnyOf, Filter, NoneOf
from mailserver.model.email import (
    HasAttachment,
    InMailbox,
    Marked,
    Order,
    OutsideOf,
    ReceivedAt,
    SizeIs,
    ThreadMarked,
)
from mailserver.model.message import Flag
from mailserver.model.query import Field, Header, Text
from webui.jmap import ids, limits
from webui.jmap.errors import MethodError, invalid
from webui.jmap.matching import comparator, conditions_of, no_filter, utc_microseconds

_WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'(?!\S)|(\S+)')
_TEXTS = {
    "text": Field.ANY,
    "from": Field.FROM,
    "to": Field.TO,
    "cc": Field.CC,
    "bcc": Field.BCC,
    "subject": Field.SUBJECT,
    "body": Field.BODY,
}
_FLAGS = {
    "$seen": Flag.SEEN,
    "$answered": Flag.ANSWERED,
    "$flagged": Flag.FLAGGED,
    "$draft": Flag.DRAFT,
}
_MUTABLE = frozenset({"inMailbox", "inMailboxOtherThan", "hasKeyword", "notKeyword",
                      "allInThreadHaveKeyword", "someInThreadHaveKeyword",
                      "noneInThreadHaveKeyword"})  # fmt: skip
_ACROSS = frozenset({"allInThreadHaveKeyword", "someInThreadHaveKeyword",
                     "noneInThreadHaveKeyword"})  # fmt: skip


def condition(given: dict[str, Any] | None, depth: int = 0) -> Filter:
    """Read a filter.

    Raises:
        MethodError: invalidArguments, unsupportedFilter.
    """
    if not given:
        return EVERY_EMAIL
    if depth > limits.NESTING:
        raise MethodError("unsupportedFilter", "the filter nests too deep")
    if "operator" in given:
        return _operator(given, depth)
    return AllOf(tuple(_condition(name, value) for name, value in given.items()))


def _operator(given: dict[str, Any], depth: int) -> Filter:
    conditions = tuple(condition(each, depth + 1) for each in conditions_of(given))
    match given["operator"]:
        case "AND":
            return AllOf(conditions)
        case "OR":
            return AnyOf(conditions)
        case "NOT":
            return NoneOf(conditions)
        case _:
            raise invalid("an operator is AND, OR or NOT")


def _condition(name: str, value: Any) -> Filter:
    reader = _READERS.get(name)
    if reader is None:
        raise no_filter(name)
    try:
        return reader(value)
    except TypeError:
        raise invalid(f"{name} is of another type") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value


def _outside(value: Any) -> Filter:
    if not isinstance(value, list):
        raise TypeError
    numbers = (ids.mailbox(_text(each)) for each in value)
    return OutsideOf(frozenset(each for each in numbers if each is not None))


def _attachment(value: Any) -> Filter:
    if not isinstance(value, bool):
        raise TypeError
    return HasAttachment() if value else NoneOf((HasAttachment(),))


def _header(value: Any) -> Filter:
    if not isinstance(value, list) or not 1 <= len(value) <= 2:
        raise TypeError
    return Header(_text(value[0]), _text(value[1]) if len(value) == 2 else "")


def _in_text(field: Field) -> Callable[[Any], Filter]:
    return lambda value: AllOf(tuple(Text(field, word) for word in words(_text(value))))


def mark(keyword: str) -> Marked:
    """Return what a keyword stands for."""
    flag = _FLAGS.get(keyword.lower(), Flag.NONE)
    return Marked(flag, "" if flag else keyword.casefold())


def words(text: str) -> list[str]:
    """Cut a text that is looked for into words and quoted phrases."""
    found = []
    for double, single, bare in _WORDS.findall(text):
        quoted = re.sub(r"\\(.)", r"\1", double or single)
        found.append(bare or quoted)
    return [word for word in found if word.strip()]


_READERS: dict[str, Callable[[Any], Filter]] = {
    "inMailbox": lambda value: InMailbox(ids.mailbox(_text(value))),
    "inMailboxOtherThan": _outside,
    "before": lambda value: ReceivedAt(before=utc_microseconds(_text(value))),
    "after": lambda value: ReceivedAt(since=utc_microseconds(_text(value))),
    "minSize": lambda value: SizeIs(minimum=_size(value)),
    "maxSize": lambda value: SizeIs(maximum=_size(value)),
    "hasKeyword": lambda value: mark(_text(value)),
    "notKeyword": lambda value: NoneOf((mark(_text(value)),)),
    "allInThreadHaveKeyword": lambda value: ThreadMarked(mark(_text(value)), every=True),
    "someInThreadHaveKeyword": lambda value: ThreadMarked(mark(_text(value)), every=False),
    "noneInThreadHaveKeyword": lambda value: NoneOf(
        (ThreadMarked(mark(_text(value)), every=False),)
    ),
    "hasAttachment": _attachment,
    "header": _header,
    **{name: _in_text(field) for name, field in _TEXTS.items()},
}


def texts(given: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return what a filter looks for in texts, (where, word), but for what must not occur."""
    if not given:
        return []
    if "operator" in given:
        if given["operator"] == "NOT" or not isinstance(given.get("conditions"), list):
            return []
        return [pair for each in given["conditions"] if isinstance(each, dict)
                for pair in texts(each)]  # fmt: skip
    return [
        (name, word)
        for name, value in given.items()
        if name in _TEXTS and isinstance(value, str)
        for word in words(value)
    ]


def orders(sort: Sequence[dict[str, Any]] | None) -> tuple[Order, ...]:
    """Read a sort; the newest first where none is given.

    Raises:
        MethodError: invalidArguments, unsupportedSort.
    """
    found = []
    for each in sort or [{"property": "receivedAt", "isAscending": False}]:
        by, ascending = comparator(each, SORTS)
        keyword = each.get("keyword")
        if (by in BY_KEYWORD) != isinstance(keyword, str):
            raise invalid("a comparator by keyword has a keyword, and no other has")
        found.append(Order(by, ascending, None if keyword is None else mark(keyword)))
    return tuple(found)


def is_mutable(given: dict[str, Any] | None, sort: Sequence[Order]) -> bool:
    """Say whether an email may come into a result, or move in it, by what is done to it."""
    return _names(given, _MUTABLE) or any(order.mark is not None for order in sort)


def is_across(given: dict[str, Any] | None, sort: Sequence[Order]) -> bool:
    """Say whether an email's place in a result depends on others of its thread."""
    by_thread = any(order.mark is not None and order.by != "hasKeyword" for order in sort)
    return _names(given, _ACROSS) or by_thread


def _names(given: dict[str, Any] | None, names: frozenset[str]) -> bool:
    if not given:
        return False
    if "conditions" in given:
        below = given["conditions"]
        return any(_names(each, names) for each in below if isinstance(each, dict))
    return not names.isdisjoint(given)
