"""The façade: what the layers above call. Every method is one transaction."""

from collections.abc import Callable
from pathlib import Path

from mailserver.model.ids import AccountId
from mailserver.runtime.clock import Clock, SystemClock
from mailserver.runtime.offload import Offload
from mailserver.store.access import Access
from mailserver.store.accounts import Accounts
from mailserver.store.ageing import Ageing
from mailserver.store.audit import AuditLog
from mailserver.store.blobs import BlobStore
from mailserver.store.blobs.files import FileBlobs
from mailserver.store.catalogue import Catalogues
from mailserver.store.changes import AccountChange
from mailserver.store.check import Finding, check
from mailserver.store.checksums import Checksums
from mailserver.store.consents import Consents
from mailserver.store.database import Database, Kind
from mailserver.store.dkim import DkimKeys
from mailserver.store.domains import Domains
from mailserver.store.emails import Emails
from mailserver.store.engine import open_database
from mailserver.store.entries import Entries
from mailserver.store.epochs import Epochs
from mailserver.store.exports import Exports
from mailserver.store.external import Externals
from mailserver.store.greylist import Greylist
from mailserver.store.instance_cells import InstanceCells
from mailserver.store.junk_models import JunkModels
from mailserver.store.keyword_names import KeywordNames
from mailserver.store.list_blocks import ListBlocks
from mailserver.store.locking import lock_accounts
from mailserver.store.log import Changes
from mailserver.store.login_history import LoginHistory
from mailserver.store.mailboxes import Mailboxes
from mailserver.store.migrate import Which, migrate_open, require_current
from mailserver.store.notify import Notifier
from mailserver.store.postgres import PostgresDatabase
from mailserver.store.pushes import Pushes
from mailserver.store.queue import Queue
from mailserver.store.records import Records
from mailserver.store.registers import Registers
from mailserver.store.reports import Reports
from mailserver.store.search import SearchIndex
from mailserver.store.senders import Senders
from mailserver.store.sending import Sending
from mailserver.store.sieve import Sieve
from mailserver.store.sts_policies import StsPolicies
from mailserver.store.sweeps import Sweeps
from mailserver.store.transfers import Transfers
from mailserver.store.uploads import Uploads

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
        self._notifier: Notifier | None = None
        self.on_change: Callable[[AccountChange], None] = _nobody
        """Called after each commit, on the event loop, in MODSEQ order per account."""
        self.watched: Callable[[AccountId], bool] = _everybody
        """Set by whoever has watchers: for which accounts other processes' changes are told."""
        self.accounts = Accounts(self._access)
        self.consents = Consents(self._access)
        self.dkim_keys = DkimKeys(self._access)
        self.domains = Domains(self._access)
        self.epochs = Epochs(self._access)
        self.mailboxes = Mailboxes(self._access)
        self.emails = Emails(self._access, ROW_OCTETS[database.kind])
        self.entries = Entries(self._access)
        self.keyword_names = KeywordNames(self._access)
        self.list_blocks = ListBlocks(self._access)
        self.tails = SearchIndex(self._access)
        self.ageing = Ageing(self._access)
        self.audit = AuditLog(self._access)
        self.changes = Changes(self._access)
        self.checksums = Checksums(self._access)
        self.catalogues = Catalogues(self._access)
        self.records = Records(self._access)
        self.queue = Queue(self._access, ROW_OCTETS[database.kind])
        self.sts_policies = StsPolicies(self._access)
        self.registers = Registers(self._access)
        self.reports = Reports(self._access)
        self.instance_cells = InstanceCells(self._access)
        self.sending = Sending(self._access)
        self.sieve = Sieve(self._access)
        self.senders = Senders(self._access)
        self.greylist = Greylist(self._access)
        self.login_history = LoginHistory(self._access)
        self.junk_models = JunkModels(self._access)
        self.sweeps = Sweeps(self._access)
        self.transfers = Transfers(self._access)
        self.exports = Exports(self._access)
        self.externals = Externals(self._access)
        self.pushes = Pushes(self._access)
        self.uploads = Uploads(self._access, ROW_OCTETS[database.kind])

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
            store = cls(database, FileBlobs(blob_dir), clock or SystemClock())
            await store._listen()
            return store
        except BaseException:
            await database.close()
            raise

    async def _listen(self) -> None:
        """Hear of other processes' changes, where there can be any."""
        if isinstance(self.database, PostgresDatabase):
            self._notifier = Notifier(self.database, self._tell, lambda owner: self.watched(owner))
            self._access.committed = self._notifier.committed
            await self._notifier.start()
        else:
            self._access.committed = self._tell

    def _tell(self, change: AccountChange) -> None:
        self.on_change(change)

    async def follow(self, account_id: AccountId) -> None:
        """Tell every change of a watched account that commits after this returns.

        Called when watching begins, before what is watched is read. On SQLite there is nothing that
        could be missed.

        Raises:
            Absent: NO_SUCH_USER.
            Transient: the database does not answer.
        """
        if self._notifier is not None:
            await self._notifier.follow(account_id)

    async def check(
        self, account_id: AccountId | None = None, *, quiet: bool = False
    ) -> list[Finding]:
        """Prove the store's invariants, for one account or all; return what does not hold.

        `quiet`: nobody writes meanwhile, so that even a blob stored just now must have its row.
        """
        return await check(self._access, account_id, quiet=quiet)

    async def close(self) -> None:
        """Finish what is queued and let go of everything."""
        if self._notifier is not None:
            await self._notifier.close()
        await self.database.close()
        self._offload.close()


def _everybody(account_id: AccountId) -> bool:
    """Watch every account."""
    return True


def _nobody(change: AccountChange) -> None:
    """Tell nobody."""
