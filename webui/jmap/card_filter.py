"""What ContactCard/query filters and sorts by (RFC 9610 §3.3); pure."""

from collections.abc import Callable, Iterator
from typing import Any

from webui.jmap.errors import MethodError

Card = dict[str, Any]
Fits = Callable[[Card], bool]

OBJECTS = frozenset(
    {"name", "nicknames", "organizations", "emails", "phones", "onlineServices", "addresses"}
    | {"notes", "titles", "members", "media", "links", "keywords"}
)
_INSIDE = {
    "name": "name",
    "nickname": "nicknames",
    "organization": "organizations",
    "email": "emails",
    "phone": "phones",
    "onlineService": "onlineServices",
    "address": "addresses",
    "note": "notes",
}
_PARTS = {"name/given": "given", "name/surname": "surname", "name/surname2": "surname2"}
_TIMES = {
    "createdBefore": ("created", False),
    "createdAfter": ("created", True),
    "updatedBefore": ("updated", False),
    "updatedAfter": ("updated", True),
}


def filter_of(given: dict[str, Any] | None) -> Fits:
    """Return what says whether a card fits. Raises MethodError (unsupportedFilter)."""
    if not given:
        return lambda _card: True
    if "operator" in given:
        inner = [filter_of(each) for each in given.get("conditions", [])]
        match given["operator"]:
            case "AND":
                return lambda card: all(fits(card) for fits in inner)
            case "OR":
                return lambda card: any(fits(card) for fits in inner)
            case "NOT":
                return lambda card: not any(fits(card) for fits in inner)
        raise MethodError("unsupportedFilter")
    conditions = [_condition(name, value) for name, value in given.items()]
    return lambda card: all(fits(card) for fits in conditions)


def sort_key(name: str) -> Callable[[Card], str]:
    """Return what cards are sorted by. Raises MethodError (unsupportedSort)."""
    if name in ("created", "updated"):
        return lambda card: str(card.get(name, ""))
    if name in _PARTS:
        return lambda card: " ".join(_of_name(card, _PARTS[name])).casefold()
    raise MethodError("unsupportedSort")


def _condition(name: str, value: Any) -> Fits:
    if not isinstance(value, str):
        raise MethodError("unsupportedFilter")
    if name == "inAddressBook":
        return lambda card: value in card["addressBookIds"]
    if name in ("uid", "kind"):
        return lambda card: card.get(name, "individual" if name == "kind" else "") == value
    if name == "hasMember":
        return lambda card: value in card.get("members", {})
    if name in _TIMES:
        of, after = _TIMES[name]
        return lambda card: of in card and (card[of] >= value) is after
    words = value.casefold().split()
    if name in _PARTS:
        return lambda card: _has(words, _of_name(card, _PARTS[name]))
    if name in _INSIDE:
        return lambda card: _has(words, _texts(card.get(_INSIDE[name])))
    if name == "text":
        return lambda card: _has(words, (text for key in OBJECTS for text in _texts(card.get(key))))
    raise MethodError("unsupportedFilter")


def _has(words: list[str], texts: Iterator[str]) -> bool:
    whole = "\n".join(texts).casefold()
    return all(word in whole for word in words)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text within a value."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _of_name(card: Card, kind: str) -> Iterator[str]:
    name = card.get("name")
    components = name.get("components", []) if isinstance(name, dict) else []
    for each in components if isinstance(components, list) else []:
        if isinstance(each, dict) and each.get("kind") == kind:
            yield str(each.get("value", ""))
