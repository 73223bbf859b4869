"""An audit log on real databases, and a hand that tampers with its rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from mailserver.audit.chain import Chain
from mailserver.audit.copies import Copies
from mailserver.audit.verify import Verified, verify
from mailserver.crypto.sign import SigningKey
from mailserver.runtime.clock import ManualClock
from mailserver.store.audit import CheckpointRow
from mailserver.store.keystore import Keystore
from mailserver.store.store import Store
from mailserver.vault.master import MasterKeys


@dataclass
class Log:
    """One instance's audit log, as one process writes it."""

    store: Store
    keystore: Keystore
    master: MasterKeys
    key: SigningKey
    clock: ManualClock

    async def chain(self, copies: Copies | None = None) -> Chain:
        """Open the chain, as another process would."""
        return await Chain.open(
            *(self.store.audit, self.keystore, self.master),
            key=self.key,
            clock=self.clock,
            copies=copies,
        )

    async def verify(self, *known: CheckpointRow) -> Verified:
        """Verify it under its own public key."""
        return await verify(
            self.store.audit, self.keystore, self.master, self.key.public, known=known
        )

    async def tamper(self, statement: str, **values: object) -> None:
        """Do what a writer to the main database could do."""
        await self.store.database.write(
            lambda connection: connection.execute(text(statement), values)
        )


@asynccontextmanager
async def open_log(database_url: str, keystore_url: str, directory: Path) -> AsyncIterator[Log]:
    """Open a log on migrated databases, making the keys that are missing."""
    clock = ManualClock()
    store = await Store.open(database_url, directory / "blobs", clock=clock)
    keystore = await Keystore.open(keystore_url, clock=clock)
    path = directory / "master.key"
    master = MasterKeys.load(path) if path.exists() else MasterKeys.create(path)
    yield Log(store, keystore, master, SigningKey.random(), clock)
    await store.close()
    await keystore.close()
