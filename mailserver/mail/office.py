"""What the accounts of one process share: store, feed of changes, work in the background."""

import asyncio

from mailserver.mail.account import Account, Hold
from mailserver.mail.feed import Feed
from mailserver.mail.index import Index
from mailserver.mail.index_cache import IndexBudget, IndexCache
from mailserver.mail.junk import Junk
from mailserver.mail.learning import Learning
from mailserver.mail.opened import Opened
from mailserver.mail.regrouping import Regrouping
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.sealed import Sealed
from mailserver.runtime.log import get_logger
from mailserver.runtime.offload import Offload
from mailserver.store.changes import AccountChange
from mailserver.store.store import Store
from mailserver.vault.session import UnlockedAccount

SETTLE_SECONDS = 10.0  # a program that looks in for a moment is not kept from its answer
CONVERSIONS_PER_SECOND = 500  # PRIVACY §2: KEM work after an unlock stays in the background
CONVERSION_BATCH = 25  # about 3 ms of KEM work on the event loop

log = get_logger("mail")


class Office:
    """Opens unlocked accounts for connections and looks after them meanwhile."""

    def __init__(
        self,
        store: Store,
        offload: Offload,
        background: asyncio.TaskGroup,
        *,
        junk: Junk | None = None,
    ) -> None:
        """Work on `store`; long work goes to `offload`, tasks belong to `background`.

        What readers call junk is learned into `junk`; nothing is learned without it.
        """
        self.feed = Feed()
        self._store = store
        self._offload = offload
        self._background = background
        self._junk = junk
        self._opened: dict[UnlockedAccount, Opened] = {}
        self._by_account: dict[AccountId, list[Opened]] = {}
        self._settling: dict[Opened, asyncio.TimerHandle] = {}
        self._index_budget = IndexBudget()
        store.on_change = self._changed
        store.watched = self._is_watched

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
                self._begin_regrouping,
                self._begin_learning,
            )
            self._opened[hold.account] = opened
            self._by_account.setdefault(opened.account_id, []).append(opened)
            self._settling[opened] = asyncio.get_running_loop().call_later(
                SETTLE_SECONDS, opened.settle
            )
        hold.on_end(lambda _: self._forget(opened))
        return Account(opened, self.feed, hold, lambda: self._forget(opened))

    def _changed(self, change: AccountChange) -> None:
        if change.mailboxes:
            for opened in self._opened_of(change.account_id):
                opened.places = {}  # anew: a lookup under way may put an old name into the other
        came = sum(len(entries.appeared) for entries in change.entries)
        if came:
            for opened in self._opened_of(change.account_id):
                opened.met(came)
        self.feed.publish(change)

    def _is_watched(self, account_id: AccountId) -> bool:
        return self.feed.is_watched(account_id) or bool(self._opened_of(account_id))

    def _opened_of(self, account_id: AccountId) -> list[Opened]:
        return self._by_account.get(account_id, [])

    def _forget(self, opened: Opened) -> None:
        """Drop all that was opened with a key that nobody holds any more."""
        if opened.unlocked.closed:
            opened.rest()
            if self._opened.pop(opened.unlocked, None) is not None:
                self._settling.pop(opened).cancel()
                left = [each for each in self._opened_of(opened.account_id) if each is not opened]
                self._by_account[opened.account_id] = left
                if not left:
                    del self._by_account[opened.account_id]

    def _begin_settling(self, opened: Opened) -> None:
        self._background.create_task(self._settle(opened))

    def _begin_regrouping(self, opened: Opened) -> None:
        self._background.create_task(self._regroup(opened))

    def _begin_learning(self, opened: Opened) -> None:
        if self._junk is None:
            opened.learning = False
        else:
            self._background.create_task(self._take_lessons(opened, self._junk))

    async def _take_lessons(self, opened: Opened, junk: Junk) -> None:
        """Learn what the reader called junk."""
        try:
            await Learning(opened, junk).learn(opened.lessons)
        except MailError as error:
            if not opened.unlocked.closed:
                log.warning("learning stopped", condition=error.condition.name)
        finally:
            opened.learning = False

    async def _regroup(self, opened: Opened) -> None:
        """Make list blocks of what is in none."""
        try:
            await Regrouping(opened).regroup()
        except MailError as error:  # lists are as complete without blocks
            if not opened.unlocked.closed:
                log.warning("regrouping stopped", condition=error.condition.name)
        finally:
            opened.regrouping = False

    async def _settle(self, opened: Opened) -> None:
        """Convert deposit epochs to the session's wrap, make list blocks, merge search tails."""
        try:
            await self._convert(opened)
            if not opened.regrouping:
                opened.regrouping = True
                await self._regroup(opened)
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
