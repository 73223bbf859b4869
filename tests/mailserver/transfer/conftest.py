"""An account to bring mail to, on each engine."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from mailserver.mail.account import Account
from mailserver.model.sealed import Plaintext
from mailserver.runtime.clock import ManualClock
from mailserver.runtime.settings import Tls
from mailserver.transfer.imap_session import Session
from mailserver.transfer.importing import Connect, Importing, Wanted, signed_in
from mailserver.transfer.reach import Reach, Server
from tests.support.imap_script import PASSWORD, USER, Script
from tests.support.mail import MailNode, open_mail


@pytest.fixture
async def mail(mail_url: str, keystore_url: str, tmp_path: Path) -> AsyncIterator[MailNode]:
    """The services of mail on each engine; at its end the store agrees with itself."""
    async with open_mail(mail_url, keystore_url, tmp_path, ManualClock()) as node:
        yield node
        assert await node.node.store.check() == []


@pytest.fixture
async def account(mail: MailNode) -> Account:
    """An open account."""
    return await mail.account()


def to(script: Script, stall_seconds: float = 10) -> Connect:
    """Return what connects to a scripted server."""

    def connect() -> AbstractAsyncContextManager[Session]:
        server = Server("127.0.0.1", script.port, Tls.NONE)
        return signed_in(
            server,
            Reach(private=True, stall_seconds=stall_seconds),
            USER,
            Plaintext(PASSWORD.encode()),
        )

    return connect


def importing(script: Script, account: Account, **wanted: object) -> Importing:
    """Return an import that does not wait long between two connections."""
    source = account.arrivals.name(b"script")
    asked = Wanted(source, **wanted)  # type: ignore[arg-type]  # named by the caller
    return Importing(to(script), account.arrivals, asked, pause_seconds=0.001)
