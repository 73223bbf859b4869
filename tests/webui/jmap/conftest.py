"""An account to call methods on, on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.app.doors import Hall
from tests.support.jmap_calls import Client, hall_in, person


@pytest.fixture
async def hall(tmp_path: Path, database_url: str) -> AsyncIterator[Hall]:
    """A server without listeners."""
    other = {} if database_url.startswith("sqlite") else {"database__url": database_url}
    async with hall_in(tmp_path, **other) as made:
        yield made


@pytest.fixture
async def ann(hall: Hall) -> AsyncIterator[Client]:
    """Somebody in the webmail."""
    async with person(hall) as client:
        yield client
