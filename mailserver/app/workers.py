"""The parent of several serving processes: starts them, keeps them alive, ends them.

Each worker is a whole server with its own keys, started afresh and never forked (ADR 5, ADR 10).
The parent opens no key and no database. It passes signals on; a worker that ends unasked is started
again, after a pause that doubles; when that happens too often, the parent ends everything, so that
whoever supervises it hears of it. A start that the worker itself refuses, because a database is
away, is tried again for ever, for the others serve on. When the parent itself dies, its end of each
worker's standard input closes, and the workers stop.
"""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from mailserver.app.orders import Orders, Part, decode_answer
from mailserver.app.ports import reserved
from mailserver.app.signals import heard
from mailserver.model.errors import Condition, MailError, Misconfigured, Transient
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.door import Door
from mailserver.runtime.log import get_logger
from mailserver.runtime.settings import Settings

START = timedelta(seconds=120)
DEATHS = 10
"""So many within `PERIOD` are too many."""
PERIOD = timedelta(minutes=10)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
ANSWER_OCTETS = 1 << 16

log = get_logger("app")


async def lead(
    settings: Settings, announce: Callable[[Sequence[Door]], None], stop: asyncio.Event
) -> None:
    """Serve with as many processes as the settings say, until a signal or `stop`.

    `announce` is told the doors once every worker answers.

    Raises:
        Misconfigured: a port is taken, or a worker cannot begin.
        Transient: a worker cannot begin now, or workers keep dying.
    """
    with reserved(settings) as bound:
        workers = [_Worker(Orders(Part(n, settings.workers), bound)) for n in range(bound.workers)]
        parent = _Parent(workers, settings, stop)
        with heard(stop, parent.hang_up):
            await parent.run(announce)


class _Worker:
    """One place among the workers, and the process that fills it now."""

    def __init__(self, orders: Orders) -> None:
        self.number = orders.part.number
        self._orders = orders.encode()
        self._process: Process | None = None

    async def start(self) -> list[Door] | None:
        """Start the process; returns its doors once they answer, None where it died before.

        Raises:
            MailError: it says itself that it cannot begin, or does not answer in time.
        """
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mailserver.app.worker"),
            stdin=PIPE,
            stdout=PIPE,
            limit=ANSWER_OCTETS,
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a worker without pipes")
        stdin.write(self._orders)
        try:
            async with asyncio.timeout(START.total_seconds()):
                with suppress(ConnectionError):  # it ended already, and there is no answer
                    await stdin.drain()
                line = await stdout.readline()
        except TimeoutError:
            self.tell(signal.SIGKILL)
            raise Transient(Condition.UNAVAILABLE, "a worker process does not start") from None
        return decode_answer(line) if line else None

    async def ended(self) -> int:
        """Wait for the end of the process; return its exit status, negative a signal's number."""
        return 0 if self._process is None else await self._process.wait()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, where there is somebody to hear it."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


class Deaths:
    """How long to wait after the death of a worker, and when there were too many."""

    def __init__(self, clock: Clock) -> None:
        """Forget deaths by `clock`."""
        self._clock = clock
        self._at: deque[float] = deque()

    def pause(self) -> float:
        """Count one and return the seconds to wait before the next start, twice as long each time.

        Raises:
            Transient: there were `DEATHS` of them within `PERIOD`.
        """
        now = self._clock.monotonic()
        while self._at and now - self._at[0] > PERIOD.total_seconds():
            self._at.popleft()
        self._at.append(now)
        if len(self._at) >= DEATHS:
            raise Transient(Condition.UNAVAILABLE, "worker processes keep dying; see the log")
        return min(FIRST_PAUSE * (1 << len(self._at) - 1), LONGEST_PAUSE)


class _Parent:
    """All workers of a server, from the first start to the last end."""

    def __init__(self, workers: list[_Worker], settings: Settings, stop: asyncio.Event) -> None:
        self._workers = workers
        self._stop = stop
        self._patience = settings.limits.shutdown_seconds
        self._key_file = settings.keys.master_file
        self._began_at = time.time()
        self._deaths = Deaths(SystemClock())

    async def run(self, announce: Callable[[Sequence[Door]], None]) -> None:
        """Start all, look after them until `stop`, end all."""
        failure: MailError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._end_when_told())
                starting = [tasks.create_task(worker.start()) for worker in self._workers]
                opened = await asyncio.gather(*starting)
                if opened[0] is None or None in opened:
                    raise Misconfigured("a worker process died while it started; see the log")
                log.info("serving", workers=len(self._workers))
                announce(opened[0])
                for worker in self._workers:
                    tasks.create_task(self._keep(worker))
        except* MailError as refused:
            failure = _first(refused)
        finally:
            await self._end()
        log.info("stopped")
        if failure is not None and not self._stop.is_set():
            raise failure

    def hang_up(self) -> None:
        """Have every worker read its certificate again."""
        self._tell_all(signal.SIGHUP)

    async def _keep(self, worker: _Worker) -> None:
        """Start a worker again whenever it ends unasked."""
        while True:
            status = await worker.ended()
            if self._stop.is_set():
                return
            log.error("a worker ended and is started again", worker=worker.number, status=status)
            pause = self._deaths.pause()
            self._see_that_keys_are_the_same()
            while not await self._told_within(pause):
                try:
                    if await worker.start() is not None:
                        log.warning("a worker serves again", worker=worker.number)
                    break
                except MailError as error:  # a database is away, a file spoilt: the others serve on
                    log.error("a worker waits", worker=worker.number, condition=error.condition)
                    pause = min(2 * pause, LONGEST_PAUSE)
            if self._stop.is_set():
                worker.tell(signal.SIGTERM)  # it may have missed what was told to all

    def _see_that_keys_are_the_same(self) -> None:
        """Refuse a worker that would know a master key which the others do not.

        What it seals would look like a forgery to them.
        """
        if self._key_file.stat().st_mtime > self._began_at:
            raise Transient(
                Condition.UNAVAILABLE, "a worker ended, and a master key was added: start again"
            )

    async def _told_within(self, seconds: float) -> bool:
        """Wait; True as soon as we are told to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()

    async def _end_when_told(self) -> None:
        await self._stop.wait()
        log.info("stopping")
        await self._end()

    async def _end(self) -> None:
        """Ask every worker to stop, and end those that do not."""
        self._tell_all(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await self._all_ended()
        self._tell_all(signal.SIGKILL)
        await self._all_ended()

    async def _all_ended(self) -> None:
        await asyncio.gather(*[worker.ended() for worker in self._workers])

    def _tell_all(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.tell(number)


def _first(group: BaseExceptionGroup[MailError]) -> MailError:
    first = group.exceptions[0]
    return first if isinstance(first, MailError) else _first(first)
