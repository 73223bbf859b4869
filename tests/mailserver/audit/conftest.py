"""A log on each engine in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.audit import Log, open_log


@pytest.fixture
async def log(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    """An empty log."""
    async with open_log(mail_url, keystore_url, tmp_path) as opened:
        yield opened
