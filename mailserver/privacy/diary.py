"""A register whose entries say, beside what they tell, what was done to them, when and by whom.

Each entry has a `timeline`, and `over`: the instant from which on it is kept only for a while,
empty as long as it is not over. What else it tells is its register's matter.
"""

from datetime import datetime

from mailserver.audit.entry import OPERATOR
from mailserver.model.errors import Condition, Conflict
from mailserver.privacy.ledger import Entry, Fields, Ledger
from mailserver.runtime.clock import Clock
from mailserver.store.registers import Register

TIMELINE = 500
TRIES = 5


class Diary:
    """One register."""

    def __init__(self, ledger: Ledger, register: Register, clock: Clock) -> None:
        """Keep `register` of `ledger`."""
        self._ledger = ledger
        self._register = register
        self._clock = clock

    def now(self) -> datetime:
        """Return the present, as the register sees it."""
        return self._clock.now()

    async def entries(self) -> list[Entry]:
        """Return every entry, by number. Raises Corrupt."""
        return await self._ledger.entries(self._register)

    async def get(self, number: int) -> Entry:
        """Return one entry. Raises Absent, Corrupt."""
        return await self._ledger.get(self._register, number)

    async def add(self, fields: Fields, what: str, *, actor: str = OPERATOR) -> Entry:
        """Add an entry, the first step of whose timeline is `what`.

        Raises:
            Conflict: CHANGED_MEANWHILE, others write just now.
        """
        now = self.now().isoformat()
        said = {"over": "", **fields, "timeline": [[now, actor, what]]}
        for _ in range(TRIES):
            try:
                number = await self._ledger.add(self._register, said, actor=actor)
            except Conflict:
                continue  # another process took the number
            return await self.get(number)
        raise Conflict(Condition.CHANGED_MEANWHILE, "the register is busy")

    async def change(
        self, entry: Entry, change: Fields, what: str, *, actor: str = OPERATOR
    ) -> Entry:
        """Let an entry tell something else. Raises Conflict where it does by now."""
        step = [self.now().isoformat(), actor, what]
        timeline = [*entry.fields["timeline"], step][-TIMELINE:]
        said = entry.fields | change | {"timeline": timeline}
        await self._ledger.change(self._register, entry, said, actor=actor)
        return await self.get(entry.number)

    async def count_over(self, before: datetime) -> int:
        """Count the entries that were over at an instant."""
        return sum(_is_over(entry, before) for entry in await self.entries())

    async def drop_over(self, before: datetime) -> int:
        """Delete the entries that were over at an instant; return how many."""
        over = [entry for entry in await self.entries() if _is_over(entry, before)]
        for entry in over:
            await self._ledger.drop(self._register, entry.number)
        return len(over)


def _is_over(entry: Entry, before: datetime) -> bool:
    over = entry.fields["over"]
    return bool(over) and datetime.fromisoformat(over) <= before
