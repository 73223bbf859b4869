"""A store for tests, accounts in it and messages that look sealed."""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailserver.model.ids import AccountId, EpochId, MailboxId, new_account_id, new_object_id
from mailserver.model.mailbox import Role
from mailserver.model.message import Flag
from mailserver.model.sealed import Guarded, Sealed
from mailserver.runtime.clock import Clock
from mailserver.store.emails import NewEmail
from mailserver.store.epochs import NewEpoch
from mailserver.store.mailboxes import NewMailbox
from mailserver.store.store import Store

NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
EVERYTHING = ((1, 0xFFFF_FFFF),)


def name_hash(name: str) -> bytes:
    """Stand in for the keyed hash of a name."""
    return hashlib.sha256(name.encode()).digest()[:16]


def new_mailbox(name: str, role: Role | None = None, *, subscribed: bool = True) -> NewMailbox:
    """Make a mailbox whose sealed name can be recognised."""
    return NewMailbox(Guarded(b"guarded " + name.encode()), name_hash(name), role, subscribed)


def new_epoch(epoch: EpochId) -> NewEpoch:
    """Make a content key that opens nothing."""
    return NewEpoch(1, 1, 1, Sealed(b"sealed key %d" % epoch), 1, b"m" * 32, NOW)


@dataclass(frozen=True)
class House:
    """An account with two mailboxes and one content key."""

    store: Store
    account: AccountId
    inbox: MailboxId
    archive: MailboxId
    epoch: EpochId

    def email(
        self,
        body: bytes = b"sealed body",
        *,
        mailbox: MailboxId | None = None,
        flags: Flag = Flag.NONE,
        keywords: tuple[int, ...] = (),
        hashes: tuple[bytes, ...] | None = None,
        size: int = 1_000,
        quota: bool = True,
    ) -> NewEmail:
        """Make a message as the vault seals one."""
        return NewEmail(
            self.account,
            self.inbox if mailbox is None else mailbox,
            new_object_id(),
            self.epoch,
            size,
            NOW,
            flags,
            keywords,
            Sealed(b"sealed summary of " + body[:20]),
            Sealed(body),
            Sealed(b"sealed words"),
            (os.urandom(16),) if hashes is None else hashes,
            quota,
        )

    async def fill(self, count: int, mailbox: MailboxId | None = None) -> None:
        """Append `count` small messages in one commit."""
        await self.store.emails.append_all([self.email(mailbox=mailbox) for _ in range(count)])


async def build(store: Store, name: str = "ann", *, quota: int = 0) -> House:
    """Make an account."""
    account = new_account_id()
    boxes = [new_mailbox("INBOX", Role.INBOX), new_mailbox("Archive", Role.ARCHIVE)]
    await store.accounts.create(account, f"{name}@zegel.test", quota, boxes, active=True)
    inbox, archive = await store.mailboxes.listing(account)
    epoch = await store.epochs.create(account, new_epoch)
    return House(store, account, inbox.id, archive.id, epoch.epoch)


@asynccontextmanager
async def opened(url: str, blobs: Path, clock: Clock | None = None) -> AsyncIterator[Store]:
    """Open a store, and prove its invariants before it is closed."""
    store = await Store.open(url, blobs, clock=clock, migrate=True)
    try:
        yield store
        assert await store.check(quiet=True) == []
    finally:
        await store.close()
