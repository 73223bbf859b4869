"""What ends by its age: one table of categories, gone through once a day (PRIVACY §16).

Each category is counted, the counts go to the audit log, then each ends; nothing ends that was not
written down. A category is gone through when a day has passed since it last was, so restarts
change nothing and doing it twice does no harm. One that fails is tried again every hour, is
reported once it has failed for two days, and keeps none of the others waiting.

An account that is restricted (GDPR Art. 18) or under a legal hold keeps what it has; a hold on a
category keeps it for everybody.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mailserver.audit.chain import Chain
from mailserver.audit.entry import OPERATOR, SERVER, Event, Fact, Facts
from mailserver.model.ids import AccountId
from mailserver.privacy.holds import Hold, Holds
from mailserver.privacy.ledger import Fields, Ledger
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.accounts import AccountState
from mailserver.store.registers import Register
from mailserver.store.store import Store

EVERY = timedelta(days=1)
REPORTED_AFTER = timedelta(hours=48)
LOOK = timedelta(hours=1)
"""How often `tend` is to be called."""
_STATE = 1

Held = frozenset[AccountId]
Ending = Callable[[datetime, Held], Awaitable[int]]
"""Counts or ends what is as old as an instant, but not what an account in the set has."""

log = get_logger("retention")


class End(Enum):
    """By what a category ends."""

    AGE = "daily"
    """This engine, once its period is over."""
    OWN = "at its own time"
    """This engine, at an instant that stands in the row itself."""
    ELSEWHERE = "elsewhere"
    """Something else that has a clock of its own; the row says what."""


@dataclass(frozen=True, slots=True)
class Category:
    """A row of the table."""

    name: str
    what: str
    period: timedelta
    """For how long it is kept."""
    bound: timedelta
    """The longest it may be, without a legal hold."""
    by: End = End.AGE
    count: Ending | None = None
    end: Ending | None = None
    """None: it does not end here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a category."""

    category: Category
    found: int | None
    """How much had come to its end; None where it cannot be counted beforehand, or failed."""
    held: bool = False
    failed: bool = False


class Retention:
    """The engine."""

    def __init__(
        self,
        categories: Sequence[Category],
        store: Store,
        ledger: Ledger,
        holds: Holds,
        chain: Chain,
        clock: Clock,
    ) -> None:
        """Go through `categories`, whose names are their keys."""
        self.categories = tuple(categories)
        self._store = store
        self._ledger = ledger
        self._holds = holds
        self._chain = chain
        self._clock = clock

    async def tend(self) -> list[Outcome]:
        """Go through what is due: a day after the last time, or where it failed.

        Raises:
            Transient: it could not be written down, so nothing ended.
        """
        now, state = self._clock.now(), await self.state()
        due = [one for one in self.categories if one.end and _due(state.get(one.name), now)]
        return await self._run(due, SERVER) if due else []

    async def run(self, *, dry: bool = False, actor: str = OPERATOR) -> list[Outcome]:
        """Go through every category now; `dry` only counts.

        Raises:
            Transient: it could not be written down, so nothing ended.
        """
        ours = [one for one in self.categories if one.end]
        if dry:
            return await self._counted(ours, self._clock.now())
        return await self._run(ours, actor)

    async def state(self) -> Fields:
        """Return when each category was gone through last, and since when it fails."""
        return await self._ledger.noted(Register.RETENTION, _STATE)

    async def _run(self, due: Sequence[Category], actor: str) -> list[Outcome]:
        now = self._clock.now()
        counted = await self._counted(due, now)
        facts: dict[str, Fact] = {one.category.name: one.found for one in counted if one.found}
        await self._chain.record(
            Event.RETENTION_RUN, actor=actor, facts=facts | {"categories": len(counted)}
        )
        standing = await self._holds.standing(now)
        restricted = await self._restricted()
        outcomes = []
        for outcome in counted:
            if not outcome.held and not outcome.failed:
                outcome = await self._ended(outcome, now, standing, restricted)
            outcomes.append(outcome)
        await self._note(outcomes, now)
        return outcomes

    async def _counted(self, due: Sequence[Category], now: datetime) -> list[Outcome]:
        standing, restricted = await self._holds.standing(now), await self._restricted()
        outcomes = []
        for category in due:
            held = _held(category, standing, restricted)
            if held is None:
                outcomes.append(Outcome(category, 0, held=True))
                continue
            outcomes.append(await self._one(category, category.count, now, held))
        return outcomes

    async def _ended(
        self, outcome: Outcome, now: datetime, standing: Sequence[Hold], restricted: Held
    ) -> Outcome:
        category = outcome.category
        held = _held(category, standing, restricted)
        if held is None:
            return outcome
        return await self._one(category, category.end, now, held)

    async def _one(
        self, category: Category, ending: Ending | None, now: datetime, held: Held
    ) -> Outcome:
        """Count or end one category; whatever goes wrong in it stays in it."""
        if ending is None:
            return Outcome(category, None)
        try:
            return Outcome(category, await ending(now - category.period, held))
        except Exception as error:
            log.error("retention of a category failed", category=category.name, exc_info=error)
            return Outcome(category, None, failed=True)

    async def _restricted(self) -> Held:
        """Return the accounts whose data are only kept. Source: GDPR Art. 18(2)."""
        rows = await self._store.accounts.listing()
        return frozenset(row.account_id for row in rows if row.state is AccountState.FROZEN)

    async def _note(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Write down what was done, and report what has failed for too long."""
        state = await self.state()
        for outcome in outcomes:
            name = outcome.category.name
            was = state.get(name, {})
            if not outcome.failed:
                state[name] = {"done": now.isoformat()}
                continue
            since = was.get("failing", now.isoformat())
            told = was.get("told", False)
            if not told and now - datetime.fromisoformat(since) >= REPORTED_AFTER:
                log.error("retention of a category has failed for two days", category=name)
                facts: Facts = {"failing": name, "hours": REPORTED_AFTER // timedelta(hours=1)}
                await self._chain.record(Event.RETENTION_RUN, actor=SERVER, facts=facts)
                told = True
            state[name] = {"done": was.get("done", ""), "failing": since, "told": told}
        await self._ledger.note(Register.RETENTION, _STATE, state)


def _due(state: Fields | None, now: datetime) -> bool:
    if not state or "failing" in state or not state["done"]:
        return True
    return now - datetime.fromisoformat(state["done"]) >= EVERY


def _held(category: Category, standing: Sequence[Hold], restricted: Held) -> Held | None:
    """Return whose data stay; None where everybody's do."""
    covering = [hold for hold in standing if hold.covers(category.name)]
    if any(hold.account_id is None for hold in covering):
        return None
    accounts = {hold.account_id for hold in covering if hold.account_id is not None}
    return restricted | accounts
