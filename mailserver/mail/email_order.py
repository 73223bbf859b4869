"""In which order a query's emails come, and which of them stands for its thread.

By default the newest comes first. Ties go by when it came, then by number, so that an order is the
same each time. Source: RFC 8621 §4.4.2, §4.4.3.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

from mailserver.mail.catalogue import Catalogue
from mailserver.model.email import Order
from mailserver.protocol.mime.summary import Summary

CLEAR = ("receivedAt", "size")
BY_KEYWORD = ("hasKeyword", "allInThreadHaveKeyword", "someInThreadHaveKeyword")
_PREFIX = re.compile(r"^(?:\s*(?:re|fwd?|aw|wg|antw|doorst|tr)\s*(?:\[[^\]]*\])?\s*:)+\s*", re.I)
_BLOB = re.compile(r"^\s*\[[^\[\]]*\]\s*(?=\S)")


def base_subject(subject: str) -> str:
    """Return the subject that a reply has in common with what it answers, for sorting.

    Source: RFC 5256 §2.1, with the reply marks of our languages.
    """
    text = " ".join(subject.split())
    while True:
        shorter = _PREFIX.sub("", text)
        shorter = _BLOB.sub("", shorter, count=1)
        if shorter == text or not shorter:
            return text.casefold()
        text = shorter


def _sent(summary: Summary, received_us: int) -> int:
    return received_us if summary.sent is None else summary.sent * 1_000_000


def _person(field: bytes) -> Callable[[Summary, int], str]:
    def name(summary: Summary, _received_us: int) -> str:
        text = summary.field(field) or ""
        shown = text.partition(",")[0].partition("<")
        return (shown[0].strip(' "') or shown[2].rstrip("> ")).casefold()

    return name


summary_keys: Mapping[str, Callable[[Summary, int], object]] = {
    "sentAt": _sent,
    "subject": lambda summary, _: base_subject(summary.subject),
    "from": _person(b"from"),
    "to": _person(b"to"),
}
"""What is sorted by out of sealed summaries, and how."""

SORTS = (*CLEAR, *BY_KEYWORD, *summary_keys)


def arranged(
    catalogue: Catalogue,
    wanted: AbstractSet[int],
    orders: Sequence[Order],
    keys: Mapping[str, Mapping[int, object]],
    having: Mapping[Order, set[int]],
    *,
    collapsed: bool,
    most: int | None,
) -> Sequence[int]:
    """Return the first `most` of `wanted` in order; `collapsed` keeps the first of each thread."""
    first = orders[0] if orders else Order("receivedAt", ascending=False)
    if first.by == "receivedAt":
        walk = catalogue.oldest_first if first.ascending else catalogue.newest_first
        found = walk(wanted)
    else:
        sorting = list(catalogue.newest_first(wanted))
        for order in reversed(orders):
            sorting.sort(key=_key(catalogue, order, keys, having), reverse=not order.ascending)
        found = iter(sorting)
    if collapsed:
        found = _collapsed(catalogue, found)
    return array("Q", islice(found, most))


def _collapsed(catalogue: Catalogue, found: Iterable[int]) -> Iterator[int]:
    threads = catalogue.threads
    seen: set[int] = set()
    for email in found:
        thread = threads[email]
        if thread not in seen:
            seen.add(thread)
            yield email


def _key(
    catalogue: Catalogue,
    order: Order,
    keys: Mapping[str, Mapping[int, object]],
    having: Mapping[Order, set[int]],
) -> Callable[[int], Any]:  # the keys of one order compare with each other
    if order.by == "receivedAt":
        return catalogue.received.__getitem__
    if order.by == "size":
        return catalogue.sizes.__getitem__
    if order.by in BY_KEYWORD:
        return having[order].__contains__
    column = keys[order.by]
    empty = 0 if order.by == "sentAt" else ""
    return lambda email: column.get(email, empty)
