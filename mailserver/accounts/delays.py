"""Slower answers to repeated failures, and never a lock-out (PRIVACY §6, "Brute force").

Three counts, each of which forgets a failure after `REMEMBERED`:

- **by name**: the answer to a wrong secret is held back, twice as long with each failure. A right
  one is answered at once, so whoever fails on your name cannot keep you out;
- **by network** (/24 or /48): past `FREE_FAILURES` an attempt within the window is refused without
  being tried;
- **in all**: past a budget, the same holds for every network.

Both refusals spare a name and network that signed in together before: an attacker next door, or a
flood from everywhere, does not reach people at their usual place. The same wrong secret again is
one failure: a forgotten telephone that asks each minute is no attack.

No wrong secret is answered before `EVEN_SECONDS`: what is cached of a name that is in use answers
in less than what must be looked up, and the first try on a name would tell which.

Names are counted by a keyed hash, known or unknown alike, and memory is bounded. All of it belongs
to one process and ends with it.
"""

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Hashable
from datetime import timedelta
from typing import Generic, TypeVar

from mailserver.crypto.sign import mac
from mailserver.model.errors import Condition, Refused
from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import TokenBucket
from mailserver.runtime.log import cut_ip
from mailserver.runtime.metrics import COUNTS

REMEMBERED = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)
COUNTED = 32  # failures remembered of one name or network; past that every delay is at its cap
TABLE_ENTRIES = (
    100_000  # names, networks and pairs: about 30 MB when an attack fills all four tables
)
FREE_FAILURES = 4
GUESSES = 10
FIRST_HOLD_SECONDS = 0.25
LONGEST_HOLD_SECONDS = 8.0
FIRST_WINDOW_SECONDS = 1.0
LONGEST_WINDOW_SECONDS = 60.0
EVEN_SECONDS = 0.025
HELD_ANSWERS = 1_000  # beyond, a wrong secret is answered at once: connections are worth more
FAILURES_A_SECOND, FAILURES_AT_ONCE = 50.0, 1_000.0

KeyT = TypeVar("KeyT", bound=Hashable)


class _Recent(Generic[KeyT]):
    """When each of a bounded number of keys last failed, oldest key dropped first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: OrderedDict[KeyT, deque[float]] = OrderedDict()

    def add(self, key: KeyT) -> int:
        """Count one more; return how many there are now."""
        times = self._of.setdefault(key, deque(maxlen=COUNTED))
        times.append(self._clock.monotonic())
        self._of.move_to_end(key)
        if len(self._of) > TABLE_ENTRIES:
            self._of.popitem(last=False)
        return self.count(key)

    def count(self, key: KeyT) -> int:
        """Say how many of `key` are remembered."""
        times = self._of.get(key)
        if times is None:
            return 0
        limit = self._clock.monotonic() - REMEMBERED.total_seconds()
        while times and times[0] < limit:
            times.popleft()
        return len(times)

    def since_last(self, key: KeyT) -> float:
        """Return the seconds since the last of `key`, of which there must be one."""
        return self._clock.monotonic() - self._of[key][-1]


class Attempt:
    """Somebody tries to sign in: under which name, from which network."""

    __slots__ = ("began_at", "name", "network", "secret")

    def __init__(self, name: bytes, network: str, secret: bytes, began_at: float) -> None:
        """Hold the keyed hashes of name and secret, and when it began."""
        self.name = name
        self.network = network
        self.secret = secret
        self.began_at = began_at


class Delays:
    """The counts of one process; used on the event loop only."""

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        """Begin with nothing counted; not `enabled`, nothing ever is (throw-away servers)."""
        self._clock = clock
        self._enabled = enabled
        self._key = secrets.token_bytes(32)
        self._by_name: _Recent[bytes] = _Recent(clock)
        self._by_network: _Recent[str] = _Recent(clock)
        self._tried: _Recent[tuple[bytes, bytes]] = _Recent(clock)
        self._known: OrderedDict[tuple[bytes, str], float] = OrderedDict()
        self._budget = TokenBucket(FAILURES_A_SECOND, FAILURES_AT_ONCE, clock)
        self._held = 0

    def attempt(
        self,
        login: str,
        secret: bytes,
        peer: str,
        *,
        guessable: bool = False,
        known: bool = False,
    ) -> Attempt:
        """Begin an attempt, unless its network must wait first.

        A `guessable` secret, which people choose, is served from known networks alone once its
        name has had `GUESSES` failures: guesses from everywhere must not add up. Who is `known` by
        other means, a device or a second factor shown before, does not wait.

        Raises:
            Refused: TRY_LATER. It depends on what was tried before only, not on what exists.
        """
        name = mac(self._key, login.strip().casefold().encode("utf-8", "surrogatepass"))
        began_at = self._clock.monotonic()
        attempt = Attempt(name, cut_ip(peer), mac(self._key, name + secret), began_at)
        if self._enabled and not known and not self._is_known(attempt):
            drained = self._budget.wait_seconds() > 0 and self._by_network.count(attempt.network)
            guessed = guessable and self._by_name.count(name) >= GUESSES
            if drained or guessed or self._waits(attempt.network):
                raise Refused(Condition.TRY_LATER, "too many failed sign-ins, try again later")
        return attempt

    def _waits(self, network: str) -> bool:
        failures = self._by_network.count(network) - FREE_FAILURES
        if failures <= 0:
            return False
        window = min(FIRST_WINDOW_SECONDS * 2.0 ** (failures - 1), LONGEST_WINDOW_SECONDS)
        return self._by_network.since_last(network) < window

    def _is_known(self, attempt: Attempt) -> bool:
        at = self._known.get((attempt.name, attempt.network))
        return at is not None and self._clock.monotonic() - at < KNOWN_FOR.total_seconds()

    def succeeded(self, attempt: Attempt) -> None:
        """Remember that this name signs in from this network."""
        COUNTS.sign_ins += 1
        if not self._enabled:
            return
        key = (attempt.name, attempt.network)
        self._known[key] = self._clock.monotonic()
        self._known.move_to_end(key)
        if len(self._known) > TABLE_ENTRIES:
            self._known.popitem(last=False)

    def failed(self, attempt: Attempt) -> float:
        """Count a failure; return the seconds by which its answer is to be held back."""
        COUNTS.sign_ins_failed += 1
        held = self._hold(self._counted(attempt)) if self._enabled else 0.0
        return max(held, EVEN_SECONDS - (self._clock.monotonic() - attempt.began_at))

    def _counted(self, attempt: Attempt) -> int:
        if self._tried.add((attempt.name, attempt.secret)) > 1:
            return self._by_name.count(attempt.name)
        self._budget.try_take()
        self._by_network.add(attempt.network)
        return self._by_name.add(attempt.name)

    def failures(self, attempt: Attempt) -> int:
        """Say how many different failures its name has had of late."""
        return self._by_name.count(attempt.name)

    @staticmethod
    def _hold(failures: int) -> float:
        if failures < 2:
            return 0.0
        return min(FIRST_HOLD_SECONDS * 2.0 ** (failures - 2), LONGEST_HOLD_SECONDS)

    async def hold(self, seconds: float) -> None:
        """Let an answer wait; at once where too many wait already."""
        if seconds <= 0 or self._held >= HELD_ANSWERS:
            return
        self._held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held -= 1
