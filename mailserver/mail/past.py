"""What screening remembers: how senders fared here, and whom each account knows.

Answers are kept a minute, and what is to be remembered is gathered and written together, so that a
burst of mail costs a database few questions. What a crash loses are counts of the last seconds.
Keys are keyed hashes: of domains and networks under the instance's key, of people under the
account's own.
"""

from collections.abc import Collection
from typing import TypeVar

from mailserver.model.address import Address
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.senders import NOBODY, UNIT, Acquaintance, Counts, Known, Senders
from mailserver.vault.guard import AccountGuard, InstanceGuard

KEPT_SECONDS = 60.0
KEPT = 20_000  # answers; about 4 MB
PENDING = 1_000  # to be written; more are written at once

log = get_logger("mail")

K = TypeVar("K")
V = TypeVar("V")
Person = tuple[AccountId, bytes]


def person(guard: AccountGuard, account_id: AccountId, address: Address) -> Person:
    """Name somebody as an account knows him."""
    return account_id, guard.correspondent_hash(address)


class Past:
    """Reputations and acquaintances."""

    def __init__(self, senders: Senders, guard: InstanceGuard, clock: Clock) -> None:
        """Remember in `senders`, under the instance's key."""
        self._senders = senders
        self._guard = guard
        self._clock = clock
        self._counts: dict[bytes, tuple[float, Counts]] = {}
        self._known: dict[Person, tuple[float, Known]] = {}
        self._new_counts: dict[bytes, Counts] = {}
        self._new_known: dict[Person, Known] = {}

    def name(self, domain_or_network: str) -> bytes:
        """Name whoever answers for a message, or else its network."""
        return self._guard.name_hash("sender\0" + domain_or_network)

    async def look_up(
        self, name: bytes | None, people: Collection[Person]
    ) -> tuple[Counts, dict[Person, Known]]:
        """Return how one fared here and who knows whom, as of at most `KEPT_SECONDS` ago."""
        now = self._clock.monotonic()
        names = [] if name is None or _fresh(self._counts, name, now) else [name]
        missing = [one for one in people if not _fresh(self._known, one, now)]
        if names or missing:
            counts, known = await self._senders.look_up(names, missing)
            until = now + KEPT_SECONDS
            for each in names:
                _keep(self._counts, each, (until, counts.get(each, NOBODY)))
            for one in missing:
                met = known.get(one, Known.NOT) | self._new_known.get(one, Known.NOT)
                _keep(self._known, one, (until, met))
        standing = NOBODY if name is None else self._counts[name][1]
        return standing, {one: self._known[one][1] for one in people}

    async def count(self, name: bytes, *, good: bool) -> None:
        """Count a message of somebody."""
        before = self._new_counts.get(name, NOBODY)
        added = (UNIT, 0) if good else (0, UNIT)
        self._new_counts[name] = Counts(before.good + added[0], before.bad + added[1])
        await self._bounded()

    async def met(self, one: Person, how: Known) -> None:
        """Remember that an account knows somebody."""
        now = self._clock.monotonic()
        fresh = self._known.get(one)
        if fresh is not None and fresh[0] > now and how in fresh[1]:
            return  # written within the last minute, or found there
        before = fresh[1] if fresh is not None else Known.NOT
        _keep(self._known, one, (now + KEPT_SECONDS, before | how))
        self._new_known[one] = self._new_known.get(one, Known.NOT) | how
        await self._bounded()

    async def flush(self) -> None:
        """Write what is to be remembered; what cannot be written is let go, and that logged."""
        counts, self._new_counts = self._new_counts, {}
        known, self._new_known = self._new_known, {}
        if not counts and not known:
            return
        people = [Acquaintance(*one, how) for one, how in known.items()]
        try:
            await self._senders.note(counts, people)
        except MailError as error:
            log.warning("senders not remembered", condition=error.condition.name)

    async def _bounded(self) -> None:
        if len(self._new_counts) + len(self._new_known) >= PENDING:
            await self.flush()


def _fresh(kept: dict[K, tuple[float, V]], key: K, now: float) -> bool:
    found = kept.get(key)
    return found is not None and found[0] > now


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    if len(kept) >= KEPT and key not in kept:
        kept.pop(next(iter(kept)))
    kept[key] = value
