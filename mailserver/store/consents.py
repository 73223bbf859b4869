"""Consents as they are stored: texts, courses and their events.

A course is written with the number of the event it was read at, so that of two who write at once
one is told so: that is also what makes a token good for a single use. Events are added and, where
the law wants them gone, deleted; none is changed.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from mailserver.model.errors import Condition, Conflict
from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.driver import Sql, fetch, fetch_one, run, run_many
from mailserver.store.instants import from_microseconds, to_microseconds


class TextRow(NamedTuple):
    """A text that people are asked to agree to."""

    number: int
    purpose: str
    language: str
    version: str
    body: str
    sha256: bytes
    at: datetime


class CourseRow(NamedTuple):
    """How one person's consent to one purpose stands."""

    course: bytes
    subject: bytes
    number: int
    """Of the last event; 0: there is none."""
    kept: int
    """Of the last event that is a proof."""
    state: int
    settled: int
    """The kind of event `kept`; 0: none yet."""
    changed_at: datetime
    asked_at: datetime
    customer: int
    token: bytes
    expires_at: datetime
    object_id: ObjectId
    person: Guarded


class EventRow(NamedTuple):
    """One thing that somebody said."""

    course: bytes
    number: int
    kind: int
    text: int
    at: datetime
    object_id: ObjectId
    detail: Guarded


_TEXTS = Sql(
    "SELECT number, purpose, language, version, body, sha256, at FROM consent_texts ORDER BY number"
)
_ADD_TEXT = Sql(
    "INSERT INTO consent_texts (number, purpose, language, version, body, sha256, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_LAST_TEXT = Sql("SELECT MAX(number) FROM consent_texts")
_COLUMNS = ", ".join(CourseRow._fields)
_SELECT = f"SELECT {_COLUMNS} FROM consent_courses"  # noqa: S608 (our own names)
_COURSE = Sql(f"{_SELECT} WHERE course = ?")
_OF_SUBJECT = Sql(f"{_SELECT} WHERE subject = ?")
_OF_TOKEN = Sql(f"{_SELECT} WHERE token = ? AND expires_at > 0")
_ALL = Sql(f"{_SELECT} ORDER BY course")
_PENDING = Sql(f"{_SELECT} WHERE expires_at > 0 AND expires_at <= ?")
_UNCONFIRMED = Sql(f"{_SELECT} WHERE number > kept AND asked_at <= ?")
_OVER = Sql(
    f"{_SELECT} WHERE number = kept AND settled IN (3, 4) AND customer = 0 AND changed_at <= ?"
)
_INSERT = Sql(
    f"INSERT INTO consent_courses ({_COLUMNS})"  # noqa: S608 (our own names)
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_UPDATE = Sql(
    "UPDATE consent_courses SET number = ?, kept = ?, state = ?, settled = ?, changed_at = ?,"
    " asked_at = ?, customer = ?, token = ?, expires_at = ?, object_id = ?, person = ?"
    " WHERE course = ? AND number = ?"
)
_EVENTS = Sql(
    "SELECT course, number, kind, text, at, object_id, detail FROM consent_events"
    " WHERE course = ? ORDER BY number"
)
_ADD_EVENT = Sql(
    "INSERT INTO consent_events (course, number, kind, text, at, object_id, detail)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_DROP_EVENTS = Sql("DELETE FROM consent_events WHERE course = ? AND number > ?")
_DROP = Sql("DELETE FROM consent_courses WHERE course = ? AND number = ?")


def _text(found: tuple[object, ...]) -> TextRow:
    row = TextRow._make(found)
    return row._replace(sha256=bytes(row.sha256), at=from_microseconds(int(found[6])))  # type: ignore[call-overload]  # a BIGINT


def _course(found: tuple[object, ...]) -> CourseRow:
    row = CourseRow._make(found)
    changed, asked, expires = (from_microseconds(int(found[n])) for n in (6, 7, 10))  # type: ignore[call-overload]  # BIGINTs
    return row._replace(changed_at=changed, asked_at=asked, expires_at=expires)


def _event(found: tuple[object, ...]) -> EventRow:
    row = EventRow._make(found)
    return row._replace(at=from_microseconds(int(found[4])))  # type: ignore[call-overload]  # a BIGINT


def _add_text(connection: Connection, text: TextRow) -> int:
    last = fetch_one(connection, _LAST_TEXT)
    number = 1 + int(last[0] if last and last[0] else 0)
    if not run(connection, _ADD_TEXT, (number, *text[1:6], to_microseconds(text.at))):
        raise Conflict(Condition.ALREADY_EXISTS, "there is such a text; texts stay as they are")
    return number


def _write(connection: Connection, row: CourseRow, events: Sequence[EventRow], was: int) -> None:
    values: tuple[object, ...] = (
        *(row.number, row.kept, row.state, row.settled),
        *(to_microseconds(row.changed_at), to_microseconds(row.asked_at)),
        *(row.customer, row.token, to_microseconds(row.expires_at), row.object_id, row.person),
    )
    if was:
        written = run(connection, _UPDATE, (*values, row.course, was))
    else:
        written = run(connection, _INSERT, (row.course, row.subject, *values))
    if not written:
        raise _changed()
    added = [(*one[:4], to_microseconds(one.at), *one[5:]) for one in events]
    run_many(connection, _ADD_EVENT, added)


def _undo(connection: Connection, row: CourseRow, was: int) -> None:
    run(connection, _DROP_EVENTS, (row.course, row.kept))
    if row.kept:
        _write(connection, row, (), was)
    elif not run(connection, _DROP, (row.course, was)):
        raise _changed()


def _drop(connection: Connection, row: CourseRow) -> None:
    if not run(connection, _DROP, (row.course, row.number)):
        raise _changed()
    run(connection, _DROP_EVENTS, (row.course, 0))


class Consents:
    """Texts, courses and events."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def texts(self) -> list[TextRow]:
        """Return every text, the oldest first."""
        return [_text(row) for row in await self._access.read_once(lambda c: fetch(c, _TEXTS))]

    async def add_text(self, text: TextRow) -> int:
        """Keep a text under the next number, and return that.

        Raises:
            Conflict: ALREADY_EXISTS, there is one of this purpose, language and version.
        """
        return await self._access.write_instance(partial(_add_text, text=text))

    async def course(self, course: bytes) -> CourseRow | None:
        """Return a course."""
        return next(iter(await self._courses(_COURSE, course)), None)

    async def of_subjects(self, subjects: Collection[bytes]) -> list[CourseRow]:
        """Return the courses of a person, who has a hash under each key."""
        return [row for one in subjects for row in await self._courses(_OF_SUBJECT, one)]

    async def of_token(self, token: bytes) -> CourseRow | None:
        """Return the course that a token confirms."""
        return next(iter(await self._courses(_OF_TOKEN, token)), None)

    async def all(self) -> list[CourseRow]:
        """Return every course."""
        return await self._courses(_ALL)

    async def pending(self, now: datetime) -> list[CourseRow]:
        """Return those whose token has ended."""
        return await self._courses(_PENDING, to_microseconds(now))

    async def unconfirmed(self, before: datetime) -> list[CourseRow]:
        """Return those that were asked at `before` or earlier and never confirmed."""
        return await self._courses(_UNCONFIRMED, to_microseconds(before))

    async def over(self, before: datetime) -> list[CourseRow]:
        """Return those that ended at `before` or earlier and bind nobody any more."""
        return await self._courses(_OVER, to_microseconds(before))

    async def events(self, course: bytes) -> list[EventRow]:
        """Return the events of a course, in order."""
        found = await self._access.read_once(lambda c: fetch(c, _EVENTS, (course,)))
        return [_event(row) for row in found]

    async def write(self, row: CourseRow, events: Sequence[EventRow], was: int) -> None:
        """Add events and put the course as they leave it; `was` is its number before.

        Raises:
            Conflict: CHANGED_MEANWHILE, others wrote it.
        """
        await self._access.write_instance(lambda c: _write(c, row, events, was))

    async def undo(self, row: CourseRow, was: int) -> None:
        """Delete the events behind `row.kept`; the course goes where none is left.

        Raises:
            Conflict: CHANGED_MEANWHILE, others wrote it.
        """
        await self._access.write_instance(lambda c: _undo(c, row, was))

    async def drop(self, row: CourseRow) -> None:
        """Delete a course and its events. Raises Conflict where others wrote it."""
        await self._access.write_instance(lambda c: _drop(c, row))

    async def _courses(self, sql: Sql, *parameters: object) -> list[CourseRow]:
        return [
            _course(r) for r in await self._access.read_once(lambda c: fetch(c, sql, parameters))
        ]


def _changed() -> Conflict:
    return Conflict(Condition.CHANGED_MEANWHILE, "this consent has just been changed")
