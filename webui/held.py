"""Accounts that requests opened, held a while: the next request finds them open.

A program that asks by HTTP shows its credential each time. To open the account each time would cost
little, but all that was opened with it, names and search segments, would be gone between requests.
So an account stays open until five minutes after its last request (PRIVACY §6); it goes at once
when its credential is revoked, and with the server.

What is held is found by a keyed hash of the credential; the credential itself is not kept.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from mailserver.mail.account import Account
from mailserver.model.errors import Condition, Transient
from mailserver.runtime.clock import Clock

UNLOCKED = timedelta(minutes=5)
HELD_AT_ONCE = 10_000

Open = Callable[[], Awaitable[Account]]


class _Place:
    """One credential's account: being opened, or open."""

    __slots__ = ("account", "opening", "used_at", "users")

    def __init__(self) -> None:
        self.account: Account | None = None
        self.opening = asyncio.Lock()
        self.used_at = 0.0
        self.users = 0


class Held:
    """The accounts of one process that requests opened; used on the event loop only."""

    def __init__(self, clock: Clock) -> None:
        """Measure by `clock`."""
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._places: dict[bytes, _Place] = {}
        self._lost: list[Account] = []

    def name(self, *parts: bytes) -> bytes:
        """Return what a credential is found by: its parts, and where it was shown."""
        told = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, told, hashlib.sha256)

    async def get(self, name: bytes, opened: Open) -> Account:
        """Return the account under `name`; `opened` is called where there is none.

        Raises:
            MailError: whatever `opened` raises; nothing is held then.
            Transient: BUSY, too many are open.
        """
        place = self._places.get(name)
        if place is None:
            if len(self._places) >= HELD_AT_ONCE:
                raise Transient(Condition.BUSY, "too many accounts are open")
            place = self._places[name] = _Place()
        place.users += 1
        try:
            async with place.opening:  # requests that come together open it once
                if place.account is None:
                    place.account = await opened()
                    place.account.on_end(lambda _: self._lose(name, place))
            place.used_at = self._clock.monotonic()
            return place.account
        finally:
            place.users -= 1
            if place.account is None and not place.users and self._places.get(name) is place:
                del self._places[name]

    def _lose(self, name: bytes, place: _Place) -> None:
        """Forget an account that was taken away; `tend` gives back what was opened with it."""
        if place.account is not None:
            self._lost.append(place.account)
        if self._places.get(name) is place:
            del self._places[name]

    async def drop(self, name: bytes) -> None:
        """Close what is held under `name`, as at logout."""
        place = self._places.pop(name, None)
        if place is not None and place.account is not None:
            await place.account.close()

    async def tend(self) -> None:
        """Close what was not used for `UNLOCKED`; called every few seconds."""
        while self._lost:
            await self._lost.pop().close()
        until = self._clock.monotonic() - UNLOCKED.total_seconds()
        for name, place in list(self._places.items()):
            if place.account is not None and not place.users and place.used_at <= until:
                await self.drop(name)

    async def close(self) -> None:
        """Close everything: the server stops."""
        for name in list(self._places):
            with suppress(Transient):
                await self.drop(name)
