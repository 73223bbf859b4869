"""Conversations that are kept for the next message to the same host.

A conversation is shared only by routes that hold the host to the very same `Host`: name, port,
addresses, and what it must show. So no message rides on a connection that was opened with less
security than it asks for. Idle ones are few, and soon let go: mail servers count connections.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from mailserver.outbound.client import Connection
from mailserver.outbound.dial import Dialer, cut
from mailserver.outbound.security import Host
from mailserver.runtime.clock import Clock

IDLE = timedelta(seconds=10)
AGE = timedelta(minutes=5)  # addresses, keys and certificates of a host are looked at again
MESSAGES = 100  # of one conversation; large providers end it soon after


@dataclass(slots=True)
class _Idle:
    connection: Connection
    since: float
    opened: float


@dataclass(slots=True)
class Lent:
    """A conversation in use."""

    connection: Connection
    fresh: bool
    """It was opened for this message, so that what fails on it is no idle server's impatience."""
    opened: float = field(default=0.0)


class Pool:
    """The conversations of one process."""

    def __init__(self, dialer: Dialer, *, clock: Clock, at_most: int) -> None:
        """Open with `dialer`, `at_most` at once, idle ones included."""
        self._dialer = dialer
        self._clock = clock
        self._room = asyncio.Semaphore(at_most)
        self._at_most = at_most
        self._idle: dict[Host, deque[_Idle]] = {}
        self._kept = 0
        self._lent = 0

    @asynccontextmanager
    async def lend(self, domain: str, host: Host, *, fresh: bool = False) -> AsyncIterator[Lent]:
        """Lend a conversation with `host` for one message for `domain`; a new one where `fresh`.

        Raises:
            Gone: there is none to be had.
        """
        async with self._room:
            self._lent += 1
            try:
                lent = None if fresh else await self._take(host)
                if lent is None:
                    await self._make_room()
                    connection = await self._dialer.dial(domain, host)
                    lent = Lent(connection, fresh=True, opened=self._clock.monotonic())
                try:
                    yield lent
                except BaseException:
                    lent.connection.wire.abort()
                    raise
            finally:
                self._lent -= 1
            await self._give_back(host, lent)

    async def tend(self) -> None:
        """Let go of conversations that nobody used for a while."""
        now = self._clock.monotonic()
        for host in list(self._idle):
            waiting = self._idle[host]
            while waiting and not self._is_good(waiting[0], now):
                await self._drop(host)
            if not waiting:
                self._idle.pop(host, None)

    async def close(self) -> None:
        """Let go of all."""
        for host in list(self._idle):
            while self._idle[host]:
                await self._drop(host)
        self._idle.clear()

    async def _take(self, host: Host) -> Lent | None:
        """Take the one used last, so that the others grow old."""
        waiting = self._idle.get(host)
        while waiting:
            kept = waiting.pop()
            self._kept -= 1
            if self._is_good(kept, self._clock.monotonic()):
                return Lent(kept.connection, fresh=False, opened=kept.opened)
            kept.connection.wire.abort()
        return None

    async def _give_back(self, host: Host, lent: Lent) -> None:
        kept = _Idle(lent.connection, self._clock.monotonic(), lent.opened)
        if not self._is_good(kept, kept.since):
            await cut(lent.connection)
            return
        self._idle.setdefault(host, deque()).append(kept)
        self._kept += 1

    async def _make_room(self) -> None:
        """Drop idle conversations, the oldest first, where all places are taken."""
        while self._kept and self._kept + self._lent > self._at_most:
            oldest = min((host for host in self._idle if self._idle[host]), key=self._since)
            await self._drop(oldest)

    def _since(self, host: Host) -> float:
        return self._idle[host][0].since

    async def _drop(self, host: Host) -> None:
        kept = self._idle[host].popleft()
        self._kept -= 1
        await cut(kept.connection)

    @staticmethod
    def _is_good(kept: _Idle, now: float) -> bool:
        return (
            kept.connection.is_reusable
            and kept.connection.messages < MESSAGES
            and now - kept.since < IDLE.total_seconds()
            and now - kept.opened < AGE.total_seconds()
        )
