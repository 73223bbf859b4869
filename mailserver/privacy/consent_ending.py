"""What ends in the ledger of consents, and when it is erased (PRIVACY §14, §16).

A yes that was never confirmed proves nothing: after 48 hours its link is dead, after seven days it
is gone. What was confirmed or refused is a proof, and stays 24 months after its end. The "no" of an
account stays while the account does, or it would be written to again.
"""

from collections.abc import Sequence
from datetime import datetime

from mailserver.audit.entry import SERVER
from mailserver.model.errors import Conflict
from mailserver.model.ids import AccountId
from mailserver.privacy.consent import Channel, Course, Person, Said
from mailserver.privacy.consents import NEVER, NO_TOKEN, Consents, Saying
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.consents import CourseRow
from mailserver.store.store import Store

Held = frozenset[AccountId]

log = get_logger("consents")


class ConsentEnding:
    """Ends consents, and erases what has ended."""

    def __init__(self, consents: Consents, store: Store, clock: Clock) -> None:
        """Look through `consents`, which are in `store`."""
        self._consents = consents
        self._stored = store.consents
        self._accounts = store.accounts
        self._clock = clock

    async def tend(self) -> None:
        """End what waited for 48 hours, and what belongs to accounts that are gone."""
        for row in await self._stored.pending(self._clock.now()):
            await self._expire(row, ended=False)
        here = {one.account_id.hex() for one in await self._accounts.listing()}
        for course in await self._consents.all():
            if course.person.account and course.person.account not in here:
                await self._end(course)

    async def end_account(self, account_id: AccountId) -> int:
        """End the consents of an account that is erased; return how many proofs are kept.

        Source: GDPR Art. 17(3)(e).
        """
        person = Person("", account_id.hex())
        for course in await self._consents.of(person):
            await self._end(course)
        return len(await self._consents.of(person))

    async def unconfirmed(self, before: datetime, held: Held) -> list[Course]:
        """Return what was asked at `before` or earlier and never confirmed."""
        return self._free(await self._stored.unconfirmed(before), held)

    async def erase_unconfirmed(self, before: datetime, held: Held) -> int:
        """Erase that; what was settled before it stays. Return of how many."""
        found = await self.unconfirmed(before, held)
        for course in found:
            await self.forget(course)
        return len(found)

    async def over(self, before: datetime, held: Held) -> list[Course]:
        """Return what ended at `before` or earlier; of an account, only once that is gone."""
        return self._free(await self._stored.over(before), held)

    async def drop_over(self, before: datetime, held: Held) -> int:
        """Delete those proofs; return how many."""
        found = await self.over(before, held)
        for course in found:
            row = await self._stored.course(course.name)
            if row is not None:
                await self._consents.record("dropped", course)
                await self._stored.drop(row)
        return len(found)

    async def _end(self, course: Course) -> None:
        """End one of an account that is gone; what was never confirmed goes at once."""
        if course.number > course.kept:
            await self.forget(course)
        row = await self._stored.course(course.name)
        if row is not None and row.customer:
            await self._expire(row, ended=True)

    async def _expire(self, row: CourseRow, *, ended: bool) -> None:
        text = (await self._stored.events(row.course))[-1].text
        saying = Saying(Said.EXPIRED, text, Channel.SERVER, SERVER)
        try:
            await self._consents.end(self._consents.opened(row), saying, ended=ended)
        except Conflict:  # somebody answered in this very moment
            log.info("consent answered while it ended")

    async def forget(self, course: Course) -> None:
        """Erase what stands behind the last proof of a course, or all of it."""
        row = await self._stored.course(course.name)
        if row is None or row.number == row.kept:
            return
        await self._consents.record("erased", course)
        object_id, person = self._consents.sealed(course.person, course.purpose)
        settled = row._replace(
            number=row.kept,
            state=row.settled,
            token=NO_TOKEN,
            expires_at=NEVER,
            object_id=object_id,
            person=person,
        )
        await self._stored.undo(settled, row.number)

    def _free(self, rows: Sequence[CourseRow], held: Held) -> list[Course]:
        kept = {one.hex() for one in held}
        courses = map(self._consents.opened, rows)
        return [one for one in courses if one.person.account not in kept]
