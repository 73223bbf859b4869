"""The ring asks each member once a turn, and rests where there is none."""

import asyncio
from datetime import timedelta

from mailserver.imap.deadlines import SLOTS, Deadlines

TURN = timedelta(milliseconds=60)


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
    ring = Deadlines(TURN)
    began = asyncio.get_running_loop().time()
    early = Member(ring)
    await asyncio.sleep(TURN.total_seconds() / 2)
    late = Member(ring)
    await asyncio.sleep(TURN.total_seconds() * 2)
    assert 1 <= len(early.asked) <= 3
    assert 1 <= len(late.asked) <= 2
    assert early.asked[0] - began >= TURN.total_seconds() * (SLOTS - 1) / SLOTS


async def test_who_left_is_asked_no_more_and_an_empty_ring_rests() -> None:
    ring = Deadlines(TURN)
    member = Member(ring, leaves=True)
    await asyncio.sleep(TURN.total_seconds() * 3)
    assert len(member.asked) == 1
    again = Member(ring)
    await asyncio.sleep(TURN.total_seconds() * 2)
    assert again.asked


async def test_one_members_mistake_stops_no_clock() -> None:
    loop, mistakes = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _loop, context: mistakes.append(context["exception"]))
    ring = Deadlines(TURN)
    Member(ring, fails=True)
    await asyncio.sleep(TURN.total_seconds() / 2)
    other = Member(ring)
    await asyncio.sleep(TURN.total_seconds() * 2)
    assert mistakes
    assert other.asked
