"""SIGKILL while the queue takes and sends: every letter it took is sent, and few of them twice."""

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from mailserver.store.store import Store
from tests.support.queue_worker import AT_ONCE
from tests.support.waiting import until

pytestmark = pytest.mark.long

LIVES = 8
LETTERS = 2_000  # more than a life is long enough for
WORKER = [sys.executable, "-m", "tests.support.queue_worker"]


def numbers(path: Path) -> Counter[int]:
    return Counter(int(line) for line in path.read_text().split("\n")[:-1])


def done(directory: Path) -> int:
    """Return how much was taken and sent until now, as a number that rises."""
    books = (directory / "promised", directory / "sent")
    return sum(book.stat().st_size for book in books if book.exists())


async def test_what_was_taken_is_sent_whenever_its_process_dies(
    mail_url: str, tmp_path: Path
) -> None:
    dice = random.Random(22)
    for life in range(LIVES):
        arguments = [mail_url, str(tmp_path), str(life * LETTERS), str(LETTERS)]
        worker = await asyncio.create_subprocess_exec(*WORKER, *arguments)
        # Its life counts from the first letter it took, or the first it sent of those before it.
        taken = done(tmp_path)
        await until(lambda taken=taken: done(tmp_path) > taken)
        await asyncio.sleep(dice.random() * 2)
        assert worker.returncode is None, "it died by itself"
        worker.kill()
        await worker.wait()
    last = await asyncio.create_subprocess_exec(*WORKER, mail_url, str(tmp_path), "0", "0")
    async with asyncio.timeout(120):
        assert await last.wait() == 0

    promised, sent = numbers(tmp_path / "promised"), numbers(tmp_path / "sent")
    assert len(promised) > 100
    assert set(promised) <= set(sent), "letters were lost"
    doubles = [number for number, times in sent.items() if times > 1]
    # Only what was on its way when its process died: the other server had it, and we could not
    # write that down any more.
    assert len(doubles) <= LIVES * AT_ONCE
    assert sum(sent.values()) - len(sent) <= LIVES * AT_ONCE

    store = await Store.open(mail_url, tmp_path / "blobs")
    try:
        findings = await store.check()
        assert [found.what for found in findings] == []
        assert await store.queue.destinations(10) == []
    finally:
        await store.close()
