"""Waiting for what comes true by itself: as long as a busy machine needs, and no longer."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.02


async def until(
    claim: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS
) -> None:
    """Return when `claim` holds.

    Raises:
        AssertionError: it does not, within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        held = claim()
        if await held if isinstance(held, Awaitable) else held:
            return
        assert time.monotonic() < deadline, "it does not come true"
        await asyncio.sleep(PAUSE_SECONDS)


def wait_until(claim: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Return when `claim` holds; as `until`, for a test without an event loop."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(PAUSE_SECONDS)
