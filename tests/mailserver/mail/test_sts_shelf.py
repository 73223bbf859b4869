"""MTA-STS policies outlive a restart, and the database does not say whose they are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailserver.crypto.aead import Aead
from mailserver.mail.sts_shelf import StsShelf
from mailserver.mailauth.mta_sts import Kept
from mailserver.model.sealed import Guarded
from mailserver.runtime.clock import ManualClock
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard
from tests.support.store import opened

START = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
async def store(mail_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", clock) as store:
        yield store


def shelf(store: Store) -> StsShelf:
    guard = InstanceGuard({1: Aead(bytearray(b"k" * 32))}, 1, bytearray(b"n" * 32))
    return StsShelf(store.sts_policies, guard)


async def test_a_policy_comes_back_after_a_restart_until_it_is_too_old(
    store: Store, clock: ManualClock
) -> None:
    first, second = Kept("1", b"version: STSv1\r\n", START), Kept("20260304", b"", START + DAY)
    await shelf(store).put("there.test", first, until=START + DAY)
    assert await shelf(store).get("there.test") == first
    assert await shelf(store).get("other.test") is None
    await shelf(store).put("there.test", second, until=START + 2 * DAY)
    assert await shelf(store).get("there.test") == second
    clock.advance(2 * DAY)
    assert await shelf(store).get("there.test") is None


async def test_a_policy_of_one_domain_is_not_read_as_anothers(store: Store) -> None:
    kept = Kept("1", b"version: STSv1\r\n", START)
    await shelf(store).put("there.test", kept, until=START + DAY)
    other = shelf(store)._name("other.test")
    guarded = await store.sts_policies.get(shelf(store)._name("there.test"))
    assert guarded is not None
    assert b"STSv1" not in bytes(guarded)
    await store.sts_policies.put(other, Guarded(guarded), until=START + DAY)
    assert await shelf(store).get("other.test") is None
