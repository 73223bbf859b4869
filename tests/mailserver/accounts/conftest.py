"""A node on each engine in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node, open_node


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def node(
    mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    """A node without accounts."""
    opened = await open_node(mail_url, keystore_url, tmp_path, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def other(
    node: Node, mail_url: str, keystore_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Node]:
    """Another node on the same databases."""
    opened = await open_node(mail_url, keystore_url, tmp_path, clock, master=node.master)
    yield opened
    await opened.close()
