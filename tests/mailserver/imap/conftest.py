"""A node with mail, fresh for each test, on each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mailserver.runtime.clock import ManualClock
from tests.support.mail import MailNode, open_mail


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    """A node with mail."""
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node
