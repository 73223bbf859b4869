"""Entries of the registers, each guarded, numbered within its register and replaced as a whole."""

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from mailserver.model.errors import Condition, Conflict
from mailserver.model.ids import ObjectId
from mailserver.model.sealed import Guarded
from mailserver.store.access import Access
from mailserver.store.driver import Sql, fetch, fetch_one, run
from mailserver.store.instants import from_microseconds
from mailserver.store.register_tables import register_entries


class Register(IntEnum):
    """Which register; the number is what is stored, so never change one."""

    RETENTION = 1
    """When each category of data was last looked through."""
    HOLD = 2
    """What must be kept although its time is over."""
    BREACH = 3
    """Breaches of personal data. Source: GDPR Art. 33(5)."""
    PROCESSING = 4
    """What is processed, by version. Source: GDPR Art. 30."""
    SCRUB = 5
    """How far the walk through stored objects has come."""
    REQUEST = 6
    """What people ask for by their rights. Source: GDPR Art. 12(3)."""
    DPA = 7
    """What customers are told: texts of the agreement, and who will process for us. Art. 28."""
    ACCEPTANCE = 8
    """What customers answered: that they agree, or object."""
    DPIA = 9
    """Impact assessments, by version. Source: GDPR Art. 35."""
    RISK = 10
    """Risks to people, and what is done about them. Source: GDPR Art. 32(2)."""
    TRAINING = 11
    """What those who work here were taught. Source: GDPR Art. 39(1)(b)."""
    MEASURE = 12
    """Who looks after which measure, and when next. Source: GDPR Art. 32(1)(d)."""
    LAWFUL = 13
    """What authorities ask for by law."""
    ESCROW = 15
    """Accounts that their organisation asked its custodians to open."""
    TRACE = 16
    """Accounts whose delivery was looked at."""
    ALERT = 17
    """What administrators were written about, and which letters are on their way."""


class RegisterRow(NamedTuple):
    """An entry as it stands."""

    number: int
    revision: int
    object_id: ObjectId
    at: datetime
    entry: Guarded


_ROWS = Sql(
    "SELECT number, revision, object_id, at, entry FROM register_entries WHERE register = ?"
    " AND number > ? ORDER BY number"
)
_ONE = Sql(
    "SELECT number, revision, object_id, at, entry FROM register_entries WHERE register = ?"
    " AND number = ?"
)
_LAST = Sql("SELECT MAX(number) FROM register_entries WHERE register = ?")
_REPLACE = Sql(
    "UPDATE register_entries SET revision = revision + 1, object_id = ?, at = ?, entry = ?"
    " WHERE register = ? AND number = ? AND revision = ?"
)
_DROP = Sql("DELETE FROM register_entries WHERE register = ? AND number = ?")


def _row(found: tuple[int, int, bytes, int, bytes]) -> RegisterRow:
    number, revision, object_id, at, entry = found
    return RegisterRow(number, revision, ObjectId(object_id), from_microseconds(at), Guarded(entry))


class Registers:
    """The entries of all registers."""

    def __init__(self, access: Access) -> None:
        """Use the store's `access`."""
        self._access = access

    async def rows(self, register: Register, *, after: int = 0) -> list[RegisterRow]:
        """Return the entries of a register behind a number, in order."""
        found = await self._access.read_once(lambda c: fetch(c, _ROWS, (int(register), after)))
        return [_row((n, r, o, a, e)) for n, r, o, a, e in found]

    async def get(self, register: Register, number: int) -> RegisterRow | None:
        """Return one entry."""
        found = await self._access.read_once(lambda c: fetch_one(c, _ONE, (int(register), number)))
        return None if found is None else _row((found[0], found[1], found[2], found[3], found[4]))

    async def last(self, register: Register) -> int:
        """Return the highest number of a register; 0 where it is empty."""
        found = await self._access.read_once(lambda c: fetch_one(c, _LAST, (int(register),)))
        return 0 if found is None or found[0] is None else int(found[0])

    async def add(
        self, register: Register, number: int, object_id: ObjectId, entry: Guarded
    ) -> None:
        """Add an entry. Raises Conflict (CHANGED_MEANWHILE) where the number is taken."""
        values = {
            "register": int(register),
            "number": number,
            "revision": 1,
            "object_id": object_id,
            "at": self._access.now(),
            "entry": entry,
        }

        def write(connection: Connection) -> None:
            try:
                connection.execute(insert(register_entries).values(**values))
            except IntegrityError as taken:
                raise _changed() from taken

        await self._access.write_instance(write)

    async def replace(
        self, register: Register, number: int, revision: int, object_id: ObjectId, entry: Guarded
    ) -> None:
        """Put an entry in the place of that revision. Raises Conflict where it is gone."""
        values = (object_id, self._access.now(), entry, int(register), number, revision)

        def write(connection: Connection) -> None:
            if not run(connection, _REPLACE, values):
                raise _changed()

        await self._access.write_instance(write)

    async def drop(self, register: Register, number: int) -> bool:
        """Delete an entry; say whether there was one."""
        gone = await self._access.write_instance(lambda c: run(c, _DROP, (int(register), number)))
        return bool(gone)


def _changed() -> Conflict:
    return Conflict(Condition.CHANGED_MEANWHILE, "this entry has just been changed")
