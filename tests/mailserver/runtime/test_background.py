import asyncio
from datetime import timedelta

import pytest

from mailserver.model.errors import Condition, Transient
from mailserver.runtime.background import background


async def test_a_failed_task_takes_nobody_with_it(capfd: pytest.CaptureFixture[str]) -> None:
    lived = asyncio.Event()

    async def fail() -> None:
        raise ValueError("canary")

    async def live() -> None:
        await asyncio.sleep(0.01)
        lived.set()

    async with asyncio.timeout(5), background() as tasks:
        failed = tasks.create_task(fail())
        tasks.create_task(live())
        await lived.wait()
    assert failed.cancelled()
    said = capfd.readouterr().err
    assert '"error":"ValueError"' in said
    assert "canary" not in said


async def test_what_still_runs_at_the_end_is_cancelled() -> None:
    ended = False

    async def forever() -> None:
        nonlocal ended
        try:
            await asyncio.sleep(1_000)
        finally:
            ended = True

    async with background() as tasks:
        tasks.create_task(forever())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert ended


async def test_error_of_the_block_comes_out_as_it_is() -> None:
    async def block() -> None:
        async with background() as tasks:
            tasks.create_task(asyncio.sleep(1_000))
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        await block()


async def test_cancelling_the_block_cancels_its_tasks() -> None:
    started = asyncio.Event()
    tasks_of_it: list[asyncio.Task[None]] = []

    async def block() -> None:
        async with background() as tasks:
            tasks_of_it.append(tasks.create_task(asyncio.sleep(1_000)))
            started.set()
            await asyncio.sleep(1_000)

    outer = asyncio.create_task(block())
    await started.wait()
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert tasks_of_it[0].cancelled()


async def test_periodic_work_goes_on_after_a_failure() -> None:
    times = 0
    twice = asyncio.Event()

    async def work() -> None:
        nonlocal times
        times += 1
        if times == 2:
            twice.set()
        raise Transient(Condition.UNAVAILABLE)

    async with asyncio.timeout(5), background() as tasks:
        tasks.create_task(tasks.every(timedelta(milliseconds=1), work))
        await twice.wait()
    assert times >= 2
