"""The façade: what the layers above call. Every method is one transaction."""

from collections.abc import Callable
from pathlib import Path

from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.offload import Offload
from mailserver.store.access import Access
from mailserver.store.accounts import Accounts
from mailserver.store.audit import AuditLog
from mailserver.store.blobs import BlobStore
from mailserver.store.blobs.files import FileBlobs
from mailserver.store.changes import AccountChange
from mailserver.store.database import Database, Kind
from mailserver.store.domains import Domains
from mailserver.store.emails import Emails
from mailserver.store.engine import open_database
from mailserver.store.entries import Entries
from mailserver.store.epochs import Epochs
from mailserver.store.locking import lock_accounts
from mailserver.store.mailboxes import Mailboxes
from mailserver.store.migrate import Which, migrate_open, require_current
from mailserver.store.search import SearchIndex

FILE_WORKERS = 4

ROW_OCTETS = {Kind.SQLITE: 64 * 1024, Kind.POSTGRES: 16 * 1024}
"""Larger ciphertext goes to files: 200 KB as bytea is four times slower, and bloats the WAL."""


class Store:
    """The mail database and its blobs."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock) -> None:
        """Use `open` instead."""
        self.database = database
        self.blob_store = blobs
        self._offload = Offload(FILE_WORKERS, name="store-files")
        self._access = Access(database, blobs, clock, self._offload)
        self.accounts = Accounts(self._access)
        self.domains = Domains(self._access)
        self.epochs = Epochs(self._access)
        self.mailboxes = Mailboxes(self._access)
        self.emails = Emails(self._access, ROW_OCTETS[database.kind])
        self.entries = Entries(self._access)
        self.tails = SearchIndex(self._access)
        self.audit = AuditLog(self._access)

    @classmethod
    async def open(
        cls,
        url: str,
        blob_dir: Path,
        *,
        clock: Clock | None = None,
        migrate: bool = False,
    ) -> "Store":
        """Open the database at `url` and the blobs below `blob_dir`.

        `migrate` brings the schema up to date first; else an outdated one is refused.

        Raises:
            Misconfigured: the URL, a directory, or a schema that is not this program's.
            Transient: UNAVAILABLE, the database server does not answer.
        """
        database = await open_database(url, lock=lock_accounts)
        try:
            if migrate:
                await migrate_open(database, Which.MAIN)
            await require_current(database, Which.MAIN)
            return cls(database, FileBlobs(blob_dir), clock or SystemClock())
        except BaseException:
            await database.close()
            raise

    @property
    def on_change(self) -> Callable[[AccountChange], None]:
        """What is called after each commit, on the event loop, in MODSEQ order per account."""
        return self._access.on_change

    @on_change.setter
    def on_change(self, tell: Callable[[AccountChange], None]) -> None:
        self._access.on_change = tell

    async def close(self) -> None:
        """Finish what is queued and let go of everything."""
        await self.database.close()
        self._offload.close()
