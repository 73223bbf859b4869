"""The ring asks each member once a turn, and rests where there is none."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from mailserver.runtime.deadlines import SLOTS, Deadlines
from tests.support.waiting import until

TURN = timedelta(milliseconds=60)
SECONDS = TURN.total_seconds()
SLOT_SECONDS = SECONDS / SLOTS


class Member:
    def __init__(self, ring: Deadlines, *, leaves: bool = False, fails: bool = False) -> None:
        self.asked: list[float] = []
        self._ring, self._leaves, self._fails = ring, leaves, fails
        self._slot = ring.enter(self)

    def due(self, now: float) -> None:
        self.asked.append(now)
        if self._leaves:
            self._ring.leave(self, self._slot)
        if self._fails:
            raise ValueError("a mistake")


async def test_each_is_asked_once_a_turn_a_full_turn_after_it_came() -> None:
    """A busy machine makes turns longer, never shorter."""
    ring, loop = Deadlines(TURN), asyncio.get_running_loop()
    began = loop.time()
    early = Member(ring)
    await asyncio.sleep(SECONDS / 2)
    came = loop.time()
    late = Member(ring)
    await until(lambda: len(late.asked) == 3)
    assert len(early.asked) in (3, 4)
    for times in ([began, *early.asked], [came, *late.asked]):
        turns = [after - before for before, after in pairwise(times)]
        assert min(turns) >= SECONDS - 1.5 * SLOT_SECONDS


async def test_who_left_is_asked_no_more_and_an_empty_ring_rests() -> None:
    ring = Deadlines(TURN)
    member = Member(ring, leaves=True)
    await until(lambda: bool(member.asked))
    await asyncio.sleep(SECONDS * 2)
    assert len(member.asked) == 1
    again = Member(ring)
    await until(lambda: bool(again.asked))
    assert len(member.asked) == 1


async def test_one_members_mistake_stops_no_clock() -> None:
    loop, mistakes = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _loop, context: mistakes.append(context["exception"]))
    ring = Deadlines(TURN)
    Member(ring, fails=True)
    await asyncio.sleep(SECONDS / 2)
    other = Member(ring)
    await until(lambda: bool(mistakes and other.asked))
