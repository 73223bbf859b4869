"""An exchange of the master key: what waits in the queue is there before, during and after it."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailserver.crypto.aead import Aead
from mailserver.mail.outgoing import Outgoing
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.guard import InstanceGuard
from tests.support.outgoing import MESSAGE, Guards, parcel
from tests.support.store import opened


@dataclass
class Keys:
    """Master keys of an instance, by number."""

    octets: dict[int, bytes]

    def guard(self, *kids: int) -> InstanceGuard:
        """Make the guard of a server that has these keys, the last of them current."""
        ciphers = {kid: Aead(self.octets[kid]) for kid in kids}
        return InstanceGuard(ciphers, kids[-1], bytearray(self.octets[min(kids)]))


@pytest.fixture
async def store(mail_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(mail_url, tmp_path / "blobs", ManualClock()) as store:
        yield store


async def test_reports_and_pauses_outlive_the_key_they_were_guarded_with(store: Store) -> None:
    keys = Keys({1: secrets.token_bytes(32), 2: secrets.token_bytes(32)})
    guards, clock, offload = Guards(), ManualClock(), Offload(1)

    async def started(*kids: int) -> Outgoing:
        guards.instance = keys.guard(*kids)
        queue = Outgoing(store, guards.of, guards.instance, clock, offload)
        await queue.begin()
        return queue

    try:
        queue = await started(1)
        await queue.tune("stopped.test", paused=True)
        to = ["a@there.test", "b@there.test", "c@stopped.test"]
        await queue.enqueue(parcel(guards, None, to))
        await started(1, 2)  # the new key is added, and every server started again
        queue = await started(2)  # the old one is retired
        dues = await queue.due(10)
        assert {due.domain for due in dues} == {"there.test"}
        assert len(dues) == 2
        assert (await queue.content(dues[0])).reveal() == MESSAGE
        await queue.enqueue(parcel(guards, None, ["d@stopped.test"]))  # under a hash of its own
        assert await queue.due(10) == []
    finally:
        offload.close()
