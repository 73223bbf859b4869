"""What ContactCard/query filters and sorts by (RFC 9610 §3.3); pure."""

from collections.abc import Callable, Iterator
from typing import Any

from webui.jmap.errors import invalid
from webui.jmap.matching import no_filter

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


KEYS: dict[str, Callable[[Card], str]] = {
    "created": lambda card: str(card.get("created", "")),
    "updated": lambda card: str(card.get("updated", "")),
    "name/given": lambda card: " ".join(_of_name(card, "given")).casefold(),
    "name/surname": lambda card: " ".join(_of_name(card, "surname")).casefold(),
    "name/surname2": lambda card: " ".join(_of_name(card, "surname2")).casefold(),
}
"""What cards are sorted by."""
_KNOWN = {"inAddressBook", "uid", "kind", "hasMember", "text", *_TIMES, *_PARTS, *_INSIDE}


def condition(name: str, value: Any) -> Fits:
    """Read a condition. Raises MethodError (invalidArguments, unsupportedFilter)."""
    if name not in _KNOWN:
        raise no_filter(name)
    if not isinstance(value, str):
        raise invalid(f"{name} is a text")
    if name == "inAddressBook":
        return lambda card: value in card["addressBookIds"]
    if name in ("uid", "kind"):
        return lambda card: card.get(name, "individual" if name == "kind" else "") == value
    if name == "hasMember":
        return lambda card: value in card.get("members", {})
    if name in _TIMES:
        of, after = _TIMES[name]
        return lambda card: isinstance(card.get(of), str) and (card[of] >= value) is after
    words = value.casefold().split()
    if name in _PARTS:
        return lambda card: _has(words, _of_name(card, _PARTS[name]))
    if name in _INSIDE:
        return lambda card: _has(words, _texts(card.get(_INSIDE[name])))
    return lambda card: _has(words, (text for key in OBJECTS for text in _texts(card.get(key))))


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
