"""Bounds on what strangers can make us hold, open or try.

All of it is counted on the event loop's thread and takes no lock. Nothing here waits: it answers
yes or no at once, and the edge decides how to say no in its protocol.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network

from mailserver.model.errors import Condition, Refused, Transient
from mailserver.runtime.clock import Clock
from mailserver.runtime.metrics import COUNTS

IPV6_CUSTOMER_BITS = (
    64  # what one subscriber holds at least; a host could use a new address a second
)


class Budget:
    """A fixed number of octets that everything in flight shares: messages being received, for one.

    `try_reserve` before reading, `release` the same number afterwards; `held` is what is out. Who
    has a name holds a part of it at most: else one who begins many messages and ends none of them
    would keep all others' out.
    """

    def __init__(self, limit_octets: int, peer_octets: int | None = None) -> None:
        """Allow `limit_octets` in all, at least 1, and `peer_octets` of them to any one peer."""
        if limit_octets < 1:
            raise ValueError("a budget holds at least one octet")
        self.limit_octets = limit_octets
        self.peer_octets = limit_octets if peer_octets is None else peer_octets
        self.held_octets = 0
        self._held_by: dict[str, int] = {}

    def held_by(self, peer: str) -> int:
        """Say how many octets `peer` holds."""
        return self._held_by.get(peer, 0)

    def try_reserve(self, octets: int, peer: str = "") -> bool:
        """Take `octets` for `peer` if they are left; False, and nothing taken, where they are not.

        An empty name is bounded by the whole alone.
        """
        if octets < 0:
            raise ValueError("octets are not negative")
        if self.held_octets + octets > self.limit_octets:
            return False
        if peer:
            held = self.held_by(peer) + octets
            if held > self.peer_octets:
                return False
            self._held_by[peer] = held
        self.held_octets += octets
        return True

    def release(self, octets: int, peer: str = "") -> None:
        """Give back `octets` that were reserved for `peer`."""
        held = self.held_by(peer) if peer else self.held_octets
        if not 0 <= octets <= held:
            raise ValueError("more octets came back than were reserved")
        self.held_octets -= octets
        if not peer:
            return
        if octets < held:
            self._held_by[peer] = held - octets
        else:
            self._held_by.pop(peer, None)

    @contextmanager
    def reserved(self, octets: int) -> Iterator[None]:
        """Hold `octets` for the length of a block.

        Raises:
            Transient: BUSY, they are not left now.
        """
        if not self.try_reserve(octets):
            raise Transient(Condition.BUSY, "too much is being received at once, try again later")
        try:
            yield
        finally:
            self.release(octets)


def stranger(peer: str) -> str:
    """Name a peer's network; empty for this machine: loopback, or a local socket's no address."""
    try:
        here = ip_address(peer.partition("%")[0]).is_loopback
    except ValueError:
        here = True
    return "" if here else network_of(peer)


def network_of(peer: str) -> str:
    """Name the network that counts as one peer: an IPv4 address or an IPv6 /64.

    A peer that has no address (a local socket) is counted under the name it was given.
    """
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    shift = 128 - IPV6_CUSTOMER_BITS
    return f"{IPv6Address(int(address) >> shift << shift)}/{IPV6_CUSTOMER_BITS}"


def wide_network_of(peer: str) -> str:
    """Name the wider network of a peer: an IPv4 /24 or an IPv6 /48, as logs cut addresses."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = 48 if isinstance(address, IPv6Address) else 24
    return str(ip_network((address, bits), strict=False))


class Connections:
    """How many connections are open, in all and from one peer."""

    def __init__(
        self, total: int, per_peer: int, may_come: Callable[[str], bool] | None = None
    ) -> None:
        """Allow `total` at once, and `per_peer` of them from one network (`network_of`).

        `may_come` is asked of each that there is room for: whether it comes too soon.
        """
        self._total = total
        self._per_peer = per_peer
        self._may_come = may_come
        self._of_peer: dict[str, int] = {}
        self.open = 0

    def try_enter(self, peer: str) -> bool:
        """Count one more from `peer` (an IP address); False, and nothing counted, past a bound."""
        network = network_of(peer)
        mine = self._of_peer.get(network, 0)
        if self.open >= self._total or mine >= self._per_peer or not self._in_time(peer):
            COUNTS.connections_refused += 1
            return False
        self._of_peer[network] = mine + 1
        self.open += 1
        COUNTS.connections += 1
        COUNTS.connections_open += 1
        return True

    def _in_time(self, peer: str) -> bool:
        return self._may_come is None or self._may_come(peer)

    def leave(self, peer: str) -> None:
        """Count one less from `peer`, which must have entered."""
        network = network_of(peer)
        mine = self._of_peer.get(network, 0)
        if mine < 1:
            raise ValueError("a connection left that never entered")
        self.open -= 1
        COUNTS.connections_open -= 1
        if mine == 1:
            del self._of_peer[network]  # the table holds peers that are here, so it stays bounded
        else:
            self._of_peer[network] = mine - 1

    @contextmanager
    def counted(self, peer: str) -> Iterator[None]:
        """Count a connection from `peer` for the length of a block.

        Raises:
            Refused: LIMIT, too many are open.
        """
        if not self.try_enter(peer):
            raise Refused(Condition.LIMIT, "too many connections")
        try:
            yield
        finally:
            self.leave(peer)


class TokenBucket:
    """A rate with room for a burst: `rate` a second, at most `burst` saved up."""

    def __init__(self, rate: float, burst: float, clock: Clock) -> None:
        """Start full. `rate` is per second; `burst` at least 1."""
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a positive rate and room for one token")
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = burst
        self._filled_at = clock.monotonic()

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now

    def try_take(self, tokens: float = 1) -> bool:
        """Take `tokens` if they are there; False, and nothing taken, where they are not."""
        self._fill()
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True

    def wait_seconds(self, tokens: float = 1) -> float:
        """Say how long until `tokens` would be there; 0 when they are."""
        self._fill()
        return max(0.0, (tokens - self._tokens) / self._rate)
