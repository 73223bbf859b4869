"""Substring search over opened documents.

A `Block` is the text of some messages in memory: all heads in one run of octets, all bodies in
another, so that one search walks thousands of messages; a hit is mapped back to its message
by bisection and the search goes on behind that message. Where a word turns out to be in nearly
every message, the rest are asked one by one, which is five times as quick as finding the way back
from each hit.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import cast

from mailserver.index.document import split
from mailserver.index.haystack import Haystack
from mailserver.index.words import needle, normalise
from mailserver.model.ids import EmailId
from mailserver.model.query import Field

_MARKER = {
    Field.FROM: b"\x01F",
    Field.TO: b"\x01T",
    Field.CC: b"\x01C",
    Field.BCC: b"\x01K",
    Field.SUBJECT: b"\x01S",
}
_SENT = b"\x01D"
_OTHERS = b"\x01H"
_FIELD_BY_NAME = {"from": Field.FROM, "to": Field.TO, "cc": Field.CC, "bcc": Field.BCC}
_FIELD_BY_NAME["subject"] = Field.SUBJECT
PROBES = 32  # hits after which a word may be called common
COMMON = 4  # a word is, if at least one of so many messages has it


class Block:
    """The searchable text of some messages, in ascending order of email id."""

    __slots__ = ("_bodies", "_body_ends", "_head_ends", "_heads", "email_ids")

    def __init__(self, documents: Iterable[tuple[EmailId, bytes]]) -> None:
        """Take decompressed documents (`Framer.open_all`)."""
        heads, bodies = [], []
        email_ids = array("Q")
        self._head_ends, self._body_ends = array("Q"), array("Q")
        head_end = body_end = 0
        for email_id, document in documents:
            head, body = split(document)
            heads.append(head)
            bodies.append(body)
            bodies.append(b"\x01")  # so that no hit spans two messages
            head_end += len(head)
            body_end += len(body) + 1
            email_ids.append(email_id)
            self._head_ends.append(head_end)
            self._body_ends.append(body_end)
        self._heads, self._bodies = Haystack(b"".join(heads)), Haystack(b"".join(bodies))
        # An array cannot be told that its numbers are email ids, and a call for each costs more
        # than finding it.
        self.email_ids = cast("Sequence[EmailId]", email_ids)

    @property
    def octets(self) -> int:
        """How much memory the text takes."""
        return len(self._heads) + len(self._bodies) + 24 * len(self.email_ids)

    def matching(self, field: Field, text: str) -> set[EmailId]:
        """Return the messages that contain `text` in `field`."""
        sought = needle(text)
        if not sought:
            return set(self.email_ids)
        if field is Field.BODY:
            return self._named(_holding(self._bodies, self._body_ends, sought))
        if field is Field.ANY:
            found = self._named(_holding(self._bodies, self._body_ends, sought))
            if len(found) < len(self.email_ids):
                found |= self._named(_holding(self._heads, self._head_ends, sought))
            return found
        marker = _MARKER[field]
        heads = self._heads.octets

        def in_field(_start: int, hit: int) -> bool:
            mark = heads.rfind(b"\x01", 0, hit)
            return heads[mark : mark + 2] == marker

        return self._in_heads(sought, in_field)

    def with_header(self, name: str, text: str) -> set[EmailId]:
        """Return the messages with a field `name` whose value contains `text`.

        Of fields that no document keeps the value of, only the presence is known here.
        """
        lowered = name.lower()
        sought = needle(text)
        known = _FIELD_BY_NAME.get(lowered)
        if known is not None:
            return self._with_known(_MARKER[known], sought)
        heads = self._heads.octets

        def has_value(_start: int, hit: int) -> bool:
            end = _earlier(heads.find(b"\x02", hit + 1), heads.find(b"\x01", hit + 1))
            return heads.find(sought, hit + len(opening), end) >= 0

        opening = b"\x02" + normalise(lowered).encode() + b":"
        return self._in_heads(opening, has_value)

    def sent_days(self) -> dict[EmailId, date | None]:
        """Return the day each message says it was sent; None where it says none."""
        days: dict[EmailId, date | None] = {}
        start, heads = 0, self._heads.octets
        for email_id, end in zip(self.email_ids, self._head_ends, strict=True):
            mark = heads.find(_SENT, start, end)
            value = heads[mark + 2 : mark + 12]
            days[email_id] = (
                None if value.startswith(b"\x01") else date.fromisoformat(value.decode())
            )
            start = end
        return days

    def _named(self, numbers: list[int]) -> set[EmailId]:
        return set(map(self.email_ids.__getitem__, numbers))

    def _in_heads(self, sought: bytes, accept: Callable[[int, int], bool]) -> set[EmailId]:
        found: set[EmailId] = set()
        ends, ids, find = self._head_ends, self.email_ids, self._heads.find
        hit = find(sought)
        while hit >= 0:
            number = bisect_right(ends, hit)
            start = ends[number - 1] if number else 0
            if accept(start, hit):
                found.add(ids[number])
                hit = find(sought, ends[number])
            else:
                hit = find(sought, hit + 1)
        return found

    def _with_known(self, marker: bytes, sought: bytes) -> set[EmailId]:
        heads = self._heads.octets

        def holds(_start: int, hit: int) -> bool:
            end = heads.find(b"\x01", hit + 2)
            return end > hit + 2 and heads.find(sought, hit + 2, end) >= 0

        return self._in_heads(marker, holds)


def _holding(text: Haystack, ends: "array[int]", sought: bytes) -> list[int]:
    """Return the numbers of the messages whose part of `text` contains `sought`, ascending."""
    found: list[int] = []
    seen = 0
    hit = text.find(sought)
    while hit >= 0:
        number = bisect_right(ends, hit)
        found.append(number)
        if len(found) % PROBES == 0:
            if number - seen < COMMON * PROBES:
                return found + _one_by_one(text.octets, ends, sought, number + 1)
            seen = number
        hit = text.find(sought, ends[number])
    return found


def _one_by_one(octets: bytes, ends: "array[int]", sought: bytes, first: int) -> list[int]:
    find, starts = octets.find, ends[first - 1 :]
    spans = zip(range(first, len(ends)), starts, ends[first:], strict=False)
    return [number for number, start, end in spans if find(sought, start, end) >= 0]


def _earlier(left: int, right: int) -> int:
    return min(left, right) if left >= 0 else right
