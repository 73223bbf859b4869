"""Tasks that belong to the server itself: each has a parent, none takes the others down.

A `TaskGroup` ends everything when one of its tasks fails. That is right for a connection and its
parts; for the looking-after of thousands of accounts it would let one damaged object stop the
server. Here a failure is logged as an incident and ends its own task alone.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import Any, TypeVar, cast

from mailserver.model.errors import MailError
from mailserver.runtime.log import get_logger

T = TypeVar("T")

log = get_logger("background")


class Background(asyncio.TaskGroup):
    """A task group whose tasks fail alone; made by `background`."""

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a task; an error in it is logged, and the task is then as if cancelled."""
        task = super().create_task(_alone(coro), name=name, context=context)
        # Cancelled before its first step, the wrapper never awaited what it wraps.
        task.add_done_callback(lambda _: coro.close())
        return task

    async def every(self, period: timedelta, work: Callable[[], Awaitable[object]]) -> None:
        """Do `work` again and again, `period` apart, until the group ends; failures are logged."""
        while True:
            try:
                await work()
            except MailError as error:
                log.warning("periodic work failed", condition=error.condition)
            await asyncio.sleep(period.total_seconds())


async def _alone(coro: Generator[Any, None, T] | Coroutine[Any, Any, T]) -> T:
    try:
        return await cast(Awaitable[T], coro)
    except Exception as bug:
        log.error("incident", incident=secrets.token_hex(4), exc_info=bug)
        raise asyncio.CancelledError from bug


class _EndedError(Exception):
    """Tells the group to cancel what is left."""


@asynccontextmanager
async def background() -> AsyncIterator[Background]:
    """Run tasks for the length of a block; what still runs at its end is cancelled."""
    failed: BaseException | None = None
    try:
        async with Background() as group:
            try:
                yield group
            except BaseException as error:  # noqa: BLE001 - raised again below, outside of the group
                failed = error
            raise _EndedError
    except* _EndedError:
        pass
    if failed is not None:
        raise failed
