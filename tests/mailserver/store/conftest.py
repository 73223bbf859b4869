"""A store with an account in it, on each engine; whatever a test did, its invariants hold after."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.runtime.clock import ManualClock
from mailserver.store.store import Store
from tests.support.store import NOW, House, build, opened


@pytest.fixture
def store_clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, store_clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", store_clock) as store:
        yield store


@pytest.fixture
async def house(store: Store) -> House:
    return await build(store)
