"""Everywhere this process sends to: the interpreter tells of each connect and each datagram.

An audit hook cannot be taken away again, so one is set once, and writes down only while asked to.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})
_lists: list[list[Any]] = []
_set: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _lists and event in _EVENTS:
        place = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        for seen in _lists:
            seen.append(place)


@contextmanager
def spying() -> Iterator[list[Any]]:
    """Write down, for the length of a block, every place that is sent to or looked up."""
    if not _set:
        sys.addaudithook(_hook)
        _set.append(True)
    seen: list[Any] = []
    _lists.append(seen)
    try:
        yield seen
    finally:
        _lists.remove(seen)
