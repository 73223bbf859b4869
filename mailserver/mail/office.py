"""What the accounts of one process share: store, feed of changes, work in the background."""

import asyncio

from mailserver.mail.account import Account, Hold
from mailserver.mail.feed import Feed
from mailserver.mail.index import Index
from mailserver.mail.index_cache import IndexBudget, IndexCache
from mailserver.mail.opened import Opened
from mailserver.model.errors import MailError
from mailserver.model.sealed import Sealed
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.store import Store
from mailserver.vault.session import UnlockedAccount

CONVERSIONS_PER_SECOND = 500  # PRIVACY §2: KEM work after an unlock stays in the background
CONVERSION_BATCH = 25  # about 3 ms of KEM work on the event loop

log = get_logger("mail")


class Office:
    """Opens unlocked accounts for connections and looks after them meanwhile."""

    def __init__(self, store: Store, offload: Offload, background: asyncio.TaskGroup) -> None:
        """Work on `store`; long work goes to `offload`, tasks belong to `background`."""
        self.feed = Feed()
        self._store = store
        self._offload = offload
        self._background = background
        self._opened: dict[UnlockedAccount, Opened] = {}
        self._index_budget = IndexBudget()
        store.on_change = self.feed.publish
        store.watched = self.feed.is_watched

    @property
    def opened_accounts(self) -> int:
        """How many accounts have something opened in memory."""
        return len(self._opened)

    def open(self, hold: Hold) -> Account:
        """Return the account for one connection; the first one starts its background work."""
        opened = self._opened.get(hold.account)
        if opened is None:
            opened = Opened(
                hold.account,
                self._store,
                self._offload,
                IndexCache(self._index_budget),
                self._begin_settling,
            )
            self._opened[hold.account] = opened
            opened.settle()
        hold.on_end(lambda _: self._forget(opened))
        return Account(opened, self.feed, hold, lambda: self._forget(opened))

    def _forget(self, opened: Opened) -> None:
        """Drop all that was opened with a key that nobody holds any more."""
        if opened.unlocked.closed:
            opened.rest()
            self._opened.pop(opened.unlocked, None)

    def _begin_settling(self, opened: Opened) -> None:
        self._background.create_task(self._settle(opened))

    async def _settle(self, opened: Opened) -> None:
        """Convert deposit epochs to the session's wrap, then merge search tails."""
        try:
            await self._convert(opened)
            await Index(opened).merge()
        except MailError as error:
            # What is left stays readable as it is; the next unlock tries again.
            if not opened.unlocked.closed:
                log.warning("settling stopped", condition=error.condition.name)
        finally:
            opened.settling = False

    async def _convert(self, opened: Opened) -> None:
        rows = await self._store.epochs.rows(opened.account_id)
        for start in range(0, len(rows), CONVERSION_BATCH):
            batch = rows[start : start + CONVERSION_BATCH]
            wraps = opened.unlocked.rewraps(batch)
            if wraps:
                await self._store.epochs.rewrap(
                    opened.account_id, [(epoch, Sealed(sealed)) for epoch, sealed in wraps]
                )
                await asyncio.sleep(len(wraps) / CONVERSIONS_PER_SECOND)
