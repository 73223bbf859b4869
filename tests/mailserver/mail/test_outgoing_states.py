"""Random lives of letters beside a plain model: due when the model says, gone when it says.

Whatever happens (put off, failed, undone, held, a worker killed, the server started anew), no
recipient is lost, none is leased twice, and what the model has done with is nowhere any more.
"""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from mailserver.mail.backoff import Schedule
from mailserver.mail.outgoing import LEASE, Due, Outgoing
from mailserver.model.errors import Absent
from mailserver.model.ids import AccountId, QueueId
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.store.queue_rows import Act, QueueState, Steer
from mailserver.store.store import Store
from tests.support.outgoing import BUSY, GONE, TAKEN, Guards, outgoing, parcel
from tests.support.store import build, opened

T = TypeVar("T")

DOMAINS = ("a.test", "b.test", "c.test")
PER_DESTINATION = 3


@dataclass
class Letter:
    """One recipient's row, as the model has it."""

    domain: str
    next_at: datetime
    submission: tuple[QueueId, ...] = ()
    tried: bool = False
    held: bool = False
    leased: Due | None = None


class Queue(RuleBasedStateMachine):
    """The outgoing queue on SQLite, and what should be in it."""

    rows = Bundle("rows")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.guards = Guards()
        self.offload = Offload(1)
        self.model: dict[QueueId, Letter] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    @initialize()
    def begin(self) -> None:
        self.run(self._open())
        self.account: AccountId = self.run(build(self.store)).account

    async def _open(self) -> None:
        home = Path(self.directory.name)
        url = f"sqlite:///{home / 'mail.db'}"
        self.opened: AbstractAsyncContextManager[Store] = opened(url, home / "blobs", self.clock)
        self.store = await self.opened.__aenter__()
        self.store.queue.per_destination = PER_DESTINATION
        self.queue: Outgoing = outgoing(
            self.store, self.guards, self.clock, self.offload, Schedule(life=timedelta(hours=12))
        )
        await self.queue.begin()

    async def _close(self) -> None:
        await self.opened.__aexit__(None, None, None)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self._close())
        self.offload.close()
        self.loop.close()
        self.directory.cleanup()

    @rule(
        target=rows,
        domains=st.lists(st.sampled_from(DOMAINS), min_size=1, max_size=4),
        later=st.sampled_from([0, 0, 10, 3_600]),
        ours=st.booleans(),
        large=st.booleans(),
    )
    def enqueue(self, domains: list[str], later: int, ours: bool, large: bool) -> Any:
        release = self.clock.now() + timedelta(seconds=later)
        to = [f"r{n}@{domain}" for n, domain in enumerate(domains)]
        message = b"Subject: x\r\n\r\n" + bytes(70_000 if large else 10)
        given = parcel(
            self.guards,
            self.account if ours else None,
            to,
            message=message,
            release_at=release,
        )
        ids = self.run(self.queue.enqueue(given))
        for queue_id, domain in zip(ids, domains, strict=True):
            self.model[queue_id] = Letter(domain, release, tuple(ids))
        return multiple(*ids)

    @rule(seconds=st.sampled_from([1, 10, 300, 4_000]))
    def pass_time(self, seconds: int) -> None:
        """Time goes on while the worker lives: its leases are kept."""
        left = timedelta(seconds=seconds)
        while left > timedelta():
            step = min(left, LEASE / 2)
            self.clock.advance(step)
            self.run(self.queue.tend())
            left -= step

    @rule(limit=st.integers(1, 12))
    def lease(self, limit: int) -> None:
        dues = self.run(self.queue.due(limit))
        now = self.clock.now()
        may = [
            letter
            for letter in self.model.values()
            if not letter.held and letter.leased is None and letter.next_at <= now
        ]
        busy = {
            d: sum(1 for x in self.model.values() if x.leased and x.domain == d) for d in DOMAINS
        }
        room = any(busy[letter.domain] < PER_DESTINATION for letter in may)
        assert bool(dues) == room
        assert len(dues) <= limit
        for due in dues:
            letter = self.model[due.queue_id]
            assert letter in may
            assert letter.leased is None
            assert due.domain == letter.domain
            letter.leased, letter.tried = due, True
            busy[letter.domain] += 1
        assert all(count <= PER_DESTINATION for count in busy.values())

    @rule(row=rows, word=st.sampled_from(["delivered", "failed", "deferred", "given back"]))
    def settle(self, row: QueueId, word: str) -> None:
        letter = self.model.get(row)
        if letter is None or letter.leased is None:
            return
        due, letter.leased = letter.leased, None
        match word:
            case "delivered":
                self.run(self.queue.delivered(due, TAKEN))
                del self.model[row]
            case "failed":
                self.run(self.queue.failed(due, GONE))
                del self.model[row]
            case "deferred":
                letter.next_at = self.run(self.queue.deferred(due, BUSY))
            case _:
                self.run(self.queue.give_back([due]))
                letter.next_at = self.clock.now()
                letter.tried = due.attempts > 1

    @rule(row=rows)
    def undo(self, row: QueueId) -> None:
        letter = self.model.get(row)
        owner = None if letter is None else self.run(self.store.queue.row(row)).account_id
        if letter is None or owner != self.account:
            try:
                assert not self.run(self.queue.undo(self.account, row))
            except Absent:
                return
            raise AssertionError("a row was found that is gone, or somebody else's")
        whole = [self.model.get(each) for each in letter.submission]
        may = all(each is not None and not each.tried for each in whole)
        assert self.run(self.queue.undo(self.account, row)) == may
        if may:
            for each in letter.submission:
                del self.model[each]

    @rule(row=rows, act=st.sampled_from([Act.HOLD, Act.RELEASE, Act.RETRY]))
    def steer(self, row: QueueId, act: Act) -> None:
        letter = self.model.get(row)
        if letter is None:
            return
        name = self.run(self.store.queue.row(row)).name
        changed = bool(self.run(self.store.queue.ask(Steer([name], act))).changed)
        now = self.clock.now()
        if letter.leased is not None or (act is Act.RELEASE) != letter.held:
            assert not changed
            return
        assert changed
        match act:
            case Act.HOLD:
                letter.held = True
            case Act.RELEASE:
                letter.held, letter.next_at = False, max(now, letter.next_at)
            case _:
                letter.next_at = now

    @rule()
    def start_anew(self) -> None:
        """The process ends without a word, and another begins."""
        self.run(self._close())
        self.run(self._open())
        for letter in self.model.values():
            if letter.leased is not None:
                letter.leased, letter.next_at = None, self.clock.now()

    @rule(row=consumes(rows))
    def forget(self, row: QueueId) -> None:
        """Keep the choice of rows short."""

    @invariant()
    def nothing_is_lost_and_nothing_stays(self) -> None:
        if not hasattr(self, "store"):
            return
        found = {row.queue_id: row for row in self.run(self.store.queue.rows(10_000))}
        assert set(found) == set(self.model)
        for queue_id, letter in self.model.items():
            state = QueueState(found[queue_id].state)
            if letter.leased is not None:
                assert state is QueueState.LEASED
            else:
                assert state is (QueueState.HELD if letter.held else QueueState.WAITING)


Queue.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestQueue = pytest.mark.long(Queue.TestCase)
