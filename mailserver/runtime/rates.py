"""How fast one network may come, ask and guess; what is over it waits or is turned away.

A bucket a network (`limits.network_of`), the ones not seen for longest dropped first. This machine
itself is nobody's stranger and is not counted. A network has one bucket, whatever it speaks.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import TokenBucket, network_of, stranger
from mailserver.runtime.settings import Limits

NETWORKS_KEPT = 20_000  # of some 300 octets; one that was dropped begins with a full bucket
COMMANDS_SAVED = 10  # seconds of commands that a quiet network may send at once
FIRST_MISSES = 50
MISS_SECONDS = 2.0
_PACE_SECONDS = 1.0  # then it looks again: others of its network wait as well


class Rates:
    """A rate for each network, with room for a burst."""

    def __init__(
        self, per_second: float, burst: float, clock: Clock, *, counts_loopback: bool = False
    ) -> None:
        """Allow `per_second` of whatever is counted, and `burst` (at least 1) at once."""
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._counts_loopback = counts_loopback
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def try_take(self, peer: str) -> bool:
        """Count one of `peer` (an IP address); False, and nothing counted, over the rate."""
        bucket = self.bucket(peer)
        return bucket is None or bucket.try_take()

    def wait_seconds(self, peer: str) -> float:
        """Say how long until one more of `peer` would be within the rate; 0 if it is now."""
        bucket = self.bucket(peer)
        return 0.0 if bucket is None else bucket.wait_seconds()

    def bucket(self, peer: str) -> TokenBucket | None:
        """Return the bucket of a peer's network, for who takes often; None for this machine."""
        if not self._counts_loopback and not stranger(peer):
            return None
        network = network_of(peer)
        bucket = self._buckets.get(network)
        if bucket is not None:
            self._buckets.move_to_end(network)
            return bucket
        if len(self._buckets) >= NETWORKS_KEPT:
            self._buckets.popitem(last=False)
        bucket = self._buckets[network] = TokenBucket(self._per_second, self._burst, self._clock)
        return bucket


@dataclass(frozen=True, slots=True)
class Paces:
    """The rates that all listeners of a process share; None where there is no bound."""

    arrivals: Rates | None = None
    """New connections."""
    commands: Rates | None = None
    """Of SMTP, IMAP and ManageSieve."""
    misses: Rates | None = None
    """Recipients who are nobody: a few are old lists, many are somebody who seeks names."""
    miss_seconds: float = MISS_SECONDS
    """How late each miss above the rate is answered."""

    @classmethod
    def of(cls, limits: Limits, clock: Clock) -> Self:
        """Take the rates from the settings."""
        arrivals, commands = limits.connections_per_minute, limits.commands_per_second
        misses = limits.unknown_recipients_per_minute
        return cls(
            arrivals=Rates(arrivals / 60, arrivals, clock) if arrivals else None,
            commands=Rates(commands, commands * COMMANDS_SAVED, clock) if commands else None,
            misses=Rates(misses / 60, FIRST_MISSES, clock) if misses else None,
        )

    def may_come(self, peer: str) -> bool:
        """Count a new connection; False where it comes too soon."""
        return self.arrivals is None or self.arrivals.try_take(peer)

    def commands_of(self, peer: str) -> TokenBucket | None:
        """Return what a peer's commands are taken from; None where nobody counts them."""
        return None if self.commands is None else self.commands.bucket(peer)


async def within(pace: TokenBucket) -> None:
    """Take one, when there is one."""
    while True:
        if pace.try_take():
            return
        await asyncio.sleep(min(pace.wait_seconds(), _PACE_SECONDS))
