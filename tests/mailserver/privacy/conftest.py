"""A consent desk over real databases, on each engine in turn."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from mailserver.runtime.clock import ManualClock
from tests.support.accounts import Node, open_node
from tests.support.consents import Asking, asking


@pytest.fixture
async def consenting(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Node]:
    opened = await open_node(mail_url, keystore_url, tmp_path, ManualClock())
    await opened.provisioning.add_domain("example.org")
    yield opened
    await opened.close()


@pytest.fixture
async def desk(consenting: Node) -> Asking:
    made = asking(consenting, consent__offered_since=date(2000, 1, 1))
    await made.text()
    return made
