"""Telling people that their mailbox fills up: once at nine tenths, once when it is full.

It is told again only after there was room in between. What was told stands in the store, so that
neither a restart nor a second process tells it twice.
"""

from mailserver.mail.destination import Destination
from mailserver.model.errors import MailError
from mailserver.model.ids import AccountId
from mailserver.model.notice import Notice, Tell
from mailserver.runtime.clock import Clock
from mailserver.runtime.log import get_logger
from mailserver.store.store import Store

NEARLY = 0.9
ROOM_AGAIN = 0.85  # or an account that hovers about nine tenths would be told every day
LOOK_SECONDS = 600.0  # how long what was told is remembered without looking
ACCOUNTS_KEPT = 10_000

log = get_logger("mail")


class QuotaWatch:
    """Looks at accounts as mail is delivered to them."""

    def __init__(self, store: Store, tell: Tell, clock: Clock) -> None:
        """Write notices with `tell`."""
        self._store = store
        self._tell = tell
        self._clock = clock
        self._known: dict[AccountId, tuple[float, frozenset[str]]] = {}

    async def delivered(self, holder: Destination, octets: int) -> None:
        """Look after `octets` were stored; `holder` is as it was before, or some seconds earlier.

        What goes wrong is logged: the message itself was delivered.
        """
        account = holder.account
        if account.quota_octets <= 0:
            return
        share = (account.used_octets + octets) / account.quota_octets
        try:
            if share >= NEARLY:
                await self._once(account.account_id, Notice.NEARLY_FULL, str(int(share * 100)))
            elif share < ROOM_AGAIN:
                await self._again(account.account_id)
        except MailError as error:
            log.warning("quota notice not written", condition=error.condition.name)

    async def refused(self, holder: Destination) -> None:
        """Tell that a message did not fit."""
        try:
            await self._once(holder.account.account_id, Notice.FULL, "100")
        except MailError as error:
            log.warning("quota notice not written", condition=error.condition.name)

    def accounts(self) -> set[AccountId]:
        """Name the accounts of which it is remembered what was told."""
        return set(self._known)

    def forget(self, account_id: AccountId) -> None:
        """Drop what is remembered of an account that was erased."""
        self._known.pop(account_id, None)

    async def _once(self, account_id: AccountId, notice: Notice, about: str) -> None:
        told = await self._told(account_id)
        if notice.value in told:
            return
        self._remember(account_id, told | {notice.value})
        if await self._store.sending.tell(account_id, notice.value):
            await self._tell(account_id, notice, about)

    async def _again(self, account_id: AccountId) -> None:
        """Let it be told again: there is room."""
        told = await self._told(account_id)
        for notice in (Notice.NEARLY_FULL, Notice.FULL):
            if notice.value in told:
                await self._store.sending.untell(account_id, notice.value)
                told -= {notice.value}
                self._remember(account_id, told)

    async def _told(self, account_id: AccountId) -> frozenset[str]:
        until, told = self._known.get(account_id, (0.0, frozenset[str]()))
        if self._clock.monotonic() < until:
            return told
        told = await self._store.sending.told(account_id)
        self._remember(account_id, told)
        return told

    def _remember(self, account_id: AccountId, told: frozenset[str]) -> None:
        if len(self._known) >= ACCOUNTS_KEPT:
            self._known.clear()
        self._known[account_id] = (self._clock.monotonic() + LOOK_SECONDS, told)
