"""A card as a vCard 4.0: what other address books read of it.

A vCard has no place for everything that a JSContact card may say, and a card may come from any
client: what has no property here, or not the form it should have, is left out. Whoever wants a card
whole keeps its JSON beside it. Source: RFC 6350; RFC 9555 §2 for what becomes what.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

LINE_OCTETS = 75
"""Longer lines are folded. Source: RFC 6350 §3.2."""

_TO_ESCAPE = re.compile(r"[\\,;]|\r\n?|\n")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TYPES = {"private": "home", "work": "work"}
_FEATURES = ("voice", "fax", "mobile", "pager", "text", "textphone", "video")
_FEATURE_NAMES = {"mobile": "cell"}
_ANNIVERSARIES = {"birth": "BDAY", "wedding": "ANNIVERSARY"}
_NAME = ("surname", "given", "given2", "title", "credential")
_ADDRESS = (
    ("postOfficeBox",),
    ("apartment", "room", "floor", "building"),
    ("name", "number"),
    ("locality",),
    ("region",),
    ("postcode",),
    ("country",),
)
_KINDS = frozenset({"individual", "group", "org", "location", "device", "application"})

Card = Mapping[str, Any]


def encode(card: Card) -> bytes:
    """Write a card; it always has a name (FN), as RFC 6350 §6.2.1 wants, if only its address."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", *_lines(card), "END:VCARD"]
    return b"".join(_folded(line) for line in lines)


def _lines(card: Card) -> Iterator[str]:
    if uid := _text(card.get("uid")):
        yield f"UID:{_plain(uid)}"
    if (kind := _text(card.get("kind"))) in _KINDS:
        yield f"KIND:{kind}"
    name = _object(card.get("name"))
    yield f"FN:{_escaped(_full_name(card, name))}"
    parts = _components(name)
    if any(parts.get(kind) for kind in _NAME):
        yield "N:" + ";".join(",".join(map(_escaped, parts.get(kind, ()))) for kind in _NAME)
    yield from _simple(card)
    yield from _reachable(card)
    yield from _addresses(card)
    for each in _each(card, "anniversaries"):
        date = _date(_object(each.get("date")))
        if date and (what := _ANNIVERSARIES.get(str(each.get("kind")))):
            yield f"{what}:{date}"
    for member in sorted(map(str, _object(card.get("members")))):
        yield f"MEMBER:{_plain(member)}"


def _simple(card: Card) -> Iterator[str]:
    for each in _each(card, "nicknames"):
        if text := _text(each.get("name")):
            yield f"NICKNAME:{_escaped(text)}"
    for each in _each(card, "organizations"):
        units = each.get("units")
        names = [each.get("name"), *(_object(unit).get("name") for unit in _list(units))]
        if any(map(_text, names)):
            yield "ORG:" + ";".join(_escaped(_text(name)) for name in names)
    for each in _each(card, "titles"):
        if text := _text(each.get("name")):
            yield f"{'ROLE' if each.get('kind') == 'role' else 'TITLE'}:{_escaped(text)}"
    for each in _each(card, "notes"):
        if text := _text(each.get("note")):
            yield f"NOTE:{_escaped(text)}"
    if keywords := sorted(map(str, _object(card.get("keywords")))):
        yield "CATEGORIES:" + ",".join(map(_escaped, keywords))


def _reachable(card: Card) -> Iterator[str]:
    for each in _each(card, "emails"):
        if text := _text(each.get("address")):
            yield f"EMAIL{_parameters(each)}:{_escaped(text)}"
    for each in _each(card, "phones"):
        if text := _text(each.get("number")):
            yield f"TEL{_parameters(each)}:{_escaped(text)}"
    for name in ("links", "onlineServices"):
        for each in _each(card, name):
            if text := _text(each.get("uri")):
                yield f"URL{_parameters(each)}:{_plain(text)}"


def _addresses(card: Card) -> Iterator[str]:
    for each in _each(card, "addresses"):
        parts = _components(each)
        fields = [[text for kind in kinds for text in parts.get(kind, ())] for kinds in _ADDRESS]
        if any(fields):
            yield f"ADR{_parameters(each)}:" + ";".join(
                ",".join(map(_escaped, field)) for field in fields
            )
        elif text := _text(each.get("full")):
            yield f"ADR{_parameters(each)}:;;{_escaped(text)};;;;"


def _full_name(card: Card, name: Card) -> str:
    if full := _text(name.get("full")):
        return full
    parts = [_text(_object(each).get("value")) for each in _list(name.get("components"))]
    if spoken := " ".join(filter(None, parts)):
        return spoken
    for kind, field in (("organizations", "name"), ("nicknames", "name"), ("emails", "address")):
        for each in _each(card, kind):
            if text := _text(each.get(field)):
                return text
    return "?"


def _components(holder: Card) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in map(_object, _list(holder.get("components"))):
        if text := _text(each.get("value")):
            found.setdefault(str(each.get("kind")), []).append(text)
    return found


def _parameters(each: Card) -> str:
    types = [_TYPES[name] for name in _object(each.get("contexts")) if name in _TYPES]
    features = _object(each.get("features"))
    types += [_FEATURE_NAMES.get(name, name) for name in _FEATURES if name in features]
    told = f";TYPE={types[0]}" if len(types) == 1 else ""
    if len(types) > 1:
        told = f';TYPE="{",".join(types)}"'
    pref = each.get("pref")
    if isinstance(pref, int) and 1 <= pref <= 100:  # RFC 6350 §5.3
        told += f";PREF={pref}"
    return told


def _date(date: Card) -> str:
    """Write a date, whole or in part. Source: RFC 6350 §4.3.1, RFC 9553 §2.8.1."""
    if utc := _text(date.get("utc")):
        return utc.replace("-", "").partition("T")[0] if utc[:8].replace("-", "").isdigit() else ""
    year, month, day = (date.get(name) for name in ("year", "month", "day"))
    if not all(isinstance(each, int | None) for each in (year, month, day)):
        return ""
    if year is not None and month is not None and day is None:
        return f"{year:04}-{month:02}"
    if month is None:
        return "" if year is None else f"{year:04}"
    told = "--" if year is None else f"{year:04}"
    return told + f"{month:02}" + ("" if day is None else f"{day:02}")


def _each(card: Card, name: str) -> Iterator[Card]:
    for each in _object(card.get(name)).values():
        yield _object(each)


def _object(value: object) -> Card:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _escaped(text: str) -> str:
    def escape(match: re.Match[str]) -> str:
        return r"\n" if match[0][0] in "\r\n" else "\\" + match[0]

    return _TO_ESCAPE.sub(escape, _CONTROLS.sub("", text))


def _plain(text: str) -> str:
    """Return a URI as it is, on one line."""
    return "".join(_CONTROLS.sub("", text).split())


def _folded(line: str) -> bytes:
    octets = line.encode("utf-8", "replace")
    parts, room = [], LINE_OCTETS
    while len(octets) > room:
        at = room
        while octets[at] & 0xC0 == 0x80:  # never within a character
            at -= 1
        parts.append(octets[:at])
        octets, room = octets[at:], LINE_OCTETS - 1
    return b"\r\n ".join([*parts, octets]) + b"\r\n"
