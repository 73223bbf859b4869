"""The metrics of a whole server, as Prometheus reads them; off until a listener is set for them.

Each process counts for itself (`runtime/metrics`). With several, one of them answers the scrape;
the others write what they have counted into a file in the data directory every few seconds, and
each series has a label `process`. It is no sum: a process that was started again begins at zero,
and only a series of its own lets Prometheus see that. What is true of the server as a whole
(queue, disk, certificate, registers) has no such label.

Source: the Prometheus text exposition format, version 0.0.4.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from mailserver.app.alarms import DRILLS
from mailserver.app.orders import Part
from mailserver.app.registers import Books
from mailserver.model.errors import MailError
from mailserver.operations.vitals import Vitals, drills
from mailserver.privacy import breach as breaches
from mailserver.privacy import request as requests
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.runtime.metrics import COUNTS, Labels, Series, counted
from mailserver.store.queue import AGES
from mailserver.store.registers import Register

WRITE = timedelta(seconds=5)
STALE = timedelta(seconds=30)
"""A process that wrote nothing for so long is down."""
FRESH_SECONDS = 10.0
"""The database is asked this often at most, however often somebody scrapes."""
LAG = 0.25
DAY = timedelta(days=1)

log = get_logger("metrics")


@dataclass(slots=True)
class Metrics:
    """What one process answers a scrape with."""

    part: Part
    directory: Path
    """Where the processes of a server leave their counts."""
    vitals: Vitals
    books: Books
    clock: Clock
    _whole: list[Series] = field(default_factory=list)
    _read_at: float | None = None
    _drilled: dict[str, Any] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def scrape(self) -> bytes:
        """Return everything in the text format."""
        # Here, so that a server that nobody scrapes never loads the library.
        from mailserver.app.exposition import exposition

        async with self._reading:  # one at a time asks the database
            if self._read_at is None or self.clock.monotonic() - self._read_at >= FRESH_SECONDS:
                self._whole = [series async for series in self._of_the_server()]
                self._read_at = self.clock.monotonic()
        return exposition([*self._whole, *await asyncio.to_thread(self._of_all_processes)])

    def _of_all_processes(self) -> list[Series]:
        """Return what every process counts, and which of them are up."""
        mine = ("process", str(self.part.number))
        found = [_labelled(one, mine) for one in counted(COUNTS)]
        up = {self.part.number: 1}
        for number in range(self.part.of):
            if number == self.part.number:
                continue
            told = _told(self.directory / f"{number}.json", self.clock.now())
            up[number] = int(told is not None)
            found += [_labelled(one, ("process", str(number))) for one in told or ()]
        for number, is_up in up.items():
            labels = (("process", str(number)),)
            found.append(Series("up", "Whether a process counts.", "gauge", labels, is_up))
        return found

    async def _of_the_server(self) -> AsyncIterator[Series]:
        """Read what is true of the server as a whole; what cannot be read is left out."""
        for part in (self._machine, self._queue, self._drill, self._registers):
            try:
                for series in await part():
                    yield series
            except (MailError, OSError) as error:
                log.warning("metrics not read", error=type(error).__name__)

    async def _machine(self) -> list[Series]:
        now = self.clock.now()
        found = []
        for disk in await self.vitals.disks():
            labels = (("place", disk.place),)
            found.append(_gauge("disk_free_octets", "Free room.", disk.free_octets, labels))
            found.append(_gauge("disk_octets", "All room.", disk.total_octets, labels))
        until = await self.vitals.certificate_until()
        if until is not None:
            text = "Days until the certificate ends."
            found.append(_gauge("certificate_days", text, round((until - now) / DAY, 2)))
        for kind, at in (await self.vitals.backups()).items():
            if at is not None:
                text, age = "Age of the newest backup.", (now - at).total_seconds()
                found.append(_gauge("backup_age_seconds", text, age, (("kind", kind.value),)))
        return found

    async def _queue(self) -> list[Series]:
        now, found = self.clock.now(), []
        for row in await self.vitals.queue():
            state = ("state", row.state.name.lower())
            older = (row.rows, *row.older, 0)
            names = ("0h", *(f"{age // timedelta(hours=1)}h" for age in AGES))
            for name, (least, rest) in zip(names, pairwise(older), strict=True):
                labels = (state, ("older_than", name))
                found.append(_gauge("queue_rows", "Recipients by age.", least - rest, labels))
            text, age = "Age of the oldest.", max((now - row.oldest_at).total_seconds(), 0)
            found.append(_gauge("queue_oldest_seconds", text, age, (state,)))
        return found

    async def _drill(self) -> list[Series]:
        # Kept here, and not written down: that is for whoever looks for alarms.
        known = self._drilled or await self.books.ledger.noted(Register.ALERT, DRILLS)
        mark = self._drilled = await drills(self.vitals.store.audit, known)
        if "at" not in mark:
            return []
        age = (self.clock.now() - datetime.fromisoformat(mark["at"])).total_seconds()
        return [
            _gauge("drill_ok", "Whether the last restore drill went well.", not mark["failed"]),
            _gauge("drill_age_seconds", "Since the last restore drill.", age),
        ]

    async def _registers(self) -> list[Series]:
        now, books = self.clock.now(), self.books
        waiting = [one for one in await books.breaches.listing() if not one.answered]
        asked = [one for one in await books.requests.listing() if one.state not in requests.OVER]
        suspected = sum(one.state is breaches.State.SUSPECTED for one in waiting)
        failing = sum("failing" in state for state in (await books.retention.state()).values())
        found = [
            _gauge("breaches_waiting", "Breaches without an answer.", len(waiting)),
            _gauge("breaches_suspected", "Those nobody has looked at.", suspected),
            _gauge("requests_open", "Requests of people without an answer.", len(asked)),
            _gauge("retention_failing", "Categories that cannot be ended.", failing),
        ]
        deadlines = {
            "breach": [one.deadline for one in waiting if one.deadline is not None],
            "request": [one.term(books.profile, now).ends_at for one in asked],
        }
        for name, instants in deadlines.items():
            if instants:
                left = (min(instants) - now).total_seconds()
                text = "Until the next deadline; below 0 it is over."
                found.append(_gauge(f"{name}_deadline_seconds", text, left))
        return found


def count_in(metrics: Metrics, tasks: asyncio.TaskGroup) -> None:
    """Measure the loop's lag, and leave this process's counts to the one that is scraped."""
    tasks.create_task(_watch_the_loop())
    if metrics.part.number:
        tasks.create_task(_leave_counts(metrics))


async def _watch_the_loop() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG
        await asyncio.sleep(LAG)
        COUNTS.loop_lag.observe(max(loop.time() - due, 0.0))


async def _leave_counts(metrics: Metrics) -> None:
    while True:
        try:
            await asyncio.to_thread(_leave, metrics)
        except OSError as error:
            log.warning("metrics not left", error=type(error).__name__)
        await asyncio.sleep(WRITE.total_seconds())


def _leave(metrics: Metrics) -> None:
    told = [[one.name, one.help, one.kind, one.labels, one.value] for one in counted(COUNTS)]
    metrics.directory.mkdir(mode=0o700, exist_ok=True)
    draft = metrics.directory / f"{metrics.part.number}.new"
    draft.write_text(json.dumps({"at": metrics.clock.now().isoformat(), "series": told}))
    os.replace(draft, draft.with_suffix(".json"))


def _told(file: Path, now: datetime) -> list[Series] | None:
    """Read what another process left; None where it is down."""
    try:
        told = json.loads(file.read_text())
        if now - datetime.fromisoformat(told["at"]) > STALE:
            return None
        return [
            Series(name, text, kind, tuple((key, word) for key, word in labels), value)
            for name, text, kind, labels, value in told["series"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _gauge(name: str, text: str, value: float, labels: Labels = ()) -> Series:
    return Series(name, text, "gauge", labels, value)


def _labelled(one: Series, label: tuple[str, str]) -> Series:
    return Series(one.name, one.help, one.kind, (*one.labels, label), one.value)
