"""Answers kept while they are good, in bounded memory.

The oldest go first when room is needed: nothing is good for more than an hour, so keeping count of
what was used last would cost more than it saves.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from mailserver.model.errors import Transient
from mailserver.runtime.clock import Clock
from mailserver.runtime.dns_answer import Answer, DnsTransient

TTL_SECONDS = 3_600  # a domain that mends its records waits no longer for us
NEGATIVE_SECONDS = 300  # RFC 2308 §5 allows hours; a record just published should not wait so long
FAILURE_SECONDS = 5  # RFC 9520 §3.2: at least one second, at most five minutes
ENTRY_OCTETS = 400  # what Python spends around the records of an answer

Question = tuple[int, str]
"""A record type's number, and a name."""


class _Entry(NamedTuple):
    good_until: float  # monotonic seconds
    outcome: Answer[Any] | str  # what was said, or why nothing was
    octets: int


class DnsCache:
    """Answers and failures by question, at most `limit_octets` of them."""

    def __init__(self, limit_octets: int, clock: Clock) -> None:
        """Start empty."""
        self._limit_octets = limit_octets
        self._clock = clock
        self._entries: dict[Question, _Entry] = {}
        self.held_octets = 0

    def __iter__(self) -> Iterator[Question]:
        """Name what is remembered, the oldest first."""
        return iter(self._entries)

    def get(self, question: Question) -> Answer[Any] | None:
        """Return the answer if one is known and still good.

        Raises:
            DnsTransient: the question failed a moment ago.
        """
        entry = self._entries.get(question)
        if entry is None or self._clock.monotonic() >= entry.good_until:
            return None
        if isinstance(entry.outcome, str):
            raise DnsTransient(entry.outcome)
        return entry.outcome

    def put(self, question: Question, answer: Answer[Any]) -> None:
        """Keep an answer for its TTL, or for our own bound if that is sooner."""
        bound = TTL_SECONDS if answer.records else NEGATIVE_SECONDS
        self._keep(question, answer, min(answer.ttl, bound))

    def put_failure(self, question: Question, failure: Transient) -> None:
        """Keep in mind that a question failed, so that a storm of mail does not repeat it."""
        self._keep(question, failure.text, FAILURE_SECONDS)

    def _keep(self, question: Question, outcome: Answer[Any] | str, seconds: int) -> None:
        self._drop(question)
        octets = ENTRY_OCTETS + len(question[1]) + _octets(outcome)
        if seconds <= 0 or octets > self._limit_octets:
            return
        while self.held_octets + octets > self._limit_octets:
            self._drop(next(iter(self._entries)))
        self._entries[question] = _Entry(self._clock.monotonic() + seconds, outcome, octets)
        self.held_octets += octets

    def _drop(self, question: Question) -> None:
        dropped = self._entries.pop(question, None)
        if dropped is not None:
            self.held_octets -= dropped.octets


def _octets(outcome: Answer[Any] | str) -> int:
    if isinstance(outcome, str):
        return len(outcome)
    return sum(64 + _record_octets(record) for record in outcome.records)


def _record_octets(record: object) -> int:
    if isinstance(record, str | bytes):
        return len(record)
    if isinstance(record, tuple):
        return sum(_record_octets(part) for part in record)
    return 16
