"""vCards 2.1, 3.0 and 4.0 as the cards of JMAP: what other address books hand over.

What a card says of how to reach somebody is taken over; pictures, keys, sounds and what only one
program knows are not. Each value has a bound, for the file may come from anybody: what is longer is
cut, what is more is left out. A card of which nothing remains is counted, not made.

Own code, because no library reads what people have: vobject ends at 3.0 and fails on a line it does
not know, others read 4.0 alone; and this layer is of the standard library. Source: RFC 6350 §6;
RFC 2426; vCard 2.1 §2; RFC 9555 §2 for what becomes what; RFC 9553.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailserver.protocol.vcard.lines import Line, lines

MOST_CARDS = 10_000
"""Of one file."""
MOST_OF_A_KIND = 100
"""Addresses, numbers and so on of one card."""
TEXT_LENGTH = 10_000
"""Characters of one text; a longer note is cut."""
WORD_LENGTH = 1_000
"""Characters of anything else."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPLIT = re.compile(r"\\.|[;,]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DATE = re.compile(r"(\d{4}|--)(?:-?(\d\d)(?:-?(\d\d))?)?(?:[T ].*)?\Z", re.ASCII)
_NAME = ("surname", "given", "given2", "title", "credential")
_SPOKEN = ("title", "given", "given2", "surname", "credential")
_ADDRESS = ("postOfficeBox", "apartment", "name", "locality", "region", "postcode", "country")
_CONTEXTS = {"home": "private", "work": "work"}
_FEATURES = {each: each for each in ("voice", "fax", "pager", "text", "textphone", "video")}
_FEATURES |= {"cell": "mobile"}
_KINDS = frozenset({"individual", "group", "org", "location", "device", "application"})
_OMITTED_YEAR = 1604  # so Apple writes a day without a year
_LEAP = 29

Card = dict[str, Any]


@dataclass(slots=True)
class Decoded:
    """What a file held."""

    cards: list[Card] = field(default_factory=list)
    """RFC 9553 objects without `@type`, `version` and address books; `uid` where they had one."""
    unread: int = 0
    """Cards that said nothing, or had no end."""
    too_many: int = 0
    """Cards beyond the most that are read."""
    pictures: int = 0
    """Pictures that were left out."""


def decode(octets: bytes) -> Decoded:
    """Read every card of a file; it never fails, whatever the file is."""
    told = Decoded()
    inside: list[Line] = []
    depth = 0  # vCard 2.1 lets a card hold the card of an agent: it is passed over
    for line in lines(octets):
        mark = line.value.strip().upper() == "VCARD"
        if line.name == "BEGIN" and mark:
            depth += 1
            if depth == 1:
                inside = []
        elif line.name == "END" and mark and depth:
            depth -= 1
            if depth == 0:
                _take(told, inside)
        elif depth == 1:
            inside.append(line)
    told.unread += depth > 0
    return told


def _take(told: Decoded, inside: Sequence[Line]) -> None:
    if len(told.cards) >= MOST_CARDS:
        told.too_many += 1
        return
    card = _card(inside)
    told.pictures += any(line.name == "PHOTO" and line.value for line in inside)
    if card.keys() & {"name", "emails", "phones", "organizations", "nicknames", "addresses"}:
        told.cards.append(card)
    else:
        told.unread += 1


def _card(inside: Sequence[Line]) -> Card:
    version = next((line.value.strip() for line in inside if line.name == "VERSION"), "")
    card: Card = {}
    for line in inside:
        if reader := _READERS.get(line.name):
            reader(card, line, _Values(line.value, is_old=version == "2.1"))
    return card


class _Values:
    """A value, and its parts between the marks that are not escaped."""

    def __init__(self, value: str, *, is_old: bool) -> None:
        self._value = value
        self._is_old = is_old

    @property
    def text(self) -> str:
        return self._open(self._value, TEXT_LENGTH)

    @property
    def word(self) -> str:
        return self._open(self._value)

    def listed(self) -> list[str]:
        return [self._open(each) for each in _parts(self._value, ",")]

    def fields(self) -> list[list[str]]:
        return [
            [self._open(each) for each in _parts(whole, ",")] for whole in _parts(self._value, ";")
        ]

    def uri(self) -> str:
        return "".join(_CONTROLS.sub("", self._value).split())[:WORD_LENGTH]

    def _open(self, value: str, most: int = WORD_LENGTH) -> str:
        def opened(match: re.Match[str]) -> str:
            if match[1] in "nN" and not self._is_old:
                return "\n"
            return match[1] if match[1] in ",;:\\" or not self._is_old else match[0]

        text = _ESCAPED.sub(opened, value).replace("\r\n", "\n").replace("\r", "\n")
        return _CONTROLS.sub("", text).strip()[:most].strip()


def _parts(value: str, mark: str) -> Iterator[str]:
    begin = 0
    for found in _SPLIT.finditer(value):
        if found[0] == mark:
            yield value[begin : found.start()]
            begin = found.end()
    yield value[begin:]


def _add(card: Card, name: str, entry: Card) -> None:
    table = card.setdefault(name, {})
    if len(table) < MOST_OF_A_KIND and entry not in table.values():
        table[str(len(table) + 1)] = entry


def _reached(entry: Card, line: Line) -> Card:
    """Add in which context something is used, and whether it comes first."""
    types = line.types()
    contexts = {_CONTEXTS[each]: True for each in sorted(types) if each in _CONTEXTS}
    if contexts:
        entry["contexts"] = contexts
    told = next(iter(line.parameters.get("PREF", ())), "1" if "pref" in types else "")
    if re.fullmatch(r"[1-9][0-9]?|100", told, re.ASCII):  # RFC 6350 §5.3
        entry["pref"] = int(told)
    return entry


def _uid(card: Card, _line: Line, values: _Values) -> None:
    if uid := values.uri():
        card.setdefault("uid", uid)


def _kind(card: Card, _line: Line, values: _Values) -> None:
    if (kind := values.word.lower()) in _KINDS:
        card["kind"] = kind


def _full_name(card: Card, _line: Line, values: _Values) -> None:
    if (text := values.word) and text != "?":  # so a card without a name is written
        card.setdefault("name", {}).setdefault("full", text)


def _name(card: Card, _line: Line, values: _Values) -> None:
    found = dict(zip(_NAME, values.fields(), strict=False))
    components = [
        {"kind": kind, "value": value}
        for kind in _SPOKEN
        for value in found.get(kind, [])[:MOST_OF_A_KIND]
        if value
    ]
    if components:
        card.setdefault("name", {}).setdefault("components", components)


def _nickname(card: Card, _line: Line, values: _Values) -> None:
    for text in filter(None, values.listed()):
        _add(card, "nicknames", {"name": text})


def _organisation(card: Card, _line: Line, values: _Values) -> None:
    name, *units = (", ".join(filter(None, parts)) for parts in values.fields())
    entry: Card = {"name": name} if name else {}
    if found := [{"name": unit} for unit in units if unit][:MOST_OF_A_KIND]:
        entry["units"] = found
    if entry:
        _add(card, "organizations", entry)


def _title(card: Card, line: Line, values: _Values) -> None:
    if text := values.word:
        role = {"kind": "role"} if line.name == "ROLE" else {}
        _add(card, "titles", {"name": text, **role})


def _note(card: Card, _line: Line, values: _Values) -> None:
    if text := values.text:
        _add(card, "notes", {"note": text})


def _categories(card: Card, _line: Line, values: _Values) -> None:
    for text in filter(None, values.listed()):
        keywords = card.setdefault("keywords", {})
        if len(keywords) < MOST_OF_A_KIND:
            keywords[text] = True


def _email(card: Card, line: Line, values: _Values) -> None:
    text = values.word
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if "@" in text:
        _add(card, "emails", _reached({"address": text}, line))


def _phone(card: Card, line: Line, values: _Values) -> None:
    text = values.word
    if text[:4].lower() == "tel:":
        text = text[4:]
    if text:
        entry: Card = {"number": text}
        types = line.types()
        features = {_FEATURES[each]: True for each in _FEATURES if each in types}
        if features:
            entry["features"] = features
        _add(card, "phones", _reached(entry, line))


def _link(card: Card, line: Line, values: _Values) -> None:
    if uri := values.uri():
        _add(card, "links", _reached({"uri": uri}, line))


def _address(card: Card, line: Line, values: _Values) -> None:
    components = [
        {"kind": kind, "value": value}
        for kind, parts in zip(_ADDRESS, values.fields(), strict=False)
        for value in parts[:MOST_OF_A_KIND]
        if value
    ]
    entry: Card = {"components": components} if components else {}
    label = _CONTROLS.sub("", next(iter(line.parameters.get("LABEL", ())), "")).strip()
    if label:
        entry["full"] = label[:WORD_LENGTH].strip()
    if entry:
        _add(card, "addresses", _reached(entry, line))


def _day(card: Card, line: Line, values: _Values) -> None:
    found = _DATE.match(values.word)
    if found is None:
        return
    year, month, day = (int(each) if each and each != "--" else None for each in found.groups())
    if year in (0, _OMITTED_YEAR) and month is not None:
        year = None
    if not _is_date(year, month, day):
        return
    parts = {"year": year, "month": month, "day": day}
    date = {name: value for name, value in parts.items() if value is not None}
    kind = "wedding" if line.name == "ANNIVERSARY" else "birth"
    if all(each["kind"] != kind for each in card.get("anniversaries", {}).values()):
        _add(card, "anniversaries", {"kind": kind, "date": date})


def _is_date(year: int | None, month: int | None, day: int | None) -> bool:
    if month is None:
        return bool(year)
    days = (31, _LEAP, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return 1 <= month <= len(days) and (day is None or 1 <= day <= days[month - 1])


def _member(card: Card, _line: Line, values: _Values) -> None:
    members = card.setdefault("members", {})
    if (uri := values.uri()) and len(members) < MOST_CARDS:
        members[uri] = True


_READERS: dict[str, Callable[[Card, Line, _Values], None]] = {
    "UID": _uid,
    "KIND": _kind,
    "X-ADDRESSBOOKSERVER-KIND": _kind,
    "FN": _full_name,
    "N": _name,
    "NICKNAME": _nickname,
    "X-NICKNAME": _nickname,
    "ORG": _organisation,
    "TITLE": _title,
    "ROLE": _title,
    "NOTE": _note,
    "CATEGORIES": _categories,
    "EMAIL": _email,
    "TEL": _phone,
    "URL": _link,
    "ADR": _address,
    "BDAY": _day,
    "ANNIVERSARY": _day,
    "X-ANNIVERSARY": _day,
    "MEMBER": _member,
    "X-ADDRESSBOOKSERVER-MEMBER": _member,
}
