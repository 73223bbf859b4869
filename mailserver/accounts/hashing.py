"""Password hashes, a few at a time: each takes 64 MiB and 0.2 s of several cores (PRIVACY §1).

A wait of two seconds for a place ends in `Transient` BUSY, which SMTP says as 454 4.7.0 and the web
as 429: nobody can fill the server's memory by signing in.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from mailserver.model.errors import Condition, Transient
from mailserver.runtime.offload import Offload

T = TypeVar("T")

AT_ONCE = 4
KEPT = 2  # places that only known devices get, so that strangers cannot keep people out
QUEUE_SECONDS = 2.0


class Hashing:
    """The places for password hashes of this process."""

    def __init__(self, offload: Offload, at_once: int = AT_ONCE) -> None:
        """Hash in threads of `offload`, `at_once` at a time."""
        self._offload = offload
        self._places = asyncio.Semaphore(at_once)
        self._open_places = asyncio.Semaphore(max(1, at_once - KEPT))

    async def __call__(self, work: Callable[[], T], *, known: bool = False) -> T:
        """Run `work`, which hashes one password, in a thread; for a `known` device or a stranger.

        Raises:
            Transient: BUSY, no place came free within two seconds.
        """
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(QUEUE_SECONDS):
                    if not known:
                        await held.enter_async_context(self._open_places)
                    await held.enter_async_context(self._places)
            except TimeoutError:
                raise Transient(
                    Condition.BUSY, "too many sign-ins at once, try again in a moment"
                ) from None
            return await self._offload(work)
