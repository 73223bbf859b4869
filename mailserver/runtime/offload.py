"""The way off the event loop, for work that would hold it: Argon2, large bodies, files.

Threads, not processes: the work we send here releases the interpreter lock, keys never cross a
process border (PRIVACY §6), and pickling cost more than it gained (ADR 5).
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import ParamSpec, TypeVar

from mailserver.model.errors import Condition, Transient

P = ParamSpec("P")
T = TypeVar("T")

DEADLINE = timedelta(seconds=30)  # the longest any caller should wait without saying otherwise


class Offload:
    """A bounded pool: `workers` jobs run, at most `waiting` more wait, the next is refused.

    A deadline ends the wait, not the work: a thread cannot be stopped, so a job that outlives its
    caller keeps its worker until it returns. That is why the number that may wait is bounded too.
    """

    def __init__(self, workers: int, waiting: int = 256, *, name: str = "offload") -> None:
        """Make the pool; threads start with the first jobs."""
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self._room = workers + waiting
        self._jobs = 0

    @property
    def jobs(self) -> int:
        """Count the jobs that run or wait."""
        return self._jobs

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread within `DEADLINE`; see `within`."""
        return await self.within(DEADLINE, functools.partial(work, *args, **kwargs))

    async def within(self, deadline: timedelta, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns; its errors are raised here.

        Raises:
            Transient: BUSY, the pool is full or `deadline` passed; SHUTTING_DOWN, it is closed.
        """
        if self._jobs >= self._room:
            raise Transient(Condition.BUSY, "the server is busy, try again later")
        try:
            job = self._pool.submit(work)
        except RuntimeError as closed:
            raise Transient(Condition.SHUTTING_DOWN, "the server is shutting down") from closed
        self._jobs += 1
        loop = asyncio.get_running_loop()
        job.add_done_callback(lambda _: _on_loop(loop, self._finished))
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                return await asyncio.wrap_future(job)
        except TimeoutError as late:
            if job.done() and not job.cancelled():
                return (
                    job.result()
                )  # it is the work's own TimeoutError, or its result came just in time
            raise Transient(Condition.BUSY, "the server is busy, try again later") from late

    def _finished(self) -> None:
        self._jobs -= 1

    def close(self) -> None:
        """Refuse new jobs, drop those that wait and block until the running ones end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call back on `loop`, unless it is closed: then nobody is left to count for."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
