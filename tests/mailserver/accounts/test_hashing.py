"""A few password hashes at a time, and no queue that grows."""

import asyncio
import threading

import pytest

from mailserver.accounts.hashing import Hashing
from mailserver.model.errors import Condition, Transient
from mailserver.runtime.offload import Offload


async def test_whoever_waits_two_seconds_is_sent_away() -> None:
    offload = Offload(4, name="test-hash")
    hashing = Hashing(offload, at_once=1)
    free = threading.Event()
    first = asyncio.create_task(hashing(lambda: free.wait(30)))
    await asyncio.sleep(0)
    with pytest.raises(Transient) as raised:
        await hashing(lambda: None)
    assert raised.value.condition is Condition.BUSY
    free.set()
    assert await first
    assert await hashing(lambda: 7) == 7
    offload.close()


async def test_a_failed_hash_gives_its_place_back() -> None:
    offload = Offload(1, name="test-hash")
    hashing = Hashing(offload, at_once=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await hashing(lambda: 1 // 0)
    offload.close()
