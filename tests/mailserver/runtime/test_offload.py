import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailserver.model.errors import Condition, Transient
from mailserver.runtime.offload import Offload


@pytest.fixture
def offload() -> Iterator[Offload]:
    pool = Offload(workers=1, waiting=1)
    yield pool
    pool.close()


async def test_work_runs_in_another_thread(offload: Offload) -> None:
    assert await offload(threading.get_ident) != threading.get_ident()
    assert await offload(divmod, 7, 2) == (3, 1)


async def test_error_of_the_work_is_raised_here(offload: Offload) -> None:
    with pytest.raises(ZeroDivisionError):
        await offload(divmod, 1, 0)


async def test_timeout_error_of_the_work_is_its_own(offload: Offload) -> None:
    def slow() -> None:
        raise TimeoutError("the work's own")

    with pytest.raises(TimeoutError, match="own"):
        await offload(slow)


async def test_deadline_ends_the_wait(offload: Offload) -> None:
    go_on = threading.Event()
    with pytest.raises(Transient) as late:
        await offload.within(timedelta(milliseconds=20), go_on.wait)
    assert late.value.condition is Condition.BUSY
    assert offload.jobs == 1  # its worker is still taken
    go_on.set()
    assert await offload(int, "5") == 5


async def test_more_than_may_wait_is_refused(offload: Offload) -> None:
    go_on = threading.Event()
    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(offload(go_on.wait, 10)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Transient) as full:
            await offload(int)
        go_on.set()
    assert full.value.condition is Condition.BUSY
    assert all(task.result() for task in both)
    await asyncio.sleep(0)
    assert offload.jobs == 0


async def test_closed_pool_refuses(offload: Offload) -> None:
    offload.close()
    with pytest.raises(Transient) as closed:
        await offload(int)
    assert closed.value.condition is Condition.SHUTTING_DOWN
