"""What a register says, readable: JSON under the instance's guard key, an entry a row.

Entries are replaced as a whole and only if nobody changed them meanwhile, so that two officers who
write at once do not undo each other. That something was written is in the audit log before it is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event, Facts
from mailserver.model.errors import Absent, Condition, Conflict, Corrupt
from mailserver.model.ids import ObjectId, new_object_id
from mailserver.model.sealed import Guarded
from mailserver.store.registers import Register, RegisterRow, Registers
from mailserver.vault.guard import InstanceGuard, Kind

TRIES = 5
Fields = dict[str, Any]
"""What an entry says; JSON."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a register as it stands."""

    number: int
    revision: int
    at: datetime
    """When it was written last."""
    fields: Fields


class Ledger:
    """The registers of this server."""

    def __init__(self, registers: Registers, guard: InstanceGuard, chain: Chain) -> None:
        """Read and write `registers`; what is done stands in `chain`."""
        self._registers = registers
        self._guard = guard
        self._chain = chain

    async def entries(self, register: Register) -> list[Entry]:
        """Return the entries of a register, by number.

        Raises:
            Corrupt: one was altered.
        """
        return [self._opened(row) for row in await self._registers.rows(register)]

    async def get(self, register: Register, number: int) -> Entry:
        """Return one entry. Raises Absent (NO_SUCH_MESSAGE), Corrupt."""
        row = await self._registers.get(register, number)
        if row is None:
            raise Absent(Condition.NO_SUCH_MESSAGE, "there is no such entry")
        return self._opened(row)

    async def last(self, register: Register) -> int:
        """Return the highest number of a register; 0 where it is empty."""
        return await self._registers.last(register)

    async def add(
        self, register: Register, fields: Fields, *, actor: str = OPERATOR, number: int = 0
    ) -> int:
        """Add an entry and return its number: the next one, if none is given.

        Raises:
            Conflict: CHANGED_MEANWHILE, the number has just been taken.
        """
        number = number or await self.last(register) + 1
        await self._record(register, number, actor, "added")
        object_id, sealed = self._sealed(fields)
        await self._registers.add(register, number, object_id, sealed)
        return number

    async def change(
        self, register: Register, entry: Entry, fields: Fields, *, actor: str = OPERATOR
    ) -> None:
        """Put `fields` in the place of what `entry` said.

        Raises:
            Conflict: CHANGED_MEANWHILE, it says something else by now.
        """
        await self._record(register, entry.number, actor, "changed")
        object_id, sealed = self._sealed(fields)
        await self._registers.replace(register, entry.number, entry.revision, object_id, sealed)

    async def drop(self, register: Register, number: int, *, actor: str = SERVER) -> None:
        """Delete an entry whose time is over."""
        await self._record(register, number, actor, "dropped")
        await self._registers.drop(register, number)

    async def note(self, register: Register, number: int, fields: Fields) -> None:
        """Write how far regular work has come: an entry that nobody else writes, without audit."""
        object_id, sealed = self._sealed(fields)
        row = await self._registers.get(register, number)
        if row is None:
            await self._registers.add(register, number, object_id, sealed)
        else:
            await self._registers.replace(register, number, row.revision, object_id, sealed)

    async def revise(
        self, register: Register, number: int, change: Callable[[Fields], Fields]
    ) -> Fields:
        """Change what `note` wrote, as one step that others may take too; return what it says now.

        Args:
            register: where.
            number: which entry; nothing where there is none yet.
            change: makes the new fields from the old; asked again where somebody was faster.

        Raises:
            Conflict: CHANGED_MEANWHILE, others are faster every time.
        """
        for _ in range(TRIES):
            row = await self._registers.get(register, number)
            fields = change({} if row is None else self._opened(row).fields)
            object_id, sealed = self._sealed(fields)
            try:
                if row is None:
                    await self._registers.add(register, number, object_id, sealed)
                else:
                    await self._registers.replace(register, number, row.revision, object_id, sealed)
            except Conflict:
                continue
            return fields
        raise Conflict(Condition.CHANGED_MEANWHILE, "this register is busy")

    async def noted(self, register: Register, number: int) -> Fields:
        """Return what `note` wrote; nothing where it never did."""
        row = await self._registers.get(register, number)
        return {} if row is None else self._opened(row).fields

    async def _record(self, register: Register, number: int, actor: str, what: str) -> None:
        facts: Facts = {"register": register.name.lower(), "number": number, "what": what}
        await self._chain.record(Event.REGISTER_CHANGED, actor=actor, facts=facts)

    def _sealed(self, fields: Fields) -> tuple[ObjectId, Guarded]:
        object_id = new_object_id()
        text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return object_id, self._guard.seal(Kind.REGISTER, object_id, text.encode())

    def _opened(self, row: RegisterRow) -> Entry:
        octets = self._guard.open(Kind.REGISTER, row.object_id, row.entry)
        try:
            fields = json.loads(octets)
        except ValueError:
            raise Corrupt(Condition.DAMAGED, "a register's entry is not readable") from None
        return Entry(row.number, row.revision, row.at, fields)
