"""Legal holds: what must be kept although its time is over, why, and until when (PRIVACY §16).

A hold names an account, a category of the retention table, or both; what it covers does not end by
age while it stands. Without one nothing is kept for longer than its category's bound.
"""

from dataclasses import dataclass
from datetime import datetime

from mailserver.audit.entry import OPERATOR
from mailserver.model.errors import Condition, Conflict, PeerFault
from mailserver.model.ids import AccountId
from mailserver.privacy.ledger import Entry, Ledger
from mailserver.store.registers import Register

EVERYTHING = ""
"""The category of a hold that covers all of an account's."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold."""

    number: int
    category: str
    account_id: AccountId | None
    """None: of everybody."""
    reason: str
    """Which law, claim or order; never whose letter."""
    since: datetime
    until: datetime | None
    lifted: datetime | None

    def stands(self, now: datetime) -> bool:
        """Say whether it holds at that time."""
        return self.lifted is None and (self.until is None or now < self.until)

    def covers(self, category: str) -> bool:
        """Say whether it speaks of a category."""
        return self.category in (EVERYTHING, category)


class Holds:
    """The holds of this server."""

    def __init__(self, ledger: Ledger) -> None:
        """Keep them in `ledger`."""
        self._ledger = ledger

    async def listing(self) -> list[Hold]:
        """Return all holds that ever were, by number."""
        return [_hold(entry) for entry in await self._ledger.entries(Register.HOLD)]

    async def standing(self, now: datetime) -> list[Hold]:
        """Return the holds that stand at that time."""
        return [hold for hold in await self.listing() if hold.stands(now)]

    async def add(
        self,
        reason: str,
        now: datetime,
        *,
        category: str = EVERYTHING,
        account_id: AccountId | None = None,
        until: datetime | None = None,
        actor: str = OPERATOR,
    ) -> int:
        """Record a hold and return its number.

        Raises:
            PeerFault: BAD_SYNTAX, it has no reason, or covers everything of everybody.
        """
        if not reason.strip():
            raise PeerFault(Condition.BAD_SYNTAX, "a hold needs its reason: a law, claim or order")
        if category == EVERYTHING and account_id is None:
            raise PeerFault(Condition.BAD_SYNTAX, "a hold names an account, a category, or both")
        fields = {
            "category": category,
            "account": "" if account_id is None else account_id.hex(),
            "reason": reason.strip(),
            "since": now.isoformat(),
            "until": "" if until is None else until.isoformat(),
            "lifted": "",
        }
        return await self._ledger.add(Register.HOLD, fields, actor=actor)

    async def lift(self, number: int, now: datetime, *, actor: str = OPERATOR) -> None:
        """End a hold: what it covered ends by its age again.

        Raises:
            Absent: there is no such hold.
            Conflict: CHANGED_MEANWHILE, it is lifted already.
        """
        entry = await self._ledger.get(Register.HOLD, number)
        if entry.fields["lifted"]:
            raise Conflict(Condition.CHANGED_MEANWHILE, "this hold was lifted before")
        fields = entry.fields | {"lifted": now.isoformat()}
        await self._ledger.change(Register.HOLD, entry, fields, actor=actor)


def _hold(entry: Entry) -> Hold:
    fields = entry.fields
    return Hold(
        entry.number,
        fields["category"],
        AccountId(bytes.fromhex(fields["account"])) if fields["account"] else None,
        fields["reason"],
        datetime.fromisoformat(fields["since"]),
        datetime.fromisoformat(fields["until"]) if fields["until"] else None,
        datetime.fromisoformat(fields["lifted"]) if fields["lifted"] else None,
    )
